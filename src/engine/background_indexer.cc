#include "engine/background_indexer.h"

#include <algorithm>

namespace jade::engine {
namespace {

// Slots between two looks at whether to go on: at 100 to 500 µs a slot, tens of milliseconds.
constexpr std::uint32_t kSlotsAtOnce = 128;

}  // namespace

bool BackgroundIndexer::has_work() const {
  return std::ranges::any_of(state_.segments(), [](const std::shared_ptr<Segment>& segment) {
    for (std::size_t i = 0; i < segment->field_count(); ++i) {
      if (segment->field(i).pending() > 0) return true;
    }
    return false;
  });
}

Result<void> BackgroundIndexer::index_a_while() {
  for (const std::shared_ptr<Segment>& segment : state_.segments()) {
    for (std::size_t i = 0; i < segment->field_count(); ++i) {
      JADE_ASSIGN_OR_RETURN(const std::uint32_t linked, segment->field(i).index_some(kSlotsAtOnce));
      rate_.add(clock_, linked);
    }
  }
  return {};
}

}  // namespace jade::engine
