// A shard's applied state: a pure function of the log records that were applied to it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "engine/shard_view.h"
#include "jade/result.h"
#include "storage/definition.h"
#include "storage/write_batch.h"

namespace jade::engine {

/// One thread at a time applies; any thread takes views. Uses no clock and no randomness: the same records give the
/// same state.
class ShardState {
 public:
  explicit ShardState(const storage::Definition& definition);

  /// Applies one log record's rows, all of them, and publishes them to later views. `payload` is an encoded WriteBatch.
  /// kDataCorrupted for rows that cannot have been accepted; kStorageFull when memory cannot be had. After an error the
  /// state is not to be used for further writes.
  Result<void> apply(Sequence sequence, std::int64_t commit_time_us, std::span<const std::byte> payload);

  /// The latest moment. Any thread.
  std::shared_ptr<const ShardView> view() const JADE_EXCLUDES(published_mutex_);

  const ShardData& data() const { return *data_; }
  ShardData& data() { return *data_; }

 private:
  Result<void> apply_row(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write);
  Result<void> put(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write, RowId newest,
                   bool was_live);
  Result<std::unique_ptr<SlotId[]>> store_vectors(const storage::RowWriteView& write, const Row* kept);
  void end_row(RowId row, std::uint64_t sequence, const SlotId* kept_slots);
  void publish(Sequence sequence) JADE_EXCLUDES(published_mutex_);

  std::shared_ptr<ShardData> data_;
  // Of the applying thread.
  IdMap ids_;
  std::uint64_t live_rows_ = 0;

  mutable Mutex published_mutex_;
  std::shared_ptr<const ShardView> published_ JADE_GUARDED_BY(published_mutex_);
};

}  // namespace jade::engine
