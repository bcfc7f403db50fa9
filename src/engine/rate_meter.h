// Events a second, over the last minute.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace jade::engine {

/// One counter for each of the last 60 seconds. Safe from any thread; a count that races with a second's change may be
/// dropped, which a rate can bear.
class RateMeter {
 public:
  void add(const Clock& clock, std::uint64_t events);
  /// The average over the last minute, or over the time since the first event if that is shorter.
  double per_second(const Clock& clock) const;

 private:
  struct Second {
    std::atomic<std::int64_t> when{-1};
    std::atomic<std::uint64_t> events{0};
  };
  static constexpr std::int64_t kSeconds = 60;

  std::array<Second, kSeconds> seconds_;
  std::atomic<std::int64_t> first_{-1};
};

}  // namespace jade::engine
