// The one-to-many loops, written once for all targets over a target's own kernels.
#pragma once

#include <algorithm>
#include <cstddef>

#include "simd/kernels.h"

namespace jade::simd {

/// Asks for the start of a row that will be read soon; the processor's own prefetcher follows from there. On a Zen 4
/// four lines beat all of a row's lines from memory (128 dimensions 0.7 times the time, 768 half) and, because a
/// prefetch of what is cached is not free, from L1 (0.6 times at 768). A prefetch never faults.
inline void prefetch_row(const std::byte* row, std::size_t row_bytes) {
  constexpr std::size_t kLine = 64;
  const std::size_t bytes = std::min(row_bytes, 4 * kLine);
  for (std::size_t offset = 0; offset < bytes; offset += kLine) __builtin_prefetch(row + offset);
}

/// How many rows ahead to prefetch: enough bytes in flight to cover a miss, few enough to stay in L1 until used.
inline std::size_t rows_ahead(std::size_t row_bytes) {
  constexpr std::size_t kBytesAhead = 8192;
  return std::clamp<std::size_t>(kBytesAhead / std::max<std::size_t>(row_bytes, 1), 4, 32);
}

/// out[i] = Distance::pair(query, rows[i]). A `Distance` has `pair`; `kBlock` and `block`, which gives the distances of
/// kBlock rows with the bits that pair gives; and `row_bytes`. These are whole calls, never inlined here: this loop is
/// compiled for the base architecture, and one call for kBlock rows costs little.
template <typename Distance>
void gathered(const void* query, const std::byte* const* rows, std::size_t count, std::size_t dimension, float* out) {
  constexpr std::size_t kBlock = Distance::kBlock;
  const std::size_t bytes = Distance::row_bytes(dimension);
  const std::size_t ahead = std::min(rows_ahead(bytes), count);
  for (std::size_t i = 0; i < ahead; ++i) prefetch_row(rows[i], bytes);
  std::size_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    const std::size_t end = std::min(i + ahead + kBlock, count);
    for (std::size_t next = i + ahead; next < end; ++next) prefetch_row(rows[next], bytes);
    const std::byte* block[kBlock];
    std::copy_n(rows + i, kBlock, block);
    Distance::block(query, block, dimension, out + i);
  }
  for (; i < count; ++i) out[i] = Distance::pair(query, rows[i], dimension);
}

/// The same for rows in order, one at a time and without prefetching. A scan is bound by memory, and the processor's
/// own prefetcher follows one stream: on a Zen 4 this takes about as long as only loading the bytes, four rows at a
/// time took 2 to 3.5 times that at 128 dimensions and 1.6 to 2 times at 768, and prefetching by software helped at no
/// distance.
template <typename Distance>
void strided(const void* query, const StridedRows& rows, std::size_t dimension, float* out) {
  for (std::size_t i = 0; i < rows.count; ++i) {
    out[i] = Distance::pair(query, rows.first + i * rows.stride_bytes, dimension);
  }
}

template <typename Distance>
constexpr DistanceKernels kDistanceKernels = {&Distance::pair, &gathered<Distance>, &strided<Distance>};

}  // namespace jade::simd
