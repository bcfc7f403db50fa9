// What a sealed segment is written from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/segment.h"

namespace jade::engine {

/// Rows 0 .. rows() − 1 with the numbers that they will have. Nothing that it tells changes while a segment is written.
/// One thread only.
class SegmentSource {
 public:
  virtual ~SegmentSource() = default;

  virtual std::uint32_t rows() const = 0;
  /// Its end is not looked at: what ended a row is in `tombstone`.
  virtual RowInfo row(RowId row) const = 0;
  virtual Result<std::string> metadata(RowId row) const = 0;
  virtual SlotId slot(RowId row, std::size_t field) const = 0;
  virtual std::optional<Tombstone> tombstone(RowId row) const = 0;

  virtual std::uint32_t slots(std::size_t field) const = 0;
  virtual RowId row_of(SlotId slot, std::size_t field) const = 0;
  /// The row of the arena that has the vector, stride_bytes() of it, with its padding.
  virtual std::span<const std::byte> arena_row(SlotId slot, std::size_t field) const = 0;
  virtual float inverse_norm(SlotId slot, std::size_t field) const = 0;

  /// kDataCorrupted if something that was told is not to be relied on.
  virtual Result<void> whole() const = 0;
};

}  // namespace jade::engine
