#include "index/chunked_rows.h"

#include <algorithm>

namespace jade::index {
namespace {

// The first chunk fills about two pages: a database of a few rows costs little, and 2 MiB chunks, which get huge pages,
// begin after 32 small ones.
constexpr std::size_t kFirstChunkBytes = 8192;

unsigned exponent_for(std::size_t stride_bytes) {
  const std::size_t rows = std::max<std::size_t>(1, kFirstChunkBytes / stride_bytes);
  return static_cast<unsigned>(std::bit_width(rows)) + 1;
}

}  // namespace

ChunkedRows::ChunkedRows(std::size_t stride_bytes, BlockMemory& memory)
    : stride_bytes_(stride_bytes), first_exponent_(exponent_for(stride_bytes)), memory_(&memory) {}

ChunkedRows::ChunkedRows(std::size_t stride_bytes, const std::byte* rows)
    : stride_bytes_(stride_bytes),
      first_exponent_(exponent_for(stride_bytes)),
      memory_(nullptr),
      fixed_(const_cast<std::byte*>(rows)) {}

ChunkedRows::~ChunkedRows() {
  std::size_t rows_before = 0;
  for (auto& chunk : chunks_) {
    std::byte* block = chunk.load(std::memory_order_relaxed);
    if (block == nullptr) break;
    const std::size_t rows = place_of(static_cast<std::uint32_t>(rows_before)).rows_in_chunk;
    memory_->release(block, rows * stride_bytes_);
    rows_before += rows;
  }
}

bool ChunkedRows::reserve(std::uint32_t row) {
  if (row >= kRowsMax || fixed_ != nullptr) return false;
  const Place place = place_of(row);
  if (chunks_[place.chunk].load(std::memory_order_relaxed) != nullptr) return true;
  const std::size_t bytes = place.rows_in_chunk * stride_bytes_;
  std::byte* block = memory_->allocate(bytes);
  if (block == nullptr) return false;
  chunk_bytes_.store(chunk_bytes_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  chunks_[place.chunk].store(block, std::memory_order_release);
  return true;
}

}  // namespace jade::index
