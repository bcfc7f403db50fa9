#include "engine/segment.h"

namespace jade::engine {

RowId Segment::version_at(RowId newest, std::uint64_t sequence) const {
  for (RowId at = newest; at != kNoRow;) {
    const RowInfo version = row(at);
    if (version.begin <= sequence) return version.seen_at(sequence) ? at : kNoRow;
    at = version.previous;
  }
  return kNoRow;
}

}  // namespace jade::engine
