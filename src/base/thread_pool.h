// An executor with threads of its own.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/executor.h"
#include "base/mutex.h"
#include "base/task_queue.h"
#include "base/thread.h"

namespace jade {

/// A fixed number of threads that run what is submitted. Safe from any thread; a task may submit tasks.
class ThreadPool final : public Executor {
 public:
  struct Options {
    ThreadKind kind = ThreadKind::kCompute;
    /// The threads are named "<name>-<number>".
    std::string name = "pool";
    std::size_t threads = 1;
    /// Tasks of each priority that may wait; rounded up to a power of two.
    std::size_t queue_capacity = 1024;
  };

  /// Starts the threads. kInvalidArgument for no threads, kInternal if the system has none to give.
  static Result<std::unique_ptr<ThreadPool>> start(const Options& options);

  /// Stops.
  ~ThreadPool() override;
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  Result<void> submit(Task task, Priority priority = Priority::kNormal) override;
  std::size_t concurrency() const override { return concurrency_; }

  /// Refuses new work, runs what is queued and waits until it has run. May be called again, also at the same time;
  /// not from a task of this pool.
  void stop();

  /// How many tasks wait for a thread.
  std::size_t queue_depth() const { return queue_.size(); }

 private:
  explicit ThreadPool(const Options& options);
  Result<void> start_threads(const Options& options);
  void run();

  const std::size_t concurrency_;
  TaskQueue queue_;
  Mutex threads_mutex_;
  std::vector<Thread> threads_ JADE_GUARDED_BY(threads_mutex_);
};

}  // namespace jade
