// Strict reading of JSON: request bodies, and metadata given by embedded users.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "base/json_value.h"
#include "jade/result.h"

namespace jade {

struct JsonLimits {
  /// Objects and arrays inside each other. Deeper text is refused before anything follows it down.
  std::size_t depth_max = 64;
};

/// Checks a whole JSON text and then hands out cursors into it. `parse` accepts RFC 8259 and nothing more: it refuses
/// trailing data, invalid UTF-8, lone surrogates, a key that comes twice in one object, a byte order mark, NaN. So
/// nothing that a caller skips goes unchecked. Whether a number fits is decided where its type is: by JsonValue's
/// getters.
///
/// simdjson finds the tokens (its stage 1, the part that is fast); grammar and values are read here, because its
/// on-demand front end leaves what it skips unchecked and its tree costs 16 bytes a number and loses their text.
///
/// Memory is 4 bytes for each byte of the longest text, touched only as far as there are tokens, and kept for the next
/// parse. One thread only.
class JsonReader {
 public:
  JsonReader();
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  /// The root of `text`, which must outlive its values; needs no padding. kInvalidArgument for what is not strict JSON;
  /// the error's "field" is the path of the value at fault where that is known, "offset" the byte. Ends the validity of
  /// all values of an earlier text.
  Result<JsonValue> parse(std::string_view text, const JsonLimits& limits = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jade
