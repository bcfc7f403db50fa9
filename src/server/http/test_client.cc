#include "server/http/test_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "base/check.h"

namespace jade::server {

TestClient::TestClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  JADE_CHECK(socket_ >= 0, "a socket for the test");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int connected = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  JADE_CHECK(connected == 0, "the server listens");
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  const timeval patience{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

TestClient::~TestClient() { close(); }

TestClient::TestClient(TestClient&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), buffer_(std::move(other.buffer_)) {}

bool TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

bool TestClient::receive() {
  char bytes[16 * 1024];
  const ssize_t received = ::recv(socket_, bytes, sizeof(bytes), 0);
  if (received <= 0) return false;
  buffer_.append(bytes, static_cast<std::size_t>(received));
  return true;
}

std::optional<ClientResponse> TestClient::read_response(bool to_head) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive()) return std::nullopt;
  }
  std::string_view head = std::string_view(buffer_).substr(0, end + 2);
  ClientResponse response;
  if (!head.starts_with("HTTP/1.1 ")) return std::nullopt;
  std::from_chars(head.data() + 9, head.data() + 12, response.status);
  head.remove_prefix(head.find("\r\n") + 2);
  while (!head.empty()) {
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(": ");
    response.headers.add(std::string(line.substr(0, colon)), std::string(line.substr(colon + 2)));
    head.remove_prefix(line.size() + 2);
  }
  std::size_t length = 0;
  const std::string_view text = response.headers.find("Content-Length").value_or("0");
  if (!to_head) std::from_chars(text.data(), text.data() + text.size(), length);
  buffer_.erase(0, end + 4);
  while (buffer_.size() < length) {
    if (!receive()) return std::nullopt;
  }
  response.body = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return response;
}

std::optional<ClientResponse> TestClient::ask(std::string_view bytes) {
  // A server that refuses early may close before it has everything; its answer is there all the same.
  send(bytes);
  return read_response();
}

bool TestClient::ends() {
  if (!buffer_.empty()) return false;
  char byte = 0;
  const ssize_t received = ::recv(socket_, &byte, 1, 0);
  return received == 0;
}

void TestClient::close() {
  if (socket_ >= 0) ::close(std::exchange(socket_, -1));
}

void TestClient::finish_sending() { ::shutdown(socket_, SHUT_WR); }

}  // namespace jade::server
