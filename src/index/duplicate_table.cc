#include "index/duplicate_table.h"

#include <algorithm>
#include <cstring>

namespace jade::index {
namespace {

// A page of entries to begin with.
constexpr std::size_t kFirstCapacity = 512;

// The finisher of SplitMix64: every input bit reaches every output bit.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

// Mixes eight bytes a step. Equal bytes are compared afterwards, so that nothing depends on its quality but speed.
std::uint64_t hash_bytes(const std::byte* bytes, std::size_t count) {
  std::uint64_t hash = count;
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= count; i += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, bytes + i, sizeof(word));
    hash = (hash ^ word) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32;
  }
  std::uint64_t tail = 0;
  std::memcpy(&tail, bytes + i, count - i);
  return mixed(hash ^ tail);
}

std::uint64_t hash_of(const VectorArena& arena, std::uint32_t slot) {
  return hash_bytes(arena.vector(SlotId(slot)), arena.vector_bytes());
}

}  // namespace

DuplicateTable::~DuplicateTable() {
  if (capacity_ != 0) memory_.release(reinterpret_cast<std::byte*>(entries_), memory_bytes());
}

bool DuplicateTable::reserve(const VectorArena& arena) {
  if (count_ < capacity_ - capacity_ / 4) return true;
  const std::size_t old_capacity = capacity_;
  const std::size_t capacity = std::max(kFirstCapacity, old_capacity * 2);
  std::byte* block = memory_.allocate(capacity * sizeof(Entry));
  if (block == nullptr) return false;
  Entry* old_entries = entries_;
  entries_ = reinterpret_cast<Entry*>(block);
  capacity_ = capacity;
  memory_bytes_.store(capacity * sizeof(Entry), std::memory_order_relaxed);
  for (std::size_t i = 0; i < old_capacity; ++i) {
    if (old_entries[i].slot_plus_one == 0) continue;
    Entry* entry = entry_for(hash_of(arena, old_entries[i].slot_plus_one - 1));
    while (entry->slot_plus_one != 0) entry = entry_after(entry);
    *entry = old_entries[i];
  }
  if (old_capacity != 0) memory_.release(reinterpret_cast<std::byte*>(old_entries), old_capacity * sizeof(Entry));
  return true;
}

std::optional<std::uint32_t> DuplicateTable::find_or_add(const VectorArena& arena, std::uint32_t slot) {
  const std::uint64_t hash = hash_of(arena, slot);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  const std::byte* vector = arena.vector(SlotId(slot));
  Entry* entry = entry_for(hash);
  for (; entry->slot_plus_one != 0; entry = entry_after(entry)) {
    const std::uint32_t other = entry->slot_plus_one - 1;
    if (entry->tag != tag) continue;
    if (std::memcmp(arena.vector(SlotId(other)), vector, arena.vector_bytes()) == 0) return other;
  }
  *entry = {.slot_plus_one = slot + 1, .tag = tag};
  ++count_;
  return std::nullopt;
}

}  // namespace jade::index
