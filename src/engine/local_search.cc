// How a shard answers a search: exactly, or by its graph with the rows newer than the graph scored exactly.

#include <algorithm>
#include <array>
#include <span>
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

/// A search of one field in one segment of a view.
struct SegmentSearch {
  const ShardView& view;
  FieldSlotView::Place place;
  RowRef excluded;
  const index::SearchOptions& options;

  const VectorField& field() const { return view.segment(place.segment).field(place.field); }
  std::uint32_t slots() const { return view.slots(place.segment, place.field); }
};

struct Found {
  std::vector<index::Hit> hits;
  IndexType index_used = IndexType::kFlat;
  std::uint64_t distances = 0;
};

Result<Found> scan(const SegmentSearch& search, const index::Scorer& scorer) {
  const FieldSlotView all(search.view, search.place, search.excluded);
  JADE_ASSIGN_OR_RETURN(index::SearchHits exact, index::flat_search(search.field().arena(), scorer, SlotId(0),
                                                                    SlotId(search.slots()), all, search.options));
  return Found{std::move(exact.hits), IndexType::kFlat, exact.cost.distances};
}

/// The graph for the slots below `indexed`, the scan for those after.
Result<Found> walk(const SegmentSearch& search, const index::Scorer& scorer, std::uint32_t indexed) {
  // The graph may have grown since `indexed` was read: those slots belong to the scan.
  const FieldSlotView linked(search.view, search.place, search.excluded, indexed);
  JADE_ASSIGN_OR_RETURN(index::SearchHits near, search.field().graph()->search(scorer, linked, search.options));
  const FieldSlotView all(search.view, search.place, search.excluded);
  JADE_ASSIGN_OR_RETURN(index::SearchHits tail, index::flat_search(search.field().arena(), scorer, SlotId(indexed),
                                                                   SlotId(search.slots()), all, search.options));
  const std::uint64_t distances = near.cost.distances + tail.cost.distances;
  const std::array lists = {std::move(near.hits), std::move(tail.hits)};
  return Found{index::merge_hits(lists, all, search.options.k), IndexType::kHnsw, distances};
}

Result<Found> search_segment(const SegmentSearch& search, std::span<const std::byte> query, bool exact) {
  const VectorField& field = search.field();
  const index::Scorer scorer(field.arena(), query);
  const std::uint32_t indexed = std::min(field.indexed(), search.slots());
  const std::uint64_t used = search.slots() - std::min(field.released_slots(), search.slots());
  const bool by_graph = !exact && indexed > 0 && used > std::max<std::uint64_t>(kExactSlots, search.options.k);
  return by_graph ? walk(search, scorer, indexed) : scan(search, scorer);
}

/// A hit before its record is read.
struct RankedRow {
  float rank_distance = 0;
  std::string_view id;
  RowRef row;
};

/// The best k of what the segments found, by (distance, id).
std::vector<RankedRow> best_of(std::vector<RankedRow> all, std::size_t k) {
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(k, all.size()));
  std::ranges::partial_sort(all, end, [](const RankedRow& a, const RankedRow& b) {
    if (a.rank_distance != b.rank_distance) return a.rank_distance < b.rank_distance;
    return a.id < b.id;
  });
  all.erase(end, all.end());
  return all;
}

}  // namespace

Result<SearchResponse> LocalShard::search_view(const ShardView& view, const SearchRequest& request,
                                               const Cancellation& cancellation) const {
  const auto found_field = std::ranges::find(fields_, request.field, &storage::VectorFieldDefinition::id);
  if (found_field == fields_.end()) return Error(ErrorCode::kInternal, "the shard has no such vector field");
  const auto field = static_cast<std::size_t>(found_field - fields_.begin());
  if (request.query.size() != view.growing->field(field).arena().vector_bytes()) {
    return Error(ErrorCode::kInternal, "the query has another dimension than the field");
  }
  const index::SearchOptions options{
      .k = request.k,
      .ef = std::max<std::size_t>(request.k, request.ef == 0 ? found_field->index.ef_search : request.ef),
      .max_distance = request.max_distance,
      .cancellation = &cancellation};
  const RowRef excluded = request.excluded_id.empty() ? RowRef() : view.find(request.excluded_id);

  SearchResponse response;
  std::vector<RankedRow> ranked;
  for (std::size_t i = 0; i < view.segments(); ++i) {
    const SegmentSearch search{.view = view, .place = {i, field}, .excluded = excluded, .options = options};
    JADE_ASSIGN_OR_RETURN(const Found found, search_segment(search, request.query, request.exact));
    response.distances += found.distances;
    if (found.index_used == IndexType::kHnsw) response.index_used = IndexType::kHnsw;
    const FieldSlotView slots(view, search.place, excluded);
    for (const index::Hit& hit : found.hits) {
      const RowRef row{i, slots.row_at(hit.slot)};
      // Damage can hide a row from its slot; then the segment is not whole.
      if (row.exists()) ranked.push_back({hit.rank_distance, view.row(row).id, row});
    }
  }
  JADE_RETURN_IF_ERROR(view.whole());
  for (const RankedRow& best : best_of(std::move(ranked), request.k)) {
    JADE_ASSIGN_OR_RETURN(StoredRecord record,
                          stored_record(view, best.row, request.include_vectors, request.include_metadata));
    response.hits.push_back({best.rank_distance, std::move(record)});
  }
  return response;
}

}  // namespace jade::engine
