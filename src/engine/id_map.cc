#include "engine/id_map.h"

#include <xxhash.h>

namespace jade::engine {
namespace {

constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
constexpr std::size_t kFirstCapacity = 16;

std::uint32_t hash_of(std::string_view id) {
  // Shards are routed by ranges of the whole hash, so the lower half still spreads ids inside a shard.
  return static_cast<std::uint32_t>(XXH3_64bits(id.data(), id.size()));
}

std::uint64_t entry_of(std::uint32_t hash, RowId row) { return std::uint64_t{hash} << 32 | row.value(); }
RowId row_of(std::uint64_t entry) { return RowId(static_cast<std::uint32_t>(entry)); }
std::uint32_t hash_part(std::uint64_t entry) { return static_cast<std::uint32_t>(entry >> 32); }

}  // namespace

IdTable::IdTable(std::size_t capacity)
    : capacity_(capacity), entries_(std::make_unique<std::atomic<std::uint64_t>[]>(capacity)) {
  for (std::size_t i = 0; i < capacity; ++i) entries_[i].store(kEmpty, std::memory_order_relaxed);
}

std::size_t IdTable::locate(const RowStore& rows, std::string_view id, std::uint32_t hash) const {
  const std::size_t mask = capacity_ - 1;
  for (std::size_t place = hash & mask;; place = (place + 1) & mask) {
    const std::uint64_t entry = entries_[place].load(std::memory_order_acquire);
    if (entry == kEmpty) return place;
    if (hash_part(entry) == hash && rows[row_of(entry)].id == id) return place;
  }
}

RowId IdTable::find(const RowStore& rows, std::string_view id) const {
  const std::uint64_t entry = entries_[locate(rows, id, hash_of(id))].load(std::memory_order_acquire);
  return entry == kEmpty ? kNoRow : row_of(entry);
}

void IdTable::take_over(const IdTable& smaller) {
  const std::size_t mask = capacity_ - 1;
  for (std::size_t i = 0; i < smaller.capacity_; ++i) {
    const std::uint64_t entry = smaller.entries_[i].load(std::memory_order_relaxed);
    if (entry == kEmpty) continue;
    // Ids differ, so the first empty place is right; ids need not be compared.
    std::size_t place = hash_part(entry) & mask;
    while (entries_[place].load(std::memory_order_relaxed) != kEmpty) place = (place + 1) & mask;
    entries_[place].store(entry, std::memory_order_relaxed);
  }
}

IdMap::IdMap() { add_generation(kFirstCapacity); }

void IdMap::set(const RowStore& rows, RowId row) {
  const std::string_view id = rows[row].id;
  const std::uint32_t hash = hash_of(id);
  std::size_t place = newest().locate(rows, id, hash);
  if (newest().entries_[place].load(std::memory_order_relaxed) == kEmpty) {
    if ((used_ + 1) * 5 > newest().capacity_ * 3) {
      add_generation(newest().capacity_ * 2);
      place = newest().locate(rows, id, hash);
    }
    ++used_;
  }
  newest().entries_[place].store(entry_of(hash, row), std::memory_order_release);
}

void IdMap::add_generation(std::size_t capacity) {
  auto next = std::make_unique<IdTable>(capacity);
  if (!generations_.empty()) next->take_over(newest());
  memory_bytes_.fetch_add(next->memory_bytes(), std::memory_order_relaxed);
  table_.store(next.get(), std::memory_order_release);
  generations_.push_back(std::move(next));
}

}  // namespace jade::engine
