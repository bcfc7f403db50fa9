#include "engine/validation.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "base/utf8.h"
#include "simd/kernels.h"

namespace jade::engine {
namespace {

bool is_name_character(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

/// True for U+0000–1F and U+007F–9F. The latter half is C2 80 … C2 9F in UTF-8.
bool has_control_character(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) return true;
    if (byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0) return true;
  }
  return false;
}

Result<void> check_range(std::string_view field, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return Error(ErrorCode::kValueOutOfRange, std::string(field) + " is " + std::to_string(value) +
                                                "; it must be within " + std::to_string(least) + ".." +
                                                std::to_string(most))
      .with("field", std::string(field));
}

Error invalid(std::string message, std::string field) {
  return Error(ErrorCode::kInvalidArgument, std::move(message)).with("field", std::move(field));
}

Result<void> validate_field_options(const VectorOptions& options) {
  JADE_RETURN_IF_ERROR(check_range("dimension", options.dimension, 1, kDimensionMax));
  JADE_RETURN_IF_ERROR(check_range("m", options.index.m, 4, 64));
  JADE_RETURN_IF_ERROR(check_range("efConstruction", options.index.ef_construction, 8, 2048));
  JADE_RETURN_IF_ERROR(check_range("efSearch", options.index.ef_search, 1, kEfSearchMax));
  const bool bits = options.element_type == ElementType::kBit;
  if (bits != (options.metric == Metric::kHamming)) {
    return Error(ErrorCode::kUnsupportedCombination, "metric hamming and elementType bit only go together")
        .with("allowed", std::vector<std::string>{"hamming × bit", "cosine × f32", "euclidean × f32", "dot × f32",
                                                  "manhattan × f32"});
  }
  return {};
}

Error dimension_mismatch(const storage::VectorFieldDefinition& field, std::size_t got) {
  const std::string name = field.name.empty() ? "the vector" : "the vector '" + field.name + "'";
  return Error(ErrorCode::kDimensionMismatch,
               name + " has " + std::to_string(got) + " elements; the database has " + std::to_string(field.dimension))
      .with("expected", std::int64_t{field.dimension})
      .with("got", static_cast<std::int64_t>(got));
}

Result<std::vector<std::byte>> pack_bits(const std::vector<float>& elements) {
  std::vector<std::byte> bytes((elements.size() + 7) / 8);
  for (std::size_t i = 0; i < elements.size(); ++i) {
    if (elements[i] != 0.0F && elements[i] != 1.0F) {
      return Error(ErrorCode::kValueOutOfRange, "element " + std::to_string(i) + " of a bit vector is neither 0 nor 1");
    }
    if (elements[i] == 1.0F) bytes[i / 8] |= std::byte{1} << (i % 8);
  }
  return bytes;
}

Result<std::vector<std::byte>> validate_bits(const storage::VectorFieldDefinition& field, const VectorData& data) {
  if (const auto* elements = std::get_if<std::vector<float>>(&data)) {
    if (elements->size() != field.dimension) return dimension_mismatch(field, elements->size());
    return pack_bits(*elements);
  }
  const std::vector<std::byte>& bytes = std::get<PackedBits>(data).bytes;
  if (bytes.size() != (field.dimension + 7) / 8) return dimension_mismatch(field, bytes.size() * 8);
  const std::uint32_t unused = static_cast<std::uint32_t>(bytes.size()) * 8 - field.dimension;
  if (unused > 0 && (bytes.back() >> (8 - unused)) != std::byte{0}) {
    return Error(ErrorCode::kValueOutOfRange, "the unused bits of the last byte are not zero");
  }
  return bytes;
}

Result<void> check_norm(const storage::VectorFieldDefinition& field, const std::vector<float>& elements) {
  const double norm_squared = simd::norm_squared_f64(elements.data(), elements.size());
  if (!std::isfinite(norm_squared)) {
    const auto odd = std::ranges::find_if(elements, [](float element) { return !std::isfinite(element); });
    return Error(ErrorCode::kValueOutOfRange,
                 "element " + std::to_string(odd - elements.begin()) + " of the vector is not a finite number");
  }
  if (norm_squared > kNormSquaredMax) {
    return Error(ErrorCode::kValueOutOfRange, "the vector is too long: its squared norm is above 2^120");
  }
  if (field.metric == Metric::kCosine && norm_squared < kNormSquaredMinCosine) {
    return Error(
        ErrorCode::kValueOutOfRange,
        "the vector is too short for cosine: its squared norm is below 2^-100 (a zero vector has no direction)");
  }
  return {};
}

/// The error with its place, which is counted from the metadata, as a place in the record.
Error within_metadata(const Error& error) {
  const ErrorDetail* const place = error.detail("field");
  if (place == nullptr) return Error(error).with("field", "metadata");
  Error placed(error.code(), "metadata." + error.message());
  for (const ErrorDetail& detail : error.details()) {
    std::visit([&](const auto& value) { placed.with(detail.key, value); }, detail.value);
  }
  return std::move(placed).with("field", "metadata." + std::get<std::string>(place->value));
}

std::string field_path(std::string_view name) { return name.empty() ? "vector" : "vectors." + std::string(name); }

}  // namespace

Result<void> validate_id(std::string_view id) {
  if (id.empty()) return invalid("an id has at least one byte", "id");
  if (id.size() > kIdBytesMax) {
    return invalid(
        "the id has " + std::to_string(id.size()) + " bytes; at most " + std::to_string(kIdBytesMax) + " are allowed",
        "id");
  }
  if (!is_valid_utf8(id)) return invalid("the id is not UTF-8", "id");
  if (has_control_character(id)) return invalid("the id has a control character", "id");
  return {};
}

Result<void> validate_database_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= kNameBytesMax && std::ranges::all_of(name, is_name_character) &&
                    name.front() != '.' && name.front() != '_' && name.front() != '-';
  if (good) return {};
  return invalid("a database name is 1 to 255 of A-Z a-z 0-9 . _ - and starts with a letter or digit", "name");
}

Result<storage::Definition> validate_options(const DatabaseOptions& options) {
  storage::Definition definition;
  if (!is_valid_utf8(options.description)) return invalid("the description is not UTF-8", "description");
  const auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  if (std::ranges::count_if(options.description, starts_character) > kDescriptionCharactersMax) {
    return invalid("the description has more than 1000 characters", "description");
  }
  JADE_RETURN_IF_ERROR(check_range("numShards", options.num_shards, 1, kShardsMax));
  if (options.vectors.empty()) return invalid("a database has at least one vector field", "vectors");
  JADE_RETURN_IF_ERROR(check_range("vectors", options.vectors.size(), 1, kVectorFieldsMax));
  std::set<std::string_view> names;
  std::uint32_t next_id = 1;
  for (const NamedVectorOptions& field : options.vectors) {
    const std::string path = field_path(field.name);
    if (!field.name.empty()) {
      if (Result<void> name = validate_database_name(field.name); !name.ok()) {
        return invalid("a vector's name follows the rule of database names: 1 to 255 of A-Z a-z 0-9 . _ -", path);
      }
    }
    if (!names.insert(field.name).second) return invalid("the vector '" + field.name + "' is given twice", path);
    if (Result<void> valid = validate_field_options(field.options); !valid.ok()) {
      return std::move(valid).error().in_context(path);
    }
    definition.vectors.push_back({VectorFieldId(next_id++), field.name, field.options.dimension, field.options.metric,
                                  field.options.element_type, field.options.index});
  }
  definition.next_field = VectorFieldId(next_id);
  definition.description = options.description;
  definition.num_shards = options.num_shards;
  return definition;
}

Result<const storage::VectorFieldDefinition*> find_field(const storage::Definition& definition, std::string_view name) {
  const auto found = std::ranges::find(definition.vectors, name, &storage::VectorFieldDefinition::name);
  if (found != definition.vectors.end()) return &*found;
  std::vector<std::string> known;
  for (const auto& field : definition.vectors) known.push_back(field.name);
  const std::string what = name.empty() ? "the database has no default vector; name one of its vectors"
                                        : "the database has no vector '" + std::string(name) + "'";
  return invalid(what, field_path(name)).with("allowed", std::move(known));
}

Result<std::vector<std::byte>> validate_vector(const storage::VectorFieldDefinition& field, const VectorData& data) {
  if (field.element_type == ElementType::kBit) return validate_bits(field, data);
  const auto* elements = std::get_if<std::vector<float>>(&data);
  if (elements == nullptr) return invalid("packed bits are given for a vector of numbers", field_path(field.name));
  if (elements->size() != field.dimension) return dimension_mismatch(field, elements->size());
  JADE_RETURN_IF_ERROR(check_norm(field, *elements));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(*elements));
  return std::vector<std::byte>(bytes.begin(), bytes.end());
}

VectorData vector_data(const storage::VectorFieldDefinition& field, std::span<const std::byte> bytes) {
  if (field.element_type == ElementType::kBit) return PackedBits{{bytes.begin(), bytes.end()}};
  std::vector<float> elements(field.dimension);
  std::memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

Result<storage::RowWrite> validate_record(const storage::Definition& definition, RecordInput record,
                                          storage::WriteKind kind, const MetadataLimits& limits) {
  JADE_RETURN_IF_ERROR(validate_id(record.id));
  storage::RowWrite write{.kind = kind, .id = std::move(record.id), .vectors = {}, .metadata = {}};
  for (const NamedVector& vector : record.vectors) {
    JADE_ASSIGN_OR_RETURN(const storage::VectorFieldDefinition* field, find_field(definition, vector.name));
    if (std::ranges::find(write.vectors, field->id, &storage::VectorValue::field) != write.vectors.end()) {
      return invalid("the vector '" + vector.name + "' is given twice", field_path(vector.name));
    }
    Result<std::vector<std::byte>> bytes = validate_vector(*field, vector.data);
    if (!bytes.ok()) {
      Error error = std::move(bytes).error();
      if (error.detail("field") == nullptr) error.with("field", field_path(vector.name));
      return error;
    }
    write.vectors.push_back({field->id, *std::move(bytes)});
  }
  if (kind == storage::WriteKind::kPut && write.vectors.empty()) {
    return invalid("a record has at least one vector", "vector");
  }
  if (kind == storage::WriteKind::kUpdate && write.vectors.empty() && !record.metadata) {
    return invalid("an update names a vector or metadata", "vector");
  }
  if (record.metadata) {
    Result<std::string> canonical = canonical_metadata(*record.metadata, limits);
    if (!canonical.ok()) return within_metadata(canonical.error());
    write.metadata = *std::move(canonical);
  }
  return write;
}

}  // namespace jade::engine
