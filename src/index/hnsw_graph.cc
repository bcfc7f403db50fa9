#include "index/hnsw_graph.h"

namespace jade::index {
namespace {

// Edge lists begin on cache lines.
std::size_t row_bytes(std::uint32_t edges) { return (edges * sizeof(std::uint32_t) + 63) / 64 * 64; }

}  // namespace

HnswGraph::HnswGraph(std::uint32_t m, BlockMemory& memory)
    : m_(m), nodes_(sizeof(HnswNode), memory), bottom_(row_bytes(2 * m), memory), upper_(row_bytes(m), memory) {}

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
