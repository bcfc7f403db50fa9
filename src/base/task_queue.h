// What stands between those who submit tasks and the threads that run them.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "base/executor.h"
#include "base/mutex.h"

namespace jade {

/// A bounded queue a priority, on which consumers sleep while there is nothing to do. Safe from any thread. Whoever
/// pushes or pops has left before the destructor runs.
///
/// One lock guards all of it: docs/adr/0005-executor-queue.md has what was measured against that.
class TaskQueue {
 public:
  /// Holds `capacity` tasks of each priority.
  explicit TaskQueue(std::size_t capacity);

  /// Never waits. kOverloaded if the priority's queue is full, kCancelled after `close`.
  Result<void> push(Task task, Priority priority) JADE_EXCLUDES(mutex_);

  /// The next task, waiting for it; nothing once the queue is closed and empty. In the order of priorities, then of
  /// pushing, except that in 16 pops one prefers kNormal and one kLow, so that none waits for ever.
  std::optional<Task> pop() JADE_EXCLUDES(mutex_);

  /// The next task, or nothing if none waits.
  std::optional<Task> try_pop() JADE_EXCLUDES(mutex_);

  /// Refuses what comes from now on; what is queued stays to be popped.
  void close() JADE_EXCLUDES(mutex_);

  /// How many tasks wait, of all priorities.
  std::size_t size() const JADE_EXCLUDES(mutex_);

 private:
  // First in, first out, in as many slots as there will ever be.
  class Ring {
   public:
    explicit Ring(std::size_t capacity) : slots_(capacity) {}
    bool empty() const { return count_ == 0; }
    bool full() const { return count_ == slots_.size(); }
    void push(Task task);
    Task pop();

   private:
    std::vector<Task> slots_;
    std::size_t first_ = 0;
    std::size_t count_ = 0;
  };

  std::optional<Task> take() JADE_REQUIRES(mutex_);

  mutable Mutex mutex_;
  CondVar wakeup_;
  std::array<Ring, 3> rings_ JADE_GUARDED_BY(mutex_);
  std::size_t size_ JADE_GUARDED_BY(mutex_) = 0;
  std::size_t sleepers_ JADE_GUARDED_BY(mutex_) = 0;
  std::size_t turns_ JADE_GUARDED_BY(mutex_) = 0;
  bool closed_ JADE_GUARDED_BY(mutex_) = false;
};

}  // namespace jade
