// The pools that a process shares.
#pragma once

#include <cstddef>
#include <memory>

#include "base/thread_pool.h"

namespace jade {

struct ExecutorOptions {
  /// Threads that search and build; 0 for one a core.
  std::size_t compute_threads = 0;
  /// Threads that flush, compact and read cold data: two, so that a long compaction does not hold up a read.
  std::size_t background_threads = 2;
  /// Tasks of each priority that may wait in each pool. With searches of a millisecond, a full queue is half a second
  /// of work for two threads: who comes later is better off told to come again.
  std::size_t queue_capacity = 1024;
};

/// Owns the compute and the background pool. Network threads and the log writer belong to the server and the storage,
/// which make them with Thread. Safe from any thread.
class Executors {
 public:
  static Result<std::unique_ptr<Executors>> start(const ExecutorOptions& options);

  /// Stops.
  ~Executors();
  Executors(const Executors&) = delete;
  Executors& operator=(const Executors&) = delete;

  ThreadPool& compute() { return *compute_; }
  ThreadPool& background() { return *background_; }

  /// Stops the compute pool, then the background pool; each runs what it has accepted. In this order a search that is
  /// still running can hand work to the background. Background work that wants compute threads is refused with
  /// kCancelled: it can be repeated after the next start, a search cannot. May be called again.
  void stop();

 private:
  Executors(std::unique_ptr<ThreadPool> compute, std::unique_ptr<ThreadPool> background);

  const std::unique_ptr<ThreadPool> compute_;
  const std::unique_ptr<ThreadPool> background_;
};

}  // namespace jade
