// Size and seed of random tests, from the environment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace jade {

/// The seed of a random test: JADE_TEST_SEED, else `fallback`. Print it with every failure.
inline std::uint64_t test_seed(std::uint64_t fallback) {
  const char* text = std::getenv("JADE_TEST_SEED");
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

/// `cases` times JADE_TEST_SCALE (default 1), at least 1: one variable sizes every random test.
inline std::size_t test_scale(std::size_t cases) {
  const char* text = std::getenv("JADE_TEST_SCALE");
  const double scale = text == nullptr ? 1.0 : std::strtod(text, nullptr);
  const double scaled = static_cast<double>(cases) * scale;
  return scaled < 1.0 ? 1 : static_cast<std::size_t>(scaled);
}

}  // namespace jade
