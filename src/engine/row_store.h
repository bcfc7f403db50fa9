// The rows of a segment in memory: every version of every record that it took.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <string_view>

#include "base/ids.h"
#include "engine/byte_arena.h"
#include "engine/stable_vector.h"

namespace jade::engine {

/// No row, no slot.
inline constexpr RowId kNoRow{std::numeric_limits<std::uint32_t>::max()};
inline constexpr SlotId kNoSlot{std::numeric_limits<std::uint32_t>::max()};
/// The end of a row that is still current.
inline constexpr std::uint64_t kNotEnded = std::numeric_limits<std::uint64_t>::max();

/// Why a row ended.
enum class EndReason : std::uint8_t { kSuperseded = 1, kDeleted, kExpired, kArchived, kPurged };

/// What ends a row: the log position that did, its commit time, and why.
struct Tombstone {
  RowId row = kNoRow;
  std::uint64_t sequence = 0;
  std::int64_t time_us = 0;
  EndReason reason = EndReason::kSuperseded;

  friend bool operator==(const Tombstone&, const Tombstone&) = default;
};

/// One version of a record. All but its end is written before the row is published and never changes.
struct Row {
  std::string_view id;
  /// Canonical JSON; empty when the record has none.
  std::string_view metadata;
  /// The log position that wrote it, and the one that deleted or superseded it. The row is seen by snapshots S with
  /// begin <= S < end.
  std::uint64_t begin = 0;
  std::atomic<std::uint64_t> end{kNotEnded};
  /// Written before `end`.
  std::int64_t ended_at_us = 0;
  EndReason end_reason = EndReason::kSuperseded;
  std::int64_t created_at_us = 0;
  std::int64_t updated_at_us = 0;
  /// The version of the same id before this one.
  RowId previous = kNoRow;
  /// The row's slot in each vector field, in the order of the definition; kNoSlot where it has no such vector.
  std::unique_ptr<SlotId[]> slots;
};

/// One thread appends; any thread reads rows that a snapshot published to it.
class RowStore {
 public:
  /// What a new row is made of; the views are copied in.
  struct NewRow {
    std::string_view id;
    std::string_view metadata;
    std::uint64_t begin = 0;
    std::int64_t created_at_us = 0;
    std::int64_t updated_at_us = 0;
    RowId previous = kNoRow;
    std::unique_ptr<SlotId[]> slots;
  };

  /// The new row's id, or kNoRow when memory cannot be had.
  RowId append(NewRow row);

  Row& operator[](RowId row) { return rows_[row.value()]; }
  const Row& operator[](RowId row) const { return rows_[row.value()]; }

  std::uint32_t size() const { return rows_.size(); }
  std::size_t memory_bytes() const { return rows_.memory_bytes() + bytes_.memory_bytes(); }

 private:
  StableVector<Row> rows_;
  ByteArena bytes_;
};

}  // namespace jade::engine
