// One TCP connection that speaks HTTP/1.1, and what all connections of a server share. For http_server.cc alone: Asio's
// types end here.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <unordered_set>

#include "base/clock.h"
#include "server/http/http_server.h"

namespace jade::server {

class Connection;

/// Safe from any thread.
struct ServerState {
  ServerState(HttpServerOptions server_options, HttpHandler& server_handler)
      : options(std::move(server_options)), handler(server_handler) {}

  const HttpServerOptions options;
  HttpHandler& handler;
  std::atomic<bool> stopping = false;
  std::atomic<std::size_t> connections = 0;
  /// Of all request bodies, see HttpLimits.
  std::atomic<std::uint64_t> body_bytes_in_flight = 0;
};

/// An event loop and its connections. All but `context` belongs to the thread that runs it.
struct EventLoop {
  std::unordered_set<Connection*> connections;
  // Goes first: it destroys what is still suspended, and that leaves `connections`.
  boost::asio::io_context context{1};
};

/// Lives as long as its coroutine. Everything happens on the loop's thread.
class Connection {
 public:
  virtual ~Connection() = default;

  /// Closes it if it is idle; otherwise it ends with the answer that it is about to give.
  virtual void finish() = 0;
  /// Ends it now.
  virtual void cut() = 0;
  /// Ends what it is waiting for if that has taken too long. Called every now and then.
  virtual void check_deadline(SteadyTime now) = 0;
};

/// Serves the socket until either side closes. Counts itself in `state` and enters itself in `loop`. Both outlive it.
void serve_connection(ServerState& state, const std::shared_ptr<EventLoop>& loop, boost::asio::ip::tcp::socket socket);

/// Says that there are too many connections, as far as that goes without waiting, and closes.
void refuse_connection(ServerState& state, boost::asio::ip::tcp::socket socket);

}  // namespace jade::server
