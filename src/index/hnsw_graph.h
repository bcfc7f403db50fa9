// The stored graph: edge lists at fixed addresses, changed in place under readers that take no lock.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "index/block_memory.h"
#include "index/chunked_rows.h"
#include "jade/result.h"

namespace jade::index {

/// An edge as one word, so that it changes at once: 0 is no edge. The flags are the writer's own notes.
struct Edge {
  /// A nearer neighbour lies between the two ends: the edge is kept only while there is room.
  static constexpr std::uint32_t kFiller = std::uint32_t{1} << 31;
  /// Part of the spanning tree that keeps the bottom layer connected: never removed and never moved.
  static constexpr std::uint32_t kTree = std::uint32_t{1} << 30;

  std::uint32_t word = 0;

  static Edge to(std::uint32_t slot, std::uint32_t flags) { return {(slot + 1) | flags}; }
  bool exists() const { return word != 0; }
  std::uint32_t slot() const { return (word & (kTree - 1)) - 1; }
  bool filler() const { return (word & kFiller) != 0; }
  bool tree() const { return (word & kTree) != 0; }
};

/// A node's edges on one layer, the existing ones first. The writer appends and replaces them one by one; a reader sees
/// each either before or after, and through it the whole of the node at its end.
class EdgeList {
 public:
  EdgeList(std::atomic<std::uint32_t>* words, std::uint32_t capacity) : words_(words), capacity_(capacity) {}

  std::uint32_t capacity() const { return capacity_; }
  Edge operator[](std::uint32_t i) const { return {words_[i].load(std::memory_order_acquire)}; }
  void set(std::uint32_t i, Edge edge) const { words_[i].store(edge.word, std::memory_order_release); }
  /// How many edges there are. Writer only, as another thread may see one more.
  std::uint32_t degree() const {
    std::uint32_t degree = 0;
    while (degree < capacity_ && (*this)[degree].exists()) ++degree;
    return degree;
  }
  const void* address() const { return words_; }

 private:
  std::atomic<std::uint32_t>* words_;
  std::uint32_t capacity_;
};

/// What is kept for each slot beside its edges.
struct HnswNode {
  /// The level of a twin: a slot whose vector equals, byte for byte, that of a node in the graph. It has no edges; the
  /// node's chain leads to it, so that any number of equal vectors costs the graph nothing and closes no way through
  /// it.
  static constexpr std::uint8_t kTwinLevel = 255;

  /// The next of this vector's twins, plus one; 0 ends the chain.
  std::atomic<std::uint32_t> next_twin;
  /// The first of its rows for the layers above the bottom.
  std::uint32_t upper_row;
  std::uint8_t level;
  /// Edges of the spanning tree that lead away from its root.
  std::uint8_t children;
};

/// Where searches begin.
struct HnswEntry {
  std::uint32_t slot;
  std::uint32_t level;
};

/// What a graph is beside its three arrays.
struct GraphShape {
  std::uint32_t m = 0;
  /// Nodes and twins.
  std::uint32_t slots = 0;
  std::uint32_t upper_rows = 0;
  std::optional<HnswEntry> entry;
  bool has_twins = false;
};

/// A graph's arrays as they lie in memory: a HnswNode a slot, its edges on the bottom layer, rows of edges on the
/// layers above.
struct GraphImage {
  GraphShape shape;
  std::span<const std::byte> nodes;
  std::span<const std::byte> bottom;
  std::span<const std::byte> upper;
};

/// Storage of a graph. One thread changes it; any thread reads what it reaches from entry().
class HnswGraph {
 public:
  /// Levels are drawn below this: with 4 edges a node, one node in 2^32 would be higher.
  static constexpr std::uint32_t kLevelsMax = 16;
  static constexpr std::uint32_t kEdgesMax = 128;

  /// `m`: edges on the upper layers, at most 64; `memory` outlives the graph.
  HnswGraph(std::uint32_t m, BlockMemory& memory);

  /// A graph that does not change, in memory that somebody else holds and that outlives it.
  explicit HnswGraph(const GraphImage& image);

  /// kDataCorrupted unless every number in the image stays within it: what a search follows leads nowhere else, and
  /// ends. Says nothing about how good the graph is.
  static Result<void> check_image(const GraphImage& image);

  GraphShape shape(std::uint32_t slots) const;
  /// The image in pieces, in order: nodes, then bottom edges, then upper edges. Not while it changes.
  struct ImageVisitor {
    std::function<Result<void>(std::span<const std::byte>)> nodes;
    std::function<Result<void>(std::span<const std::byte>)> bottom;
    std::function<Result<void>(std::span<const std::byte>)> upper;
  };
  Result<void> visit_image(std::uint32_t slots, const ImageVisitor& visitor) const;

  std::uint32_t m() const { return m_; }

  /// Makes room for a node. False when memory cannot be had; what was reserved is used by the next attempt.
  [[nodiscard]] bool reserve(std::uint32_t slot, std::uint32_t level);
  /// Starts a node without edges, for which there is room.
  void add_node(std::uint32_t slot, std::uint32_t level);
  /// Puts the slot into the twins of `node`. There is room for it.
  void add_twin(std::uint32_t slot, std::uint32_t node);
  bool has_twins() const { return has_twins_.load(std::memory_order_relaxed); }

  HnswNode& node(std::uint32_t slot) const { return *reinterpret_cast<HnswNode*>(nodes_.row(slot)); }
  EdgeList edges(std::uint32_t slot, std::uint32_t level) const {
    return level == 0 ? bottom_edges(slot) : EdgeList(words(upper_.row(node(slot).upper_row + level - 1)), m_);
  }
  EdgeList bottom_edges(std::uint32_t slot) const { return {words(bottom_.row(slot)), 2 * m_}; }

  /// Empty until the first node is there.
  std::optional<HnswEntry> entry() const;
  void set_entry(HnswEntry entry);

  std::size_t memory_bytes() const {
    return sizeof(*this) - 3 * sizeof(ChunkedRows) + nodes_.memory_bytes() + bottom_.memory_bytes() +
           upper_.memory_bytes();
  }

 private:
  static std::atomic<std::uint32_t>* words(std::byte* row) {
    return reinterpret_cast<std::atomic<std::uint32_t>*>(row);
  }

  const std::uint32_t m_;
  ChunkedRows nodes_;
  ChunkedRows bottom_;
  ChunkedRows upper_;
  std::uint32_t upper_rows_ = 0;
  std::atomic<bool> has_twins_{false};
  // Level above slot plus one; 0 for none.
  std::atomic<std::uint64_t> entry_{0};
};

}  // namespace jade::index
