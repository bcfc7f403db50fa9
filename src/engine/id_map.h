// From a record's id to its newest row.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/ids.h"
#include "engine/row_store.h"

namespace jade::engine {

/// A hash table of one generation. Lookups take no lock; the writer fills it while they run. Outlives its readers
/// because their snapshot holds it.
class IdTable {
 public:
  explicit IdTable(std::size_t capacity);

  /// The newest row of this id, or kNoRow. Any thread.
  RowId find(const RowStore& rows, std::string_view id) const;

  std::size_t capacity() const { return capacity_; }
  std::size_t memory_bytes() const { return capacity_ * sizeof(std::uint64_t); }

 private:
  friend class IdMap;

  /// Where the id is, or the empty entry where it would go.
  std::size_t locate(const RowStore& rows, std::string_view id, std::uint32_t hash) const;

  // Each entry: 32 bits of the id's hash, then its newest row; all bits set when empty.
  std::size_t capacity_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> entries_;
};

/// The writer's side: grows by making a table of the next generation. Open addressing with linear probing at most 3/5
/// full costs 13 to 27 bytes an id.
class IdMap {
 public:
  IdMap();

  /// Points the id of `row` to it. Writer only.
  void set(const RowStore& rows, RowId row);

  RowId find(const RowStore& rows, std::string_view id) const { return table_->find(rows, id); }

  /// The current generation, for a snapshot.
  const std::shared_ptr<const IdTable>& table() const { return published_; }

 private:
  void grow();

  std::shared_ptr<IdTable> table_;
  std::shared_ptr<const IdTable> published_;
  std::size_t used_ = 0;
};

}  // namespace jade::engine
