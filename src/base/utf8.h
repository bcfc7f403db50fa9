// UTF-8, strictly: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <string_view>

namespace jade {

/// True if all of `text` is UTF-8 as Unicode defines it.
bool is_valid_utf8(std::string_view text);

/// Length in bytes (1..4) of the well-formed character that `text` begins with; 0 if it begins with none.
std::size_t utf8_character_bytes(std::string_view text);

/// The longest prefix of at most `bytes_max` bytes that does not cut a character of valid UTF-8 in two.
std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max);

}  // namespace jade
