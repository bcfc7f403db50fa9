// One moment of a shard, as a reader sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/memory_segment.h"
#include "engine/segment.h"
#include "index/slot_view.h"

namespace jade::engine {

/// A row of one of a view's segments.
struct RowRef {
  std::size_t segment = 0;
  RowId row = kNoRow;

  bool exists() const { return row != kNoRow; }
  friend bool operator==(const RowRef&, const RowRef&) = default;
};

/// Segments that take no more rows, the newest first.
using SegmentList = std::vector<std::shared_ptr<Segment>>;

/// An immutable snapshot: the rows and vectors that were there at `sequence`. Taking one copies a shared pointer;
/// reading from it takes no lock. Safe from any thread.
struct ShardView {
  /// Segment 0.
  std::shared_ptr<const MemorySegment> growing;
  /// Segments 1 …
  std::shared_ptr<const SegmentList> older;
  std::uint64_t sequence = 0;
  std::uint64_t live_rows = 0;
  /// Of the growing segment: its rows, and its slots by field in the order of the definition.
  std::uint32_t growing_rows = 0;
  std::vector<std::uint32_t> growing_slots;

  std::size_t segments() const { return 1 + older->size(); }
  const Segment& segment(std::size_t index) const {
    if (index == 0) return *growing;
    return *(*older)[index - 1];
  }
  std::uint32_t slots(std::size_t segment_index, std::size_t field) const {
    return segment_index == 0 ? growing_slots[field] : segment(segment_index).field(field).slots();
  }
  /// Rows of all segments, ended ones too.
  std::uint64_t rows() const;

  /// The row of this id that the view sees.
  RowRef find(std::string_view id) const;
  RowInfo row(RowRef ref) const { return segment(ref.segment).row(ref.row); }
  /// kDataCorrupted if something that was read until now was damaged.
  Result<void> whole() const;
};

/// Answers an index's questions about one field's slots in one segment of a view. One thread only.
class FieldSlotView final : public index::SlotView {
 public:
  struct Place {
    std::size_t segment = 0;
    std::size_t field = 0;
  };

  /// `excluded` is never a result, nor are slots from `end` on. The view outlives this.
  FieldSlotView(const ShardView& view, Place place, RowRef excluded, std::uint32_t end);
  FieldSlotView(const ShardView& view, Place place, RowRef excluded)
      : FieldSlotView(view, place, excluded, view.slots(place.segment, place.field)) {}

  std::uint64_t visible_mask(std::uint32_t first) const override;
  bool visible(SlotId slot) const override;
  bool id_before(SlotId a, SlotId b) const override;

  /// The row that the view sees this slot through, or kNoRow.
  RowId row_at(SlotId slot) const;

 private:
  const Segment& segment_;
  const VectorField& field_;
  std::size_t field_index_;
  std::uint64_t sequence_;
  std::uint32_t end_;
  SlotId excluded_slot_ = kNoSlot;
};

}  // namespace jade::engine
