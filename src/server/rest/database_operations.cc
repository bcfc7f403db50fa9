// Creating, listing, reading and deleting databases.

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/iso8601.h"
#include "base/json_writer.h"
#include "engine/validation.h"
#include "server/rest/api.h"
#include "server/rest/contract_bindings.h"

namespace jade::server {
namespace {

constexpr std::string_view kListScope = "listDatabases";

struct FieldBody {
  std::uint32_t dimension = 0;
  Metric metric = Metric::kCosine;
  std::optional<ElementType> element_type;
  IndexOptions index;
};

struct CreateBody {
  std::string name;
  std::string description;
  std::optional<std::uint32_t> dimension;
  std::optional<Metric> metric;
  std::optional<ElementType> element_type;
  std::optional<IndexOptions> index;
  std::vector<std::pair<std::string, FieldBody>> vectors;
  std::uint32_t num_shards = 1;
};

struct ShardingBody {
  std::uint32_t num_shards = 1;
};

struct ListQuery {
  std::uint32_t limit = 20;
  std::string cursor;
};

Binding<Metric> metric_binding() {
  return enumeration<Metric>({Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan, Metric::kHamming},
                             metric_name);
}

Binding<ElementType> element_type_binding() {
  return partly_built(enumeration<ElementType>({ElementType::kF32, ElementType::kBit}, element_type_name),
                      {"f16", "int8"});
}

Object<IndexOptions> index_parameters_object() {
  Object<IndexOptions> parameters("IndexParameters", "How a graph is built and searched.");
  parameters.field("m", &IndexOptions::m, integer<std::uint32_t>(4, 64),
                   "Edges a node; the bottom layer has twice as many.");
  parameters.field("efConstruction", &IndexOptions::ef_construction, integer<std::uint32_t>(8, 2048),
                   "Candidates kept while a vector is linked: more is slower to build and better to search.");
  parameters.field("efSearch", &IndexOptions::ef_search, integer<std::uint32_t>(1, engine::kEfSearchMax),
                   "Candidates kept while searching, unless the search says; raised to topK.");
  for (const char* name : {"nlist", "nprobe", "tables", "bits", "bucketWidth", "probes", "refine", "subspaces"}) {
    parameters.not_supported(name);
  }
  return parameters;
}

struct IndexParameters {
  IndexOptions options;
  /// Some parameter was named, be it with its default.
  bool given = false;
};

Binding<IndexParameters> index_parameters_binding() {
  const auto whole = index_parameters_object().binding();
  return {.schema = whole.schema,
          .read = [read = whole.read](const JsonValue& json, IndexParameters& out) -> Result<void> {
            JADE_RETURN_IF_ERROR(read(json, out.options));
            JADE_ASSIGN_OR_RETURN(const JsonObject entries, json.get_object());
            out.given = entries.size() > 0;
            return {};
          },
          .read_text = {},
          .write = {}};
}

/// `index` of a field; `parameters` lie one level down on the wire.
Binding<IndexOptions> index_binding() {
  struct Body {
    IndexType type = IndexType::kAuto;
    IndexParameters parameters;
  };
  Object<Body> body("Index", "How a vector field is searched.");
  body.field(
      "type", &Body::type,
      partly_built(enumeration<IndexType>({IndexType::kAuto, IndexType::kFlat, IndexType::kHnsw}, index_type_name),
                   {"IVF", "LSH"}),
      "FLAT scores every vector, HNSW walks a graph, AUTO is flat while the database is small and a graph after.");
  body.field("parameters", &Body::parameters, index_parameters_binding(), "Of the graph; FLAT has none.");
  body.not_supported("quantization", {"\"auto\"", "\"none\""}).not_supported("reduceTo", {"null"});
  const auto whole = body.binding();
  return {.schema = whole.schema,
          .read = [read = whole.read](const JsonValue& json, IndexOptions& out) -> Result<void> {
            Body value;
            JADE_RETURN_IF_ERROR(read(json, value));
            if (value.type == IndexType::kFlat && value.parameters.given) {
              return within(json, Error(ErrorCode::kUnsupportedCombination, "FLAT has no graph to give parameters for")
                                      .with("field", "parameters"));
            }
            out = value.parameters.options;
            out.type = value.type;
            return {};
          },
          .read_text = {},
          .write = {}};
}

Object<FieldBody> field_object() {
  Object<FieldBody> field("VectorField", "A named vector of each record.");
  field
      .field("dimension", &FieldBody::dimension, integer<std::uint32_t>(1, engine::kDimensionMax),
             "Elements of a vector.")
      .required();
  field.field("metric", &FieldBody::metric, metric_binding(), "How close two vectors are.");
  field.field("elementType", &FieldBody::element_type, element_type_binding(),
              "f32, or bit under the metric hamming; each is the default where the other cannot be.");
  field.field("index", &FieldBody::index, index_binding(), "How it is searched.");
  return field;
}

/// `sharding`: only hash is built.
Binding<std::uint32_t> sharding_binding() {
  Object<ShardingBody> body("Sharding", "How records are spread.");
  body.field("numShards", &ShardingBody::num_shards, integer<std::uint32_t>(1, engine::kShardsMax),
             "Parts that are searched in parallel.");
  body.not_supported("strategy", {"\"hash\""});
  const auto whole = body.binding();
  return {.schema = whole.schema,
          .read = [read = whole.read](const JsonValue& json, std::uint32_t& out) -> Result<void> {
            ShardingBody value;
            JADE_RETURN_IF_ERROR(read(json, value));
            out = value.num_shards;
            return {};
          },
          .read_text = {},
          .write = {}};
}

Result<void> check_create(const CreateBody& body) {
  const auto invalid = [](std::string message, std::string field) {
    return Error(ErrorCode::kInvalidArgument, std::move(message)).with("field", std::move(field));
  };
  if (!body.dimension && body.vectors.empty()) return invalid("give dimension, or vectors by name", "dimension");
  if (!body.dimension && (body.metric || body.index || body.element_type)) {
    return invalid("metric, index and elementType are the default vector's, which has no dimension", "dimension");
  }
  return {};
}

Object<CreateBody> create_object() {
  Object<CreateBody> body("DatabaseDefinition", "A new database.");
  body.field("name", &CreateBody::name,
             string({.pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", .check = engine::validate_database_name}),
             "1 to 255 of A-Z a-z 0-9 . _ -, the first a letter or digit.")
      .required();
  body.field("description", &CreateBody::description, string(), "For people; at most 1000 characters.");
  body.field("dimension", &CreateBody::dimension, integer<std::uint32_t>(1, engine::kDimensionMax),
             "Elements of the default vector. Required unless `vectors` is given.");
  body.field("metric", &CreateBody::metric, metric_binding(), "Of the default vector.", std::optional(Metric::kCosine));
  body.field(
      "elementType", &CreateBody::element_type, element_type_binding(),
      "Of the default vector: f32, or bit under the metric hamming; each is the default where the other cannot be.");
  body.field("index", &CreateBody::index, index_binding(), "Of the default vector.");
  body.field("vectors", &CreateBody::vectors, map(field_object().binding(), 1, engine::kVectorFieldsMax),
             "Vectors by name, beside the default one or instead of it.");
  body.field("sharding", &CreateBody::num_shards, sharding_binding(), "How records are spread.");
  body.not_supported("metadataSchema", {"null", "{}"})
      .not_supported("retentionPolicy", {"null", "{}"})
      .not_supported("embeddingModels", {"null", "[]"})
      .not_supported("accessControl", {"null", "{}"})
      .not_supported("durability", {"\"durable\""})
      .not_supported_object("replication", {{"factor", {"1"}}, {"sync", {"false"}}});
  body.check(check_create);
  return body;
}

VectorOptions vector_options(std::uint32_t dimension, Metric metric, std::optional<ElementType> element_type,
                             const IndexOptions& index) {
  const ElementType fitting = metric == Metric::kHamming ? ElementType::kBit : ElementType::kF32;
  return {.dimension = dimension, .metric = metric, .element_type = element_type.value_or(fitting), .index = index};
}

DatabaseOptions to_options(const CreateBody& body) {
  DatabaseOptions options{.description = body.description, .vectors = {}, .num_shards = body.num_shards};
  if (body.dimension) {
    options.vectors.push_back({"", vector_options(*body.dimension, body.metric.value_or(Metric::kCosine),
                                                  body.element_type, body.index.value_or(IndexOptions()))});
  }
  for (const auto& [name, field] : body.vectors) {
    options.vectors.push_back({name, vector_options(field.dimension, field.metric, field.element_type, field.index)});
  }
  return options;
}

void write_field(JsonWriter& json, const VectorOptions& field) {
  json.key("dimension")
      .uint64(field.dimension)
      .key("metric")
      .string(metric_name(field.metric))
      .key("elementType")
      .string(element_type_name(field.element_type));
  json.key("index").begin_object().key("type").string(index_type_name(field.index.type));
  json.key("parameters").begin_object();
  if (field.index.type != IndexType::kFlat) {
    json.key("m")
        .uint64(field.index.m)
        .key("efConstruction")
        .uint64(field.index.ef_construction)
        .key("efSearch")
        .uint64(field.index.ef_search);
  }
  json.end_object().key("quantization").string("none").end_object();
}

void write_database(JsonWriter& json, const DatabaseInfo& info) {
  json.begin_object().key("databaseId").string(info.id).key("name").string(info.name);
  if (!info.failure.empty()) {
    json.key("state").string("failed").key("reason").string(info.failure).end_object();
    return;
  }
  json.key("state").string("ready").key("description").string(info.options.description);
  const auto& fields = info.options.vectors;
  const auto unnamed = std::ranges::find(fields, std::string(), &NamedVectorOptions::name);
  if (unnamed != fields.end()) write_field(json, unnamed->options);
  json.key("vectors").begin_object();
  for (const NamedVectorOptions& field : fields) {
    if (field.name.empty()) continue;
    json.key(field.name).begin_object();
    write_field(json, field.options);
    json.end_object();
  }
  json.end_object();
  json.key("sharding")
      .begin_object()
      .key("strategy")
      .string("hash")
      .key("numShards")
      .uint64(info.options.num_shards)
      .end_object();
  json.key("durability").string("durable");
  json.key("createdAt").string(format_iso8601(info.created_at_us));
  json.key("updatedAt").string(format_iso8601(info.updated_at_us)).end_object();
}

std::vector<SchemaField> field_schema_fields() {
  const SchemaPtr parameters = schema::object(
      "EffectiveIndexParameters", "What the graph is built and searched with; empty for FLAT.",
      {schema::optional_field("m", schema::integer(4, 64), "Edges a node."),
       schema::optional_field("efConstruction", schema::integer(8, 2048), "Candidates while linking."),
       schema::optional_field("efSearch", schema::integer(1, engine::kEfSearchMax), "Candidates while searching.")});
  const SchemaPtr index = schema::object(
      "EffectiveIndex", "How a vector field is searched.",
      {schema::field("type", schema::enumeration({"AUTO", "FLAT", "HNSW"}), "Which index."),
       schema::field("parameters", parameters, "Its parameters."),
       schema::field("quantization", schema::enumeration({"none"}), "How vectors are compressed for search.")});
  return {schema::optional_field("dimension", schema::integer(1, engine::kDimensionMax), "Elements of a vector."),
          schema::optional_field("metric", metric_binding().schema, "How close two vectors are."),
          schema::optional_field("elementType", element_type_binding().schema, "What its elements are."),
          schema::optional_field("index", index, "How it is searched.")};
}

SchemaPtr database_schema() {
  std::vector<SchemaField> fields = {
      schema::field("databaseId", schema::string(), "\"db:\" and 26 characters; never changes, never reused."),
      schema::field("name", schema::string(), "Its name."),
      schema::field("state", schema::enumeration({"ready", "failed"}), "failed: it could not be opened."),
      schema::optional_field("reason", schema::string(), "Why it failed."),
      schema::optional_field("description", schema::string(), "For people.")};
  for (SchemaField& field : field_schema_fields()) fields.push_back(std::move(field));
  fields.push_back(schema::optional_field(
      "vectors", schema::map(schema::object("EffectiveVectorField", "A named vector.", field_schema_fields())),
      "Vectors by name, without the default one."));
  fields.push_back(schema::optional_field(
      "sharding",
      schema::object("EffectiveSharding", "How records are spread.",
                     {schema::field("strategy", schema::enumeration({"hash"}), "By a hash of the id."),
                      schema::field("numShards", schema::integer(1, engine::kShardsMax), "How many parts.")}),
      "How records are spread."));
  fields.push_back(schema::optional_field("durability", schema::enumeration({"durable"}), "When a write is answered."));
  fields.push_back(schema::optional_field("createdAt", schema::string_of_format("date-time"), "When it was made."));
  fields.push_back(schema::optional_field("updatedAt", schema::string_of_format("date-time"), "When it was changed."));
  return schema::object("Database", "A database.", std::move(fields));
}

void answer_database(const Reply& reply, int status, const DatabaseInfo& info) {
  std::string body;
  JsonWriter json(body);
  write_database(json, info);
  reply.json(status, std::move(body));
}

void answer_list(const Reply& reply, const std::vector<DatabaseInfo>& list, std::size_t limit,
                 const CursorSigner& cursors) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("databases").begin_array();
  // One more than the page was asked for, to know whether there is a next one.
  for (std::size_t i = 0; i < std::min(limit, list.size()); ++i) write_database(json, list[i]);
  json.end_array();
  if (list.size() > limit) json.key("nextCursor").string(cursors.sign(kListScope, list[limit - 1].name));
  json.end_object();
  reply.json(200, std::move(body));
}

void list_databases(const ApiEnvironment& environment, const Call<Nothing, ListQuery>& call, const Reply& reply) {
  std::string after;
  if (!call.query.cursor.empty()) {
    Result<std::string> position = environment.cursors.open(kListScope, call.query.cursor);
    if (!position.ok()) return reply.error(position.error());
    after = *std::move(position);
  }
  const auto list =
      environment.router.list_databases(request_context(call.context), after, std::size_t{call.query.limit} + 1);
  if (!list.ok()) return reply.error(list.error());
  answer_list(reply, *list, call.query.limit, environment.cursors);
}

void write_index_status(JsonWriter& json, const IndexStatus& index) {
  const std::uint64_t left = index.pending;
  const double percent =
      index.slots == 0 ? 100.0 : 100.0 * static_cast<double>(index.slots - left) / static_cast<double>(index.slots);
  json.begin_object()
      .key("vector")
      .string(index.vector_name)
      .key("type")
      .string(index_type_name(index.type))
      .key("vectorCount")
      .uint64(index.slots)
      .key("indexed")
      .uint64(index.indexed)
      .key("percent")
      .float64(std::floor(percent * 10) / 10)
      .key("rowsPerSecond")
      .float64(std::round(index.rows_per_second));
  if (left > 0 && index.rows_per_second >= 1) {
    json.key("etaSeconds").float64(std::ceil(static_cast<double>(left) / index.rows_per_second));
  }
  json.end_object();
}

void answer_status(const Reply& reply, const DatabaseStatus& status) {
  std::uint64_t unindexed = 0;
  for (const IndexStatus& index : status.indexes) {
    unindexed += index.pending;
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("counts")
      .begin_object()
      .key("live")
      .uint64(status.live_records)
      .key("deleted")
      .uint64(status.deleted_rows)
      .key("unindexed")
      .uint64(unindexed)
      .key("segments")
      .uint64(status.sealed_segments)
      .end_object();
  json.key("bytes").begin_object();
  json.key("memory")
      .begin_object()
      .key("vectors")
      .uint64(status.memory_vectors_bytes)
      .key("graph")
      .uint64(status.memory_graph_bytes)
      .key("records")
      .uint64(status.memory_records_bytes)
      .key("idMap")
      .uint64(status.memory_id_map_bytes)
      .end_object();
  json.key("disk")
      .begin_object()
      .key("log")
      .uint64(status.disk_log_bytes)
      .key("segments")
      .uint64(status.disk_segments_bytes)
      .key("manifest")
      .uint64(status.disk_manifest_bytes)
      .end_object()
      .end_object();
  json.key("indexes").begin_array();
  for (const IndexStatus& index : status.indexes) write_index_status(json, index);
  json.end_array();
  json.key("rates")
      .begin_object()
      .key("writesPerSecond")
      .float64(status.writes_per_second)
      .key("searchesPerSecond")
      .float64(status.searches_per_second)
      .end_object();
  json.key("readOnly").boolean(status.read_only);
  if (status.read_only) json.key("readOnlyReason").string(status.read_only_reason);
  json.end_object();
  reply.json(200, std::move(body));
}

SchemaPtr status_schema() {
  const auto count = [](std::string name, std::string description) {
    return schema::field(std::move(name), schema::integer(0), std::move(description));
  };
  return schema::object(
      "DatabaseStatus", "The state of a database.",
      {schema::field("counts",
                     schema::object("", "Records.",
                                    {count("live", "Records that a search can find."),
                                     count("deleted", "Rows deleted or superseded that still take room."),
                                     count("unindexed", "Vectors that no graph holds; they are searched exactly."),
                                     count("segments", "Parts of the data that lie in files.")}),
                     "Counts."),
       schema::field(
           "bytes",
           schema::object("", "Sizes.",
                          {schema::field("memory",
                                         schema::object("", "In memory.",
                                                        {count("vectors", "Vectors."), count("graph", "Graphs."),
                                                         count("records", "Ids, metadata and rows."),
                                                         count("idMap", "The map from ids to rows.")}),
                                         "In memory."),
                           schema::field("disk",
                                         schema::object("", "On disk.",
                                                        {count("log", "The log."), count("segments", "Segments."),
                                                         count("manifest", "The manifest.")}),
                                         "On disk.")}),
           "Sizes in bytes."),
       schema::field("indexes",
                     schema::array(schema::object(
                         "", "A vector field's index.",
                         {schema::field("vector", schema::string(), "The field's name."),
                          schema::field("type", schema::enumeration({"AUTO", "FLAT", "HNSW"}), "Which index."),
                          count("vectorCount", "Vectors stored, deleted ones included."),
                          count("indexed", "Vectors that the graph holds."),
                          schema::field("percent", schema::number(0, 100), "How much of the graph is built."),
                          schema::field("rowsPerSecond", schema::number(0), "Linked, over the last minute."),
                          schema::optional_field("etaSeconds", schema::number(0), "Until the graph holds all.")})),
                     "By vector field."),
       schema::field("rates",
                     schema::object("", "Over the last minute.",
                                    {schema::field("writesPerSecond", schema::number(0), "Rows written."),
                                     schema::field("searchesPerSecond", schema::number(0), "Searches.")}),
                     "Averages over the last minute."),
       schema::field("readOnly", schema::boolean(), "Writes are refused."),
       schema::optional_field("readOnlyReason", schema::string(), "Why.")});
}

}  // namespace

void add_database_operations(Registry& registry, const ApiEnvironment& environment) {
  engine::Router& router = environment.router;
  registry.add(operation("createDatabase", Method::kPost, "/v1/databases", Scope::kDatabaseCreate)
                   .tag("Databases")
                   .summary("Creates a database.")
                   .cost(CostClass::kWrite)
                   .body(create_object())
                   .responds(201, "Created and durable.", database_schema())
                   .fails_with({ErrorCode::kAlreadyExists, ErrorCode::kValueOutOfRange,
                                ErrorCode::kUnsupportedCombination, ErrorCode::kStorageFull})
                   .handle([&router](const Call<CreateBody>& call, const Reply& reply) {
                     router.create_database(request_context(call.context), call.body.name, to_options(call.body),
                                            [reply](Result<DatabaseInfo> info) {
                                              if (!info.ok()) return reply.error(info.error());
                                              answer_database(reply, 201, *info);
                                            });
                   }));
  Object<ListQuery> page("");
  page.field("limit", &ListQuery::limit, integer<std::uint32_t>(1, 1000), "At most this many.");
  page.field("cursor", &ListQuery::cursor, string(), "`nextCursor` of the page before.");
  registry.add(
      operation("listDatabases", Method::kGet, "/v1/databases", Scope::kDatabaseList)
          .tag("Databases")
          .summary("Lists the databases by name.")
          .query(std::move(page))
          .responds(200, "A page.",
                    schema::object("DatabaseList", "A page of databases.",
                                   {schema::field("databases", schema::array(database_schema()), "Ordered by name."),
                                    schema::optional_field("nextCursor", schema::string(),
                                                           "There is more: give it as `cursor`.")}))
          .fails_with({ErrorCode::kInvalidCursor})
          .handle([environment](const Call<Nothing, ListQuery>& call, const Reply& reply) {
            list_databases(environment, call, reply);
          }));
  registry.add(operation("getDatabase", Method::kGet, "/v1/databases/{database}", Scope::kDatabaseRead)
                   .tag("Databases")
                   .summary("Reads a database's definition.")
                   .responds(200, "The database.", database_schema())
                   .fails_with({ErrorCode::kDatabaseNotFound})
                   .handle([&router](const Call<>& call, const Reply& reply) {
                     const auto info =
                         router.describe_database(request_context(call.context), call.context.path["database"]);
                     if (!info.ok()) return reply.error(info.error());
                     answer_database(reply, 200, *info);
                   }));
  registry.add(operation("deleteDatabase", Method::kDelete, "/v1/databases/{database}", Scope::kDatabaseDelete)
                   .tag("Databases")
                   .summary("Deletes a database and all of its files.")
                   .cost(CostClass::kWrite)
                   .responds(200, "Deleted.",
                             schema::object("DatabaseDeleted", "What was deleted.",
                                            {schema::field("deleted", schema::boolean(), "Always true.")}))
                   .fails_with({ErrorCode::kDatabaseNotFound})
                   .handle([&router](const Call<>& call, const Reply& reply) {
                     router.delete_database(request_context(call.context), call.context.path["database"],
                                            [reply](const Result<void>& done) {
                                              if (!done.ok()) return reply.error(done.error());
                                              reply.json(200, "{\"deleted\":true}");
                                            });
                   }));
  registry.add(operation("getDatabaseStatus", Method::kGet, "/v1/databases/{database}/status", Scope::kDatabaseRead)
                   .tag("Databases")
                   .summary("Tells the state of a database.")
                   .responds(200, "The state.", status_schema())
                   .fails_with({ErrorCode::kDatabaseNotFound})
                   .handle([&router](const Call<>& call, const Reply& reply) {
                     router.status(request_context(call.context), call.context.path["database"],
                                   [reply](const Result<DatabaseStatus>& status) {
                                     if (!status.ok()) return reply.error(status.error());
                                     answer_status(reply, *status);
                                   });
                   }));
}

}  // namespace jade::server
