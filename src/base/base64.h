// Base64 (RFC 4648), strictly: one text for each sequence of bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"

namespace jade {

enum class Base64 : std::uint8_t {
  kStandard,  ///< '+' and '/', padded with '='.
  kUrl,       ///< '-' and '_', without padding: for cursors and tokens.
};

std::string base64_encode(std::span<const std::byte> bytes, Base64 alphabet);

/// kInvalidArgument for any text that `base64_encode` would not have written: other characters, white space, padding
/// that is missing or too much, bits left over that are not zero.
Result<std::vector<std::byte>> base64_decode(std::string_view text, Base64 alphabet);

}  // namespace jade
