#include "index/hnsw_graph.h"

#include <algorithm>
#include <string>
#include <vector>

namespace jade::index {
namespace {

// Edge lists begin on cache lines.
std::size_t row_bytes(std::uint32_t edges) { return (edges * sizeof(std::uint32_t) + 63) / 64 * 64; }

Result<void> visit_rows(const ChunkedRows& rows, std::uint32_t count,
                        const std::function<Result<void>(std::span<const std::byte>)>& visit) {
  for (std::uint32_t row = 0; row < count;) {
    const auto run = static_cast<std::uint32_t>(std::min<std::size_t>(rows.contiguous_rows(row), count - row));
    JADE_RETURN_IF_ERROR(visit({rows.row(row), run * rows.stride_bytes()}));
    row += run;
  }
  return {};
}

Error damaged(const std::string& what) { return {ErrorCode::kDataCorrupted, "graph: " + what}; }

/// Follows what a search would follow, without searching.
class ImageCheck {
 public:
  explicit ImageCheck(const GraphImage& image)
      : shape_(image.shape), graph_(image), is_pointed_at_(shape_.has_twins ? shape_.slots : 0) {}

  Result<void> run() {
    if (shape_.slots == 0) return shape_.entry ? damaged("an entry point without nodes") : Result<void>();
    if (!shape_.entry || shape_.entry->slot >= shape_.slots || !is_node(shape_.entry->slot) ||
        shape_.entry->level != graph_.node(shape_.entry->slot).level) {
      return damaged("no entry point");
    }
    for (std::uint32_t slot = 0; slot < shape_.slots; ++slot) {
      if (!check_slot(slot)) return damaged("slot " + std::to_string(slot) + " is out of bounds");
    }
    return {};
  }

 private:
  bool is_node(std::uint32_t slot) const { return graph_.node(slot).level < HnswGraph::kLevelsMax; }

  bool check_slot(std::uint32_t slot) {
    const HnswNode& node = graph_.node(slot);
    if (!check_next_twin(node.next_twin.load(std::memory_order_relaxed))) return false;
    if (node.level == HnswNode::kTwinLevel) return shape_.has_twins;
    if (!is_node(slot) || std::uint64_t{node.upper_row} + node.level > shape_.upper_rows) return false;
    for (std::uint32_t level = 0; level <= node.level; ++level) {
      if (!check_edges(graph_.edges(slot, level), level)) return false;
    }
    return true;
  }

  /// Chains end because nothing is pointed at twice, and they begin at nodes.
  bool check_next_twin(std::uint32_t next) {
    if (next == 0) return true;
    if (!shape_.has_twins || next > shape_.slots || is_pointed_at_[next - 1]) return false;
    is_pointed_at_[next - 1] = true;
    return graph_.node(next - 1).level == HnswNode::kTwinLevel;
  }

  bool check_edges(const EdgeList& edges, std::uint32_t level) const {
    for (std::uint32_t i = 0; i < edges.capacity() && edges[i].exists(); ++i) {
      const std::uint32_t end = edges[i].slot();
      if (end >= shape_.slots || !is_node(end) || graph_.node(end).level < level) return false;
    }
    return true;
  }

  const GraphShape& shape_;
  const HnswGraph graph_;
  std::vector<bool> is_pointed_at_;
};

}  // namespace

HnswGraph::HnswGraph(std::uint32_t m, BlockMemory& memory)
    : m_(m), nodes_(sizeof(HnswNode), memory), bottom_(row_bytes(2 * m), memory), upper_(row_bytes(m), memory) {}

HnswGraph::HnswGraph(const GraphImage& image)
    : m_(image.shape.m),
      nodes_(sizeof(HnswNode), image.nodes.data()),
      bottom_(row_bytes(2 * m_), image.bottom.data()),
      upper_(row_bytes(m_), image.upper.data()),
      upper_rows_(image.shape.upper_rows),
      has_twins_(image.shape.has_twins) {
  if (image.shape.entry) set_entry(*image.shape.entry);
}

Result<void> HnswGraph::check_image(const GraphImage& image) {
  const GraphShape& shape = image.shape;
  const bool fits = shape.m >= 1 && 2 * shape.m <= kEdgesMax && shape.slots <= ChunkedRows::kRowsMax &&
                    image.nodes.size() == std::uint64_t{shape.slots} * sizeof(HnswNode) &&
                    image.bottom.size() == std::uint64_t{shape.slots} * row_bytes(2 * shape.m) &&
                    image.upper.size() == std::uint64_t{shape.upper_rows} * row_bytes(shape.m);
  if (!fits) return damaged("its arrays have other sizes than it says");
  return ImageCheck(image).run();
}

GraphShape HnswGraph::shape(std::uint32_t slots) const {
  return {.m = m_,
          .slots = slots,
          .upper_rows = upper_rows_,
          .entry = entry(),
          .has_twins = has_twins_.load(std::memory_order_relaxed)};
}

Result<void> HnswGraph::visit_image(std::uint32_t slots, const ImageVisitor& visitor) const {
  JADE_RETURN_IF_ERROR(visit_rows(nodes_, slots, visitor.nodes));
  JADE_RETURN_IF_ERROR(visit_rows(bottom_, slots, visitor.bottom));
  return visit_rows(upper_, upper_rows_, visitor.upper);
}

bool HnswGraph::reserve(std::uint32_t slot, std::uint32_t level) {
  if (!nodes_.reserve(slot) || !bottom_.reserve(slot)) return false;
  for (std::uint32_t i = 0; i < level; ++i) {
    if (!upper_.reserve(upper_rows_ + i)) return false;
  }
  return true;
}

void HnswGraph::add_node(std::uint32_t slot, std::uint32_t level) {
  HnswNode& added = node(slot);
  added.level = static_cast<std::uint8_t>(level);
  added.upper_row = upper_rows_;
  upper_rows_ += level;
}

void HnswGraph::add_twin(std::uint32_t slot, std::uint32_t of) {
  HnswNode& twin = node(slot);
  std::atomic<std::uint32_t>& head = node(of).next_twin;
  twin.level = HnswNode::kTwinLevel;
  twin.next_twin.store(head.load(std::memory_order_relaxed), std::memory_order_relaxed);
  head.store(slot + 1, std::memory_order_release);
  has_twins_.store(true, std::memory_order_relaxed);
}

std::optional<HnswEntry> HnswGraph::entry() const {
  const std::uint64_t word = entry_.load(std::memory_order_acquire);
  if (word == 0) return std::nullopt;
  return HnswEntry{.slot = static_cast<std::uint32_t>(word) - 1, .level = static_cast<std::uint32_t>(word >> 32)};
}

void HnswGraph::set_entry(HnswEntry entry) {
  entry_.store((std::uint64_t{entry.level} << 32) | (entry.slot + 1), std::memory_order_release);
}

}  // namespace jade::index
