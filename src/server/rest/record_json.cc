#include "server/rest/record_json.h"

#include "base/base64.h"
#include "base/iso8601.h"
#include "engine/validation.h"

namespace jade::server {
namespace {

constexpr std::size_t kVectorNamesMax = engine::kVectorFieldsMax;

/// The JSON as it is written; the engine brings it into its canonical form.
Binding<std::string> raw_metadata() {
  return json_object([](const JsonValue& json) -> Result<std::string> { return std::string(json.raw_text()); });
}

Result<void> check_record(const RecordBody& body) {
  if (body.vector && !body.vectors.empty()) {
    return Error(ErrorCode::kInvalidArgument, "give vector or vectors, not both").with("field", "vector");
  }
  return {};
}

void write_vector(JsonWriter& json, const VectorData& data) {
  if (const auto* numbers = std::get_if<std::vector<float>>(&data)) {
    json.float_array(*numbers);
  } else {
    json.string(base64_encode(std::get<PackedBits>(data).bytes, Base64::kStandard));
  }
}

}  // namespace

Binding<VectorData> vector_binding() {
  return {.schema = schema::either(float_vector(engine::kDimensionMax).schema, schema::string_of_format("byte")),
          .read = [](const JsonValue& json, VectorData& out) -> Result<void> {
            if (json.kind() == JsonKind::kString) {
              JADE_ASSIGN_OR_RETURN(const std::string_view text, json.get_string());
              Result<std::vector<std::byte>> bytes = base64_decode(text, Base64::kStandard);
              if (!bytes.ok()) return json.error(ErrorCode::kInvalidArgument, "packed bits are given in base64");
              out = PackedBits{*std::move(bytes)};
              return {};
            }
            // How many there should be the engine knows: any other number is a DIMENSION_MISMATCH.
            return json.read_f32_array(out.emplace<std::vector<float>>(), SIZE_MAX);
          },
          .read_text = {},
          .write = {}};
}

Object<RecordBody> record_object(std::string name, bool id_required) {
  Object<RecordBody> record(std::move(name), "A record: an id, one or more vectors, metadata.");
  record.field("id", &RecordBody::id, string({.bytes_min = 0, .bytes_max = SIZE_MAX, .pattern = {}, .check = {}}),
               "UTF-8, 1 to 512 bytes, no control characters. Any other character is allowed, '/' and ' ' too.");
  if (id_required) record.required();
  record.field(
      "vector", &RecordBody::vector, vector_binding(),
      "The default vector: `dimension` numbers; for elementType bit zeros and ones, or the base64 of the packed "
      "bits (element i is bit i mod 8, least significant first, of byte i div 8).");
  record.field("vectors", &RecordBody::vectors, map(vector_binding(), 1, kVectorNamesMax), "Vectors by name.");
  record.field("metadata", &RecordBody::metadata, raw_metadata(),
               "Any JSON object up to 64 KiB and 16 levels; keys do not begin with `$`.");
  record.not_supported("partitionKey", {"null"}).not_supported("expiresAt", {"null"});
  record.check(check_record);
  return record;
}

Binding<BatchRow> batch_row_binding() {
  const auto record = record_object("Record", true).not_supported("ifVersion", {"null"}).binding();
  return {.schema = record.schema,
          .read = [read = record.read](const JsonValue& json, BatchRow& out) -> Result<void> {
            Result<void> done = read(json, out.record);
            if (done.ok()) return {};
            // Something that is no record at all is a mistake of the request, as is asking for what is not built.
            const ErrorCode code = done.error().code();
            if (json.kind() != JsonKind::kObject || code == ErrorCode::kNotSupported) return done;
            out.refused = naming_field(std::move(done).error());
            return {};
          },
          .read_text = {},
          .write = {}};
}

RecordInput to_record_input(RecordBody body) {
  RecordInput input{.id = std::move(body.id).value_or(""), .vectors = {}, .metadata = std::move(body.metadata)};
  if (body.vector) input.vectors.push_back({"", *std::move(body.vector)});
  for (auto& [name, data] : body.vectors) input.vectors.push_back({std::move(name), std::move(data)});
  return input;
}

void write_vectors(JsonWriter& json, const std::vector<NamedVector>& vectors) {
  if (vectors.size() == 1 && vectors.front().name.empty()) {
    write_vector(json.key("vector"), vectors.front().data);
    return;
  }
  if (vectors.empty()) return;
  json.key("vectors").begin_object();
  for (const NamedVector& vector : vectors) write_vector(json.key(vector.name), vector.data);
  json.end_object();
}

void write_record(JsonWriter& json, const Record& record) {
  json.begin_object().key("id").string(record.id).key("version").uint64(record.version);
  json.key("createdAt").string(format_iso8601(record.created_at_us));
  json.key("updatedAt").string(format_iso8601(record.updated_at_us));
  json.key("state").string("active");
  write_vectors(json, record.vectors);
  if (record.metadata) json.key("metadata").raw(*record.metadata);
  json.end_object();
}

std::vector<SchemaField> content_fields() {
  return {schema::optional_field("vector", vector_binding().schema,
                                 "The vector of a record that has only the default one; base64 for elementType bit."),
          schema::optional_field("vectors", schema::map(vector_binding().schema),
                                 "Vectors by name; the default one, if any, under \"\"."),
          schema::optional_field("metadata", schema::json_object(), "As it was stored.")};
}

SchemaPtr record_schema() {
  std::vector<SchemaField> fields = {
      schema::field("id", schema::string(), "The record's id."),
      schema::field("version", schema::integer(1), "Larger after every write; never reused in the database."),
      schema::field("createdAt", schema::string_of_format("date-time"), "When the record was first stored."),
      schema::field("updatedAt", schema::string_of_format("date-time"), "When it was last written."),
      schema::field("state", schema::enumeration({"active"}), "What the record is.")};
  for (SchemaField& field : content_fields()) fields.push_back(std::move(field));
  return schema::object("StoredRecord", "A record as it is read.", std::move(fields));
}

}  // namespace jade::server
