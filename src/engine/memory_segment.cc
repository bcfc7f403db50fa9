#include "engine/memory_segment.h"

#include <utility>

namespace jade::engine {

MemorySegment::MemorySegment(const std::vector<storage::VectorFieldDefinition>& definitions) {
  for (const auto& definition : definitions) fields_.push_back(std::make_unique<VectorField>(definition));
}

RowInfo MemorySegment::row(RowId row) const {
  const Row& stored = rows_[row];
  return {.id = stored.id,
          .begin = stored.begin,
          .end = stored.end.load(std::memory_order_acquire),
          .created_at_us = stored.created_at_us,
          .updated_at_us = stored.updated_at_us,
          .previous = stored.previous};
}

std::optional<Tombstone> MemorySegment::tombstone(RowId row, std::uint64_t upto) const {
  const Row& stored = rows_[row];
  const std::uint64_t end = stored.end.load(std::memory_order_acquire);
  if (end > upto) return std::nullopt;
  return Tombstone{row, end, stored.ended_at_us, stored.end_reason};
}

RowId MemorySegment::append(RowStore::NewRow row) {
  row.previous = newest(row.id);
  const RowId added = rows_.append(std::move(row));
  if (added == kNoRow) return kNoRow;
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    const SlotId slot = rows_[added].slots[field];
    if (slot != kNoSlot) fields_[field]->hand_over(slot, added);
  }
  ids_.set(rows_, added);
  return added;
}

void MemorySegment::end_row(const Tombstone& tombstone, const SlotId* kept_slots) {
  if (is_frozen_) new_ends_.push_back(tombstone);
  Row& ended = rows_[tombstone.row];
  ended.ended_at_us = tombstone.time_us;
  ended.end_reason = tombstone.reason;
  ended.end.store(tombstone.sequence, std::memory_order_release);
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    const SlotId released = ended.slots[field];
    const bool kept = kept_slots != nullptr && kept_slots[field] == released;
    if (released != kNoSlot && !kept) fields_[field]->release(released, tombstone.sequence);
  }
}

}  // namespace jade::engine
