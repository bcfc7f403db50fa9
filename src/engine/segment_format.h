// What the components of a sealed segment hold. docs/formats/segment.md describes it.
#pragma once

#include <cstdint>

#include "base/ids.h"

namespace jade::engine {

// Sections by component. The numbers are on disk.

enum class RowsSection : std::uint32_t {
  kBegin = 1,     ///< u64 a row
  kCreated = 2,   ///< i64 a row
  kUpdated = 3,   ///< i64 a row
  kPrevious = 4,  ///< u32 a row; absent when no row has one
};
/// u32 a row: its slot in a field; absent where every row's slot has the row's number.
constexpr std::uint32_t slots_section(VectorFieldId field) { return 256 + field.value(); }

enum class IdsSection : std::uint32_t {
  kTable = 1,    ///< u64 an entry, a power of two of them
  kOffsets = 2,  ///< u64 a row and one more: where its id begins
  kBytes = 3,
};

enum class VectorsSection : std::uint32_t {
  kRows = 1,      ///< the arena's rows, padding and all
  kNorms = 2,     ///< f32 a slot; only where the arena keeps inverse norms apart
  kSlotRows = 3,  ///< u32 a slot: the newest row that has it; absent where slot and row have one number
};

enum class GraphSection : std::uint32_t {
  kShape = 1,  ///< GraphShapeBytes
  kNodes = 2,
  kBottom = 3,
  kUpper = 4,
};

enum class TombstonesSection : std::uint32_t {
  kEntries = 1,  ///< TombstoneBytes each, ordered by row
};

struct GraphShapeBytes {
  std::uint32_t m = 0;
  std::uint32_t slots = 0;
  std::uint32_t upper_rows = 0;
  /// Slot plus one; 0: none.
  std::uint32_t entry_slot = 0;
  std::uint32_t entry_level = 0;
  std::uint32_t has_twins = 0;
};
static_assert(sizeof(GraphShapeBytes) == 24);

struct TombstoneBytes {
  std::uint32_t row = 0;
  std::uint32_t reason = 0;
  std::uint64_t sequence = 0;
  std::int64_t time_us = 0;
};
static_assert(sizeof(TombstoneBytes) == 24);

template <class Section>
constexpr std::uint32_t section_id(Section section) {
  return static_cast<std::uint32_t>(section);
}

}  // namespace jade::engine
