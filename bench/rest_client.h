// What a client of the REST API sends, and how it reads the answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"
#include "server/http/test_client.h"
#include "vector_set.h"

namespace jade::bench {

inline constexpr std::string_view kJsonType = "application/json";
inline constexpr std::string_view kBinaryType = "application/x-jade-f32";

/// The bytes of a request.
std::string request_text(std::string_view method, std::string_view target, std::string_view type,
                         std::string_view body);

/// A keep-alive connection to a server on this machine. One thread only.
class RestConnection {
 public:
  explicit RestConnection(std::uint16_t port) : client_(port) {}

  /// The body of the answer to `request`; an error with the server's words for any status but 2xx.
  Result<std::string> ask(std::string_view request);
  Result<std::string> post(std::string_view target, std::string_view type, std::string_view body) {
    return ask(request_text("POST", target, type, body));
  }
  Result<std::string> get(std::string_view target) { return ask(request_text("GET", target, "", "")); }

 private:
  server::TestClient client_;
};

/// The body of `POST …/vectors/batch` with rows `first` to `end`; the ids are the rows' numbers.
std::string json_batch(const VectorSet& set, std::size_t first, std::size_t end);
std::string binary_batch(const VectorSet& set, std::size_t first, std::size_t end);

/// The body of a search, up to the members that follow the vector: the caller adds them and the brace.
std::string search_start(std::span<const float> vector, std::size_t top_k);

/// The number after `"name":` in an answer; negative where there is none.
double number_after(std::string_view answer, std::string_view name);

/// Every distance of a search's answer, nearest first.
std::vector<double> distances_of(std::string_view answer);

}  // namespace jade::bench
