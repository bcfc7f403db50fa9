#include "server/http/target.h"

#include <utility>

#include "base/percent_decode.h"

namespace jade::server {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

// Takes what stands before the next `separator` off the front of `rest`; the separator goes, too.
std::string_view take_until(std::string_view& rest, char separator) {
  const std::size_t end = rest.find(separator);
  const std::string_view taken = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return taken;
}

Result<std::string> decode_segment(std::string_view text) {
  auto segment = percent_decode(text);
  if (!segment.ok()) return std::move(segment).error().in_context("a segment of the path");
  if (segment->empty()) return invalid("a segment of the path is empty");
  if (*segment == "." || *segment == "..") {
    return invalid("\".\" and \"..\" cannot stand in a path; a record with such an id is read by vectors/get");
  }
  return segment;
}

Result<QueryParameter> decode_parameter(std::string_view text) {
  std::string_view rest = text;
  auto name = percent_decode(take_until(rest, '='));
  if (!name.ok()) return std::move(name).error().in_context("the name of a query parameter");
  if (name->empty()) return invalid("a query parameter has no name");
  auto value = percent_decode(rest);
  if (!value.ok()) return std::move(value).error().in_context(*name).with("field", *name);
  return QueryParameter{std::move(name).value(), std::move(value).value()};
}

}  // namespace

Result<Target> parse_target(std::string_view target) {
  if (!target.starts_with('/')) return invalid("the request target must begin with \"/\"");
  if (target.find('#') != std::string_view::npos) return invalid("the request target has a fragment");
  std::string_view query = target.substr(1);
  std::string_view path = take_until(query, '?');
  Target parsed;
  bool more = !path.empty();
  while (more) {
    // A slash at the end is followed by an empty segment, which is refused like any other.
    more = path.find('/') != std::string_view::npos;
    JADE_ASSIGN_OR_RETURN(parsed.path.emplace_back(), decode_segment(take_until(path, '/')));
  }
  while (!query.empty()) {
    JADE_ASSIGN_OR_RETURN(parsed.query.emplace_back(), decode_parameter(take_until(query, '&')));
  }
  return parsed;
}

}  // namespace jade::server
