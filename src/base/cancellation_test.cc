#include "base/cancellation.h"

#include <gtest/gtest.h>

namespace jade {
namespace {

class HandClock final : public Clock {
 public:
  WallTime wall_now() const override { return {}; }
  SteadyTime steady_now() const override { return now; }
  SteadyTime now{};
};

TEST(Cancellation, LetsWorkGoOnUntilCancelled) {
  Cancellation cancellation;
  EXPECT_FALSE(cancellation.stop_requested());
  EXPECT_TRUE(cancellation.check().ok());
  cancellation.cancel();
  EXPECT_TRUE(cancellation.stop_requested());
  EXPECT_EQ(cancellation.check().error().code(), ErrorCode::kCancelled);
}

TEST(Cancellation, StopsAtTheDeadline) {
  HandClock clock;
  const SteadyTime deadline = SteadyTime{} + std::chrono::milliseconds(10);
  Cancellation cancellation(clock, deadline);
  clock.now = deadline - std::chrono::nanoseconds(1);
  EXPECT_FALSE(cancellation.stop_requested());
  EXPECT_TRUE(cancellation.check().ok());
  clock.now = deadline;
  EXPECT_TRUE(cancellation.stop_requested());
  EXPECT_EQ(cancellation.check().error().code(), ErrorCode::kDeadlineExceeded);
}

TEST(Cancellation, ACallerThatIsGoneOutranksTheDeadline) {
  HandClock clock;
  Cancellation cancellation(clock, clock.now);
  cancellation.cancel();
  EXPECT_EQ(cancellation.check().error().code(), ErrorCode::kCancelled);
}

}  // namespace
}  // namespace jade
