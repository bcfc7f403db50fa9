// An executor that a test owns.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <limits>
#include <optional>

#include "base/executor.h"
#include "base/mutex.h"

namespace jade {

/// Runs a task only when told to, on the thread that tells it. Safe from any thread.
class ManualExecutor final : public Executor {
 public:
  /// Overloaded once `capacity` tasks wait, of all priorities.
  explicit ManualExecutor(std::size_t capacity = std::numeric_limits<std::size_t>::max()) : capacity_(capacity) {}

  Result<void> submit(Task task, Priority priority = Priority::kNormal) override;
  std::size_t concurrency() const override { return 1; }

  /// Runs the task of the highest priority that has waited longest; false if none waits.
  bool run_one();
  /// Runs until none waits, with the tasks that tasks submit, and returns how many it ran.
  std::size_t run_all();
  std::size_t pending() const;

  /// Refuses what comes from now on with kCancelled; what waits may still be run.
  void stop();

 private:
  std::optional<Task> take();
  std::size_t pending_locked() const JADE_REQUIRES(mutex_);

  const std::size_t capacity_;
  mutable Mutex mutex_;
  std::array<std::deque<Task>, 3> waiting_ JADE_GUARDED_BY(mutex_);
  bool stopped_ JADE_GUARDED_BY(mutex_) = false;
};

}  // namespace jade
