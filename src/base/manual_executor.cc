#include "base/manual_executor.h"

#include <utility>

namespace jade {

Result<void> ManualExecutor::submit(Task task, Priority priority) {
  const MutexLock lock(mutex_);
  if (stopped_) return Error(ErrorCode::kCancelled, "the executor is stopping");
  if (pending_locked() >= capacity_) return Error(ErrorCode::kOverloaded, "the executor's queue is full");
  waiting_[static_cast<std::size_t>(priority)].push_back(std::move(task));
  return {};
}

bool ManualExecutor::run_one() {
  auto task = take();
  if (!task) return false;
  (*task)();
  return true;
}

std::size_t ManualExecutor::run_all() {
  std::size_t ran = 0;
  while (run_one()) ++ran;
  return ran;
}

std::size_t ManualExecutor::pending() const {
  const MutexLock lock(mutex_);
  return pending_locked();
}

void ManualExecutor::stop() {
  const MutexLock lock(mutex_);
  stopped_ = true;
}

std::optional<Task> ManualExecutor::take() {
  const MutexLock lock(mutex_);
  for (auto& tasks : waiting_) {
    if (tasks.empty()) continue;
    std::optional<Task> task(std::move(tasks.front()));
    tasks.pop_front();
    return task;
  }
  return std::nullopt;
}

std::size_t ManualExecutor::pending_locked() const {
  return waiting_[0].size() + waiting_[1].size() + waiting_[2].size();
}

}  // namespace jade
