// Storing and reading records.

#include <algorithm>
#include <utility>

#include "engine/validation.h"
#include "server/rest/api.h"
#include "server/rest/binary_batch.h"
#include "server/rest/record_json.h"

namespace jade::server {
namespace {

struct WriteQuery {
  bool upsert = false;
};

struct BatchBody {
  std::vector<BatchRow> rows;
  bool atomic = false;
};

struct GetManyBody {
  std::vector<std::string> ids;
  bool include_vector = true;
  bool include_metadata = true;
};

Object<WriteQuery> upsert_query() {
  Object<WriteQuery> query("");
  query.field("upsert", &WriteQuery::upsert, boolean(), "Replace a record that exists.");
  query.not_supported("ifVersion");
  return query;
}

Object<Nothing> plain_query(std::vector<std::string> not_built) {
  Object<Nothing> query("");
  for (std::string& name : not_built) query.not_supported(std::move(name), {"false"});
  return query;
}

SchemaPtr receipt_schema(const std::string& what) {
  return schema::object(
      what == "deleted" ? "DeleteReceipt" : "WriteReceipt", "What a write did. It survives power loss.",
      {schema::field("id", schema::string(), "The record's id."),
       schema::field("version", schema::integer(1), "The version that this write made."),
       schema::field(what, schema::boolean(), what == "deleted" ? "Always true." : "The record is new."),
       schema::field("durability", schema::enumeration({"durable"}), "Synced to disk before this answer."),
       schema::field("token", schema::string(), "A read that is given it sees at least this write.")});
}

void answer_receipt(const Reply& reply, int status, const std::string& id, const WriteReceipt& receipt,
                    std::string_view what, bool value) {
  std::string body;
  JsonWriter(body)
      .begin_object()
      .key("id")
      .string(id)
      .key("version")
      .uint64(receipt.version)
      .key(what)
      .boolean(value)
      .key("durability")
      .string("durable")
      .key("token")
      .string(receipt.token)
      .end_object();
  reply.json(status, std::move(body));
}

SchemaPtr batch_receipt_schema() {
  return schema::object(
      "BatchReceipt", "What a batch did.",
      {schema::field("inserted", schema::integer(0), "Rows that made new records."),
       schema::field("updated", schema::integer(0), "Rows that replaced records."),
       schema::field("errors",
                     schema::array(schema::object(
                         "RowError", "A row that was refused; the others were applied.",
                         {schema::field("index", schema::integer(0), "Its position in `vectors`."),
                          schema::field("id", schema::string(),
                                        "Its id, as far as it had one; of a longer one the first 512 bytes."),
                          schema::field("code", schema::string(), "An error code."),
                          schema::field("message", schema::string(), "What is wrong with it.")})),
                     "The refused rows, by index."),
       schema::field("durability", schema::enumeration({"durable"}), "Synced to disk before this answer."),
       schema::field("token", schema::string(), "A read that is given it sees at least this batch.")});
}

/// The id, or as many of its characters as a valid id may have bytes: a batch may be full of ids that are too long.
std::string_view shown_id(std::string_view id) {
  if (id.size() <= engine::kIdBytesMax) return id;
  std::size_t end = engine::kIdBytesMax;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(id[at]) & 0xC0U) == 0x80U; };
  while (end > 0 && continues(end)) --end;
  return id.substr(0, end);
}

void answer_batch(const Reply& reply, const BatchReceipt& receipt) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("inserted").uint64(receipt.inserted).key("updated").uint64(receipt.updated);
  json.key("errors").begin_array();
  for (const RowError& row : receipt.errors) {
    json.begin_object()
        .key("index")
        .uint64(row.index)
        .key("id")
        .string(shown_id(row.id))
        .key("code")
        .string(error_code_name(row.error.code()))
        .key("message")
        .string(row.error.message())
        .end_object();
  }
  json.end_array().key("durability").string("durable").key("token").string(receipt.token).end_object();
  reply.json(200, std::move(body));
}

/// A batch whose rows were read: those for the engine, where they stood, and those that were refused while reading.
struct ReadBatch {
  std::vector<RecordInput> records;
  std::vector<std::size_t> positions;
  std::vector<RowError> errors;
};

ReadBatch read_rows(std::vector<BatchRow> rows) {
  ReadBatch batch;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].refused) {
      batch.errors.push_back({i, std::move(rows[i].record.id).value_or(""), *std::move(rows[i].refused)});
    } else {
      batch.positions.push_back(i);
      batch.records.push_back(to_record_input(std::move(rows[i].record)));
    }
  }
  return batch;
}

void write_batch(engine::Router& router, Call<BatchBody, WriteQuery> call, const Reply& reply) {
  ReadBatch batch = read_rows(std::move(call.body.rows));
  if (call.body.atomic && !batch.errors.empty()) batch.records.clear();
  router.write_batch(request_context(call.context), call.context.path["database"], std::move(batch.records),
                     {.upsert = call.query.upsert, .atomic = call.body.atomic},
                     [reply, positions = std::move(batch.positions),
                      errors = std::move(batch.errors)](Result<BatchReceipt> receipt) mutable {
                       if (!receipt.ok()) return reply.error(receipt.error());
                       for (RowError& error : receipt->errors) {
                         error.index = positions[error.index];
                         errors.push_back(std::move(error));
                       }
                       std::ranges::sort(errors, {}, &RowError::index);
                       receipt->errors = std::move(errors);
                       answer_batch(reply, *receipt);
                     });
}

Result<BatchBody> decode_binary(std::string bytes) {
  JADE_ASSIGN_OR_RETURN(BinaryBatch binary, decode_binary_batch(bytes));
  BatchBody body{.rows = {}, .atomic = binary.atomic};
  body.rows.reserve(binary.rows.size());
  for (RecordBody& row : binary.rows) body.rows.push_back({std::move(row), std::nullopt});
  return body;
}

Object<BatchBody> batch_object() {
  Object<BatchBody> batch("RecordBatch", "Records that are written together.");
  batch.field("vectors", &BatchBody::rows, array(batch_row_binding(), 0, kBatchRowsMax), "The records, in order.")
      .required();
  batch.field("atomic", &BatchBody::atomic, boolean(),
              "Apply nothing if any row is refused. All rows must belong to one shard.");
  return batch;
}

Object<GetManyBody> get_many_object() {
  Object<GetManyBody> body("GetRequest", "Which records to read.");
  body.field("ids", &GetManyBody::ids, array(string(), 0, kGetIdsMax), "Their ids.").required();
  body.field("includeVector", &GetManyBody::include_vector, boolean(), "Answer with the vectors.");
  body.field("includeMetadata", &GetManyBody::include_metadata, boolean(), "Answer with the metadata.");
  return body;
}

void answer_records(const Reply& reply, const std::vector<std::optional<Record>>& records) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("vectors").begin_array();
  for (const std::optional<Record>& record : records) {
    if (record) {
      write_record(json, *record);
    } else {
      json.null();
    }
  }
  json.end_array().end_object();
  reply.json(200, std::move(body));
}

void add_writes(Registry& registry, engine::Router& router) {
  registry.add(operation("storeVector", Method::kPost, "/v1/databases/{database}/vectors", Scope::kVectorAdd)
                   .tag("Vectors")
                   .summary("Stores one record.")
                   .cost(CostClass::kWrite)
                   .body(record_object("Record", true))
                   .query(upsert_query())
                   .responds(201, "Stored and durable.", receipt_schema("created"))
                   .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kAlreadyExists, ErrorCode::kDimensionMismatch,
                                ErrorCode::kValueOutOfRange, ErrorCode::kStorageFull, ErrorCode::kStoreReadOnly})
                   .handle([&router](Call<RecordBody, WriteQuery> call, const Reply& reply) {
                     const auto mode = call.query.upsert ? engine::WriteMode::kUpsert : engine::WriteMode::kInsert;
                     std::string id = call.body.id.value_or("");
                     router.write(request_context(call.context), call.context.path["database"],
                                  to_record_input(std::move(call.body)), mode,
                                  [reply, id = std::move(id)](Result<WriteReceipt> receipt) {
                                    if (!receipt.ok()) return reply.error(receipt.error());
                                    answer_receipt(reply, 201, id, *receipt, "created", receipt->created);
                                  });
                   }));
  registry.add(
      operation("storeVectors", Method::kPost, "/v1/databases/{database}/vectors/batch", Scope::kVectorAdd)
          .tag("Vectors")
          .summary("Stores many records.")
          .cost(CostClass::kWrite)
          .description(
              "Rows are checked in order; refused rows are listed, the others are applied, together for each "
              "shard: after a crash all of a shard's rows are there or none. An id that comes twice: the later "
              "row wins under `upsert`, otherwise it is refused with ALREADY_EXISTS. The binary body has the "
              "layout of docs/formats/binary-batch.md.")
          .body(batch_object())
          .body_as(std::string(kBinaryBatchType), decode_binary)
          .query(upsert_query())
          .responds(200, "What was applied, durable.", batch_receipt_schema())
          .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kUnsupportedCombination, ErrorCode::kStorageFull,
                       ErrorCode::kStoreReadOnly})
          .handle([&router](Call<BatchBody, WriteQuery> call, const Reply& reply) {
            write_batch(router, std::move(call), reply);
          }));
  registry.add(operation("replaceVector", Method::kPut, "/v1/databases/{database}/vectors/{id}", Scope::kVectorUpdate)
                   .tag("Vectors")
                   .summary("Replaces the parts of a record that the body names.")
                   .cost(CostClass::kWrite)
                   .description("Never creates a record. What the body does not name stays as it is.")
                   .body(record_object("RecordUpdate", false))
                   .query(plain_query({"ifVersion"}))
                   .responds(200, "Replaced and durable.", receipt_schema("created"))
                   .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kVectorNotFound, ErrorCode::kDimensionMismatch,
                                ErrorCode::kValueOutOfRange, ErrorCode::kStorageFull, ErrorCode::kStoreReadOnly})
                   .handle([&router](Call<RecordBody, Nothing> call, const Reply& reply) {
                     const std::string id = call.context.path["id"];
                     if (call.body.id && *call.body.id != id) {
                       return reply.error(
                           Error(ErrorCode::kInvalidArgument, "the id in the body is not the one in the path")
                               .with("field", "id"));
                     }
                     call.body.id = id;
                     router.write(request_context(call.context), call.context.path["database"],
                                  to_record_input(std::move(call.body)), engine::WriteMode::kUpdate,
                                  [reply, id](Result<WriteReceipt> receipt) {
                                    if (!receipt.ok()) return reply.error(receipt.error());
                                    answer_receipt(reply, 200, id, *receipt, "created", receipt->created);
                                  });
                   }));
  registry.add(operation("deleteVector", Method::kDelete, "/v1/databases/{database}/vectors/{id}", Scope::kVectorDelete)
                   .tag("Vectors")
                   .summary("Deletes a record.")
                   .cost(CostClass::kWrite)
                   .query(plain_query({"purge", "ifVersion"}))
                   .responds(200, "Deleted and durable.", receipt_schema("deleted"))
                   .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kVectorNotFound, ErrorCode::kStoreReadOnly})
                   .handle([&router](const Call<>& call, const Reply& reply) {
                     const std::string id = call.context.path["id"];
                     router.remove(request_context(call.context), call.context.path["database"], id,
                                   [reply, id](Result<WriteReceipt> receipt) {
                                     if (!receipt.ok()) return reply.error(receipt.error());
                                     answer_receipt(reply, 200, id, *receipt, "deleted", true);
                                   });
                   }));
}

void add_reads(Registry& registry, engine::Router& router) {
  registry.add(operation("getVector", Method::kGet, "/v1/databases/{database}/vectors/{id}", Scope::kVectorRead)
                   .tag("Vectors")
                   .summary("Reads one record.")
                   .responds(200, "The record.", record_schema())
                   .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kVectorNotFound})
                   .handle([&router](const Call<>& call, const Reply& reply) {
                     const std::string id = call.context.path["id"];
                     router.get(
                         request_context(call.context), call.context.path["database"], {id}, {},
                         [reply, id](Result<std::vector<std::optional<Record>>> records) {
                           if (!records.ok()) return reply.error(records.error());
                           if (!records->front()) {
                             return reply.error(Error(ErrorCode::kVectorNotFound, "there is no record '" + id + "'"));
                           }
                           std::string body;
                           JsonWriter json(body);
                           write_record(json, *records->front());
                           reply.json(200, std::move(body));
                         });
                   }));
  registry.add(operation("getVectors", Method::kPost, "/v1/databases/{database}/vectors/get", Scope::kVectorRead)
                   .tag("Vectors")
                   .summary("Reads many records.")
                   .body(get_many_object())
                   .body_not_built(std::string(kBinaryBatchType))
                   .responds(200, "The records in the order of the ids, null for those that are not there.",
                             schema::object("GetResponse", "Records by position.",
                                            {schema::field("vectors", schema::array(schema::nullable(record_schema())),
                                                           "One for each id.")}))
                   .fails_with({ErrorCode::kDatabaseNotFound})
                   .handle([&router](Call<GetManyBody> call, const Reply& reply) {
                     if (call.body.include_vector) {
                       const auto fits = check_response_size(router, call.context, call.body.ids.size(), "ids");
                       if (!fits.ok()) return reply.error(fits.error());
                     }
                     router.get(
                         request_context(call.context), call.context.path["database"], std::move(call.body.ids),
                         {.include_vectors = call.body.include_vector, .include_metadata = call.body.include_metadata},
                         [reply](Result<std::vector<std::optional<Record>>> records) {
                           if (!records.ok()) return reply.error(records.error());
                           answer_records(reply, *records);
                         });
                   }));
  Object<Nothing> count_body("CountRequest", "What to count.");
  count_body.not_supported("filter", {"null", "{}"});
  registry.add(
      operation("countVectors", Method::kPost, "/v1/databases/{database}/vectors/count", Scope::kVectorRead)
          .tag("Vectors")
          .summary("Counts the records.")
          .body(std::move(count_body))
          .body_optional()
          .responds(200, "How many there are.",
                    schema::object("CountResponse", "A count.",
                                   {schema::field("count", schema::integer(0), "Records that a search can find.")}))
          .fails_with({ErrorCode::kDatabaseNotFound})
          .handle([&router](const Call<>& call, const Reply& reply) {
            router.count(request_context(call.context), call.context.path["database"],
                         [reply](Result<std::uint64_t> count) {
                           if (!count.ok()) return reply.error(count.error());
                           reply.json(200, "{\"count\":" + std::to_string(*count) + "}");
                         });
          }));
}

}  // namespace

void add_vector_operations(Registry& registry, const ApiEnvironment& environment) {
  add_writes(registry, environment.router);
  add_reads(registry, environment.router);
}

}  // namespace jade::server
