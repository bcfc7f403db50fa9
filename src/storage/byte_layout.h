// Integers at fixed places in bytes, little-endian, at any address.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace jade::storage {

static_assert(std::endian::native == std::endian::little, "formats are written as the processor has them");

/// `offset + sizeof(Integer)` <= bytes.size().
template <std::integral Integer>
Integer load(std::span<const std::byte> bytes, std::size_t offset) {
  Integer value;
  std::memcpy(&value, bytes.subspan(offset, sizeof value).data(), sizeof value);
  return value;
}

/// `offset + sizeof(Integer)` <= bytes.size().
template <std::integral Integer>
void store(std::span<std::byte> bytes, std::size_t offset, Integer value) {
  std::memcpy(bytes.subspan(offset, sizeof value).data(), &value, sizeof value);
}

/// `offset + from.size()` <= bytes.size(). Copies nothing when there is nothing to copy.
inline void store_bytes(std::span<std::byte> bytes, std::size_t offset, std::span<const std::byte> from) {
  if (!from.empty()) std::memcpy(bytes.subspan(offset, from.size()).data(), from.data(), from.size());
}

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

}  // namespace jade::storage
