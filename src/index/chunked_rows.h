// Rows of one size at addresses that never change, while their number grows.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "index/block_memory.h"

namespace jade::index {

/// An array of zeroed rows in chunks. One thread reserves; any thread reads rows whose existence it learnt from that
/// thread through an acquire. Four chunks of one size are followed by four of twice the size: an empty array costs
/// little, at most a fifth of a large one is unused, and the directory is small and fixed.
class ChunkedRows {
 public:
  /// Rows that any array can have. The two bits above it are free for flags in words that hold row numbers.
  static constexpr std::uint32_t kRowsMax = (std::uint32_t{1} << 30) - 1;

  /// `memory` outlives this.
  ChunkedRows(std::size_t stride_bytes, BlockMemory& memory);
  /// Rows that lie one after another in memory which somebody else holds, and which outlives this. Nothing can be
  /// reserved and nothing is written.
  ChunkedRows(std::size_t stride_bytes, const std::byte* rows);
  ~ChunkedRows();
  ChunkedRows(const ChunkedRows&) = delete;
  ChunkedRows& operator=(const ChunkedRows&) = delete;

  /// Makes room for `row`; rows are reserved in order. False when memory cannot be had or rows run out; nothing has
  /// changed then.
  [[nodiscard]] bool reserve(std::uint32_t row);

  std::byte* row(std::uint32_t row) const {
    if (fixed_ != nullptr) return fixed_ + row * stride_bytes_;
    const Place place = place_of(row);
    return chunks_[place.chunk].load(std::memory_order_acquire) + place.row_in_chunk * stride_bytes_;
  }

  /// How many rows from `row` on lie one stride apart.
  std::size_t contiguous_rows(std::uint32_t row) const {
    if (fixed_ != nullptr) return kRowsMax - row;
    const Place place = place_of(row);
    return place.rows_in_chunk - place.row_in_chunk;
  }

  std::size_t stride_bytes() const { return stride_bytes_; }
  /// Bytes taken from the memory and by this. Safe from any thread.
  std::size_t memory_bytes() const { return sizeof(*this) + chunk_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Place {
    std::size_t chunk;
    std::size_t row_in_chunk;
    std::size_t rows_in_chunk;
  };

  // A row's number, moved up by the four first chunks, is read like a floating-point number with a mantissa of two
  // bits: exponent and mantissa are the chunk, the bits below them the row within it.
  Place place_of(std::uint32_t row) const {
    const std::uint64_t moved = std::uint64_t{row} + (std::uint64_t{1} << first_exponent_);
    const unsigned exponent = 63U - static_cast<unsigned>(std::countl_zero(moved));
    const unsigned shift = exponent - 2;
    return {.chunk = 4 * (exponent - first_exponent_) + (moved >> shift) - 4,
            .row_in_chunk = moved & ((std::uint64_t{1} << shift) - 1),
            .rows_in_chunk = std::size_t{1} << shift};
  }

  static constexpr std::size_t kChunksMax = 4 * 31;

  const std::size_t stride_bytes_;
  const unsigned first_exponent_;
  BlockMemory* const memory_;
  std::byte* const fixed_ = nullptr;
  std::array<std::atomic<std::byte*>, kChunksMax> chunks_{};
  std::atomic<std::size_t> chunk_bytes_{0};
};

}  // namespace jade::index
