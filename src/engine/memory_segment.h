// A segment in memory: the one that takes a shard's new rows, and those that are being written to files.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/id_map.h"
#include "engine/row_store.h"
#include "engine/segment.h"
#include "storage/definition.h"

namespace jade::engine {

class MemorySegment final : public Segment {
 public:
  explicit MemorySegment(const std::vector<storage::VectorFieldDefinition>& definitions);

  RowId newest(std::string_view id) const override { return ids_.find(rows_, id); }
  RowInfo row(RowId row) const override;
  SlotId slot(RowId row, std::size_t field) const override { return rows_[row].slots[field]; }
  Result<std::string> metadata(RowId row) const override { return std::string(rows_[row].metadata); }
  std::uint32_t rows() const override { return rows_.size(); }
  Result<void> whole() const override { return {}; }
  std::size_t record_bytes() const override { return rows_.memory_bytes(); }
  std::size_t id_map_bytes() const override { return ids_.memory_bytes(); }
  std::uint64_t file_bytes() const override { return 0; }
  void end_row(const Tombstone& tombstone, const SlotId* kept_slots) override;

  /// It takes no more rows; ends are remembered from now on. The applying thread only.
  void freeze() { is_frozen_ = true; }
  /// What ended the row at `upto` or before.
  std::optional<Tombstone> tombstone(RowId row, std::uint64_t upto) const;

  /// Adds a row; `row.previous` is set here. Its vectors are in their fields already. kNoRow when memory cannot be had.
  /// The applying thread only.
  RowId append(RowStore::NewRow row);

 private:
  RowStore rows_;
  IdMap ids_;
  bool is_frozen_ = false;
};

}  // namespace jade::engine
