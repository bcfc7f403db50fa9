// From a request to its operation and back: routes and authorises on the head, parses and computes on the compute
// threads, and logs each answer.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/executor.h"
#include "server/auth/authenticator.h"
#include "server/http/http_handler.h"
#include "server/registry/registry.h"

namespace jade::server {

struct DispatcherOptions {
  std::uint64_t body_bytes_max = std::uint64_t{256} << 20;
  const Clock* clock = &system_clock();
};

/// Safe from any thread. Everything given outlives it and every request.
class Dispatcher final : public HttpHandler {
 public:
  Dispatcher(const Registry& registry, const Authenticator& authenticator, Executor& compute,
             DispatcherOptions options = {});

  std::variant<std::shared_ptr<HttpExchange>, Response> on_head(const RequestHead& head) override;
  Response on_malformed(const RequestHead& head, const Error& error) override;

 private:
  Result<std::shared_ptr<HttpExchange>> accept(const RequestHead& head, SteadyTime received_at,
                                               std::string_view& route_template) const;

  const Registry& registry_;
  const Authenticator& authenticator_;
  Executor& compute_;
  const DispatcherOptions options_;
};

}  // namespace jade::server
