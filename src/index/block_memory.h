// Where an index's large blocks of memory come from, as a seam: a budget or a test can refuse.
#pragma once

#include <cstddef>

namespace jade::index {

/// Hands out zeroed blocks that begin on a page, at least.
class BlockMemory {
 public:
  virtual ~BlockMemory() = default;
  /// Null when the memory cannot be had.
  virtual std::byte* allocate(std::size_t bytes) = 0;
  /// `block` came from allocate(bytes).
  virtual void release(std::byte* block, std::size_t bytes) = 0;
};

/// The machine's memory, taken page by page as it is touched. Blocks of 2 MiB and more begin on a 2 MiB boundary and
/// ask for huge pages, with which a cache miss costs a third less. Safe from any thread; lives for the whole process.
BlockMemory& machine_memory();

}  // namespace jade::index
