// Links a shard's new vectors into its graphs, behind the writes.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "engine/rate_meter.h"
#include "engine/shard_state.h"
#include "jade/result.h"

namespace jade::engine {

/// At most one task at a time works on a shard. Safe from any thread.
class BackgroundIndexer {
 public:
  /// All outlive this.
  BackgroundIndexer(const ShardState& state, Executor& background, const Clock& clock);
  ~BackgroundIndexer();

  /// Starts a task if there is work, none waits or runs, and `stop` was not called. Cheap when there is nothing to do.
  void notify();
  /// Waits for the round that runs, tens of milliseconds, and never for a task that only waits for a thread: the caller
  /// may have the thread. None starts afterwards. Idempotent.
  void stop();

  double rows_per_second() const { return rate_.per_second(clock_); }

 private:
  /// What a waiting task finds when its indexer is gone.
  struct Turn {
    Mutex mutex;
    CondVar idle;
    bool waiting JADE_GUARDED_BY(mutex) = false;
    bool running JADE_GUARDED_BY(mutex) = false;
    bool stopping JADE_GUARDED_BY(mutex) = false;
  };

  bool has_work() const;
  static bool submit(std::shared_ptr<Turn> turn, BackgroundIndexer& indexer, Executor& background);
  static void run(const std::shared_ptr<Turn>& turn, BackgroundIndexer& indexer, Executor& background);
  Result<void> index_a_while();

  const ShardState& state_;
  Executor& background_;
  const Clock& clock_;
  RateMeter rate_;
  const std::shared_ptr<Turn> turn_ = std::make_shared<Turn>();
};

}  // namespace jade::engine
