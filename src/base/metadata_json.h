// A record's metadata: the JSON that is allowed, in one spelling.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/json_value.h"
#include "jade/result.h"

namespace jade {

struct MetadataLimits {
  /// Of the canonical text.
  std::size_t bytes_max = 64 * 1024;
  /// Objects and arrays inside each other, the metadata itself included.
  std::size_t depth_max = 16;
};

/// Checks metadata and returns its canonical text: compact, keys in their order, strings with the fewest escapes.
/// Integers stay integers and must fit in 64 bits with a sign; a number written with '.' or exponent is a double, stays
/// finite, and is written as the shortest text that reads back as that double and still shows it as one (1.0, -0.0,
/// 1e+22). Keys that begin with '$' are refused at every level. The canonical text of a canonical text is itself.
///
/// Errors: kInvalidArgument, or kValueOutOfRange for a number; detail "field" is the path of the value at fault in its
/// document, "limitBytes" or "limitDepth" the limit that was passed.
Result<std::string> canonical_metadata(const JsonValue& value, const MetadataLimits& limits = {});

/// The same for a text of its own, which is first held against JSON's grammar (base/json_reader.h).
Result<std::string> canonical_metadata(std::string_view json, const MetadataLimits& limits = {});

}  // namespace jade
