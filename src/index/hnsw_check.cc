#include "index/hnsw_check.h"

#include <algorithm>
#include <string>
#include <vector>

namespace jade::index {
namespace {

Error broken(std::uint32_t slot, const std::string& what) {
  return {ErrorCode::kDataCorrupted, "graph node " + std::to_string(slot) + ": " + what};
}

class Check {
 public:
  Check(const HnswGraph& graph, std::uint32_t size) : graph_(graph), size_(size) {}

  Result<void> run() {
    const auto entry = graph_.entry();
    if (!entry.has_value()) return size_ == 0 ? Result<void>() : broken(0, "there is no entry point");
    if (entry->slot >= size_ || graph_.node(entry->slot).level != entry->level) {
      return broken(entry->slot, "it is no entry point");
    }
    for (std::uint32_t slot = 0; slot < size_; ++slot) {
      if (is_twin(slot)) continue;
      if (graph_.node(slot).level > entry->level) return broken(slot, "it is above the entry point");
      for (std::uint32_t level = 0; level <= graph_.node(slot).level; ++level) {
        JADE_RETURN_IF_ERROR(check_edges(slot, level));
      }
      JADE_RETURN_IF_ERROR(check_tree(slot));
    }
    JADE_RETURN_IF_ERROR(reach_from(entry->slot));
    const auto missing = std::ranges::find(reached_, false);
    if (missing == reached_.end()) return {};
    return broken(static_cast<std::uint32_t>(missing - reached_.begin()), "it cannot be reached");
  }

 private:
  bool is_twin(std::uint32_t slot) const { return graph_.node(slot).level == HnswNode::kTwinLevel; }

  Result<void> check_edges(std::uint32_t slot, std::uint32_t level) {
    const EdgeList edges = graph_.edges(slot, level);
    const std::uint32_t degree = edges.degree();
    ends_.clear();
    for (std::uint32_t i = 0; i < degree; ++i) {
      const std::uint32_t end = edges[i].slot();
      if (end >= size_ || end == slot) return broken(slot, "an edge leads nowhere");
      if (is_twin(end) || graph_.node(end).level < level) return broken(slot, "an edge leaves its layer");
      ends_.push_back(end);
    }
    std::ranges::sort(ends_);
    if (std::ranges::adjacent_find(ends_) != ends_.end()) return broken(slot, "it has an edge twice");
    for (std::uint32_t i = degree; i < edges.capacity(); ++i) {
      if (edges[i].exists()) return broken(slot, "its edges have a gap");
    }
    return {};
  }

  Result<void> check_tree(std::uint32_t slot) {
    const EdgeList edges = graph_.bottom_edges(slot);
    std::uint32_t tree_edges = 0;
    for (std::uint32_t i = 0; i < edges.degree(); ++i) {
      if (!edges[i].tree()) continue;
      ++tree_edges;
      if (!has_tree_edge(edges[i].slot(), slot)) return broken(slot, "an edge of the tree has one direction");
    }
    // The root alone has no parent; it is the first node, slot 0.
    const std::uint32_t children = graph_.node(slot).children;
    if (children > graph_.m() || tree_edges != children + (slot == 0 ? 0 : 1)) {
      return broken(slot, "it has the wrong number of tree edges");
    }
    return {};
  }

  bool has_tree_edge(std::uint32_t from, std::uint32_t to) const {
    const EdgeList edges = graph_.bottom_edges(from);
    for (std::uint32_t i = 0; i < edges.degree(); ++i) {
      if (edges[i].slot() == to) return edges[i].tree();
    }
    return false;
  }

  Result<void> reach_from(std::uint32_t start) {
    reached_.assign(size_, false);
    reached_[start] = true;
    std::vector<std::uint32_t> open{start};
    while (!open.empty()) {
      const std::uint32_t slot = open.back();
      open.pop_back();
      JADE_RETURN_IF_ERROR(reach_twins(slot));
      const EdgeList edges = graph_.bottom_edges(slot);
      for (std::uint32_t i = 0; i < edges.degree(); ++i) {
        const std::uint32_t end = edges[i].slot();
        if (reached_[end]) continue;
        reached_[end] = true;
        open.push_back(end);
      }
    }
    return {};
  }

  Result<void> reach_twins(std::uint32_t slot) {
    for (std::uint32_t next = graph_.node(slot).next_twin.load(); next != 0;
         next = graph_.node(next - 1).next_twin.load()) {
      const std::uint32_t twin = next - 1;
      if (twin >= size_ || !is_twin(twin)) return broken(slot, "its twins are none");
      if (reached_[twin]) return broken(twin, "it is a twin of two nodes");
      reached_[twin] = true;
    }
    return {};
  }

  const HnswGraph& graph_;
  const std::uint32_t size_;
  std::vector<std::uint32_t> ends_;
  std::vector<bool> reached_;
};

}  // namespace

Result<void> check_graph(const HnswGraph& graph, std::uint32_t size) { return Check(graph, size).run(); }

}  // namespace jade::index
