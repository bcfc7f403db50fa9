// Similarity search.

#include <cmath>
#include <utility>

#include "base/json_writer.h"
#include "engine/validation.h"
#include "server/rest/api.h"
#include "server/rest/binary_batch.h"
#include "server/rest/record_json.h"

namespace jade::server {
namespace {

Binding<std::size_t> top_k_binding() { return integer<std::size_t>(1, engine::kTopKMax); }

Object<Query> search_object() {
  Object<Query> body("SearchRequest",
                     "What to search for: a vector, or the id of a record whose neighbours are wanted.");
  body.field("vector", &Query::vector, vector_binding(), "The query, in the form of the field that is searched.");
  body.field("id", &Query::id, string(), "Search near this record; it is left out of the results.");
  body.field("vectorName", &Query::vector_name, string(), "Which vector field to search.");
  body.field("topK", &Query::top_k, top_k_binding(), "How many results.");
  body.field("threshold", &Query::threshold, number(), "Leave out results less similar than this.");
  body.field("maxDistance", &Query::max_distance, number(),
             "Leave out results farther than this. Not with `threshold`.");
  body.field("includeMetadata", &Query::include_metadata, boolean(), "Answer with the metadata.");
  body.field("includeVector", &Query::include_vector, boolean(), "Answer with the vectors.");
  body.field("exact", &Query::exact, boolean(), "Score every vector instead of asking the index.");
  body.field("efSearch", &Query::ef_search, integer<std::uint32_t>(1, engine::kEfSearchMax),
             "Candidates that the graph search keeps: more is slower and finds more. Raised to topK.");
  body.field("token", &Query::token, string(), "See at least the write that answered this token.");
  for (const char* name :
       {"text", "image", "fields", "index", "nprobe", "targetRecall", "groupBy", "mmr", "consistency"}) {
    body.not_supported(name, {"null"});
  }
  body.not_supported("filter", {"null", "{}"}).not_supported("offset", {"0"}).not_supported("explain", {"false"});
  return body;
}

SchemaPtr result_schema() {
  std::vector<SchemaField> hit = {schema::field("id", schema::string(), "The record's id."),
                                  schema::field("similarity", schema::number(), "Larger is closer."),
                                  schema::field("distance", schema::number(), "Smaller is closer."),
                                  schema::field("version", schema::integer(1), "The record's version.")};
  for (SchemaField& field : content_fields()) hit.push_back(std::move(field));
  return schema::object(
      "SearchResponse", "The nearest records.",
      {schema::field("results", schema::array(schema::object("SearchHit", "A record that was found.", std::move(hit))),
                     "Ordered by distance, then id bytes."),
       schema::field("queryTimeMs", schema::number(0), "Time in the engine."),
       schema::field(
           "indexUsed", schema::enumeration({"FLAT", "HNSW"}),
           "HNSW: the graph answered, with the rows newer than it scored exactly. FLAT: every vector was scored."),
       schema::optional_field("estimatedRecall", schema::number(0, 1),
                              "1 where every vector was scored; absent where nothing is known.")});
}

void answer(const Reply& reply, const SearchResult& result) {
  std::string body;
  body.reserve(64 + result.hits.size() * 96);
  JsonWriter json(body);
  json.begin_object().key("results").begin_array();
  for (const SearchHit& hit : result.hits) {
    json.begin_object()
        .key("id")
        .string(hit.id)
        .key("similarity")
        .float64(hit.similarity)
        .key("distance")
        .float64(hit.distance)
        .key("version")
        .uint64(hit.version);
    write_vectors(json, hit.vectors);
    if (hit.metadata) json.key("metadata").raw(*hit.metadata);
    json.end_object();
  }
  json.end_array().key("queryTimeMs").float64(static_cast<double>(result.query_time_us) / 1000.0);
  json.key("indexUsed").string(index_type_name(result.index_used));
  if (result.index_used == IndexType::kFlat) json.key("estimatedRecall").float64(1);
  json.end_object();
  reply.json(200, std::move(body));
}

}  // namespace

void add_search_operations(Registry& registry, const ApiEnvironment& environment) {
  engine::Router& router = environment.router;
  registry.add(operation("searchVectors", Method::kPost, "/v1/databases/{database}/search", Scope::kSearchExecute)
                   .alias("/v1/databases/{database}/search/advanced")
                   .tag("Search")
                   .summary("Finds the nearest records.")
                   .cost(CostClass::kSearch)
                   .body(search_object())
                   .body_not_built(std::string(kBinaryBatchType))
                   .responds(200, "The nearest records.", result_schema())
                   .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kVectorNotFound, ErrorCode::kDimensionMismatch,
                                ErrorCode::kValueOutOfRange, ErrorCode::kInvalidToken, ErrorCode::kDeadlineExceeded})
                   .handle([&router](Call<Query> call, const Reply& reply) {
                     if (call.body.include_vector) {
                       const auto fits = check_response_size(router, call.context, call.body.top_k, "topK");
                       if (!fits.ok()) return reply.error(fits.error());
                     }
                     router.search(request_context(call.context), call.context.path["database"], std::move(call.body),
                                   [reply](const Result<SearchResult>& result) {
                                     if (!result.ok()) return reply.error(result.error());
                                     answer(reply, *result);
                                   });
                   }));
}

}  // namespace jade::server
