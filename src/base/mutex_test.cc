#include "base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "base/thread.h"

namespace jade {
namespace {

struct Guarded {
  Mutex mutex;
  CondVar changed;
  int value JADE_GUARDED_BY(mutex) = 0;
};

Thread start(std::move_only_function<void()> body) {
  return Thread::start(ThreadKind::kCompute, "mutex-test", std::move(body)).value();
}

TEST(Mutex, AdmitsOneAtATime) {
  constexpr int kThreads = 4;
  constexpr int kEach = 1000;
  Guarded guarded;
  {
    std::vector<Thread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.push_back(start([&guarded] {
        for (int i = 0; i < kEach; ++i) {
          const MutexLock lock(guarded.mutex);
          ++guarded.value;
        }
      }));
    }
  }
  const MutexLock lock(guarded.mutex);
  EXPECT_EQ(guarded.value, kThreads * kEach);
}

TEST(Mutex, TryLockFailsWhileHeld) {
  Mutex mutex;
  bool got = true;
  {
    const MutexLock lock(mutex);
    start([&] {
      got = mutex.try_lock();
      if (got) mutex.unlock();
    }).join();
  }
  EXPECT_FALSE(got);
  ASSERT_TRUE(mutex.try_lock());
  mutex.unlock();
}

TEST(CondVar, WaitsHoldTheMutexAgainWhenTheyReturn) {
  Guarded guarded;
  const Thread answers = start([&guarded] {
    MutexLock lock(guarded.mutex);
    while (guarded.value != 1) guarded.changed.wait(lock);
    guarded.value = 2;
    guarded.changed.notify_all();
  });
  MutexLock lock(guarded.mutex);
  guarded.value = 1;
  guarded.changed.notify_one();
  while (guarded.value != 2) guarded.changed.wait(lock);
  bool free = true;
  start([&] {
    free = guarded.mutex.try_lock();
    if (free) guarded.mutex.unlock();
  }).join();
  EXPECT_FALSE(free);
}

TEST(CondVar, WaitForGivesUp) {
  Guarded guarded;
  MutexLock lock(guarded.mutex);
  // A wait may wake for no reason, but not for ever.
  while (guarded.changed.wait_for(lock, std::chrono::milliseconds(1)) == std::cv_status::no_timeout) {
  }
  EXPECT_EQ(guarded.value, 0);
}

}  // namespace
}  // namespace jade
