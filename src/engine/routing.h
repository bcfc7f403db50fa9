// Which shard a record belongs to.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/ids.h"

namespace jade::engine {

/// XXH3-64 (seed 0) of the id; shard i of n has the i-th of n equal ranges of the hash. Part of the definition: never
/// changes for a database.
ShardId shard_of(std::string_view id, std::uint32_t num_shards);

}  // namespace jade::engine
