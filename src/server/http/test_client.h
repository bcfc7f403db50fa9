// A raw TCP client for tests: sends exactly the bytes that it is given.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/http/http_message.h"

namespace jade::server {

struct ClientResponse {
  int status = 0;
  Headers headers;
  std::string body;
};

/// A connection to 127.0.0.1. Reads give up after ten seconds. One thread only.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port);
  ~TestClient();
  TestClient(TestClient&& other) noexcept;
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  /// False where the connection is gone.
  bool send(std::string_view bytes);
  /// The next answer; nothing if the connection ended or the bytes are no answer. The answer to a HEAD request has no
  /// body, whatever its Content-Length says.
  std::optional<ClientResponse> read_response(bool to_head = false);
  /// `send` and `read_response`.
  std::optional<ClientResponse> ask(std::string_view bytes);
  /// True if the server closes without sending more.
  bool ends();
  /// Closes with what has not been read: the server sees a reset.
  void close();
  /// Sends no more, reads on.
  void finish_sending();

 private:
  bool receive();

  int socket_ = -1;
  std::string buffer_;
};

}  // namespace jade::server
