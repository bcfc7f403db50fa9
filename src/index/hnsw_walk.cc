#include "index/hnsw_walk.h"

namespace jade::index {
namespace {

// A hop takes a microsecond or less, a check about 25 ns where there is a deadline.
constexpr std::uint64_t kHopsPerCheck = 64;

/// Prefetches the beginning of a vector; the kernel asks for the rest in time.
void prefetch_vector(const std::byte* row) {
  __builtin_prefetch(row);
  __builtin_prefetch(row + 64);
}

/// Takes the neighbours for which `is_new(slot)` and scores them.
template <class IsNew>
void meet(const WalkGround& ground, const Scorer& scorer, const EdgeList& edges, IsNew is_new, Neighbourhood& met,
          SearchCost& cost) {
  std::size_t count = 0;
  // About every second neighbour is new, which no branch predictor guesses: so each is written, and only counted if
  // new.
  for (std::uint32_t i = 0; i < edges.capacity(); ++i) {
    const Edge edge = edges[i];
    if (!edge.exists()) break;
    met.slots.data()[count] = SlotId(edge.slot());
    count += is_new(edge.slot()) ? 1 : 0;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const std::byte* row = ground.arena.vector(met.slots.data()[i]);
    prefetch_vector(row);
    met.rows.data()[i] = row;
  }
  met.count = count;
  scorer.rank_distances(std::span(met.slots).first(count), met.rows.data(), std::span(met.distances).first(count));
  cost.distances += count;
  ++cost.visited;
}

/// Expands one candidate.
template <class IsVisible>
void hop(const WalkGround& ground, const Scorer& scorer, const EdgeList& edges, IsVisible is_visible,
         WalkScratch& scratch, SearchCost& cost) {
  const Neighbourhood& met = scratch.neighbours;
  meet(
      ground, scorer, edges, [&](std::uint32_t slot) { return scratch.visited.insert(slot); }, scratch.neighbours,
      cost);
  for (std::size_t i = 0; i < met.count; ++i) {
    if (!scratch.pool.admits(met.distances[i])) continue;
    const std::uint32_t slot = met.slots[i].value();
    scratch.pool.insert({.distance = met.distances[i], .slot = slot}, is_visible(slot));
  }
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

Candidate descend(const WalkGround& ground, const Scorer& scorer, const Descent& descent, WalkScratch& scratch,
                  SearchCost& cost) {
  const Neighbourhood& met = scratch.neighbours;
  Candidate best = descent.start;
  for (std::uint32_t level = descent.from_level + 1; level-- > descent.to_level;) {
    for (bool closer = true; closer;) {
      closer = false;
      const auto all = [](std::uint32_t) { return true; };
      meet(ground, scorer, ground.graph.edges(best.slot, level), all, scratch.neighbours, cost);
      for (std::size_t i = 0; i < met.count; ++i) {
        if (met.distances[i] >= best.distance) continue;
        best = {.distance = met.distances[i], .slot = met.slots[i].value()};
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
