#include "base/cancellation.h"

namespace jade {

bool Cancellation::stop_requested() const {
  if (cancelled_.load(std::memory_order_relaxed)) return true;
  return clock_ != nullptr && clock_->steady_now() >= deadline_;
}

Result<void> Cancellation::check() const {
  if (cancelled_.load(std::memory_order_relaxed)) return Error(ErrorCode::kCancelled, "the caller gave up");
  if (clock_ != nullptr && clock_->steady_now() >= deadline_) {
    return Error(ErrorCode::kDeadlineExceeded, "the request's deadline passed");
  }
  return {};
}

}  // namespace jade
