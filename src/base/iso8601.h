// Times as the wire spells them: ISO 8601, UTC, microseconds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jade/result.h"

namespace jade {

/// "2026-01-02T03:04:05.123456Z", always 27 characters. A time outside the years 0000 to 9999 becomes the nearest end.
std::string format_iso8601(std::int64_t microseconds_since_epoch);

/// Microseconds since 1970 UTC from "2026-01-02T03:04:05Z", with 1 to 9 digits of a fraction or none (what is below a
/// microsecond is cut off) and 'Z' or an offset such as "+05:30". kInvalidArgument for anything else: other separators,
/// missing parts, days that the month has not, hour 24, second 60, and times outside the years 0000 to 9999 in UTC.
Result<std::int64_t> parse_iso8601(std::string_view text);

}  // namespace jade
