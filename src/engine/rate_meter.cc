#include "engine/rate_meter.h"

#include <algorithm>

namespace jade::engine {
namespace {

std::int64_t second_of(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.steady_now().time_since_epoch()).count();
}

}  // namespace

void RateMeter::add(const Clock& clock, std::uint64_t events) {
  const std::int64_t now = second_of(clock);
  Second& second = seconds_[static_cast<std::size_t>(now % kSeconds)];
  std::int64_t seen = second.when.load(std::memory_order_relaxed);
  if (seen != now && second.when.compare_exchange_strong(seen, now, std::memory_order_relaxed)) {
    second.events.store(0, std::memory_order_relaxed);
  }
  second.events.fetch_add(events, std::memory_order_relaxed);
  std::int64_t never = -1;
  first_.compare_exchange_strong(never, now, std::memory_order_relaxed);
}

double RateMeter::per_second(const Clock& clock) const {
  const std::int64_t first = first_.load(std::memory_order_relaxed);
  if (first < 0) return 0;
  const std::int64_t now = second_of(clock);
  std::uint64_t events = 0;
  for (const Second& second : seconds_) {
    const std::int64_t when = second.when.load(std::memory_order_relaxed);
    if (when >= 0 && now - when < kSeconds) events += second.events.load(std::memory_order_relaxed);
  }
  const std::int64_t span = std::clamp<std::int64_t>(now - first + 1, 1, kSeconds);
  return static_cast<double>(events) / static_cast<double>(span);
}

}  // namespace jade::engine
