#include "engine/shard_view.h"

#include <bit>

namespace jade::engine {

ShardData::ShardData(const std::vector<storage::VectorFieldDefinition>& definitions) {
  for (const auto& definition : definitions) fields.push_back(std::make_unique<VectorField>(definition));
}

FieldSlotView::FieldSlotView(const ShardView& view, std::size_t field, RowId excluded, std::uint32_t end)
    : view_(view), field_(*view.data->fields[field]), field_index_(field), end_(end) {
  if (excluded != kNoRow) excluded_slot_ = view.row(excluded).slots[field];
}

RowId FieldSlotView::row_at(SlotId slot) const {
  const RowStore& rows = view_.data->rows;
  const RowId row = rows.version_at(field_.row_of(slot), view_.sequence);
  // The version that the view sees may be an older one with another vector.
  return row != kNoRow && rows[row].slots[field_index_] == slot ? row : kNoRow;
}

bool FieldSlotView::visible(SlotId slot) const {
  if (slot.value() >= end_ || slot == excluded_slot_) return false;
  if ((field_.released_mask(slot.value(), slot.value()) & 1) == 0) return true;
  // Released since the view was taken, or before? Only the row can tell.
  return field_.last_release() > view_.sequence && row_at(slot) != kNoRow;
}

std::uint64_t FieldSlotView::visible_mask(std::uint32_t first) const {
  if (first >= end_) return 0;
  const std::uint32_t count = end_ - first;
  const std::uint64_t inside = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  const std::uint64_t released = field_.released_mask(first, end_);
  std::uint64_t mask = inside & ~released;
  if (released != 0 && field_.last_release() > view_.sequence) {
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
  const RowStore& rows = view_.data->rows;
  return rows[field_.row_of(a)].id < rows[field_.row_of(b)].id;
}

}  // namespace jade::engine
