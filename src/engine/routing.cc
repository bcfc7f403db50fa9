#include "engine/routing.h"

#include <xxhash.h>

namespace jade::engine {

ShardId shard_of(std::string_view id, std::uint32_t num_shards) {
  const std::uint64_t hash = XXH3_64bits(id.data(), id.size());
  // The high word of hash × n, that is, hash's range among n equal ones; n has at most 7 bits, so halves do.
  const std::uint64_t low = (hash & 0xffff'ffff) * num_shards;
  const std::uint64_t high = (hash >> 32) * num_shards;
  return ShardId(static_cast<std::uint32_t>((high + (low >> 32)) >> 32));
}

}  // namespace jade::engine
