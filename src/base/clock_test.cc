#include "base/clock.h"

#include <gtest/gtest.h>

namespace jade {
namespace {

TEST(SystemClock, TellsTheTimeOfThisMachine) {
  const auto before = std::chrono::system_clock::now();
  const WallTime now = system_clock().wall_now();
  EXPECT_GE(now + std::chrono::seconds(1), before);
  EXPECT_LE(now, std::chrono::system_clock::now() + std::chrono::seconds(1));
}

TEST(SystemClock, SteadyTimeNeverGoesBack) {
  SteadyTime last = system_clock().steady_now();
  for (int i = 0; i < 1000; ++i) {
    const SteadyTime now = system_clock().steady_now();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace jade
