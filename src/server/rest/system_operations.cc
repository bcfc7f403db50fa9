// Health and limits.

#include "base/json_writer.h"
#include "engine/validation.h"
#include "server/rest/api.h"

namespace jade::server {
namespace {

void answer_health(const Reply& reply, const engine::StoreHealth& health) {
  std::string body;
  JsonWriter json(body);
  const std::string_view status = !health.ready ? "live" : health.reasons.empty() ? "ready" : "degraded";
  json.begin_object().key("status").string(status);
  json.key("reasons").begin_array();
  if (!health.ready) json.string(health.phase + " " + std::to_string(health.percent) + "%");
  // Names of databases are not for everybody: how many, here; which, in the log and to those who may list them.
  if (!health.reasons.empty()) json.string("databases with a fault: " + std::to_string(health.reasons.size()));
  json.end_array().end_object();
  reply.json(200, std::move(body));
}

void write_combinations(JsonWriter& json) {
  json.key("combinations").begin_array();
  for (const Metric metric :
       {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan, Metric::kHamming}) {
    const ElementType element = metric == Metric::kHamming ? ElementType::kBit : ElementType::kF32;
    for (const IndexType index : {IndexType::kAuto, IndexType::kFlat, IndexType::kHnsw}) {
      json.begin_object()
          .key("metric")
          .string(metric_name(metric))
          .key("elementType")
          .string(element_type_name(element))
          .key("index")
          .string(index_type_name(index))
          .key("quantization")
          .string("none")
          .end_object();
    }
  }
  json.end_array();
}

void answer_limits(const Reply& reply, const ApiEnvironment& environment) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  json.key("bodyBytesMax")
      .uint64(environment.body_bytes_max)
      .key("connectionsMax")
      .uint64(environment.connections_max)
      .key("memoryBudgetBytes")
      .uint64(environment.memory_budget_bytes)
      .key("idBytesMax")
      .uint64(engine::kIdBytesMax)
      .key("nameBytesMax")
      .uint64(engine::kNameBytesMax)
      .key("descriptionCharactersMax")
      .uint64(engine::kDescriptionCharactersMax)
      .key("dimensionMax")
      .uint64(engine::kDimensionMax)
      .key("vectorFieldsMax")
      .uint64(engine::kVectorFieldsMax)
      .key("shardsMax")
      .uint64(engine::kShardsMax)
      .key("topKMax")
      .uint64(engine::kTopKMax)
      .key("efSearchMax")
      .uint64(engine::kEfSearchMax)
      .key("metadataBytesMax")
      .uint64(MetadataLimits().bytes_max)
      .key("metadataDepthMax")
      .uint64(MetadataLimits().depth_max)
      .key("batchRowsMax")
      .uint64(kBatchRowsMax)
      .key("getIdsMax")
      .uint64(kGetIdsMax)
      .key("responseBytesMax")
      .uint64(kResponseBytesMax);
  write_combinations(json);
  json.end_object();
  reply.json(200, std::move(body));
}

SchemaPtr limits_schema() {
  std::vector<SchemaField> fields;
  const auto limit = [&](std::string name, std::string description) {
    fields.push_back(schema::field(std::move(name), schema::integer(0), std::move(description)));
  };
  limit("bodyBytesMax", "Bytes of a request body.");
  limit("connectionsMax", "Connections at the same time.");
  limit("memoryBudgetBytes", "Memory that all data may take; writes beyond it get STORAGE_FULL.");
  limit("idBytesMax", "Bytes of an id.");
  limit("nameBytesMax", "Bytes of a database's name.");
  limit("descriptionCharactersMax", "Characters of a description.");
  limit("dimensionMax", "Elements of a vector.");
  limit("vectorFieldsMax", "Vector fields of a database.");
  limit("shardsMax", "Shards of a database.");
  limit("topKMax", "Results of a search.");
  limit("efSearchMax", "Candidates of a graph search.");
  limit("metadataBytesMax", "Bytes of a record's metadata.");
  limit("metadataDepthMax", "Levels of a record's metadata.");
  limit("batchRowsMax", "Rows of a batch.");
  limit("getIdsMax", "Ids of a vectors/get.");
  limit(
      "responseBytesMax",
      "Stored bytes of a record's vectors, times the ids of a vectors/get or the topK of a search with includeVector.");
  fields.push_back(schema::field(
      "combinations",
      schema::array(schema::object("", "They work together.",
                                   {schema::field("metric", schema::string(), "The metric."),
                                    schema::field("elementType", schema::string(), "The elements."),
                                    schema::field("index", schema::string(), "The index."),
                                    schema::field("quantization", schema::string(), "The compression.")})),
      "Which metrics, element types, indexes and quantizations work together."));
  return schema::object("Limits", "What the server allows.", std::move(fields));
}

}  // namespace

void add_system_operations(Registry& registry, const ApiEnvironment& environment) {
  registry.add(
      operation("getHealth", Method::kGet, "/health", Scope::kPublic)
          .tag("System")
          .summary("Tells whether the server is alive, ready or degraded.")
          .cost(CostClass::kImmediate)
          .responds(
              200, "The state. live: it runs but still replays its log; ready; degraded: it serves, with a fault.",
              schema::object("Health", "The server's state.",
                             {schema::field("status", schema::enumeration({"live", "ready", "degraded"}), "The state."),
                              schema::field("reasons", schema::array(schema::string()), "Why it is not ready.")}))
          .handle(
              [environment](const Call<>&, const Reply& reply) { answer_health(reply, environment.router.health()); }));
  registry.add(operation("getLimits", Method::kGet, "/v1/limits", Scope::kMonitoringRead)
                   .tag("System")
                   .summary("Lists every limit.")
                   .cost(CostClass::kImmediate)
                   .responds(200, "The limits.", limits_schema())
                   .handle([environment](const Call<>&, const Reply& reply) { answer_limits(reply, environment); }));
}

void add_operations(Registry& registry, const ApiEnvironment& environment) {
  const SchemaPtr text = schema::string();
  registry.describe_path_parameter("database", text, "A database's name, or its id (\"db:…\").");
  registry.describe_path_parameter(
      "id", text,
      "A record's id, percent-encoded. \".\" and \"..\" cannot stand here: vectors/get reads such records.");
  add_database_operations(registry, environment);
  add_vector_operations(registry, environment);
  add_search_operations(registry, environment);
  add_system_operations(registry, environment);
}

Result<void> check_response_size(const engine::Router& router, const CallContext& call, std::uint64_t records,
                                 std::string field) {
  JADE_ASSIGN_OR_RETURN(const DatabaseInfo info,
                        router.describe_database(request_context(call), call.path["database"]));
  std::uint64_t record_bytes = 0;
  for (const NamedVectorOptions& vector : info.options.vectors) {
    const std::uint64_t dimension = vector.options.dimension;
    record_bytes += vector.options.element_type == ElementType::kBit ? (dimension + 7) / 8 : dimension * sizeof(float);
  }
  if (records * record_bytes <= kResponseBytesMax) return {};
  return Error(ErrorCode::kInvalidArgument, "so many vectors are too much for one answer; ask for fewer records")
      .with("field", std::move(field))
      .with("recordsMax", static_cast<std::int64_t>(kResponseBytesMax / record_bytes));
}

engine::RequestContext request_context(const CallContext& call) {
  engine::RequestContext context;
  context.principal = call.principal.kind == Principal::Kind::kLocalAdministrator ? "local-administrator" : "anonymous";
  context.request_id = call.request_id;
  context.cancellation = call.cancellation;
  return context;
}

}  // namespace jade::server
