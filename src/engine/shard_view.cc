#include "engine/shard_view.h"

#include <bit>

namespace jade::engine {

std::uint64_t ShardView::rows() const {
  std::uint64_t total = growing_rows;
  for (const auto& segment : *older) total += segment->rows();
  return total;
}

RowRef ShardView::find(std::string_view id) const {
  for (std::size_t i = 0; i < segments(); ++i) {
    const Segment& at = segment(i);
    const RowId row = at.version_at(at.newest(id), sequence);
    if (row != kNoRow) return {i, row};
  }
  return {};
}

Result<void> ShardView::whole() const {
  for (const auto& segment : *older) JADE_RETURN_IF_ERROR(segment->whole());
  return {};
}

FieldSlotView::FieldSlotView(const ShardView& view, Place place, RowRef excluded, std::uint32_t end)
    : segment_(view.segment(place.segment)),
      field_(segment_.field(place.field)),
      field_index_(place.field),
      sequence_(view.sequence),
      end_(end) {
  if (excluded.exists() && excluded.segment == place.segment) {
    excluded_slot_ = segment_.slot(excluded.row, place.field);
  }
}

RowId FieldSlotView::row_at(SlotId slot) const {
  const RowId row = segment_.version_at(field_.row_of(slot), sequence_);
  // The version that the view sees may be an older one with another vector.
  return row != kNoRow && segment_.slot(row, field_index_) == slot ? row : kNoRow;
}

bool FieldSlotView::visible(SlotId slot) const {
  if (slot.value() >= end_ || slot == excluded_slot_) return false;
  if ((field_.released_mask(slot.value(), slot.value()) & 1) == 0) return true;
  // Released since the view was taken, or before? Only the row can tell.
  return field_.last_release() > sequence_ && row_at(slot) != kNoRow;
}

std::uint64_t FieldSlotView::visible_mask(std::uint32_t first) const {
  if (first >= end_) return 0;
  const std::uint32_t count = end_ - first;
  const std::uint64_t inside = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  const std::uint64_t released = field_.released_mask(first, end_);
  std::uint64_t mask = inside & ~released;
  if (released != 0 && field_.last_release() > sequence_) {
    for (std::uint64_t doubtful = inside & released; doubtful != 0; doubtful &= doubtful - 1) {
      const auto bit = static_cast<std::uint32_t>(std::countr_zero(doubtful));
      if (row_at(SlotId(first + bit)) != kNoRow) mask |= std::uint64_t{1} << bit;
    }
  }
  if (excluded_slot_.value() >= first && excluded_slot_.value() - first < 64) {
    mask &= ~(std::uint64_t{1} << (excluded_slot_.value() - first));
  }
  return mask;
}

bool FieldSlotView::id_before(SlotId a, SlotId b) const {
  // Versions of a record share its id, so the newest row will do.
  return segment_.row(field_.row_of(a)).id < segment_.row(field_.row_of(b)).id;
}

}  // namespace jade::engine
