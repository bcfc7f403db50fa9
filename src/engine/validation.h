// Everything that is checked before a write reaches the log: what is logged always applies.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/metadata_json.h"
#include "jade/record.h"
#include "jade/result.h"
#include "storage/definition.h"
#include "storage/write_batch.h"

namespace jade::engine {

/// Limits of the data model; GET /v1/limits serves them.
inline constexpr std::size_t kIdBytesMax = 512;
inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::ptrdiff_t kDescriptionCharactersMax = 1000;
inline constexpr std::uint32_t kDimensionMax = 16384;
inline constexpr std::uint32_t kShardsMax = 64;
inline constexpr std::size_t kVectorFieldsMax = 64;
inline constexpr std::uint32_t kTopKMax = 10'000;
inline constexpr std::uint32_t kEfSearchMax = 10'000;
/// ‖v‖² of a float vector lies within these (under cosine; otherwise only the upper one holds).
inline constexpr double kNormSquaredMax = 0x1.0p120;
inline constexpr double kNormSquaredMinCosine = 0x1.0p-100;

/// 1..512 bytes of UTF-8 without U+0000–1F and U+007F–9F.
Result<void> validate_id(std::string_view id);
/// 1..255 of A-Z a-z 0-9 . _ -, the first a letter or digit.
Result<void> validate_database_name(std::string_view name);
/// The definition that these options ask for; everything but its key, version and times.
Result<storage::Definition> validate_options(const DatabaseOptions& options);

/// The field of this name; kInvalidArgument naming it if there is none.
Result<const storage::VectorFieldDefinition*> find_field(const storage::Definition& definition, std::string_view name);
/// The vector as the field stores it. DIMENSION_MISMATCH, VALUE_OUT_OF_RANGE, INVALID_ARGUMENT otherwise.
Result<std::vector<std::byte>> validate_vector(const storage::VectorFieldDefinition& field, const VectorData& data);
/// A stored vector as it is read.
VectorData vector_data(const storage::VectorFieldDefinition& field, std::span<const std::byte> bytes);
/// The record as the log stores it, its metadata in canonical form.
Result<storage::RowWrite> validate_record(const storage::Definition& definition, RecordInput record,
                                          storage::WriteKind kind, const MetadataLimits& limits = {});

}  // namespace jade::engine
