// The hash by which ids are found: on disk, so that it never changes.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace jade::engine {

/// The lower half of XXH3-64: shards are routed by ranges of the whole, so it spreads the ids inside one too.
std::uint32_t id_hash(std::string_view id);

/// An entry of an id table: the hash, then the row. All bits set: empty.
inline constexpr std::uint64_t kEmptyIdEntry = ~std::uint64_t{0};
constexpr std::uint64_t id_entry(std::uint32_t hash, RowId row) { return std::uint64_t{hash} << 32 | row.value(); }
constexpr RowId row_of_entry(std::uint64_t entry) { return RowId(static_cast<std::uint32_t>(entry)); }
constexpr std::uint32_t hash_of_entry(std::uint64_t entry) { return static_cast<std::uint32_t>(entry >> 32); }

}  // namespace jade::engine
