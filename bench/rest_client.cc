#include "rest_client.h"

#include <charconv>
#include <optional>

#include "base/json_writer.h"

namespace jade::bench {
namespace {

constexpr std::uint32_t kFlagIds = 1;

template <class Number>
void append_number(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

/// The number at the beginning of `text`; negative where there is none.
double leading_number(std::string_view text) {
  double number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

std::string request_text(std::string_view method, std::string_view target, std::string_view type,
                         std::string_view body) {
  std::string text;
  text.reserve(body.size() + 256);
  text.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
  if (!type.empty()) text.append("Content-Type: ").append(type).append("\r\n");
  if (method != "GET") text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
  return text.append("\r\n").append(body);
}

Result<std::string> RestConnection::ask(std::string_view request) {
  std::optional<server::ClientResponse> response = client_.ask(request);
  if (!response) return Error(ErrorCode::kIo, "the server did not answer");
  if (response->status < 200 || response->status > 299)
    return Error(ErrorCode::kInternal, "status " + std::to_string(response->status) + ": " + response->body);
  return std::move(response->body);
}

std::string json_batch(const VectorSet& set, std::size_t first, std::size_t end) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("vectors").begin_array();
  for (std::size_t i = first; i < end; ++i) {
    json.begin_object().key("id").string(std::to_string(i)).key("vector").float_array(set.row(i)).end_object();
  }
  json.end_array().end_object();
  return body;
}

std::string binary_batch(const VectorSet& set, std::size_t first, std::size_t end) {
  std::string offsets;
  std::string ids;
  append_number(offsets, std::uint32_t{0});
  for (std::size_t i = first; i < end; ++i) {
    ids += std::to_string(i);
    append_number(offsets, static_cast<std::uint32_t>(ids.size()));
  }
  std::string body = "JDF1";
  append_number(body, set.dimension);
  append_number(body, static_cast<std::uint32_t>(end - first));
  append_number(body, kFlagIds);
  append_number(body, std::uint64_t{0});
  append_number(body, std::uint64_t{offsets.size() + ids.size()});
  body.resize(64);
  for (std::size_t i = first; i < end; ++i) {
    for (const float value : set.row(i)) append_number(body, value);
  }
  return body + offsets + ids;
}

std::string search_start(std::span<const float> vector, std::size_t top_k) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("topK").uint64(top_k).key("vector").float_array(vector);
  return body;
}

double number_after(std::string_view answer, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  const std::size_t at = answer.find(key);
  return at == std::string_view::npos ? -1 : leading_number(answer.substr(at + key.size()));
}

std::vector<double> distances_of(std::string_view answer) {
  constexpr std::string_view kKey = "\"distance\":";
  std::vector<double> distances;
  for (std::size_t at = answer.find(kKey); at != std::string_view::npos; at = answer.find(kKey, at)) {
    at += kKey.size();
    distances.push_back(leading_number(answer.substr(at)));
  }
  return distances;
}

}  // namespace jade::bench
