// Holds JSON against its description: how tests see that answers, which are written by hand, are what they are said to
// be.
#pragma once

#include <string_view>

#include "jade/result.h"
#include "server/registry/schema.h"

namespace jade::server {

/// Success if `json` is one JSON value of this schema; otherwise the first difference, with its path as "field". A
/// field that the schema does not mention is a difference.
Result<void> check_against_schema(const Schema& schema, std::string_view json);

}  // namespace jade::server
