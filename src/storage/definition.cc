#include "storage/definition.h"

#include <algorithm>
#include <utility>

#include "storage/aligned_bytes.h"
#include "storage/definition_generated.h"
#include "storage/flatbuffer_bytes.h"

namespace jade::storage {
namespace {

// The ranges of the wire contract; what lies outside them was never accepted.
constexpr std::uint32_t kMaxDimension = 16384;
constexpr std::uint32_t kMaxShards = 64;
constexpr std::uint32_t kMinEdges = 4;
constexpr std::uint32_t kMaxEdges = 64;
constexpr std::uint32_t kMinEfConstruction = 8;
constexpr std::uint32_t kMaxEfConstruction = 2048;
constexpr std::uint32_t kMaxEfSearch = 10000;

Error corrupted(std::string_view what) { return Error(ErrorCode::kDataCorrupted, "definition: " + std::string(what)); }

constexpr bool within(std::uint32_t value, std::uint32_t low, std::uint32_t high) {
  return value >= low && value <= high;
}

flatbuffers::Offset<wire::VectorField> encode_field(flatbuffers::FlatBufferBuilder& builder,
                                                    const VectorFieldDefinition& field) {
  const auto name = builder.CreateString(field.name);
  return wire::CreateVectorField(builder, field.id.value(), name, field.dimension,
                                 static_cast<std::uint8_t>(field.metric), static_cast<std::uint8_t>(field.element_type),
                                 static_cast<std::uint8_t>(field.index.type), field.index.m,
                                 field.index.ef_construction, field.index.ef_search);
}

Result<VectorFieldDefinition> decode_field(const wire::VectorField& in) {
  if (in.metric() > static_cast<std::uint8_t>(Metric::kHamming)) return corrupted("unknown metric");
  if (in.element_type() > static_cast<std::uint8_t>(ElementType::kBit)) return corrupted("unknown element type");
  if (in.index_type() > static_cast<std::uint8_t>(IndexType::kHnsw)) return corrupted("unknown index type");
  const bool index_in_range = within(in.m(), kMinEdges, kMaxEdges) &&
                              within(in.ef_construction(), kMinEfConstruction, kMaxEfConstruction) &&
                              within(in.ef_search(), 1, kMaxEfSearch);
  if (!index_in_range) return corrupted("index parameter out of range");
  if (!within(in.dimension(), 1, kMaxDimension)) return corrupted("dimension out of range");
  VectorFieldDefinition field;
  field.id = VectorFieldId{in.id()};
  field.name = as_text(*in.name());
  field.dimension = in.dimension();
  field.metric = static_cast<Metric>(in.metric());
  field.element_type = static_cast<ElementType>(in.element_type());
  field.index.type = static_cast<IndexType>(in.index_type());
  field.index.m = in.m();
  field.index.ef_construction = in.ef_construction();
  field.index.ef_search = in.ef_search();
  return field;
}

Result<void> check_fields(const Definition& definition) {
  std::vector<VectorFieldId> ids;
  std::vector<std::string_view> names;
  for (const VectorFieldDefinition& field : definition.vectors) {
    if (field.id >= definition.next_field) return corrupted("a field's id was never given out");
    ids.push_back(field.id);
    names.push_back(field.name);
  }
  std::ranges::sort(ids);
  std::ranges::sort(names);
  if (std::ranges::adjacent_find(ids) != ids.end()) return corrupted("two fields share an id");
  if (std::ranges::adjacent_find(names) != names.end()) return corrupted("two fields share a name");
  return {};
}

}  // namespace

std::vector<std::byte> encode_definition(const Definition& definition) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::VectorField>> fields;
  fields.reserve(definition.vectors.size());
  for (const VectorFieldDefinition& field : definition.vectors) fields.push_back(encode_field(builder, field));
  const auto vectors = builder.CreateVector(fields);
  const auto description = builder.CreateString(definition.description);
  const auto database = builder.CreateVector(as_uint8(definition.database), definition.database.size());
  wire::FinishDefinitionBuffer(
      builder,
      wire::CreateDefinition(builder, database, definition.version, description, vectors, definition.next_field.value(),
                             definition.num_shards, definition.created_at_us, definition.updated_at_us));
  return finished_bytes(builder);
}

Result<Definition> decode_definition(std::span<const std::byte> bytes) {
  const AlignedBytes aligned(bytes);
  flatbuffers::Verifier verifier = make_verifier(aligned.bytes());
  if (!wire::VerifyDefinitionBuffer(verifier)) return corrupted("malformed");
  const wire::Definition& in = *flatbuffers::GetRoot<wire::Definition>(aligned.bytes().data());

  Definition definition;
  if (in.database()->size() != definition.database.size()) return corrupted("database key of another size");
  std::ranges::copy(as_bytes(*in.database()), definition.database.begin());
  if (in.version() == 0) return corrupted("no version");
  if (!within(in.num_shards(), 1, kMaxShards)) return corrupted("number of shards out of range");
  definition.version = in.version();
  definition.description = as_text(*in.description());
  definition.next_field = VectorFieldId{in.next_field()};
  definition.num_shards = in.num_shards();
  definition.created_at_us = in.created_at_us();
  definition.updated_at_us = in.updated_at_us();
  for (const wire::VectorField* field : *in.vectors()) {
    JADE_ASSIGN_OR_RETURN(definition.vectors.emplace_back(), decode_field(*field));
  }
  JADE_RETURN_IF_ERROR(check_fields(definition));
  return definition;
}

}  // namespace jade::storage
