// Requests and responses as plain values: what the operations see of HTTP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jade::server {

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut, kPatch, kDelete, kOther };

/// "GET" …; "OTHER" for a method that no operation has.
std::string_view method_name(Method method);
Method method_from_name(std::string_view name);

/// Header names and a few header values: ASCII letters of either case are the same.
bool equal_without_case(std::string_view left, std::string_view right);

struct Header {
  std::string name;
  std::string value;

  friend bool operator==(const Header&, const Header&) = default;
};

/// Header fields in the order in which they were sent. Names compare without regard to case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  /// The first value, if there is one.
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;

  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<Header> fields_;
};

/// One decoded `name=value` of a query string.
struct QueryParameter {
  std::string name;
  std::string value;

  friend bool operator==(const QueryParameter&, const QueryParameter&) = default;
};

/// Everything of a request that comes before its body.
struct RequestHead {
  Method method = Method::kGet;
  /// As sent; see `parse_target`.
  std::string target;
  Headers headers;
  /// Absent for a chunked body; 0 when there is no body.
  std::optional<std::uint64_t> content_length = 0;
  /// The caller's X-Request-Id where it is 1..128 visible ASCII characters, else one of ours.
  std::string request_id;
  /// For logs, for instance "127.0.0.1:51000".
  std::string remote_address;
};

struct Response {
  int status = 200;
  /// Empty where there is no body.
  std::string content_type;
  std::string body;
  /// Besides Content-Type, Content-Length, Connection and X-Request-Id, which the connection writes.
  Headers headers;
};

}  // namespace jade::server
