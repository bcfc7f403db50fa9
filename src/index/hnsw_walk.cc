#include "index/hnsw_walk.h"

#include <array>

namespace jade::index {
namespace {

// A hop takes a microsecond or less, a check about 25 ns where there is a deadline.
constexpr std::uint64_t kHopsPerCheck = 64;

/// Prefetches the beginning of a vector; the kernel asks for the rest in time.
void prefetch_vector(const std::byte* row) {
  __builtin_prefetch(row);
  __builtin_prefetch(row + 64);
}

/// The neighbours of one node that the walk has not met, and their distances.
class Neighbourhood {
 public:
  /// `is_new(slot)` says whether to take a neighbour.
  template <class IsNew>
  void gather(const VectorArena& arena, const EdgeList& edges, IsNew is_new) {
    count_ = 0;
    for (std::uint32_t i = 0; i < edges.capacity(); ++i) {
      const Edge edge = edges[i];
      if (!edge.exists()) break;
      if (!is_new(edge.slot())) continue;
      const SlotId slot(edge.slot());
      const std::byte* row = arena.vector(slot);
      prefetch_vector(row);
      slots_[count_] = slot;
      rows_[count_] = row;
      ++count_;
    }
  }

  void score(const Scorer& scorer, SearchCost& cost) {
    scorer.rank_distances(std::span(slots_).first(count_), rows_.data(), std::span(distances_).first(count_));
    cost.distances += count_;
  }

  std::size_t count() const { return count_; }
  Candidate operator[](std::size_t i) const { return {.distance = distances_[i], .slot = slots_[i].value()}; }

 private:
  std::size_t count_ = 0;
  std::array<SlotId, HnswGraph::kEdgesMax> slots_;
  std::array<const std::byte*, HnswGraph::kEdgesMax> rows_;
  std::array<float, HnswGraph::kEdgesMax> distances_;
};

/// Expands one candidate.
template <class IsVisible>
void hop(const WalkGround& ground, const Scorer& scorer, const EdgeList& edges, IsVisible is_visible,
         WalkScratch& scratch, SearchCost& cost) {
  Neighbourhood neighbours;
  neighbours.gather(ground.arena, edges, [&](std::uint32_t slot) { return scratch.visited.insert(slot); });
  neighbours.score(scorer, cost);
  for (std::size_t i = 0; i < neighbours.count(); ++i) {
    const Candidate candidate = neighbours[i];
    if (scratch.pool.admits(candidate.distance)) scratch.pool.insert(candidate, is_visible(candidate.slot));
  }
  ++cost.visited;
}

/// Offers the visible twins of a candidate, until no more of them can enter.
void offer_twins(const HnswGraph& graph, Candidate candidate, const SlotView& view, CandidatePool& pool) {
  const auto next_of = [&](std::uint32_t slot) { return graph.node(slot).next_twin.load(std::memory_order_acquire); };
  for (std::uint32_t next = next_of(candidate.slot); next != 0; next = next_of(next - 1)) {
    if (!pool.admits(candidate.distance)) return;
    if (view.visible(SlotId(next - 1))) {
      pool.insert_expanded({.distance = candidate.distance, .slot = next - 1});
    }
  }
}

}  // namespace

WalkScratch& walk_scratch() {
  thread_local WalkScratch scratch;
  return scratch;
}

Candidate descend(const WalkGround& ground, const Scorer& scorer, Candidate start, std::uint32_t from_level,
                  std::uint32_t to_level, SearchCost& cost) {
  Neighbourhood neighbours;
  Candidate best = start;
  for (std::uint32_t level = from_level + 1; level-- > to_level;) {
    for (bool closer = true; closer;) {
      closer = false;
      neighbours.gather(ground.arena, ground.graph.edges(best.slot, level), [](std::uint32_t) { return true; });
      neighbours.score(scorer, cost);
      ++cost.visited;
      for (std::size_t i = 0; i < neighbours.count(); ++i) {
        if (neighbours[i].distance >= best.distance) continue;
        best = neighbours[i];
        closer = true;
      }
    }
  }
  return best;
}

std::span<const Candidate> walk_to_link(const WalkGround& ground, const Scorer& scorer, Candidate start,
                                        std::uint32_t level, std::size_t ef, WalkScratch& scratch) {
  scratch.visited.reset(ground.arena.size());
  scratch.pool.reset(ef);
  scratch.visited.insert(start.slot);
  scratch.pool.insert(start, true);
  SearchCost cost;
  while (const auto candidate = scratch.pool.pop()) {
    hop(ground, scorer, ground.graph.edges(candidate->slot, level), [](std::uint32_t) { return true; }, scratch, cost);
    if (const auto next = scratch.pool.next()) __builtin_prefetch(ground.graph.bottom_edges(*next).address());
  }
  return scratch.pool.visible();
}

Result<std::span<const Candidate>> walk_to_search(const WalkGround& ground, const Scorer& scorer,
                                                  const WalkToSearch& options, WalkScratch& scratch, SearchCost& cost) {
  const auto is_visible = [&](std::uint32_t slot) { return options.view.visible(SlotId(slot)); };
  scratch.visited.reset(ground.arena.size());
  scratch.pool.reset(options.ef);
  scratch.visited.insert(options.start.slot);
  scratch.pool.insert(options.start, is_visible(options.start.slot));
  const bool has_twins = ground.graph.has_twins();
  for (std::uint64_t hops = 0;; ++hops) {
    if (options.cancellation != nullptr && hops % kHopsPerCheck == 0) {
      JADE_RETURN_IF_ERROR(options.cancellation->check());
    }
    const auto candidate = scratch.pool.pop();
    if (!candidate.has_value()) break;
    if (has_twins) offer_twins(ground.graph, *candidate, options.view, scratch.pool);
    hop(ground, scorer, ground.graph.bottom_edges(candidate->slot), is_visible, scratch, cost);
    if (const auto next = scratch.pool.next()) {
      const auto* edges = static_cast<const std::byte*>(ground.graph.bottom_edges(*next).address());
      __builtin_prefetch(edges);
      __builtin_prefetch(edges + 64);
    }
  }
  return scratch.pool.visible();
}

}  // namespace jade::index
