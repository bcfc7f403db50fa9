// One moment of a shard, as a reader sees it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/id_map.h"
#include "engine/row_store.h"
#include "engine/vector_field.h"
#include "index/slot_view.h"

namespace jade::engine {

/// What a shard's views share and outlive the shard with.
struct ShardData {
  explicit ShardData(const std::vector<storage::VectorFieldDefinition>& definitions);

  RowStore rows;
  std::vector<std::unique_ptr<VectorField>> fields;
};

/// An immutable snapshot: the rows and vectors that were there at `sequence`. Taking one copies a shared pointer;
/// reading from it takes no lock. Safe from any thread.
struct ShardView {
  std::shared_ptr<const ShardData> data;
  std::shared_ptr<const IdTable> ids;
  std::uint64_t sequence = 0;
  std::uint64_t live_rows = 0;
  std::uint32_t rows = 0;
  /// Slots by field, in the order of the definition.
  std::vector<std::uint32_t> slots;

  /// The row of this id that the view sees, or kNoRow.
  RowId find(std::string_view id) const { return data->rows.version_at(ids->find(data->rows, id), sequence); }
  const Row& row(RowId id) const { return data->rows[id]; }
};

/// Answers an index's questions about one field's slots from a view. One thread only.
class FieldSlotView final : public index::SlotView {
 public:
  /// `excluded` is never a result (kNoRow: none), nor are slots from `end` on. The view outlives this.
  FieldSlotView(const ShardView& view, std::size_t field, RowId excluded, std::uint32_t end);
  FieldSlotView(const ShardView& view, std::size_t field, RowId excluded)
      : FieldSlotView(view, field, excluded, view.slots[field]) {}

  std::uint64_t visible_mask(std::uint32_t first) const override;
  bool visible(SlotId slot) const override;
  bool id_before(SlotId a, SlotId b) const override;

  /// The row that the view sees this slot through, or kNoRow.
  RowId row_at(SlotId slot) const;

 private:
  const ShardView& view_;
  const VectorField& field_;
  std::size_t field_index_;
  std::uint32_t end_;
  SlotId excluded_slot_ = kNoSlot;
};

}  // namespace jade::engine
