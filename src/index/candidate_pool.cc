#include "index/candidate_pool.h"

#include <algorithm>

namespace jade::index {
namespace {

bool closer(const Candidate& a, const Candidate& b) { return a.distance < b.distance; }
bool farther(const Candidate& a, const Candidate& b) { return a.distance > b.distance; }

}  // namespace

void CandidatePool::reset(std::size_t ef) {
  ef_ = ef;
  worst_ = std::numeric_limits<float>::infinity();
  sorted_ = ef <= kSortedEfMax;
  size_ = 0;
  cursor_ = 0;
  visible_count_ = 0;
  frontier_.clear();
  visible_.clear();
}

void CandidatePool::insert(Candidate candidate, bool visible) {
  const Candidate flagged{.distance = candidate.distance, .slot = candidate.slot | (visible ? kVisible : 0)};
  if (sorted_) {
    insert_sorted(flagged);
  } else {
    insert_heaps(flagged);
  }
}

void CandidatePool::insert_expanded(Candidate candidate) {
  if (sorted_) {
    insert_sorted({.distance = candidate.distance, .slot = candidate.slot | kVisible | kExpanded});
  } else {
    push_visible(candidate);
  }
}

void CandidatePool::insert_sorted(Candidate flagged) {
  if (size_ == kSortedMax) {
    switch_to_heaps();
    insert_heaps(flagged);
    return;
  }
  Candidate* begin = entries_.data();
  Candidate* place = std::upper_bound(begin, begin + size_, flagged, closer);
  std::move_backward(place, begin + size_, begin + size_ + 1);
  *place = flagged;
  ++size_;
  cursor_ = std::min(cursor_, static_cast<std::size_t>(place - begin));
  if ((flagged.slot & kVisible) != 0) ++visible_count_;
  if (visible_count_ < ef_) return;
  // Nothing behind the ef-th visible candidate counts any more.
  if (visible_count_ > ef_) {
    --size_;
    --visible_count_;
  }
  while ((entries_[size_ - 1].slot & kVisible) == 0) --size_;
  worst_ = entries_[size_ - 1].distance;
}

void CandidatePool::insert_heaps(Candidate flagged) {
  const Candidate candidate{.distance = flagged.distance, .slot = flagged.slot & kSlotMask};
  if ((flagged.slot & kExpanded) == 0) {
    frontier_.push_back(candidate);
    std::push_heap(frontier_.begin(), frontier_.end(), farther);
  }
  if ((flagged.slot & kVisible) != 0) push_visible(candidate);
}

void CandidatePool::push_visible(Candidate candidate) {
  visible_.push_back(candidate);
  std::push_heap(visible_.begin(), visible_.end(), closer);
  if (visible_.size() > ef_) {
    std::pop_heap(visible_.begin(), visible_.end(), closer);
    visible_.pop_back();
  }
  if (visible_.size() == ef_) worst_ = visible_.front().distance;
}

void CandidatePool::switch_to_heaps() {
  sorted_ = false;
  for (const Candidate& entry : std::span(entries_).first(size_)) insert_heaps(entry);
}

std::optional<Candidate> CandidatePool::pop() {
  if (sorted_) {
    while (cursor_ < size_ && (entries_[cursor_].slot & kExpanded) != 0) ++cursor_;
    if (cursor_ == size_) return std::nullopt;
    Candidate& entry = entries_[cursor_++];
    const Candidate candidate{.distance = entry.distance, .slot = entry.slot & kSlotMask};
    entry.slot |= kExpanded;
    return candidate;
  }
  if (frontier_.empty() || frontier_.front().distance > worst_) return std::nullopt;
  std::pop_heap(frontier_.begin(), frontier_.end(), farther);
  const Candidate candidate = frontier_.back();
  frontier_.pop_back();
  return candidate;
}

std::optional<std::uint32_t> CandidatePool::next() const {
  if (sorted_) {
    if (cursor_ == size_) return std::nullopt;
    return entries_[cursor_].slot & kSlotMask;
  }
  if (frontier_.empty()) return std::nullopt;
  return frontier_.front().slot;
}

std::span<const Candidate> CandidatePool::visible() {
  if (sorted_) {
    visible_.clear();
    for (const Candidate& entry : std::span(entries_).first(size_)) {
      if ((entry.slot & kVisible) != 0)
        visible_.push_back({.distance = entry.distance, .slot = entry.slot & kSlotMask});
    }
  } else {
    std::sort_heap(visible_.begin(), visible_.end(), closer);
  }
  return visible_;
}

}  // namespace jade::index
