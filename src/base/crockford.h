// 128-bit ids as text: Crockford's base-32, which leaves out the letters I, L, O and U.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "jade/result.h"

namespace jade {

/// 26 characters of 0123456789ABCDEFGHJKMNPQRSTVWXYZ, most significant first, so that text orders as the bytes do. The
/// first is 0..7: it has the three bits that 128 leaves.
std::string crockford_encode(const std::array<std::byte, 16>& id);

/// kInvalidArgument for any text that `crockford_encode` would not have written. Lower case is refused too: an id that
/// two texts spell would pass for two ids wherever texts are compared.
Result<std::array<std::byte, 16>> crockford_decode(std::string_view text);

}  // namespace jade
