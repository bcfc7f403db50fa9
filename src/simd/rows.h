// Two ways of naming the rows of a one-to-many kernel, so that each target writes its loop once.
#pragma once

#include <cstddef>

#include "simd/kernels.h"

namespace jade::simd {

/// Rows anywhere in memory.
struct GatheredAccess {
  const std::byte* const* rows;
  const std::byte* operator[](std::size_t i) const { return rows[i]; }
};

/// Rows at a fixed stride.
struct StridedAccess {
  StridedRows rows;
  const std::byte* operator[](std::size_t i) const { return rows.first + i * rows.stride_bytes; }
};

/// Asks for the cache lines of a row that will be read soon. A prefetch never faults.
inline void prefetch_row(const std::byte* row, std::size_t bytes) {
  for (std::size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(row + offset);
}

}  // namespace jade::simd
