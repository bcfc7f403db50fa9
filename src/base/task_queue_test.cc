#include "base/task_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace jade {
namespace {

TEST(TaskQueue, LowerPrioritiesHaveTheirTurnInSixteen) {
  TaskQueue queue(64);
  std::string order;
  for (int i = 0; i < 32; ++i) {
    ASSERT_TRUE(queue.push([&order] { order += 'h'; }, Priority::kHigh).ok());
    ASSERT_TRUE(queue.push([&order] { order += 'n'; }, Priority::kNormal).ok());
    ASSERT_TRUE(queue.push([&order] { order += 'l'; }, Priority::kLow).ok());
  }
  for (int i = 0; i < 32; ++i) (*queue.try_pop())();
  EXPECT_EQ(order, "hhhhhhhnhhhhhhhlhhhhhhhnhhhhhhhl");
}

TEST(TaskQueue, AnAgedTurnIsNotLostWhenNoneWaitsThere) {
  TaskQueue queue(64);
  std::string order;
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(queue.push([&order] { order += 'h'; }, Priority::kHigh).ok());
  while (auto task = queue.try_pop()) (*task)();
  EXPECT_EQ(order, std::string(20, 'h'));
}

TEST(TaskQueue, KeepsTheOrderWithinAPriority) {
  TaskQueue queue(8);
  std::string order;
  for (const char c : {'a', 'b', 'c'}) ASSERT_TRUE(queue.push([&order, c] { order += c; }, Priority::kNormal).ok());
  EXPECT_EQ(queue.size(), 3U);
  while (auto task = queue.try_pop()) (*task)();
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(queue.size(), 0U);
}

TEST(TaskQueue, ClosedQueueIsEmptiedAndThenEnds) {
  TaskQueue queue(8);
  ASSERT_TRUE(queue.push([] {}, Priority::kLow).ok());
  queue.close();
  EXPECT_EQ(queue.push([] {}, Priority::kLow).error().code(), ErrorCode::kCancelled);
  EXPECT_TRUE(queue.pop().has_value());
  EXPECT_FALSE(queue.pop().has_value());
  EXPECT_FALSE(queue.try_pop().has_value());
}

}  // namespace
}  // namespace jade
