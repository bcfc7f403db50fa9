#include "base/percent_decode.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>

#include "base/utf8.h"

namespace jade {

Result<std::string> percent_decode(std::string_view segment) {
  constexpr std::size_t kDigits = 2;
  std::string out;
  out.reserve(segment.size());
  for (;;) {
    const std::size_t percent = segment.find('%');
    out.append(segment.substr(0, percent));
    if (percent == std::string_view::npos) break;
    const std::string_view digits = segment.substr(percent + 1, kDigits);
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (error != std::errc{} || end != digits.data() + kDigits) {
      return Error(ErrorCode::kInvalidArgument, "a '%' must have two hexadecimal digits after it");
    }
    out.push_back(static_cast<char>(byte));
    segment.remove_prefix(percent + 1 + kDigits);
  }
  if (!is_valid_utf8(out)) return Error(ErrorCode::kInvalidArgument, "is not UTF-8 when percent-decoded");
  return out;
}

}  // namespace jade
