#include "bounded_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

#include "base/random.h"
#include "base/test_env.h"
#include "base/thread.h"

namespace jade {
namespace {

TEST(BoundedRing, RoundsItsCapacityUp) {
  struct Row {
    std::size_t asked;
    std::size_t given;
  };
  for (const auto& row : {Row{0, 2}, Row{1, 2}, Row{2, 2}, Row{3, 4}, Row{1000, 1024}, Row{1024, 1024}}) {
    EXPECT_EQ(BoundedRing<int>(row.asked).capacity(), row.given);
  }
}

TEST(BoundedRing, KeepsARefusedValue) {
  BoundedRing<std::unique_ptr<int>> ring(2);
  ASSERT_TRUE(ring.try_push(std::make_unique<int>(1)));
  ASSERT_TRUE(ring.try_push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);
  EXPECT_FALSE(ring.try_push(std::move(third)));
  // NOLINTNEXTLINE(bugprone-use-after-move): a refused value is untouched.
  EXPECT_EQ(*third, 3);
}

TEST(BoundedRing, KeepsNothingOfWhatWasPopped) {
  BoundedRing<std::shared_ptr<int>> ring(2);
  const auto value = std::make_shared<int>(1);
  ASSERT_TRUE(ring.try_push(std::shared_ptr(value)));
  ASSERT_TRUE(ring.try_pop().has_value());
  EXPECT_EQ(value.use_count(), 1);
}

TEST(BoundedRing, AgreesWithADeque) {
  const std::uint64_t seed = test_seed(20'251);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  BoundedRing<std::uint64_t> ring(8);
  std::deque<std::uint64_t> model;
  for (std::size_t step = 0; step < test_scale(10'000); ++step) {
    if (random.next_below(2) == 0) {
      std::uint64_t value = random.next_u64();
      const bool fits = model.size() < ring.capacity();
      if (fits) model.push_back(value);
      ASSERT_EQ(ring.try_push(std::move(value)), fits);
    } else {
      const auto value = ring.try_pop();
      ASSERT_EQ(value.has_value(), !model.empty());
      if (value) {
        ASSERT_EQ(*value, model.front());
        model.pop_front();
      }
    }
  }
}

// Each value arrives once, and each consumer sees the values of one producer in their order.
TEST(BoundedRing, DeliversEachValueOnceAndInOrder) {
  constexpr std::uint64_t kThreads = 3;
  const std::uint64_t each = test_scale(20'000);
  BoundedRing<std::uint64_t> ring(16);
  std::vector<std::vector<std::uint64_t>> seen(kThreads);
  std::atomic<std::uint64_t> left{kThreads * each};
  {
    std::vector<Thread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t) {
      threads.push_back(Thread::start(ThreadKind::kNetwork, "producer", [&, t] {
                          for (std::uint64_t i = 0; i < each; ++i) {
                            while (!ring.try_push(t * each + i)) std::this_thread::yield();
                          }
                        }).value());
      threads.push_back(Thread::start(ThreadKind::kCompute, "consumer", [&, t] {
                          while (left.load() > 0) {
                            if (auto value = ring.try_pop()) {
                              seen[t].push_back(*value);
                              --left;
                            } else {
                              std::this_thread::yield();
                            }
                          }
                        }).value());
    }
  }
  std::vector<int> count(kThreads * each);
  for (const auto& values : seen) {
    std::vector<std::uint64_t> last(kThreads, 0);
    for (const std::uint64_t value : values) {
      ++count[value];
      const std::uint64_t producer = value / each;
      ASSERT_GE(value, last[producer]);
      last[producer] = value;
    }
  }
  for (const int times : count) ASSERT_EQ(times, 1);
}

}  // namespace
}  // namespace jade
