// A run of rows that share a numbering, in memory or in files.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "engine/row_store.h"
#include "engine/vector_field.h"
#include "jade/result.h"

namespace jade::engine {

/// One version of a record, as its segment tells it. The id's bytes live as long as the segment.
struct RowInfo {
  std::string_view id = {};
  std::uint64_t begin = 0;
  std::uint64_t end = kNotEnded;
  std::int64_t created_at_us = 0;
  std::int64_t updated_at_us = 0;
  /// The version of the same id before this one, in the same segment.
  RowId previous = kNoRow;

  /// Whether a snapshot at this log position sees the row.
  bool seen_at(std::uint64_t sequence) const { return begin <= sequence && sequence < end; }
};

/// Rows, their ids, metadata and vectors. The shard's applying thread adds (where the kind of segment can grow) and
/// ends rows; any thread reads rows that a view published to it.
class Segment {
 public:
  virtual ~Segment() = default;

  /// The newest row of this id in this segment, ended or not, or kNoRow.
  virtual RowId newest(std::string_view id) const = 0;
  virtual RowInfo row(RowId row) const = 0;
  /// The row's vector in a field, by the field's place in the definition; kNoSlot where it has none.
  virtual SlotId slot(RowId row, std::size_t field) const = 0;
  /// Canonical JSON; empty where the record has none. May read a file; kDataCorrupted for a damaged one.
  virtual Result<std::string> metadata(RowId row) const = 0;
  /// Rows that were ever added. While the segment grows: the applying thread only.
  virtual std::uint32_t rows() const = 0;
  /// kDataCorrupted if something that was read until now was damaged: answers that came from it must not be used.
  virtual Result<void> whole() const = 0;

  /// What it takes of memory, without the vectors and their graphs.
  virtual std::size_t record_bytes() const = 0;
  virtual std::size_t id_map_bytes() const = 0;
  /// What it takes on disk; 0 while it has no files.
  virtual std::uint64_t file_bytes() const = 0;

  /// Ends a row. Its slots are released but for those that `kept_slots` names again, which a newer row of this segment
  /// has (null: none). The applying thread only.
  virtual void end_row(const Tombstone& tombstone, const SlotId* kept_slots) = 0;

  /// Ends that no file has yet; they are forgotten here. Empty for a growing segment, whose rows are written with their
  /// ends. The applying thread only.
  std::vector<Tombstone> take_ends() { return std::exchange(new_ends_, {}); }

  /// What its files are numbered with; 0 before it has any. For the thread that writes them.
  std::uint64_t number() const { return number_; }
  void set_number(std::uint64_t number) { number_ = number; }

  std::size_t field_count() const { return fields_.size(); }
  const VectorField& field(std::size_t index) const { return *fields_[index]; }
  VectorField& field(std::size_t index) { return *fields_[index]; }

  /// The version of a row's record that a snapshot sees, at this row or before it in the segment, or kNoRow.
  RowId version_at(RowId newest, std::uint64_t sequence) const;

 protected:
  std::vector<std::unique_ptr<VectorField>> fields_;
  std::vector<Tombstone> new_ends_;
  std::uint64_t number_ = 0;
};

}  // namespace jade::engine
