// A whole server: store, operations, listener, threads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "jade/result.h"
#include "server/config/config.h"
#include "server/registry/openapi.h"

namespace jade::server {

/// What the documents say of this API.
ApiInfo api_info();

/// The OpenAPI document of the operations that this build serves.
Result<std::string> openapi_text();

/// Whether a server could listen at this address now: a free port, and one that needs no credential.
Result<void> try_listen(const std::string& listen);

/// A running server. `start` and `stop` from one thread.
class Server {
 public:
  /// Takes the data directory, listens at once, and replays in the background: until that is done, requests that need
  /// data get NOT_READY. A taken port, a taken directory and an address that others can reach are one clear line each.
  static Result<std::unique_ptr<Server>> start(const Config& config);

  virtual ~Server() = default;

  virtual std::uint16_t port() const = 0;
  /// Why the store could not be loaded; the server should be stopped then. Empty while all is well.
  virtual std::string load_failure() const = 0;

  /// Stops listening, lets requests in flight finish for `limits.shutdown_timeout_ms`, makes everything accepted
  /// durable and releases the directory. Idempotent; the destructor calls it.
  virtual Result<void> stop() = 0;
};

}  // namespace jade::server
