#include "base/base64.h"

#include <array>

namespace jade {
namespace {

constexpr std::string_view kStandardDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The value of each character, or kNoDigit.
using Values = std::array<std::uint8_t, 256>;
constexpr std::uint8_t kNoDigit = 0xFF;

consteval Values values_of(std::string_view digits) {
  Values values{};
  values.fill(kNoDigit);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr Values kStandardValues = values_of(kStandardDigits);
constexpr Values kUrlValues = values_of(kUrlDigits);

Error bad_base64() { return {ErrorCode::kInvalidArgument, "is not base64 in its one spelling"}; }

}  // namespace

std::string base64_encode(std::span<const std::byte> bytes, Base64 alphabet) {
  const std::string_view digits = alphabet == Base64::kStandard ? kStandardDigits : kUrlDigits;
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const std::byte byte : bytes) {
    bits = (bits << 8U) | std::to_integer<std::uint32_t>(byte);
    for (bit_count += 8; bit_count >= 6;) {
      bit_count -= 6;
      text.push_back(digits[(bits >> bit_count) & 0x3FU]);
    }
  }
  if (bit_count > 0) text.push_back(digits[(bits << (6 - bit_count)) & 0x3FU]);
  if (alphabet == Base64::kStandard) text.append((4 - text.size() % 4) % 4, '=');
  return text;
}

Result<std::vector<std::byte>> base64_decode(std::string_view text, Base64 alphabet) {
  if (alphabet == Base64::kStandard) {
    if (text.size() % 4 != 0) return bad_base64();
    // At most two; a third would leave one character, which is refused below.
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return bad_base64();
  const Values& values = alphabet == Base64::kStandard ? kStandardValues : kUrlValues;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  for (const char character : text) {
    const std::uint8_t value = values[static_cast<unsigned char>(character)];
    if (value == kNoDigit) return bad_base64();
    bits = (bits << 6U) | value;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      bytes.push_back(static_cast<std::byte>(bits >> bit_count));
      bits &= (1U << bit_count) - 1;
    }
  }
  if (bits != 0) return bad_base64();
  return bytes;
}

}  // namespace jade
