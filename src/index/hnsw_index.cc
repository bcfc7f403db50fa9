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

/// What indexes over the same vectors share.
struct HnswIndex::Shared {
  Shared(const IndexOptions& index_options, std::uint64_t level_seed, BlockMemory& memory)
      : ef_construction(index_options.ef_construction),
        seed(level_seed),
        graph(index_options.m, memory),
        duplicates(memory) {}
  explicit Shared(const GraphImage& image)
      : graph(image), duplicates(machine_memory()), size(image.shape.slots), is_fixed(true) {}

  const std::uint32_t ef_construction = 0;
  const std::uint64_t seed = 0;
  HnswGraph graph;
  DuplicateTable duplicates;
  std::atomic<std::uint32_t> size{0};
  const bool is_fixed = false;
};

HnswIndex::HnswIndex(const VectorArena& arena, const IndexOptions& options, std::uint64_t seed, BlockMemory& memory)
    : HnswIndex(arena, std::make_shared<Shared>(options, seed, memory)) {}

HnswIndex::HnswIndex(const VectorArena& arena, std::shared_ptr<Shared> shared)
    : arena_(arena),
      shared_(std::move(shared)),
      linker_(std::make_unique<HnswLinker>(shared_->graph, arena, shared_->ef_construction)) {}

HnswIndex::~HnswIndex() = default;

Result<std::unique_ptr<HnswIndex>> HnswIndex::open(const VectorArena& arena, const GraphImage& image) {
  JADE_RETURN_IF_ERROR(HnswGraph::check_image(image));
  if (image.shape.slots > arena.size()) {
    return Error(ErrorCode::kDataCorrupted, "graph: it has more slots than there are vectors");
  }
  return std::unique_ptr<HnswIndex>(new HnswIndex(arena, std::make_shared<Shared>(image)));
}

std::unique_ptr<HnswIndex> HnswIndex::over(const VectorArena& arena) const {
  JADE_CHECK(size() <= arena.size(), "the other arena has the same vectors");
  return std::unique_ptr<HnswIndex>(new HnswIndex(arena, shared_));
}

GraphShape HnswIndex::shape() const { return shared_->graph.shape(size()); }

Result<void> HnswIndex::visit_image(const HnswGraph::ImageVisitor& visitor) const {
  return shared_->graph.visit_image(size(), visitor);
}

Result<void> HnswIndex::insert(SlotId slot) {
  Shared& shared = *shared_;
  const std::uint32_t next = slot.value();
  JADE_CHECK(!shared.is_fixed && next == shared.size.load(std::memory_order_relaxed) && next < arena_.size(),
             "slots are linked in their order");
  const std::uint32_t level = level_of(next, shared.seed, shared.graph.m());
  if (!shared.graph.reserve(next, level) || !shared.duplicates.reserve(arena_)) {
    return Error(ErrorCode::kStorageFull, "no memory for another graph node");
  }
  if (const auto equal = shared.duplicates.find_or_add(arena_, next)) {
    shared.graph.add_twin(next, *equal);
  } else {
    shared.graph.add_node(next, level);
    linker_->link(next, level);
  }
  shared.size.store(next + 1, std::memory_order_release);
  return {};
}

std::uint32_t HnswIndex::size() const { return shared_->size.load(std::memory_order_acquire); }

Result<SearchHits> HnswIndex::search(const Scorer& scorer, const SlotView& view, const SearchOptions& options) const {
  SearchHits result;
  const auto entry = shared_->graph.entry();
  if (!entry.has_value() || options.k == 0) return result;
  WalkScratch& scratch = walk_scratch();
  const WalkGround ground{.graph = shared_->graph, .arena = arena_};
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
  result.hits = hits_of(candidates, view, options.k, max_rank_distance_for(arena_.metric(), options.max_distance));
  return result;
}

std::size_t HnswIndex::memory_bytes() const {
  return sizeof(*this) + sizeof(Shared) - sizeof(HnswGraph) + shared_->graph.memory_bytes() +
         shared_->duplicates.memory_bytes();
}

Result<void> HnswIndex::check_invariants() const { return check_graph(shared_->graph, size()); }

}  // namespace jade::index
