// Work behind the requests, a piece at a time, on threads that are shared with others.
#pragma once

#include <functional>
#include <memory>

#include "base/executor.h"
#include "base/mutex.h"
#include "jade/result.h"

namespace jade::engine {

/// At most one task at a time works. Safe from any thread.
class BackgroundWorker {
 public:
  /// `has_work` is cheap. `work` does a piece of what there is, tens of milliseconds if it can; after an error nothing
  /// is done until the next `notify`. Both are called from any thread; the executor outlives this.
  BackgroundWorker(std::function<bool()> has_work, std::function<Result<void>()> work, Executor& background);
  ~BackgroundWorker();

  /// Starts a task if there is work, none waits or runs, and `stop` was not called. Cheap when there is nothing to do.
  void notify();
  /// Waits for the piece that is being done, and never for a task that only waits for a thread: the caller may have the
  /// thread. None starts afterwards. Idempotent.
  void stop();

 private:
  /// What a waiting task finds when its worker is gone.
  struct Turn {
    Mutex mutex;
    CondVar idle;
    bool waiting JADE_GUARDED_BY(mutex) = false;
    bool running JADE_GUARDED_BY(mutex) = false;
    bool stopping JADE_GUARDED_BY(mutex) = false;
  };

  static bool submit(std::shared_ptr<Turn> turn, BackgroundWorker& worker, Executor& background);
  static void run(const std::shared_ptr<Turn>& turn, BackgroundWorker& worker, Executor& background);

  const std::function<bool()> has_work_;
  const std::function<Result<void>()> work_;
  Executor& background_;
  const std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();
};

}  // namespace jade::engine
