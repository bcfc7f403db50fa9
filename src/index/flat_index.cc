#include "index/flat_index.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "index/hit_order.h"

namespace jade::index {
namespace {

// What one visibility mask covers.
constexpr std::uint32_t kBlockSlots = 64;
// A check costs about 25 ns where there is a deadline; 4,096 rows take 20 µs at the least.
constexpr std::uint32_t kSlotsPerCheck = 4096;

/// The slots of a block that are to be scored, and their distances.
class Block {
 public:
  /// Bit i of `mask` stands for slot first + i, and none is set at or beyond the `count`-th.
  void score(const Scorer& scorer, std::uint32_t first, std::uint64_t mask, std::uint32_t count) {
    count_ = 0;
    for (std::uint64_t rest = mask; rest != 0; rest &= rest - 1) {
      slots_[count_++] = SlotId(first + static_cast<std::uint32_t>(std::countr_zero(rest)));
    }
    // Rows side by side are read as a stream, which the processor prefetches by itself.
    if (count_ == count) {
      scorer.rank_distances(SlotId(first), std::span(distances_).first(count_));
    } else {
      scorer.rank_distances(std::span(slots_).first(count_), std::span(distances_).first(count_));
    }
  }

  void offer_to(TopHits& top) const {
    for (std::size_t i = 0; i < count_; ++i) {
      if (distances_[i] <= top.worst()) top.offer({.slot = slots_[i], .rank_distance = distances_[i]});
    }
  }

  std::size_t count() const { return count_; }

 private:
  std::size_t count_ = 0;
  std::array<SlotId, kBlockSlots> slots_;
  std::array<float, kBlockSlots> distances_;
};

}  // namespace

Result<SearchHits> flat_search(const VectorArena& arena, const Scorer& scorer, SlotId first, SlotId end,
                               const SlotView& view, const SearchOptions& options) {
  SearchHits result;
  if (options.k == 0) return result;
  TopHits top(view, options.k, max_rank_distance_for(arena.metric(), options.max_distance));
  Block block;
  std::uint32_t slots_to_check = 0;
  for (std::uint32_t slot = first.value(); slot < end.value(); slot += kBlockSlots) {
    if (slots_to_check == 0) {
      if (options.cancellation != nullptr) JADE_RETURN_IF_ERROR(options.cancellation->check());
      slots_to_check = kSlotsPerCheck;
    }
    slots_to_check -= kBlockSlots;
    const std::uint32_t count = std::min(kBlockSlots, end.value() - slot);
    const std::uint64_t mask = view.visible_mask(slot) & (~std::uint64_t{0} >> (kBlockSlots - count));
    block.score(scorer, slot, mask, count);
    block.offer_to(top);
    result.cost.distances += block.count();
  }
  result.cost.visited = result.cost.distances;
  result.hits = top.take();
  return result;
}

std::vector<Hit> merge_hits(std::span<const std::vector<Hit>> lists, const SlotView& view, std::size_t k) {
  std::vector<Hit> all;
  for (const auto& list : lists) all.insert(all.end(), list.begin(), list.end());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(k, all.size()));
  std::partial_sort(all.begin(), end, all.end(), HitOrder(view));
  all.erase(end, all.end());
  return all;
}

}  // namespace jade::index
