// The one-to-many loops, written once for all targets over a target's own block of rows.
#pragma once

#include <algorithm>
#include <cstddef>

#include "simd/kernels.h"

namespace jade::simd {

/// Rows anywhere in memory.
struct GatheredRows {
  const std::byte* const* rows;
  const std::byte* operator[](std::size_t i) const { return rows[i]; }
};

/// Rows at a fixed stride.
struct RowsAtStride {
  StridedRows rows;
  const std::byte* operator[](std::size_t i) const { return rows.first + i * rows.stride_bytes; }
};

/// Asks for the cache lines of a row that will be read soon. A prefetch never faults.
inline void prefetch_row(const std::byte* row, std::size_t bytes) {
  for (std::size_t offset = 0; offset < bytes; offset += 64) __builtin_prefetch(row + offset);
}

/// How many rows ahead to prefetch: enough bytes in flight to cover a miss, few enough to stay in L1 until used.
inline std::size_t rows_ahead(std::size_t row_bytes) {
  constexpr std::size_t kBytesAhead = 8192;
  return std::clamp<std::size_t>(kBytesAhead / std::max<std::size_t>(row_bytes, 1), 4, 32);
}

/// out[i] = Distance::pair(query, rows[i]). A `Distance` has `pair`; `kBlock` and `block`, which gives the distances of
/// kBlock rows with the bits that pair gives; and `row_bytes`. These are whole calls, never inlined here: this loop is
/// compiled for the base architecture, and one call for kBlock rows costs little.
template <typename Distance, bool kPrefetch, typename Rows>
void one_to_many(const void* query, const Rows& rows, std::size_t count, std::size_t dimension, float* out) {
  constexpr std::size_t kBlock = Distance::kBlock;
  const std::size_t bytes = Distance::row_bytes(dimension);
  const std::size_t ahead = rows_ahead(bytes);
  if constexpr (kPrefetch) {
    for (std::size_t i = 0; i < std::min(ahead, count); ++i) prefetch_row(rows[i], bytes);
  }
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    if constexpr (kPrefetch) {
      for (std::size_t next = i + ahead; next < std::min(i + ahead + kBlock, count); ++next) {
        prefetch_row(rows[next], bytes);
      }
    }
    const std::byte* block[kBlock];
    for (std::size_t row = 0; row < kBlock; ++row) block[row] = rows[i + row];
    Distance::block(query, block, dimension, out + i);
  }
  for (; i < count; ++i) out[i] = Distance::pair(query, rows[i], dimension);
}

template <typename Distance>
void gathered(const void* query, const std::byte* const* rows, std::size_t count, std::size_t dimension, float* out) {
  one_to_many<Distance, true>(query, GatheredRows{rows}, count, dimension, out);
}

template <typename Distance>
void strided(const void* query, const StridedRows& rows, std::size_t dimension, float* out) {
  one_to_many<Distance, false>(query, RowsAtStride{rows}, rows.count, dimension, out);
}

template <typename Distance>
constexpr DistanceKernels kDistanceKernels = {&Distance::pair, &gathered<Distance>, &strided<Distance>};

}  // namespace jade::simd
