#include "engine/row_ends.h"

#include <algorithm>

namespace jade::engine {
namespace {

constexpr std::size_t kPageBytes = 4096;

std::size_t block_bytes(std::uint32_t rows) { return std::max<std::size_t>(rows, 1) * sizeof(std::uint64_t); }

}  // namespace

RowEnds::RowEnds(std::byte* block, std::uint32_t rows, index::BlockMemory& memory)
    : ends_(reinterpret_cast<std::atomic<std::uint64_t>*>(block)), rows_(rows), memory_(memory) {}

std::unique_ptr<RowEnds> RowEnds::make(std::uint32_t rows, index::BlockMemory& memory) {
  std::byte* block = memory.allocate(block_bytes(rows));
  if (block == nullptr) return nullptr;
  return std::unique_ptr<RowEnds>(new RowEnds(block, rows, memory));
}

RowEnds::~RowEnds() { memory_.release(reinterpret_cast<std::byte*>(ends_), block_bytes(rows_)); }

std::size_t RowEnds::memory_bytes() const { return sizeof(*this) + std::min(block_bytes(rows_), ended() * kPageBytes); }

}  // namespace jade::engine
