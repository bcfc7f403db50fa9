// What goes into and comes out of every index.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "base/cancellation.h"
#include "base/ids.h"

namespace jade::index {

/// A row that was found. `rank_distance` orders hits of one metric (smaller is closer): 1 − cos, L2 squared, −dot,
/// L1, differing bits. Scorer::reported_distance turns it into the distance that users see.
struct Hit {
  SlotId slot;
  float rank_distance = 0;

  friend bool operator==(const Hit&, const Hit&) = default;
};

/// What a search cost. Summed over segments and shards, shown by `explain` and metrics.
struct SearchCost {
  std::uint64_t distances = 0;
  std::uint64_t visited = 0;
};

struct SearchOptions {
  std::size_t k = 10;
  /// Graph only: candidates kept, raised to k.
  std::size_t ef = 64;
  /// Hits farther than this reported distance are left out.
  double max_distance = std::numeric_limits<double>::infinity();
  /// Optional; outlives the search.
  const Cancellation* cancellation = nullptr;
};

/// At most k hits, ordered by rank_distance, then by id (SlotView::id_before).
struct SearchHits {
  std::vector<Hit> hits;
  SearchCost cost;
};

}  // namespace jade::index
