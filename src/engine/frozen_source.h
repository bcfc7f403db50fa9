// A frozen segment, to be written as it is.
#pragma once

#include <optional>
#include <string>

#include "engine/memory_segment.h"
#include "engine/segment_source.h"

namespace jade::engine {

/// All of its rows, ended by what came up to `upto`. The segment outlives this and takes no more rows; that rows go on
/// ending does no harm.
class FrozenSource final : public SegmentSource {
 public:
  FrozenSource(const MemorySegment& segment, std::uint64_t upto) : segment_(segment), upto_(upto) {}

  std::uint32_t rows() const override { return segment_.rows(); }
  RowInfo row(RowId row) const override { return segment_.row(row); }
  Result<std::string> metadata(RowId row) const override { return segment_.metadata(row); }
  SlotId slot(RowId row, std::size_t field) const override { return segment_.slot(row, field); }
  std::optional<Tombstone> tombstone(RowId row) const override { return segment_.tombstone(row, upto_); }
  std::uint32_t slots(std::size_t field) const override { return segment_.field(field).slots(); }
  RowId row_of(SlotId slot, std::size_t field) const override { return segment_.field(field).row_of(slot); }
  std::span<const std::byte> arena_row(SlotId slot, std::size_t field) const override {
    const index::VectorArena& arena = segment_.field(field).arena();
    return {arena.vector(slot), arena.stride_bytes()};
  }
  float inverse_norm(SlotId slot, std::size_t field) const override {
    return segment_.field(field).arena().inverse_norm(slot);
  }
  Result<void> whole() const override { return {}; }

 private:
  const MemorySegment& segment_;
  const std::uint64_t upto_;
};

}  // namespace jade::engine
