// Serves HTTP/1.1 on a TCP port: a few network threads, each with an event loop and its own connections.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "jade/result.h"
#include "server/http/http_handler.h"

namespace jade::server {

/// What one caller may take. Every bound is on by default.
struct HttpLimits {
  std::size_t connections_max = 10'000;
  std::size_t target_bytes_max = 8 * 1024;
  std::size_t header_bytes_max = 32 * 1024;
  /// Of all request bodies that are being read or answered; a body that does not fit is refused with kOverloaded.
  std::uint64_t body_bytes_in_flight_max = std::uint64_t{1} << 30;
  /// From the first byte of a request to the end of its header.
  std::chrono::milliseconds header_timeout{10'000};
  /// For a body or an answer that moves slower than `bytes_per_second_min`.
  std::chrono::milliseconds transfer_timeout{30'000};
  std::uint64_t bytes_per_second_min = 64 * 1024;
  /// Between two requests of a connection.
  std::chrono::milliseconds idle_timeout{75'000};
  /// After an early refusal this much of the request is still taken in, so that the caller can read the answer.
  std::size_t drain_bytes_max = std::size_t{1} << 20;
  std::chrono::milliseconds drain_timeout{1'000};
};

struct HttpServerOptions {
  /// An address, not a name: "127.0.0.1", "::1", "0.0.0.0".
  std::string host = "127.0.0.1";
  /// 0 takes any free port.
  std::uint16_t port = 8080;
  std::size_t network_threads = 1;
  HttpLimits limits;
  const Clock* clock = &system_clock();
  /// For the ids of requests that bring none.
  Random* random = &system_random();
};

/// A listening server. `start` and `stop` from one thread.
class HttpServer {
 public:
  /// Listens and serves. `handler` outlives the server. A port that is taken is one line that names it.
  static Result<std::unique_ptr<HttpServer>> start(HttpServerOptions options, HttpHandler& handler);

  virtual ~HttpServer() = default;

  /// The port that it listens on.
  virtual std::uint16_t port() const = 0;
  virtual std::size_t connections() const = 0;

  /// Stops listening, closes idle connections, lets requests that have begun finish until `patience` is over, then
  /// closes what is left. Returns how many connections it had to cut. Idempotent; the destructor stops with no
  /// patience.
  virtual std::size_t stop(std::chrono::milliseconds patience) = 0;
};

}  // namespace jade::server
