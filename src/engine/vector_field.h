// One vector field of a segment: its vectors, which rows they belong to, and its index.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/ids.h"
#include "base/mutex.h"
#include "engine/row_store.h"
#include "engine/stable_vector.h"
#include "index/hnsw_index.h"
#include "index/vector_arena.h"
#include "storage/definition.h"
#include "storage/mapped_column.h"

namespace jade::engine {

/// Vectors are appended by the shard's applying thread (or lie in a file) and are linked into the graph, in slot order,
/// by a background thread at its own pace; searches score what is not linked yet exactly. Any thread may search.
class VectorField {
 public:
  /// A field whose vectors lie in a file, with the newest row of each slot; no column: slot and row have one number.
  VectorField(const storage::VectorFieldDefinition& definition, const index::FixedVectors& vectors,
              std::optional<storage::MappedColumn<std::uint32_t>> slot_rows);
  /// False when there was no memory for a field whose vectors lie in a file: then it is not to be used.
  bool has_memory() const { return has_memory_; }
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
  RowId row_of(SlotId slot) const;
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

  /// Takes over the graph of a field with the same vectors in the same slots, which is not added to any more.
  void take_over_graph(VectorField& from);
  /// Uses a graph that was built before. Before anybody searches.
  void use_graph(std::unique_ptr<index::HnswIndex> graph) JADE_EXCLUDES(graph_mutex_);

  // The indexing thread:

  /// Links up to `slots_max` slots. Returns how many, or why it stopped.
  Result<std::uint32_t> index_some(std::uint32_t slots_max) JADE_EXCLUDES(graph_mutex_);

 private:
  Result<bool> index_one() JADE_EXCLUDES(graph_mutex_);

  storage::VectorFieldDefinition definition_;
  index::VectorArena arena_;
  StableVector<std::atomic<std::uint32_t>> slot_rows_;
  const bool is_fixed_ = false;
  bool has_memory_ = true;
  std::optional<storage::MappedColumn<std::uint32_t>> fixed_slot_rows_;
  StableVector<std::atomic<std::uint64_t>> released_;
  std::atomic<std::uint32_t> released_count_{0};
  std::atomic<std::uint64_t> last_release_{0};
  /// Held while a slot is linked.
  Mutex graph_mutex_;
  std::unique_ptr<index::HnswIndex> owned_graph_ JADE_GUARDED_BY(graph_mutex_);
  /// Another field goes on with it.
  bool graph_was_taken_ JADE_GUARDED_BY(graph_mutex_) = false;
  std::atomic<index::HnswIndex*> graph_{nullptr};
};

}  // namespace jade::engine
