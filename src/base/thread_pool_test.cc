#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <chrono>
#include <latch>
#include <memory>
#include <string>
#include <vector>

#include "base/no_threads_left.h"
#include "base/test_env.h"

namespace jade {
namespace {

std::unique_ptr<ThreadPool> make_pool(std::size_t threads, std::size_t queue_capacity = 1024) {
  return ThreadPool::start({.name = "test", .threads = threads, .queue_capacity = queue_capacity}).value();
}

// Keeps one thread of a pool busy until released.
class Plug {
 public:
  explicit Plug(ThreadPool& pool) {
    EXPECT_TRUE(pool.submit([this] {
                      started_.count_down();
                      released_.wait();
                    })
                    .ok());
    started_.wait();
  }
  void release() { released_.count_down(); }

 private:
  std::latch started_{1};
  std::latch released_{1};
};

TEST(ThreadPool, NeedsAThread) {
  const auto pool = ThreadPool::start({.threads = 0});
  ASSERT_FALSE(pool.ok());
  EXPECT_EQ(pool.error().code(), ErrorCode::kInvalidArgument);
}

TEST(ThreadPool, SaysWhenTheSystemHasNoThreadLeft) {
  const NoThreadsLeft none;
  const auto pool = ThreadPool::start({.threads = 2});
  ASSERT_FALSE(pool.ok());
  EXPECT_EQ(pool.error().code(), ErrorCode::kInternal);
}

TEST(ThreadPool, RunsEachTaskOnce) {
  constexpr std::size_t kTasks = 1000;
  auto pool = make_pool(2);
  EXPECT_EQ(pool->concurrency(), 2U);
  std::vector<std::atomic<int>> runs(kTasks);
  for (std::size_t i = 0; i < kTasks; ++i) {
    ASSERT_TRUE(pool->submit([&runs, i] { ++runs[i]; }, static_cast<Priority>(i % 3)).ok());
  }
  pool->stop();
  EXPECT_EQ(pool->queue_depth(), 0U);
  for (const auto& count : runs) EXPECT_EQ(count, 1);
}

TEST(ThreadPool, RunsAsManyTasksAtATimeAsItHasThreads) {
  std::barrier meeting(4);
  auto pool = make_pool(3);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(pool->submit([&meeting] { meeting.arrive_and_wait(); }).ok());
  }
  meeting.arrive_and_wait();
}

TEST(ThreadPool, ATaskMaySubmitTasks) {
  std::latch done(1);
  auto pool = make_pool(1);
  ASSERT_TRUE(pool->submit([&] { EXPECT_TRUE(pool->submit([&done] { done.count_down(); }).ok()); }).ok());
  done.wait();
}

TEST(ThreadPool, FullQueueIsOverloadedAndDestroysTheTask) {
  auto pool = make_pool(1, 4);
  Plug plug(*pool);
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(pool->submit([] {}).ok());
  EXPECT_EQ(pool->queue_depth(), 4U);
  auto held = std::make_shared<int>(1);
  const auto refused = pool->submit([held] { ++*held; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(held.use_count(), 1);
  EXPECT_EQ(pool->queue_depth(), 4U);
  // The other priorities have queues of their own.
  EXPECT_TRUE(pool->submit([] {}, Priority::kHigh).ok());
  plug.release();
  pool->stop();
  EXPECT_EQ(*held, 1);
}

TEST(ThreadPool, HigherPrioritiesStartFirst) {
  auto pool = make_pool(1);
  Plug plug(*pool);
  std::string order;
  ASSERT_TRUE(pool->submit([&order] { order += 'l'; }, Priority::kLow).ok());
  ASSERT_TRUE(pool->submit([&order] { order += 'n'; }, Priority::kNormal).ok());
  ASSERT_TRUE(pool->submit([&order] { order += 'h'; }, Priority::kHigh).ok());
  plug.release();
  pool->stop();
  EXPECT_EQ(order, "hnl");
}

TEST(ThreadPool, StopRunsWhatIsQueuedAndRefusesTheRest) {
  auto pool = make_pool(1);
  Plug plug(*pool);
  int ran = 0;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool->submit([&ran] { ++ran; }).ok());
  plug.release();
  pool->stop();
  EXPECT_EQ(ran, 100);
  const auto refused = pool->submit([&ran] { ++ran; });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kCancelled);
  pool->stop();
  EXPECT_EQ(ran, 100);
}

TEST(ThreadPool, ATaskThatOutlivesStopMayNotSubmit) {
  std::atomic<bool> refused{false};
  auto pool = make_pool(1);
  Plug plug(*pool);
  ASSERT_TRUE(pool->submit([&] {
                    while (!refused) {
                      const auto result = pool->submit([] {}, Priority::kLow);
                      refused = !result.ok() && result.error().code() == ErrorCode::kCancelled;
                    }
                  })
                  .ok());
  plug.release();
  pool->stop();
  EXPECT_TRUE(refused);
}

TEST(ThreadPool, DestructorRunsWhatIsQueued) {
  std::atomic<int> ran{0};
  {
    auto pool = make_pool(2);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(pool->submit([&ran] { ++ran; }).ok());
  }
  EXPECT_EQ(ran, 100);
}

TEST(ThreadPool, TakesTheTaskApartBeforeWaitingForTheNext) {
  struct CountsDown {
    std::latch* latch;
    ~CountsDown() { latch->count_down(); }
  };
  std::latch destroyed(1);
  auto pool = make_pool(1);
  ASSERT_TRUE(pool->submit([guard = std::make_unique<CountsDown>(&destroyed)] {}).ok());
  destroyed.wait();
}

TEST(ThreadPoolDeathTest, StoppingFromItsOwnTaskIsAMistake) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        auto pool = make_pool(1);
        static_cast<void>(pool->submit([&pool] { pool->stop(); }));
        std::latch(1).wait();
      },
      "a pool cannot wait for the task that stops it");
}

// Every accepted task runs once, whatever the moment at which the pool stops; every refused one never does.
TEST(ThreadPool, AcceptedTasksRunThroughAnyStop) {
  const std::size_t rounds = test_scale(200);
  for (std::size_t round = 0; round < rounds; ++round) {
    auto pool = make_pool(2, 64);
    std::atomic<std::size_t> accepted{0};
    std::atomic<std::size_t> ran{0};
    std::latch ready(4);
    std::vector<Thread> threads;
    for (int producer = 0; producer < 3; ++producer) {
      threads.push_back(Thread::start(ThreadKind::kNetwork, "producer", [&] {
                          ready.arrive_and_wait();
                          for (int i = 0; i < 50; ++i) {
                            if (pool->submit([&ran] { ++ran; }).ok()) ++accepted;
                          }
                        }).value());
    }
    threads.push_back(Thread::start(ThreadKind::kNetwork, "stopper", [&] {
                        ready.arrive_and_wait();
                        for (std::size_t i = 0; i < round % 16; ++i) std::this_thread::yield();
                        pool->stop();
                      }).value());
    ready.wait();
    pool->stop();
    const std::size_t ran_at_stop = ran;
    threads.clear();
    ASSERT_EQ(ran, accepted);
    ASSERT_EQ(ran_at_stop, ran);
  }
}

// Ping-pong: each task is submitted only when the one before has run, so that every submit meets a parking thread.
TEST(ThreadPool, LosesNoWakeUp) {
  const std::size_t rounds = test_scale(20'000);
  std::atomic<std::size_t> ran{0};
  auto pool = make_pool(2);
  for (std::size_t i = 0; i < rounds; ++i) {
    ASSERT_TRUE(pool->submit([&ran] { ++ran; }).ok());
    while (ran.load() == i) std::this_thread::yield();
  }
  EXPECT_EQ(ran, rounds);
}

TEST(ThreadPool, ProducersOfAllPrioritiesAreServed) {
  constexpr std::size_t kProducers = 4;
  const std::size_t each = test_scale(20'000);
  auto pool = make_pool(2, 256);
  std::atomic<std::size_t> ran{0};
  {
    std::vector<Thread> producers;
    for (std::size_t p = 0; p < kProducers; ++p) {
      producers.push_back(Thread::start(ThreadKind::kNetwork, "producer", [&, p] {
                            for (std::size_t i = 0; i < each; ++i) {
                              const auto priority = static_cast<Priority>((p + i) % 3);
                              while (!pool->submit([&ran] { ++ran; }, priority).ok()) std::this_thread::yield();
                            }
                          }).value());
    }
  }
  pool->stop();
  EXPECT_EQ(ran, kProducers * each);
}

}  // namespace
}  // namespace jade
