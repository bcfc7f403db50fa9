#include "engine/row_store.h"

#include <utility>

namespace jade::engine {

RowId RowStore::append(NewRow row) {
  // An id that the record had before is already here: versions share it.
  const auto id = row.previous == kNoRow ? bytes_.store(row.id) : std::optional(rows_[row.previous.value()].id);
  const auto metadata = bytes_.store(row.metadata);
  if (!id || !metadata) return kNoRow;
  const RowId result{rows_.size()};
  Row* stored = rows_.grow();
  if (stored == nullptr) return kNoRow;
  stored->id = *id;
  stored->metadata = *metadata;
  stored->begin = row.begin;
  stored->created_at_us = row.created_at_us;
  stored->updated_at_us = row.updated_at_us;
  stored->previous = row.previous;
  stored->slots = std::move(row.slots);
  return result;
}

}  // namespace jade::engine
