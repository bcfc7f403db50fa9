// What stands behind a listener: decides on each request from its head, then answers it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

#include "jade/error.h"
#include "server/http/http_message.h"

namespace jade::server {

/// Where the answer of one request goes. Safe from any thread; the first call counts, later ones do nothing.
class ResponseSink {
 public:
  virtual ~ResponseSink() = default;
  virtual void send(Response response) = 0;
};

/// One accepted request. The connection calls it from its own thread, in the order of the functions below; the
/// functions return at once and never compute.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  /// A larger body is not read; `on_body_refused` answers.
  virtual std::uint64_t body_bytes_max() const = 0;

  /// The whole body is there (empty if there was none). The answer goes to `sink`, now or later, from any thread.
  virtual void on_body(std::string body, std::shared_ptr<ResponseSink> sink) = 0;

  /// Instead of `on_body`: the body was too large (kPayloadTooLarge), too slow (kRequestTimeout), malformed
  /// (kInvalidArgument), or there was no memory for it (kOverloaded). The connection closes after this answer.
  virtual Response on_body_refused(const Error& error) = 0;

  /// The caller went away before the answer: work for it should stop.
  virtual void on_disconnected() = 0;
};

/// Safe from any thread: each network thread calls it for its own connections.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;

  /// Decides before the body is read: an exchange to go on with, or the answer right away.
  virtual std::variant<std::shared_ptr<HttpExchange>, Response> on_head(const RequestHead& head) = 0;

  /// The answer to bytes that are no request (kInvalidArgument, kUriTooLong, kHeadersTooLarge, kRequestTimeout,
  /// kOverloaded). What could be read of `head` is filled in.
  virtual Response on_malformed(const RequestHead& head, const Error& error) = 0;
};

}  // namespace jade::server
