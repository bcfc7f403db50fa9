#include "base/random.h"

#include <sys/random.h>

#include <cerrno>

#include "base/check.h"

namespace jade {
namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    while (!out.empty()) {
      const ssize_t got = ::getrandom(out.data(), out.size(), 0);
      if (got < 0 && errno == EINTR) continue;
      JADE_CHECK(got > 0, "the kernel has no random source");
      out = out.subspan(static_cast<std::size_t>(got));
    }
  }
};

}  // namespace

std::uint64_t Random::next_u64() {
  std::uint64_t value = 0;
  fill(std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

Random& system_random() {
  static SystemRandom random;
  return random;
}

std::uint64_t SeededRandom::next_u64() {
  state_ += 0x9e3779b97f4a7c15ULL;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

std::uint64_t SeededRandom::next_below(std::uint64_t bound) {
  JADE_CHECK(bound > 0, "an empty range has no member");
  // The largest multiple of bound that fits: values above it would favour small results.
  const std::uint64_t limit = bound * (UINT64_MAX / bound);
  std::uint64_t value = next_u64();
  while (value >= limit) value = next_u64();
  return value % bound;
}

double SeededRandom::next_double() { return static_cast<double>(next_u64() >> 11) * 0x1.0p-53; }

}  // namespace jade
