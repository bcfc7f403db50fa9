// The task queue without locks that was measured against TaskQueue (docs/adr/0005-executor-queue.md).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>

#include "base/executor.h"
#include "base/mutex.h"

namespace jade {

/// TaskQueue's twin with a queue a priority, where a mutex is taken only to sleep and to wake sleepers. `Ring<Task>` is
/// the queue of one priority: `try_push` and `try_pop` as in BoundedRing. Safe from any thread.
template <template <class> class Ring>
class LockFreeTaskQueue {
 public:
  /// Holds at least `capacity` tasks of each priority.
  explicit LockFreeTaskQueue(std::size_t capacity)
      : rings_{Ring<Task>(capacity), Ring<Task>(capacity), Ring<Task>(capacity)} {}

  /// Never waits. kOverloaded if the priority's queue is full, kCancelled after `close`.
  Result<void> push(Task task, Priority priority) {
    // Counted before it is there, so that no consumer sleeps or leaves while a push is under way. All of depth_,
    // closed_ and idle_ are sequentially consistent: of two threads that each write one and then read another's, at
    // least one sees the other's write.
    depth_.fetch_add(1);
    if (closed_.load()) {
      depth_.fetch_sub(1);
      return Error(ErrorCode::kCancelled, "the executor is stopping");
    }
    if (!rings_[static_cast<std::size_t>(priority)].try_push(std::move(task))) {
      depth_.fetch_sub(1);
      return Error(ErrorCode::kOverloaded, "the executor's queue is full");
    }
    if (idle_.load() > 0) wake_one();
    return {};
  }

  /// The next task, waiting for it; nothing once the queue is closed and empty.
  std::optional<Task> pop() {
    bool rested = false;
    for (;;) {
      if (auto task = try_pop()) return task;
      // Before depth_: whoever pushed without seeing this close is then counted in it.
      const bool closed = closed_.load();
      if (depth_.load() > 0) {
        // A push is between its two steps: nothing to sleep for.
        std::this_thread::yield();
      } else if (closed) {
        return std::nullopt;
      } else if (!rested) {
        // Lets others use the core before going to sleep: often they push more, and are spared the cost of a wake-up.
        rested = true;
        std::this_thread::yield();
      } else {
        park();
      }
    }
  }

  /// The next task, or nothing if none is ready.
  std::optional<Task> try_pop() {
    if (depth_.load() == 0) return std::nullopt;
    const std::size_t turn = turns_.fetch_add(1, std::memory_order_relaxed) % kTurns.size();
    for (const std::uint8_t ring : kOrders[kTurns[turn]]) {
      if (auto task = rings_[ring].try_pop()) {
        depth_.fetch_sub(1);
        return task;
      }
    }
    return std::nullopt;
  }

  /// Refuses what comes from now on; what is queued stays to be popped.
  void close() {
    closed_.store(true);
    // Whoever tested closed_ before the store is asleep when the lock is got, and is woken.
    {
      const MutexLock lock(mutex_);
    }
    wakeup_.notify_all();
  }

  /// How many tasks wait, of all priorities, with those that are just being pushed.
  std::size_t size() const { return depth_.load(std::memory_order_relaxed); }

 private:
  // The order in which a pop looks at the rings, for each ring that may come first.
  static constexpr std::array<std::array<std::uint8_t, 3>, 3> kOrders = {{{0, 1, 2}, {1, 0, 2}, {2, 0, 1}}};

  // Which ring comes first at every pop: each lower priority has one pop in 16, so it waits, but not for ever, and
  // takes at most an eighth of the time from the high one.
  static constexpr std::array<std::uint8_t, 16> kTurns = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2};

  void park() JADE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    idle_.fetch_add(1);
    while (wakes_ == 0 && depth_.load() == 0 && !closed_.load()) wakeup_.wait(lock);
    if (wakes_ > 0) {
      --wakes_;
    } else {
      idle_.fetch_sub(1);
    }
  }

  void wake_one() JADE_EXCLUDES(mutex_) {
    {
      const MutexLock lock(mutex_);
      if (idle_.load() == 0) return;
      idle_.fetch_sub(1);
      ++wakes_;
    }
    wakeup_.notify_one();
  }

  std::array<Ring<Task>, 3> rings_;
  std::atomic<std::size_t> depth_{0};
  std::atomic<bool> closed_{false};
  std::atomic<std::size_t> turns_{0};

  Mutex mutex_;
  CondVar wakeup_;
  // Consumers in park() that nobody has woken yet. Written under the mutex, read without it. The pusher takes the
  // sleeper off the count, not the sleeper itself, so a burst of pushes wakes each sleeper once.
  std::atomic<std::size_t> idle_{0};
  // Wake-ups sent and not yet taken: idle_ + wakes_ consumers are in park().
  std::size_t wakes_ JADE_GUARDED_BY(mutex_) = 0;
};

}  // namespace jade
