// The order of hits, and the best few of many.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "index/search.h"
#include "index/slot_view.h"

namespace jade::index {

/// Orders hits by (distance, record id).
class HitOrder {
 public:
  explicit HitOrder(const SlotView& view) : view_(&view) {}

  bool operator()(const Hit& a, const Hit& b) const {
    if (a.rank_distance != b.rank_distance) return a.rank_distance < b.rank_distance;
    return view_->id_before(a.slot, b.slot);
  }

 private:
  const SlotView* view_;
};

/// Keeps the first k hits by HitOrder. One thread only.
class TopHits {
 public:
  /// Hits farther than `limit` are refused. k > 0.
  TopHits(const SlotView& view, std::size_t k, float limit) : order_(view), k_(k), worst_(limit) {}

  /// No hit farther than this can enter.
  float worst() const { return worst_; }

  void offer(Hit hit) {
    if (hit.rank_distance > worst_) return;
    if (heap_.size() == k_) {
      if (!order_(hit, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), order_);
      heap_.back() = hit;
    } else {
      heap_.push_back(hit);
    }
    std::push_heap(heap_.begin(), heap_.end(), order_);
    if (heap_.size() == k_) worst_ = heap_.front().rank_distance;
  }

  /// The hits in order. Leaves nothing behind.
  std::vector<Hit> take() {
    std::sort_heap(heap_.begin(), heap_.end(), order_);
    return std::move(heap_);
  }

 private:
  HitOrder order_;
  std::size_t k_;
  float worst_;
  // The worst hit first.
  std::vector<Hit> heap_;
};

}  // namespace jade::index
