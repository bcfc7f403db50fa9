// What an index may ask about its slots while it searches.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace jade::index {

/// One search's view of the slots: which of them count, and how equal distances are ordered. Called from the searching
/// thread only.
class SlotView {
 public:
  virtual ~SlotView() = default;

  /// Bit i is set if slot `first + i` may be a result, for i in 0..63. Slots beyond the view's end are never set.
  virtual std::uint64_t visible_mask(std::uint32_t first) const = 0;
  virtual bool visible(SlotId slot) const = 0;
  /// True if a's record id comes before b's in byte order: the order of hits with equal distance.
  virtual bool id_before(SlotId a, SlotId b) const = 0;
};

}  // namespace jade::index
