// What a database is: its vector fields, their indexes, its shards. Versioned; a change is a log record.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"
#include "jade/types.h"
#include "storage/log.h"

namespace jade::storage {

struct VectorFieldDefinition {
  VectorFieldId id;
  /// "" is the field that the shorthand `vector` means.
  std::string name;
  std::uint32_t dimension = 0;
  Metric metric = Metric::kCosine;
  ElementType element_type = ElementType::kF32;
  IndexOptions index;

  friend bool operator==(const VectorFieldDefinition&, const VectorFieldDefinition&) = default;
};

struct Definition {
  DatabaseKey database{};
  /// Starts at 1 and grows with every change.
  std::uint64_t version = 1;
  std::string description;
  std::vector<VectorFieldDefinition> vectors;
  /// The id that the next new field gets; ids are never reused.
  VectorFieldId next_field{1};
  std::uint32_t num_shards = 1;
  std::int64_t created_at_us = 0;
  std::int64_t updated_at_us = 0;

  friend bool operator==(const Definition&, const Definition&) = default;
};

std::vector<std::byte> encode_definition(const Definition& definition);

/// kDataCorrupted for anything that `encode_definition` cannot have written.
Result<Definition> decode_definition(std::span<const std::byte> bytes);

}  // namespace jade::storage
