#include "base/executors.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>

#include "base/inline_executor.h"
#include "base/manual_executor.h"
#include "base/no_threads_left.h"

namespace jade {
namespace {

TEST(Executors, HaveAComputeThreadACoreUnlessToldOtherwise) {
  const auto by_default = Executors::start({}).value();
  EXPECT_EQ(by_default->compute().concurrency(), hardware_threads());
  EXPECT_EQ(by_default->background().concurrency(), 2U);
  const auto told = Executors::start({.compute_threads = 3, .background_threads = 1}).value();
  EXPECT_EQ(told->compute().concurrency(), 3U);
  EXPECT_EQ(told->background().concurrency(), 1U);
}

TEST(Executors, NeedABackgroundThread) {
  const auto executors = Executors::start({.background_threads = 0});
  ASSERT_FALSE(executors.ok());
  EXPECT_EQ(executors.error().code(), ErrorCode::kInvalidArgument);
}

TEST(Executors, SayWhenTheSystemHasNoThreadLeft) {
  const NoThreadsLeft none;
  EXPECT_EQ(Executors::start({}).error().code(), ErrorCode::kInternal);
}

TEST(Executors, ComputeMayHandWorkToTheBackgroundWhileStopping) {
  std::atomic<bool> accepted{false};
  std::atomic<bool> ran{false};
  const auto executors = Executors::start({.compute_threads = 1, .background_threads = 1}).value();
  ASSERT_TRUE(executors->compute()
                  .submit([&] {
                    // Until stop has closed the compute pool.
                    ErrorCode code = ErrorCode::kOverloaded;
                    while (code == ErrorCode::kOverloaded) {
                      const auto result = executors->compute().submit([] {}, Priority::kLow);
                      if (!result.ok()) code = result.error().code();
                    }
                    accepted = executors->background().submit([&ran] { ran = true; }).ok();
                  })
                  .ok());
  executors->stop();
  executors->stop();
  EXPECT_TRUE(accepted);
  EXPECT_TRUE(ran);
  EXPECT_EQ(executors->background().submit([] {}).error().code(), ErrorCode::kCancelled);
}

TEST(InlineExecutor, RunsBeforeSubmitReturns) {
  InlineExecutor executor;
  EXPECT_EQ(executor.concurrency(), 1U);
  std::string order;
  EXPECT_TRUE(executor
                  .submit([&] {
                    order += 'a';
                    EXPECT_TRUE(executor.submit([&order] { order += 'b'; }, Priority::kHigh).ok());
                    order += 'c';
                  })
                  .ok());
  EXPECT_EQ(order, "abc");
}

TEST(ManualExecutor, RunsOnlyWhenTold) {
  ManualExecutor executor;
  EXPECT_EQ(executor.concurrency(), 1U);
  EXPECT_FALSE(executor.run_one());
  std::string order;
  ASSERT_TRUE(executor.submit([&order] { order += '1'; }).ok());
  ASSERT_TRUE(executor.submit([&order] { order += '2'; }).ok());
  EXPECT_EQ(executor.pending(), 2U);
  EXPECT_EQ(order, "");
  EXPECT_TRUE(executor.run_one());
  EXPECT_EQ(order, "1");
  EXPECT_EQ(executor.run_all(), 1U);
  EXPECT_EQ(order, "12");
  EXPECT_EQ(executor.run_all(), 0U);
}

TEST(ManualExecutor, RunsHigherPrioritiesFirstAndWhatTasksSubmit) {
  ManualExecutor executor;
  std::string order;
  ASSERT_TRUE(executor.submit([&order] { order += 'l'; }, Priority::kLow).ok());
  ASSERT_TRUE(executor
                  .submit([&] {
                    order += 'n';
                    EXPECT_TRUE(executor.submit([&order] { order += 'i'; }, Priority::kHigh).ok());
                  })
                  .ok());
  ASSERT_TRUE(executor.submit([&order] { order += 'h'; }, Priority::kHigh).ok());
  EXPECT_EQ(executor.run_all(), 4U);
  EXPECT_EQ(order, "hnil");
}

TEST(ManualExecutor, RefusesWhenFullAndWhenStopped) {
  ManualExecutor executor(1);
  ASSERT_TRUE(executor.submit([] {}).ok());
  EXPECT_EQ(executor.submit([] {}, Priority::kLow).error().code(), ErrorCode::kOverloaded);
  executor.stop();
  EXPECT_EQ(executor.submit([] {}).error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(executor.run_all(), 1U);
}

}  // namespace
}  // namespace jade
