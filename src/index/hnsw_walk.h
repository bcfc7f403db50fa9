// Walking the graph towards a query.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "index/candidate_pool.h"
#include "index/hnsw_graph.h"
#include "index/scorer.h"
#include "index/search.h"
#include "index/slot_view.h"
#include "index/vector_arena.h"
#include "index/visited_set.h"

namespace jade::index {

/// The neighbours of one node that a walk has not met, and their distances. Arrays, filled up to `count`: they are
/// written on every hop and never cleared.
struct Neighbourhood {
  std::size_t count = 0;
  std::array<SlotId, HnswGraph::kEdgesMax> slots;
  std::array<const std::byte*, HnswGraph::kEdgesMax> rows;
  std::array<float, HnswGraph::kEdgesMax> distances;
};

/// Memory of a walk, reused by the next one of the same thread. Kept by threads, not by indexes: it grows to two bytes
/// a slot of the largest index that the thread has searched.
struct WalkScratch {
  VisitedSet visited;
  CandidatePool pool;
  Neighbourhood neighbours;
};

/// This thread's scratch.
WalkScratch& walk_scratch();

/// A graph and the vectors of its nodes. Both outlive this.
struct WalkGround {
  const HnswGraph& graph;
  const VectorArena& arena;
};

struct Descent {
  Candidate start;
  std::uint32_t from_level;
  std::uint32_t to_level;
};

/// Goes to the closest neighbour, on each layer from `from_level` down to `to_level`, until none is closer.
Candidate descend(const WalkGround& ground, const Scorer& scorer, const Descent& descent, WalkScratch& scratch,
                  SearchCost& cost);

/// The up to `ef` closest nodes of a layer that are found from `start`, by distance. Valid until the scratch is used.
std::span<const Candidate> walk_to_link(const WalkGround& ground, const Scorer& scorer, Candidate start,
                                        std::uint32_t level, std::size_t ef, WalkScratch& scratch);

struct WalkToSearch {
  Candidate start;
  std::size_t ef;
  const SlotView& view;
  const Cancellation* cancellation;
};

/// The up to `ef` closest visible slots of the bottom layer that are found from the start, twins included. Walks on
/// through invisible ones until there are `ef`, or nothing is left.
Result<std::span<const Candidate>> walk_to_search(const WalkGround& ground, const Scorer& scorer,
                                                  const WalkToSearch& options, WalkScratch& scratch, SearchCost& cost);

}  // namespace jade::index
