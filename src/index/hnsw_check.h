// Proves that a graph is what a search relies on.
#pragma once

#include <cstdint>

#include "index/hnsw_graph.h"
#include "jade/result.h"

namespace jade::index {

/// kDataCorrupted, naming the slot, unless in the graph over slots 0 .. size − 1: every edge leads to another node of
/// its layer, once; degrees and levels are within bounds and levels nest; the edges of the tree have both directions;
/// every node is reachable on the bottom layer from the entry point, and every twin from exactly one node. Not while
/// inserting.
Result<void> check_graph(const HnswGraph& graph, std::uint32_t size);

}  // namespace jade::index
