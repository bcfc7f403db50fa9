#include "base/thread_pool.h"

#include <utility>

#include "base/check.h"

namespace jade {
namespace {

// The pool whose task the calling thread is running.
thread_local const ThreadPool* current_pool = nullptr;

}  // namespace

ThreadPool::ThreadPool(const Options& options) : concurrency_(options.threads), queue_(options.queue_capacity) {}

Result<std::unique_ptr<ThreadPool>> ThreadPool::start(const Options& options) {
  if (options.threads == 0) return Error(ErrorCode::kInvalidArgument, "a pool needs a thread");
  std::unique_ptr<ThreadPool> pool(new ThreadPool(options));
  JADE_RETURN_IF_ERROR(pool->start_threads(options));
  return pool;
}

Result<void> ThreadPool::start_threads(const Options& options) {
  const MutexLock lock(threads_mutex_);
  threads_.reserve(options.threads);
  for (std::size_t i = 0; i < options.threads; ++i) {
    JADE_ASSIGN_OR_RETURN(auto thread,
                          Thread::start(options.kind, options.name + "-" + std::to_string(i), [this] { run(); }));
    threads_.push_back(std::move(thread));
  }
  return {};
}

ThreadPool::~ThreadPool() { stop(); }

Result<void> ThreadPool::submit(Task task, Priority priority) { return queue_.push(std::move(task), priority); }

void ThreadPool::stop() {
  JADE_CHECK(current_pool != this, "a pool cannot wait for the task that stops it");
  queue_.close();
  const MutexLock lock(threads_mutex_);
  threads_.clear();
}

void ThreadPool::run() {
  current_pool = this;
  while (auto task = queue_.pop()) (*task)();
}

}  // namespace jade
