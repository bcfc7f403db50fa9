#include "engine/background_worker.h"

#include <utility>

#include "base/logging.h"

namespace jade::engine {

BackgroundWorker::BackgroundWorker(std::function<bool()> has_work, std::function<Result<void>()> work,
                                   Executor& background)
    : has_work_(std::move(has_work)), work_(std::move(work)), background_(background) {}

BackgroundWorker::~BackgroundWorker() { stop(); }

void BackgroundWorker::notify() {
  if (!has_work_()) return;
  {
    const MutexLock lock(turn_->mutex);
    if (turn_->waiting || turn_->running || turn_->stopping) return;
    turn_->waiting = true;
  }
  if (submit(turn_, *this, background_)) return;
  // A full queue is no loss: the next write asks again.
  const MutexLock lock(turn_->mutex);
  turn_->waiting = false;
}

bool BackgroundWorker::submit(std::shared_ptr<Turn> turn, BackgroundWorker& worker, Executor& background) {
  return background
      .submit([turn = std::move(turn), &worker, &background] { run(turn, worker, background); }, Priority::kLow)
      .ok();
}

/// `worker` is there only while `turn->running` is true, for then `stop` waits.
void BackgroundWorker::run(const std::shared_ptr<Turn>& turn, BackgroundWorker& worker, Executor& background) {
  while (true) {
    {
      const MutexLock lock(turn->mutex);
      turn->waiting = false;
      if (turn->stopping) return;
      turn->running = true;
    }
    const Result<void> worked = worker.work_();
    if (!worked.ok()) log_warn("background_work_stopped", {{"reason", worked.error().message()}});
    {
      const MutexLock lock(turn->mutex);
      // Looked at under the lock: a write that came before it is seen here, one that comes after it starts a task.
      turn->waiting = worked.ok() && !turn->stopping && worker.has_work_();
      turn->running = false;
      turn->idle.notify_all();
      if (!turn->waiting) return;
    }
    // One round at a time where others wait for the thread; on where nobody can be asked.
    if (submit(turn, worker, background)) return;
  }
}

void BackgroundWorker::stop() {
  MutexLock lock(turn_->mutex);
  turn_->stopping = true;
  while (turn_->running) turn_->idle.wait(lock);
}

}  // namespace jade::engine
