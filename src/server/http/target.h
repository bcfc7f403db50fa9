// Takes a request target apart: path segments and query parameters.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"
#include "server/http/http_message.h"

namespace jade::server {

struct Target {
  /// Split at "/" before decoding, each decoded once, so that an encoded slash stays inside its segment. Empty for "/".
  std::vector<std::string> path;
  /// In the order in which they were sent; "+" is a plus.
  std::vector<QueryParameter> query;

  friend bool operator==(const Target&, const Target&) = default;
};

/// kInvalidArgument for whatever is not a plain absolute path: an empty, "." or ".." segment (encoded or not), a bad
/// escape, invalid UTF-8, a fragment, a full URL.
Result<Target> parse_target(std::string_view target);

}  // namespace jade::server
