// Exact search: every visible vector is scored.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "index/scorer.h"
#include "index/search.h"
#include "index/slot_view.h"
#include "index/vector_arena.h"

namespace jade::index {

/// The k closest visible slots in [first, end), exactly, ties by id. `end` is at most arena.size(). Fails only when
/// cancelled or past the deadline.
Result<SearchHits> flat_search(const VectorArena& arena, const Scorer& scorer, SlotId first, SlotId end,
                               const SlotView& view, const SearchOptions& options);

/// Joins lists that are each ordered by (distance, id) into the best k of them all.
std::vector<Hit> merge_hits(std::span<const std::vector<Hit>> lists, const SlotView& view, std::size_t k);

}  // namespace jade::index
