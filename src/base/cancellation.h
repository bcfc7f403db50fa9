// Deadline and cancellation of one request, tested in long loops.
#pragma once

#include <atomic>
#include <optional>

#include "base/clock.h"
#include "jade/result.h"

namespace jade {

/// Tells work to stop: because the caller is gone (`cancel`) or because its time is over. Safe from any thread.
class Cancellation {
 public:
  /// Never stops anything, until cancelled.
  Cancellation() = default;
  /// Stops when `clock` passes `deadline`. The clock outlives this.
  Cancellation(const Clock& clock, SteadyTime deadline) : clock_(&clock), deadline_(deadline) {}

  void cancel() { cancelled_.store(true, std::memory_order_relaxed); }

  /// True once the work should stop. Reads the clock where there is a deadline (about 25 ns): call it every few
  /// thousand rows, not for each.
  bool stop_requested() const;

  /// kCancelled, kDeadlineExceeded, or success while work may go on.
  Result<void> check() const;

 private:
  std::atomic<bool> cancelled_{false};
  const Clock* clock_ = nullptr;
  SteadyTime deadline_{};
};

}  // namespace jade
