// A shard's applied state: a pure function of its segments' files and the log records that were applied to it.
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

  /// The growing segment takes no more rows; an empty one takes its place. Returns what was frozen. The applying
  /// thread.
  std::shared_ptr<MemorySegment> freeze();
  /// Puts `next` where `before` was (a frozen segment or sealed ones), as far as `before` is still there; the two have
  /// the same live rows. Null: nothing comes in their place. The applying thread.
  void replace(const SegmentList& before, std::shared_ptr<Segment> next);
  /// Begins with segments that were opened from files, the newest first, which have so many live rows and every record
  /// up to `upto`. Before the first record is applied.
  void begin_with(SegmentList segments, std::uint64_t live_rows, Sequence upto);

  /// The latest moment. Any thread.
  std::shared_ptr<const ShardView> view() const JADE_EXCLUDES(published_mutex_);
  /// The segments of the latest moment, the growing one first. Any thread.
  SegmentList segments() const JADE_EXCLUDES(published_mutex_);

  /// The position of the last record that was applied. The applying thread.
  Sequence applied() const { return applied_; }
  /// Sealed and frozen segments, the newest first. The applying thread.
  const SegmentList& older() const { return *older_; }

 private:
  /// A row and the segment that has it; null where there is none.
  struct Located {
    Segment* segment = nullptr;
    RowId row = kNoRow;
    RowInfo info = {};
  };
  /// The record's current row; kDataCorrupted if what was read to find it is damaged.
  Result<Located> find_live(std::string_view id) const;

  Result<void> apply_row(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write);
  Result<void> put(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write,
                   const Located& before);
  Result<std::unique_ptr<SlotId[]>> store_vectors(const storage::RowWriteView& write, const Located& kept);
  /// A slot of the growing segment with the vector that the row has in this field.
  Result<SlotId> keep_vector(const Located& kept, std::size_t field);
  Result<SlotId> store_vector(std::size_t field, std::span<const std::byte> vector);
  void publish(Sequence sequence) JADE_EXCLUDES(published_mutex_);

  const std::vector<storage::VectorFieldDefinition> fields_;
  // Of the applying thread.
  std::shared_ptr<MemorySegment> growing_;
  std::shared_ptr<const SegmentList> older_;
  Sequence applied_{0};
  std::uint64_t live_rows_ = 0;

  mutable Mutex published_mutex_;
  std::shared_ptr<const ShardView> published_ JADE_GUARDED_BY(published_mutex_);
  std::shared_ptr<MemorySegment> published_growing_ JADE_GUARDED_BY(published_mutex_);
};

}  // namespace jade::engine
