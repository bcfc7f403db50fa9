// Linking a new node into the graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "index/hnsw_walk.h"

namespace jade::index {

/// The writer's side of the graph. One thread only, the one that inserts.
///
/// Neighbours are chosen by the paper's Algorithm 4 (closest first, none that is clearly closer to a chosen one than to
/// the new node; what room remains goes to the closest of the refused, the fillers). Two things differ from the paper:
///
/// - A full list is not chosen anew when an edge arrives. The fillers are marked, so it is known which edge goes next:
///   one comparison with each neighbour instead of all pairs.
/// - Every node but the first has a parent, close to it, and the edges between the two stay for ever. A parent has at
///   most m children, so that others always have room. The bottom layer is therefore connected, from any node to any
///   other, whatever is pruned and whatever a concurrent reader sees; for inner products too, where a short vector is
///   nobody's neighbour by distance.
class HnswLinker {
 public:
  /// All outlive this.
  HnswLinker(HnswGraph& graph, const VectorArena& arena, std::uint32_t ef_construction);

  /// Links a node that the graph has room for and that has no edges yet.
  void link(std::uint32_t slot, std::uint32_t level);

 private:
  struct Chosen {
    Candidate candidate;
    std::uint32_t flags;
  };
  /// A neighbour list's distances from its own node and from the arriving one.
  struct Distances {
    std::vector<float> from_node;
    std::vector<float> from_new;
  };

  /// Chooses up to `count` of the candidates, which are ordered by distance, into chosen_.
  void choose(std::span<const Candidate> candidates, std::size_t count);
  bool is_shadowed(const Candidate& candidate) const;
  /// Whether an edge is needless because a neighbour lies `between` away from its end, the node `distance`.
  bool shadows(float between, float distance) const { return clearly_ * between < distance; }
  /// The bottom-layer node that will keep the new one reachable, put into chosen_.
  void choose_parent(std::span<const Candidate> candidates, const Scorer& scorer);
  std::uint32_t node_with_room(std::uint32_t from) const;
  void write_edges(std::uint32_t slot, std::uint32_t level);
  void add_back_edges(const Scorer& scorer, std::uint32_t slot, std::uint32_t level);
  void add_edge(const EdgeList& edges, std::uint32_t node, const Scorer& new_scorer, Candidate arriving,
                std::uint32_t flags);
  /// Which edge of a full list gives way; its capacity if none does.
  std::uint32_t edge_to_replace(const EdgeList& edges, float distance, std::uint32_t flags) const;

  HnswGraph& graph_;
  const VectorArena& arena_;
  const std::uint32_t ef_construction_;
  const float clearly_;
  std::vector<Chosen> chosen_;
  std::vector<Candidate> refused_;
  std::vector<SlotId> neighbour_slots_;
  Distances distances_;
};

}  // namespace jade::index
