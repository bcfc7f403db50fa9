#include "engine/id_map.h"

#include <xxhash.h>

#include "engine/id_hash.h"

namespace jade::engine {
namespace {

constexpr std::size_t kFirstCapacity = 16;

}  // namespace

std::uint32_t id_hash(std::string_view id) { return static_cast<std::uint32_t>(XXH3_64bits(id.data(), id.size())); }

IdTable::IdTable(std::size_t capacity)
    : capacity_(capacity), entries_(std::make_unique<std::atomic<std::uint64_t>[]>(capacity)) {
  for (std::size_t i = 0; i < capacity; ++i) entries_[i].store(kEmptyIdEntry, std::memory_order_relaxed);
}

std::size_t IdTable::locate(const RowStore& rows, std::string_view id, std::uint32_t hash) const {
  const std::size_t mask = capacity_ - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    const std::uint64_t entry = entries_[place].load(std::memory_order_acquire);
    if (entry == kEmptyIdEntry) return place;
    if (hash_of_entry(entry) == hash && rows[row_of_entry(entry)].id == id) return place;
  }
}

RowId IdTable::find(const RowStore& rows, std::string_view id) const {
  const std::uint64_t entry = entries_[locate(rows, id, id_hash(id))].load(std::memory_order_acquire);
  return entry == kEmptyIdEntry ? kNoRow : row_of_entry(entry);
}

void IdTable::take_over(const IdTable& smaller) {
  const std::size_t mask = capacity_ - 1;
  for (std::size_t i = 0; i < smaller.capacity_; ++i) {
    const std::uint64_t entry = smaller.entries_[i].load(std::memory_order_relaxed);
    if (entry == kEmptyIdEntry) continue;
    // Ids differ, so the first empty place is right; ids need not be compared.
    std::size_t place = hash_of_entry(entry) & mask;
    while (entries_[place].load(std::memory_order_relaxed) != kEmptyIdEntry) place = (place + 1) & mask;
    entries_[place].store(entry, std::memory_order_relaxed);
  }
}

IdMap::IdMap() { add_generation(kFirstCapacity); }

void IdMap::set(const RowStore& rows, RowId row) {
  const std::string_view id = rows[row].id;
  const std::uint32_t hash = id_hash(id);
  std::size_t place = newest().locate(rows, id, hash);
  if (newest().entries_[place].load(std::memory_order_relaxed) == kEmptyIdEntry) {
    if ((used_ + 1) * 5 > newest().capacity_ * 3) {
      add_generation(newest().capacity_ * 2);
      place = newest().locate(rows, id, hash);
    }
    ++used_;
  }
  newest().entries_[place].store(id_entry(hash, row), std::memory_order_release);
}

void IdMap::add_generation(std::size_t capacity) {
  auto next = std::make_unique<IdTable>(capacity);
  if (!generations_.empty()) next->take_over(newest());
  memory_bytes_.fetch_add(next->memory_bytes(), std::memory_order_relaxed);
  table_.store(next.get(), std::memory_order_release);
  generations_.push_back(std::move(next));
}

}  // namespace jade::engine
