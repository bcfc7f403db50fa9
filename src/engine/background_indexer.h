// Links a shard's new vectors into its graphs, behind the writes.
#pragma once

#include "base/clock.h"
#include "engine/rate_meter.h"
#include "engine/shard_state.h"
#include "jade/result.h"

namespace jade::engine {

/// One thread at a time indexes; the rest is safe from any thread.
class BackgroundIndexer {
 public:
  /// Both outlive this.
  BackgroundIndexer(const ShardState& state, const Clock& clock) : state_(state), clock_(clock) {}

  bool has_work() const;
  /// Links some slots of every field that has any, tens of milliseconds.
  Result<void> index_a_while();

  double rows_per_second() const { return rate_.per_second(clock_); }

 private:
  const ShardState& state_;
  const Clock& clock_;
  RateMeter rate_;
};

}  // namespace jade::engine
