// What ended the rows of a sealed segment, kept in memory.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/row_store.h"
#include "index/block_memory.h"

namespace jade::engine {

/// An end position for each row, in memory that is taken page by page where something ended. One thread ends rows; any
/// thread reads.
class RowEnds {
 public:
  /// Null when memory cannot be had.
  static std::unique_ptr<RowEnds> make(std::uint32_t rows, index::BlockMemory& memory = index::machine_memory());
  ~RowEnds();
  RowEnds(const RowEnds&) = delete;
  RowEnds& operator=(const RowEnds&) = delete;

  /// The position at which the row ended, or kNotEnded.
  std::uint64_t end(RowId row) const {
    const std::uint64_t end = ends_[row.value()].load(std::memory_order_acquire);
    return end == 0 ? kNotEnded : end;
  }
  void set(RowId row, std::uint64_t sequence) {
    ends_[row.value()].store(sequence, std::memory_order_release);
    ended_.fetch_add(1, std::memory_order_relaxed);
  }

  std::uint32_t ended() const { return ended_.load(std::memory_order_relaxed); }
  /// An estimate: what it has touched.
  std::size_t memory_bytes() const;

 private:
  RowEnds(std::byte* block, std::uint32_t rows, index::BlockMemory& memory);

  std::atomic<std::uint64_t>* const ends_;
  const std::uint32_t rows_;
  index::BlockMemory& memory_;
  std::atomic<std::uint32_t> ended_{0};
};

}  // namespace jade::engine
