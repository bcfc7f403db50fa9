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

// Whether another thread could have the mutex now.
bool is_free(Mutex& mutex) {
  bool free = false;
  start([&] {
    if (!mutex.try_lock()) return;
    free = true;
    mutex.unlock();
  }).join();
  return free;
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
  {
    const MutexLock lock(mutex);
    EXPECT_FALSE(is_free(mutex));
  }
  EXPECT_TRUE(is_free(mutex));
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
  EXPECT_FALSE(is_free(guarded.mutex));
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
