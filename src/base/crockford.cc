#include "base/crockford.h"

#include <cstdint>

namespace jade {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::size_t kCharacters = 26;

}  // namespace

std::string crockford_encode(const std::array<std::byte, 16>& id) {
  std::string text;
  text.reserve(kCharacters);
  std::uint32_t bits = 0;
  unsigned bit_count = 2;  // Two zero bits in front make 130, which is 26 times 5.
  for (const std::byte byte : id) {
    bits = (bits << 8U) | std::to_integer<std::uint32_t>(byte);
    for (bit_count += 8; bit_count >= 5;) {
      bit_count -= 5;
      text.push_back(kDigits[(bits >> bit_count) & 0x1FU]);
    }
  }
  return text;
}

Result<std::array<std::byte, 16>> crockford_decode(std::string_view text) {
  const Error bad(ErrorCode::kInvalidArgument, "is not 26 characters of upper-case Crockford base-32");
  if (text.size() != kCharacters || text.front() > '7') return bad;
  std::array<std::byte, 16> id{};
  std::size_t next = 0;
  std::uint32_t bits = 0;
  int bit_count = -2;
  for (const char character : text) {
    const std::size_t value = kDigits.find(character);
    if (value == std::string_view::npos) return bad;
    bits = (bits << 5U) | static_cast<std::uint32_t>(value);
    bit_count += 5;
    if (bit_count >= 8) {
      bit_count -= 8;
      id[next++] = static_cast<std::byte>(bits >> static_cast<unsigned>(bit_count));
    }
  }
  return id;
}

}  // namespace jade
