// How a database answers reads: ask the shards, merge in order.

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "engine/local_database.h"
#include "engine/routing.h"
#include "engine/scatter.h"
#include "engine/validation.h"
#include "index/scorer.h"

namespace jade::engine {
namespace {

/// Where an answer came from: the shard, and the position in its response.
struct Origin {
  std::size_t shard = 0;
  std::size_t position = 0;
};

Result<void> check_query(const Query& query) {
  const auto invalid = [](std::string message, std::string field) {
    return Error(ErrorCode::kInvalidArgument, std::move(message)).with("field", std::move(field));
  };
  if (query.vector.has_value() == query.id.has_value()) return invalid("give either a vector or an id", "vector");
  if (query.top_k < 1 || query.top_k > kTopKMax) {
    return Error(ErrorCode::kValueOutOfRange, "topK must be within 1.." + std::to_string(kTopKMax))
        .with("field", "topK");
  }
  if (query.ef_search && (*query.ef_search < 1 || *query.ef_search > kEfSearchMax)) {
    return Error(ErrorCode::kValueOutOfRange, "efSearch must be within 1.." + std::to_string(kEfSearchMax))
        .with("field", "efSearch");
  }
  if (query.threshold && query.max_distance) return invalid("give threshold or maxDistance, not both", "threshold");
  return {};
}

double max_distance_of(const Query& query, const storage::VectorFieldDefinition& field) {
  if (query.max_distance) return *query.max_distance;
  if (query.threshold) return index::max_distance_for(field.metric, field.dimension, *query.threshold);
  return std::numeric_limits<double>::infinity();
}

/// The best k of what the shards found, by (distance, id). Their lists are in that order already.
std::vector<ShardHit> merge(std::vector<SearchResponse>& responses, std::size_t k) {
  std::vector<ShardHit> all;
  for (SearchResponse& response : responses) {
    std::ranges::move(response.hits, std::back_inserter(all));
  }
  const auto before = [](const ShardHit& a, const ShardHit& b) {
    if (a.rank_distance != b.rank_distance) return a.rank_distance < b.rank_distance;
    return a.record.id < b.record.id;
  };
  const std::size_t kept = std::min(k, all.size());
  std::ranges::partial_sort(all, all.begin() + static_cast<std::ptrdiff_t>(kept), before);
  all.resize(kept);
  return all;
}

}  // namespace

void LocalDatabase::get(const RequestContext& context, std::vector<std::string> ids, ReadOptions options,
                        Callback<std::vector<std::optional<Record>>> done) {
  auto requests = std::make_shared<std::vector<GetRequest>>(services_.size());
  std::vector<Origin> origins;
  origins.reserve(ids.size());
  for (std::string& id : ids) {
    const std::size_t shard = shard_of_id(id).value();
    GetRequest& request = (*requests)[shard];
    request.include_vectors = options.include_vectors;
    request.include_metadata = options.include_metadata;
    origins.push_back({shard, request.ids.size()});
    request.ids.push_back(std::move(id));
  }
  scatter<GetResponse>(
      environment_.compute, services_.size(),
      [this, context, requests](std::size_t i, Callback<GetResponse> answer) {
        if ((*requests)[i].ids.empty()) return answer(GetResponse());
        services_[i]->get(context, std::move((*requests)[i]), std::move(answer));
      },
      [this, origins = std::move(origins), done = std::move(done)](Result<std::vector<GetResponse>> all) mutable {
        if (!all.ok()) return done(std::move(all).error());
        std::vector<std::optional<Record>> records;
        records.reserve(origins.size());
        for (const Origin& origin : origins) {
          std::optional<StoredRecord>& stored = (*all)[origin.shard].records[origin.position];
          records.push_back(stored ? std::optional(to_record(*std::move(stored))) : std::nullopt);
        }
        done(std::move(records));
      });
}

void LocalDatabase::count(const RequestContext& context, Callback<std::uint64_t> done) {
  scatter<StatsResponse>(
      environment_.compute, services_.size(),
      [this, context](std::size_t i, Callback<StatsResponse> answer) {
        services_[i]->stats(context, {}, std::move(answer));
      },
      [done = std::move(done)](Result<std::vector<StatsResponse>> all) mutable {
        if (!all.ok()) return done(std::move(all).error());
        std::uint64_t live = 0;
        for (const StatsResponse& shard : *all) live += shard.live_rows;
        done(live);
      });
}

void LocalDatabase::search(const RequestContext& context, Query query, Callback<SearchResult> done) {
  searches_.add(environment_.clock, 1);
  if (Result<void> valid = check_query(query); !valid.ok()) return done(std::move(valid).error());
  if (Result<void> token = check_token(query.token); !token.ok()) return done(std::move(token).error());
  const auto field = find_field(definition_, query.vector_name);
  if (!field.ok()) return done(field.error());
  if (query.vector) {
    Result<std::vector<std::byte>> vector = validate_vector(**field, *query.vector);
    if (!vector.ok()) return done(std::move(std::move(vector).error().with("field", "vector")));
    return search_near(context, std::move(query), **field, *std::move(vector), std::move(done));
  }
  GetRequest request{.ids = {*query.id}, .include_vectors = true, .include_metadata = false};
  service(shard_of_id(*query.id))
      .get(context, std::move(request),
           [this, context, query = std::move(query), field = *field,
            done = std::move(done)](Result<GetResponse> response) mutable {
             if (!response.ok()) return done(std::move(response).error());
             std::optional<StoredRecord>& record = response->records.front();
             if (!record) return done(Error(ErrorCode::kVectorNotFound, "there is no record '" + *query.id + "'"));
             const auto vector = std::ranges::find(record->vectors, field->id, &storage::VectorValue::field);
             if (vector == record->vectors.end()) {
               return done(Error(ErrorCode::kVectorNotFound,
                                 "the record '" + *query.id + "' has no vector '" + field->name + "'"));
             }
             search_near(context, std::move(query), *field, std::move(vector->bytes), std::move(done));
           });
}

void LocalDatabase::search_near(const RequestContext& context, Query query, const storage::VectorFieldDefinition& field,
                                std::vector<std::byte> vector, Callback<SearchResult> done) {
  const SteadyTime started = environment_.clock.steady_now();
  auto request = std::make_shared<const SearchRequest>(SearchRequest{.field = field.id,
                                                                     .query = std::move(vector),
                                                                     .k = static_cast<std::uint32_t>(query.top_k),
                                                                     .ef = query.ef_search.value_or(0),
                                                                     .exact = query.exact,
                                                                     .max_distance = max_distance_of(query, field),
                                                                     .excluded_id = query.id.value_or(""),
                                                                     .include_vectors = query.include_vector,
                                                                     .include_metadata = query.include_metadata});
  scatter<SearchResponse>(
      environment_.compute, services_.size(),
      [this, context, request](std::size_t i, Callback<SearchResponse> answer) {
        services_[i]->search(context, *request, std::move(answer));
      },
      [this, started, &field, k = query.top_k,
       done = std::move(done)](Result<std::vector<SearchResponse>> all) mutable {
        if (!all.ok()) return done(std::move(all).error());
        SearchResult result;
        for (const SearchResponse& response : *all) {
          result.distances_computed += response.distances;
          if (response.index_used == IndexType::kHnsw) result.index_used = IndexType::kHnsw;
        }
        for (ShardHit& hit : merge(*all, k)) {
          const double distance = index::reported_distance(field.metric, hit.rank_distance);
          result.hits.push_back({.id = std::move(hit.record.id),
                                 .similarity = index::similarity_of(field.metric, field.dimension, distance),
                                 .distance = distance,
                                 .version = hit.record.version.value(),
                                 .metadata = std::move(hit.record.metadata),
                                 .vectors = to_vectors(hit.record.vectors)});
        }
        result.query_time_us =
            std::chrono::duration_cast<std::chrono::microseconds>(environment_.clock.steady_now() - started).count();
        done(std::move(result));
      });
}

}  // namespace jade::engine
