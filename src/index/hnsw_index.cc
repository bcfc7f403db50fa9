#include "index/hnsw_index.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "base/check.h"
#include "base/random.h"
#include "index/duplicate_table.h"
#include "index/hit_order.h"
#include "index/hnsw_check.h"
#include "index/hnsw_graph.h"
#include "index/hnsw_linker.h"
#include "index/hnsw_walk.h"

namespace jade::index {
namespace {

/// Draws a level so that each layer holds one m-th of the layer below (the paper's choice, mL = 1 / ln m).
std::uint32_t level_of(std::uint32_t slot, std::uint64_t seed, std::uint32_t m) {
  SeededRandom random(seed + slot * 0x9E3779B97F4A7C15U);
  const double uniform = 1.0 - random.next_double();
  const double level = -std::log(uniform) / std::log(static_cast<double>(m));
  return std::min(static_cast<std::uint32_t>(level), HnswGraph::kLevelsMax - 1);
}

/// The best k by distance and id of candidates that are ordered by distance.
std::vector<Hit> hits_of(std::span<const Candidate> candidates, const SlotView& view, std::size_t k, float limit) {
  std::vector<Hit> hits;
  for (const Candidate& candidate : candidates) {
    const bool tied = !hits.empty() && hits.back().rank_distance == candidate.distance;
    if (candidate.distance > limit || (hits.size() >= k && !tied)) break;
    hits.push_back({.slot = SlotId(candidate.slot), .rank_distance = candidate.distance});
  }
  std::ranges::sort(hits, HitOrder(view));
  hits.resize(std::min(hits.size(), k));
  return hits;
}

}  // namespace

struct HnswIndex::State {
  State(const VectorArena& vectors, const IndexOptions& index_options, std::uint64_t level_seed, BlockMemory& memory)
      : arena(vectors),
        seed(level_seed),
        graph(index_options.m, memory),
        duplicates(vectors, memory),
        linker(graph, vectors, index_options.ef_construction) {}

  const VectorArena& arena;
  const std::uint64_t seed;
  HnswGraph graph;
  DuplicateTable duplicates;
  HnswLinker linker;
  std::atomic<std::uint32_t> size{0};
};

HnswIndex::HnswIndex(const VectorArena& arena, const IndexOptions& options, std::uint64_t seed, BlockMemory& memory)
    : state_(std::make_unique<State>(arena, options, seed, memory)) {}

HnswIndex::~HnswIndex() = default;

Result<void> HnswIndex::insert(SlotId slot) {
  State& state = *state_;
  const std::uint32_t next = slot.value();
  JADE_CHECK(next == state.size.load(std::memory_order_relaxed) && next < state.arena.size(),
             "slots are linked in their order");
  const std::uint32_t level = level_of(next, state.seed, state.graph.m());
  if (!state.graph.reserve(next, level) || !state.duplicates.reserve()) {
    return Error(ErrorCode::kStorageFull, "no memory for another graph node");
  }
  if (const auto equal = state.duplicates.find_or_add(next)) {
    state.graph.add_twin(next, *equal);
  } else {
    state.graph.add_node(next, level);
    state.linker.link(next, level);
  }
  state.size.store(next + 1, std::memory_order_release);
  return {};
}

std::uint32_t HnswIndex::size() const { return state_->size.load(std::memory_order_acquire); }

Result<SearchHits> HnswIndex::search(const Scorer& scorer, const SlotView& view, const SearchOptions& options) const {
  SearchHits result;
  const auto entry = state_->graph.entry();
  if (!entry.has_value() || options.k == 0) return result;
  WalkScratch& scratch = walk_scratch();
  const WalkGround ground{.graph = state_->graph, .arena = state_->arena};
  Candidate start{.distance = scorer.rank_distance(SlotId(entry->slot)), .slot = entry->slot};
  ++result.cost.distances;
  if (entry->level > 0) {
    const Descent descent{.start = start, .from_level = entry->level, .to_level = 1};
    start = descend(ground, scorer, descent, scratch, result.cost);
  }
  JADE_ASSIGN_OR_RETURN(
      const auto candidates,
      walk_to_search(
          ground, scorer,
          {.start = start, .ef = std::max(options.ef, options.k), .view = view, .cancellation = options.cancellation},
          scratch, result.cost));
  result.hits =
      hits_of(candidates, view, options.k, max_rank_distance_for(state_->arena.metric(), options.max_distance));
  return result;
}

std::size_t HnswIndex::memory_bytes() const {
  return sizeof(*this) + sizeof(State) - sizeof(HnswGraph) + state_->graph.memory_bytes() +
         state_->duplicates.memory_bytes();
}

Result<void> HnswIndex::check_invariants() const { return check_graph(state_->graph, size()); }

}  // namespace jade::index
