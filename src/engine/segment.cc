#include "engine/segment.h"

namespace jade::engine {

RowId Segment::version_at(RowId newest, std::uint64_t sequence) const {
  for (RowId at = newest; at != kNoRow;) {
    const RowInfo version = row(at);
    if (version.begin <= sequence) return version.seen_at(sequence) ? at : kNoRow;
    at = version.previous;
  }
  return kNoRow;
}

void Segment::release_slots(const Tombstone& tombstone, const SlotId* kept_slots) {
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    const SlotId released = slot(tombstone.row, field);
    const bool kept = kept_slots != nullptr && kept_slots[field] == released;
    if (released != kNoSlot && !kept) fields_[field]->release(released, tombstone.sequence);
  }
}

}  // namespace jade::engine
