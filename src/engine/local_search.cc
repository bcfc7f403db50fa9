// How a shard answers a search: exactly, or by its graph with the rows newer than the graph scored exactly.

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "engine/local_shard.h"
#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "index/scorer.h"

namespace jade::engine {
namespace {

// Up to here scanning costs no more than walking a graph, and is exact: a few microseconds at 100-d.
constexpr std::uint64_t kExactSlots = 1'000;

struct Found {
  std::vector<index::Hit> hits;
  IndexType index_used = IndexType::kFlat;
  std::uint64_t distances = 0;
};

Result<Found> scan(const ShardView& view, std::size_t field, const index::Scorer& scorer, const index::SlotView& slots,
                   const index::SearchOptions& options) {
  JADE_ASSIGN_OR_RETURN(index::SearchHits exact,
                        index::flat_search(view.data->fields[field]->arena(), scorer, SlotId(0),
                                           SlotId(view.slots[field]), slots, options));
  return Found{std::move(exact.hits), IndexType::kFlat, exact.cost.distances};
}

/// The graph for the slots below `indexed`, the scan for those after.
Result<Found> walk(const ShardView& view, std::size_t field, RowId excluded, std::uint32_t indexed,
                   const index::Scorer& scorer, const index::SearchOptions& options) {
  const VectorField& vectors = *view.data->fields[field];
  // The graph may have grown since `indexed` was read: those slots belong to the scan.
  const FieldSlotView linked(view, field, excluded, indexed);
  JADE_ASSIGN_OR_RETURN(index::SearchHits near, vectors.graph()->search(scorer, linked, options));
  const FieldSlotView all(view, field, excluded);
  JADE_ASSIGN_OR_RETURN(index::SearchHits tail, index::flat_search(vectors.arena(), scorer, SlotId(indexed),
                                                                   SlotId(view.slots[field]), all, options));
  const std::uint64_t distances = near.cost.distances + tail.cost.distances;
  const std::array lists = {std::move(near.hits), std::move(tail.hits)};
  return Found{index::merge_hits(lists, all, options.k), IndexType::kHnsw, distances};
}

}  // namespace

Result<SearchResponse> LocalShard::search_view(const ShardView& view, const SearchRequest& request,
                                               const Cancellation& cancellation) const {
  const auto& fields = view.data->fields;
  const auto found_field = std::ranges::find(fields, request.field, [](const auto& f) { return f->definition().id; });
  if (found_field == fields.end()) return Error(ErrorCode::kInternal, "the shard has no such vector field");
  const VectorField& vectors = **found_field;
  if (request.query.size() != vectors.arena().vector_bytes()) {
    return Error(ErrorCode::kInternal, "the query has another dimension than the field");
  }
  const auto field = static_cast<std::size_t>(found_field - fields.begin());

  const RowId excluded = request.excluded_id.empty() ? kNoRow : view.find(request.excluded_id);
  const index::Scorer scorer(vectors.arena(), request.query);
  const index::SearchOptions options{
      .k = request.k,
      .ef = std::max<std::size_t>(request.k, request.ef == 0 ? vectors.definition().index.ef_search : request.ef),
      .max_distance = request.max_distance,
      .cancellation = &cancellation};

  const std::uint32_t slots = view.slots[field];
  const std::uint32_t indexed = std::min(vectors.indexed(), slots);
  const std::uint64_t used = slots - std::min(vectors.released_slots(), slots);
  const bool by_graph = !request.exact && indexed > 0 && used > std::max<std::uint64_t>(kExactSlots, request.k);
  JADE_ASSIGN_OR_RETURN(const Found found,
                        by_graph ? walk(view, field, excluded, indexed, scorer, options)
                                 : scan(view, field, scorer, FieldSlotView(view, field, excluded), options));

  const FieldSlotView rows(view, field, excluded);
  SearchResponse response{.hits = {}, .index_used = found.index_used, .distances = found.distances};
  response.hits.reserve(found.hits.size());
  for (const index::Hit& hit : found.hits) {
    response.hits.push_back({hit.rank_distance, stored_record(view, rows.row_at(hit.slot), request.include_vectors,
                                                              request.include_metadata)});
  }
  return response;
}

}  // namespace jade::engine
