// From a record's id to its newest row.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "engine/row_store.h"

namespace jade::engine {

/// A hash table of one generation. Lookups take no lock; the writer fills it while they run.
class IdTable {
 public:
  explicit IdTable(std::size_t capacity);

  /// The newest row of this id, or kNoRow. Any thread.
  RowId find(const RowStore& rows, std::string_view id) const;

  std::size_t capacity() const { return capacity_; }
  std::size_t memory_bytes() const { return capacity_ * sizeof(std::uint64_t); }

 private:
  friend class IdMap;

  /// Copies the entries of the generation before, into an empty table.
  void take_over(const IdTable& smaller);
  /// Where the id is, or the empty entry where it would go.
  std::size_t locate(const RowStore& rows, std::string_view id, std::uint32_t hash) const;

  // Each entry: 32 bits of the id's hash, then its newest row; all bits set when empty.
  std::size_t capacity_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> entries_;
};

/// Grows by making a table of the next generation; the ones before stay for readers that are in them, which is as much
/// memory again at most. Open addressing with linear probing at most 3/5 full costs 13 to 27 bytes an id, twice that
/// with the older generations.
class IdMap {
 public:
  IdMap();

  /// Points the id of `row` to it. Writer only.
  void set(const RowStore& rows, RowId row);

  /// The newest row of this id, or kNoRow. Any thread.
  RowId find(const RowStore& rows, std::string_view id) const {
    return table_.load(std::memory_order_acquire)->find(rows, id);
  }

  std::size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  IdTable& newest() { return *generations_.back(); }
  void add_generation(std::size_t capacity);

  std::vector<std::unique_ptr<IdTable>> generations_;
  std::atomic<const IdTable*> table_{nullptr};
  std::atomic<std::size_t> memory_bytes_{0};
  std::size_t used_ = 0;
};

}  // namespace jade::engine
