// Randomness as a seam.
#pragma once

#include <cstdint>
#include <span>

namespace jade {

/// Safe from any thread.
class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` with random bytes.
  virtual void fill(std::span<std::byte> out) = 0;

  std::uint64_t next_u64();
};

/// The kernel's random source, good enough for keys. Lives for the whole process.
Random& system_random();

/// A small generator (SplitMix64, Steele et al., OOPSLA 2014) that replays from its seed: for tests, and where the
/// result must not depend on the machine, for instance graph levels. One thread only.
class SeededRandom {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next_u64();
  /// Uniform in [0, bound), bound > 0.
  std::uint64_t next_below(std::uint64_t bound);
  /// Uniform in [0, 1).
  double next_double();

 private:
  std::uint64_t state_;
};

}  // namespace jade
