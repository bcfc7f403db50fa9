// The lexical side of JSON: numbers and strings as they are written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace jade {

/// Length of the JSON number that `text` begins with; 0 if it begins with none.
std::size_t json_number_bytes(std::string_view text);

/// True for the text of a JSON number without '.' and exponent.
bool json_number_is_integer(std::string_view number);

/// The double nearest to the text of a JSON number; none if that would not be finite. Too small becomes a zero.
std::optional<double> json_number_to_double(std::string_view number);

/// The float nearest to the JSON number that `number` begins with, rounded once; none if that would not be finite.
std::optional<float> json_number_to_float(std::string_view number);

/// Appends what stands between the quotes of a JSON string to `out`, without its escapes. False, with `out`
/// unspecified, for an escape that JSON does not know and for a surrogate without its partner. `body` must be valid
/// UTF-8.
bool append_json_unescaped(std::string& out, std::string_view body);

}  // namespace jade
