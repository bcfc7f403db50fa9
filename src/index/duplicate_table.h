// Finds the first slot with the same bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "index/block_memory.h"
#include "index/vector_arena.h"

namespace jade::index {

/// A hash table over some of an arena's slots, keyed by the vectors' bytes. Eight bytes an entry, at most three
/// quarters full. One thread only, but for memory_bytes.
class DuplicateTable {
 public:
  /// `memory` outlives this. The arena that is handed to each call has the same vectors every time.
  explicit DuplicateTable(BlockMemory& memory) : memory_(memory) {}
  ~DuplicateTable();
  DuplicateTable(const DuplicateTable&) = delete;
  DuplicateTable& operator=(const DuplicateTable&) = delete;

  /// Makes room for one more slot. False when memory cannot be had; nothing has changed then.
  [[nodiscard]] bool reserve(const VectorArena& arena);

  /// The slot in the table whose vector equals that of `slot`; adds `slot` if there is none. Needs reserve() before.
  std::optional<std::uint32_t> find_or_add(const VectorArena& arena, std::uint32_t slot);

  /// Safe from any thread.
  std::size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  // Zeroed memory is an empty table.
  struct Entry {
    std::uint32_t slot_plus_one;
    std::uint32_t tag;
  };

  Entry* entry_for(std::uint64_t hash) const { return entries_ + (hash & (capacity_ - 1)); }
  Entry* entry_after(Entry* entry) const { return entry + 1 == entries_ + capacity_ ? entries_ : entry + 1; }
  BlockMemory& memory_;
  Entry* entries_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t count_ = 0;
  std::atomic<std::size_t> memory_bytes_{0};
};

}  // namespace jade::index
