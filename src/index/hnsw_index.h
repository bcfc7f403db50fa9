// Hierarchical navigable small world graph (Malkov and Yashunin, arXiv 1603.09320), grown in place.
#pragma once

#include <cstdint>
#include <memory>

#include "index/hnsw_graph.h"
#include "index/scorer.h"
#include "index/search.h"
#include "index/slot_view.h"
#include "index/vector_arena.h"
#include "jade/types.h"

namespace jade::index {

class HnswLinker;

/// A graph over an arena's slots 0 .. size()−1, linked in slot order. One thread inserts; any number of threads search
/// at the same time without locks. Deleted slots stay in the graph as way-points; SlotView keeps them out of results.
class HnswIndex {
 public:
  /// The arena and the memory outlive the index. `seed` fixes the levels, so that equal inserts give equal graphs.
  HnswIndex(const VectorArena& arena, const IndexOptions& options, std::uint64_t seed,
            BlockMemory& memory = machine_memory());
  ~HnswIndex();

  /// A graph that was built before: nothing can be inserted. What the image refers to outlives the index, as does the
  /// arena, which has the vectors that the graph was built over. kDataCorrupted if the image is not a graph over them.
  static Result<std::unique_ptr<HnswIndex>> open(const VectorArena& arena, const GraphImage& image);
  /// The same graph over another arena with the same vectors in the same slots, or more. The two share what is linked;
  /// from now on only the new one is inserted into.
  std::unique_ptr<HnswIndex> over(const VectorArena& arena) const;

  /// The graph, to be written down. Not while inserting.
  GraphShape shape() const;
  Result<void> visit_image(const HnswGraph::ImageVisitor& visitor) const;

  /// Links the next slot: `slot` equals size() and is in the arena. Writer only. kStorageFull when memory cannot be
  /// had; nothing has changed then.
  Result<void> insert(SlotId slot);

  /// Slots below this are linked and found by searches that start later (acquire).
  std::uint32_t size() const;

  /// The closest visible slots, approximately. Returns min(k, visible) hits within max_distance of those that a search
  /// finds (every linked slot can be reached): slots that are not visible are walked through and do not use up ef.
  /// Fails only when cancelled or past the deadline.
  Result<SearchHits> search(const Scorer& scorer, const SlotView& view, const SearchOptions& options) const;

  /// The graph without the vectors. Exact between inserts.
  std::size_t memory_bytes() const;

  /// Checks the invariants: degrees within bounds, no self or duplicate edges, levels nest, every node is reachable on
  /// the bottom layer from the entry point. For tests and `fsck`; not while inserting.
  Result<void> check_invariants() const;

 private:
  struct Shared;
  HnswIndex(const VectorArena& arena, std::shared_ptr<Shared> shared);

  const VectorArena& arena_;
  std::shared_ptr<Shared> shared_;
  /// Of the inserting thread.
  std::unique_ptr<HnswLinker> linker_;
};

}  // namespace jade::index
