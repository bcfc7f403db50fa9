// One vector field of a segment: its vectors, which rows they belong to, and its index.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "base/ids.h"
#include "base/mutex.h"
#include "engine/row_store.h"
#include "engine/stable_vector.h"
#include "index/hnsw_index.h"
#include "index/vector_arena.h"
#include "storage/definition.h"

namespace jade::engine {

/// Vectors are appended by the shard's applying thread (or lie in a file) and are linked into the graph, in slot order,
/// by a background thread at its own pace; searches score what is not linked yet exactly. Any thread may search.
class VectorField {
 public:
  /// An empty field that grows.
  explicit VectorField(const storage::VectorFieldDefinition& definition);

  const storage::VectorFieldDefinition& definition() const { return definition_; }
  const index::VectorArena& arena() const { return arena_; }

  // The applying thread:

  /// Stores a vector for the row about to be appended. kNoSlot when memory cannot be had.
  SlotId append(std::span<const std::byte> vector, RowId row);
  /// A newer version of the record keeps this vector.
  void hand_over(SlotId slot, RowId row) { slot_rows_[slot.value()].store(row.value(), std::memory_order_release); }
  /// No current row uses this slot any more, from `sequence` on.
  void release(SlotId slot, std::uint64_t sequence);
  std::uint32_t slots() const { return arena_.size(); }

  // Any thread:

  /// The newest row that has this slot.
  RowId row_of(SlotId slot) const { return RowId(slot_rows_[slot.value()].load(std::memory_order_acquire)); }
  /// Bit i is set if slot first + i is no longer used by a current row, for slots below `end`.
  std::uint64_t released_mask(std::uint32_t first, std::uint32_t end) const;
  /// No slot was released after this position.
  std::uint64_t last_release() const { return last_release_.load(std::memory_order_acquire); }
  std::uint32_t released_slots() const { return released_count_.load(std::memory_order_relaxed); }

  /// The graph, or nullptr where there is none (yet).
  const index::HnswIndex* graph() const { return graph_.load(std::memory_order_acquire); }
  /// Slots that the graph holds.
  std::uint32_t indexed() const;
  std::size_t graph_bytes() const;
  /// Slots that wait to be linked; 0 where no graph is wanted (FLAT, or AUTO while small).
  std::uint32_t pending() const;

  // The indexing thread:

  /// Links up to `slots_max` slots. Returns how many, or why it stopped.
  Result<std::uint32_t> index_some(std::uint32_t slots_max) JADE_EXCLUDES(graph_mutex_);

 private:
  Result<bool> index_one() JADE_EXCLUDES(graph_mutex_);

  storage::VectorFieldDefinition definition_;
  index::VectorArena arena_;
  StableVector<std::atomic<std::uint32_t>> slot_rows_;
  StableVector<std::atomic<std::uint64_t>> released_;
  std::atomic<std::uint32_t> released_count_{0};
  std::atomic<std::uint64_t> last_release_{0};
  /// Held while a slot is linked.
  Mutex graph_mutex_;
  std::unique_ptr<index::HnswIndex> owned_graph_ JADE_GUARDED_BY(graph_mutex_);
  std::atomic<index::HnswIndex*> graph_{nullptr};
};

}  // namespace jade::engine
