// Which slots a search has met.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace jade::index {

/// A set of slots that is emptied in constant time: a slot is in it if its stamp is the current epoch. Two bytes a
/// slot. One thread only.
class VisitedSet {
 public:
  /// Empties the set and expects slots below `slots`.
  void reset(std::size_t slots) {
    if (stamps_.size() < slots) stamps_.resize(slots + slots / 2, 0);
    if (++epoch_ == 0) {
      std::fill(stamps_.begin(), stamps_.end(), std::uint16_t{0});
      epoch_ = 1;
    }
  }

  /// True if the slot was not in the set. Slots that were linked after reset() make the set grow.
  bool insert(std::uint32_t slot) {
    if (slot >= stamps_.size()) [[unlikely]]
      stamps_.resize(std::size_t{slot} + slot / 2 + 1, 0);
    std::uint16_t& stamp = stamps_.data()[slot];
    const bool is_new = stamp != epoch_;
    stamp = epoch_;
    return is_new;
  }

 private:
  std::vector<std::uint16_t> stamps_;
  std::uint16_t epoch_ = 0;
};

}  // namespace jade::index
