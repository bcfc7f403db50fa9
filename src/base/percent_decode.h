// Percent-encoding in paths and query parameters (RFC 3986).
#pragma once

#include <string>
#include <string_view>

#include "jade/result.h"

namespace jade {

/// Decodes one segment of a path, or one key or value of a query, once: "%2541" becomes "%41". A '+' is a plus.
/// kInvalidArgument if a '%' has no two hexadecimal digits after it, or if the outcome is not UTF-8.
Result<std::string> percent_decode(std::string_view segment);

}  // namespace jade
