// Records on the wire: how they are read from JSON and written to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "jade/record.h"
#include "server/registry/binding.h"
#include "server/registry/schema.h"

namespace jade::server {

/// A record as the client wrote it. The engine checks its contents.
struct RecordBody {
  std::optional<std::string> id;
  std::optional<VectorData> vector;
  std::vector<std::pair<std::string, VectorData>> vectors;
  std::optional<std::string> metadata;
};

/// A row of a batch: a record, or what is wrong with it.
struct BatchRow {
  RecordBody record;
  std::optional<Error> refused;
};

/// A vector: numbers, or the base64 of packed bits.
Binding<VectorData> vector_binding();
/// Of a whole record; `id_required` is false where the path has the id.
Object<RecordBody> record_object(std::string name, bool id_required);
/// A record whose mistakes refuse the row and not the request.
Binding<BatchRow> batch_row_binding();

/// As the engine takes it; `vector` is the vector named "".
RecordInput to_record_input(RecordBody body);

/// `includeVector` and `includeMetadata` decide what is written of `vectors` and `metadata`.
void write_record(JsonWriter& json, const Record& record);
SchemaPtr record_schema();

/// Appends "vector" or "vectors" fields to the object that is being written.
void write_vectors(JsonWriter& json, const std::vector<NamedVector>& vectors);
/// Fields of answers that carry vectors and metadata.
std::vector<SchemaField> content_fields();

}  // namespace jade::server
