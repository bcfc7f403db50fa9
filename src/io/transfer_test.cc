#include "io/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace jade::io {
namespace {

/// Plays back what a system call did: a count, or an errno as a negative number.
class Script {
 public:
  explicit Script(std::vector<int> steps) : steps_(std::move(steps)) {}

  ssize_t operator()(std::size_t done) {
    asked_at_.push_back(done);
    const int step = steps_.at(next_++);
    if (step >= 0) return step;
    errno = -step;
    return -1;
  }
  const std::vector<std::size_t>& asked_at() const { return asked_at_; }

 private:
  std::vector<int> steps_;
  std::size_t next_ = 0;
  std::vector<std::size_t> asked_at_;
};

TEST(TransferAll, GoesOnAfterShortTransfersAndInterruptions) {
  Script script({3, -EINTR, -EINTR, 4, 3});
  EXPECT_EQ(transfer_all(10, std::ref(script)).value(), 10U);
  EXPECT_THAT(script.asked_at(), ::testing::ElementsAre(0, 3, 3, 3, 7));
}

TEST(TransferAll, StopsAtTheEndOfTheFile) {
  Script script({3, 0});
  EXPECT_EQ(transfer_all(10, std::ref(script)).value(), 3U);
}

TEST(TransferAll, ReportsWhatFailed) {
  Script script({3, -ENOSPC});
  EXPECT_EQ(transfer_all(10, std::ref(script)).error(), ENOSPC);
}

TEST(TransferAll, CallsNothingForNothing) {
  Script script({});
  EXPECT_EQ(transfer_all(0, std::ref(script)).value(), 0U);
}

TEST(RetryInterrupted, RepeatsOnlyInterruptions) {
  Script interrupted({-EINTR, 5});
  EXPECT_EQ(retry_interrupted([&] { return interrupted(0); }), 5);
  Script broken({-EIO});
  EXPECT_EQ(retry_interrupted([&] { return broken(0); }), -1);
  EXPECT_EQ(errno, EIO);
}

}  // namespace
}  // namespace jade::io
