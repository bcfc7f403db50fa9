// Links a shard's new vectors into its graphs, behind the writes.
#pragma once

#include <cstdint>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "engine/rate_meter.h"
#include "engine/shard_view.h"

namespace jade::engine {

/// At most one task at a time works on a shard. Safe from any thread.
class BackgroundIndexer {
 public:
  /// All outlive this.
  BackgroundIndexer(ShardData& data, Executor& background, const Clock& clock);
  ~BackgroundIndexer();

  /// Starts a task if there is work, none runs, and `stop` was not called. Cheap when there is nothing to do.
  void notify() JADE_EXCLUDES(mutex_);
  /// Waits for the task to end; none starts afterwards. Idempotent.
  void stop() JADE_EXCLUDES(mutex_);

  double rows_per_second() const { return rate_.per_second(clock_); }

 private:
  bool has_work() const;
  void run() JADE_EXCLUDES(mutex_);
  bool index_a_while();
  void finish() JADE_EXCLUDES(mutex_);
  bool stopping() JADE_EXCLUDES(mutex_);

  ShardData& data_;
  Executor& background_;
  const Clock& clock_;
  RateMeter rate_;

  Mutex mutex_;
  CondVar idle_;
  bool running_ JADE_GUARDED_BY(mutex_) = false;
  bool stopping_ JADE_GUARDED_BY(mutex_) = false;
};

}  // namespace jade::engine
