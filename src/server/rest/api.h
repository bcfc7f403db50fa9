// The operations of the native API, added to the registry.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "engine/router.h"
#include "server/registry/registry.h"
#include "server/rest/cursor.h"

namespace jade::server {

/// Rows of one batch, ids of one vectors/get: what a body limit in bytes does not bound well enough.
inline constexpr std::size_t kBatchRowsMax = 100'000;
inline constexpr std::size_t kGetIdsMax = 10'000;

/// Bytes of the vectors, as they are stored, that one answer may have: a small request can name many large records.
inline constexpr std::uint64_t kResponseBytesMax = std::uint64_t{256} << 20;

/// What the operations work with. Everything outlives the registry.
struct ApiEnvironment {
  engine::Router& router;
  const CursorSigner& cursors;
  /// The largest body that the listener takes, served by GET /v1/limits.
  std::uint64_t body_bytes_max = 0;
  std::size_t connections_max = 0;
  std::uint64_t memory_budget_bytes = 0;
};

/// Adds every operation that is built. A route that is not added does not exist.
void add_operations(Registry& registry, const ApiEnvironment& environment);

// The parts of `add_operations`, by file.
void add_database_operations(Registry& registry, const ApiEnvironment& environment);
void add_vector_operations(Registry& registry, const ApiEnvironment& environment);
void add_search_operations(Registry& registry, const ApiEnvironment& environment);
void add_system_operations(Registry& registry, const ApiEnvironment& environment);

/// kInvalidArgument naming `field` where so many records with their vectors could be more than kResponseBytesMax.
Result<void> check_response_size(const engine::Router& router, const CallContext& call, std::uint64_t records,
                                 std::string field);

/// The engine's view of a call.
engine::RequestContext request_context(const CallContext& call);

}  // namespace jade::server
