// The ids and counters that more than one folder speaks of.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/named_type.h"

namespace jade {

/// Which database: 16 random bytes; the API spells them "db:" + 26 Crockford base-32 characters.
using DatabaseKey = std::array<std::byte, 16>;

/// A position in a database's log: positive, larger for every later record, never reused. It is also the `version` of
/// every record written by that log record, and stays below 2^53 so that JSON numbers carry it.
using Sequence = NamedType<std::uint64_t, struct SequenceTag>;

/// Which shard of a database, 0..63.
using ShardId = NamedType<std::uint32_t, struct ShardIdTag>;

/// A named vector of a database. Stable for the database's life: a name keeps its id and no id is reused.
using VectorFieldId = NamedType<std::uint32_t, struct VectorFieldIdTag>;

/// A row (one version of a record) in a shard.
using RowId = NamedType<std::uint32_t, struct RowIdTag>;

/// A vector's place in an index. A row has 0..n slots.
using SlotId = NamedType<std::uint32_t, struct SlotIdTag>;

}  // namespace jade
