#include "base/json_text.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>

namespace jade {
namespace {

bool is_digit(char character) { return character >= '0' && character <= '9'; }

/// The first character from `at` on that is no digit, or `end`. Eight at a time: most of a body of vectors is digits.
const char* skip_digits(const char* at, const char* end) {
  constexpr std::uint64_t kEveryByte = 0x0101010101010101U;
  while (end - at >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    // Digits become 0..9, so that adding 0x76 sets the top bit of no digit. A carry comes only out of a byte whose own
    // top bit is set, so the lowest top bit is exact.
    const std::uint64_t offset = word ^ (kEveryByte * '0');
    const std::uint64_t others = ((offset + kEveryByte * 0x76) | offset) & (kEveryByte * 0x80);
    if (others != 0) return at + std::countr_zero(others) / 8;
    at += 8;
  }
  while (at != end && is_digit(*at)) ++at;
  return at;
}

/// The exponent after 'e', held inside ±10^12, far beyond any length of text.
std::int64_t read_exponent(const char* at, const char* end) {
  const bool negative = *at == '-';
  if (negative || *at == '+') ++at;
  std::int64_t exponent = 0;
  for (; at != end && is_digit(*at); ++at) {
    exponent = std::min<std::int64_t>(exponent * 10 + (*at - '0'), 1'000'000'000'000);
  }
  return negative ? -exponent : exponent;
}

/// True if a number outside the range of its type is too large, false if it is too small: by the power of ten of its
/// first digit that is not zero.
bool is_overflow(std::string_view number) {
  const char* at = number.data();
  const char* const end = at + number.size();
  if (*at == '-') ++at;
  const char* const whole = at;
  at = skip_digits(at, end);
  std::int64_t magnitude = *whole == '0' ? 0 : at - whole;
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    if (magnitude == 0) {
      while (at != end && *at == '0') ++at;
      magnitude = fraction - at;
    }
    at = skip_digits(at, end);
  }
  if (at != end && (*at == 'e' || *at == 'E')) magnitude += read_exponent(at + 1, end);
  return magnitude > 0;
}

/// The standard library's conversion rounds once. Its errors alone need care: they do not say which end was passed.
template <class Float>
std::optional<Float> nearest(std::string_view number) {
  Float value = 0;
  const char* const end = number.data() + number.size();
  if (std::from_chars(number.data(), end, value).ec == std::errc{}) return value;
  if (is_overflow(number)) return std::nullopt;
  return number.front() == '-' ? -Float{0} : Float{0};
}

/// Four hexadecimal digits; none for anything else.
std::optional<std::uint32_t> read_hex4(std::string_view text) {
  std::uint32_t value = 0;
  if (text.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 4, value, 16);
  if (error != std::errc{} || end != text.data() + 4) return std::nullopt;
  return value;
}

void append_utf8(std::string& out, std::uint32_t code) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0U | (code >> 6U));
    put(0x80U | (code & 0x3FU));
  } else if (code < 0x10000) {
    put(0xE0U | (code >> 12U));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  } else {
    put(0xF0U | (code >> 18U));
    put(0x80U | ((code >> 12U) & 0x3FU));
    put(0x80U | ((code >> 6U) & 0x3FU));
    put(0x80U | (code & 0x3FU));
  }
}

/// Appends the character that `text`, which follows "\u", spells. Returns the bytes it took, 0 for an error.
std::size_t append_unicode_escape(std::string& out, std::string_view text) {
  const std::optional<std::uint32_t> first = read_hex4(text);
  if (!first) return 0;
  if (*first < 0xD800 || *first > 0xDFFF) {
    append_utf8(out, *first);
    return 4;
  }
  if (*first > 0xDBFF || text.substr(4, 2) != "\\u") return 0;
  const std::optional<std::uint32_t> second = read_hex4(text.substr(6));
  if (!second || *second < 0xDC00 || *second > 0xDFFF) return 0;
  append_utf8(out, 0x10000 + ((*first - 0xD800) << 10U) + (*second - 0xDC00));
  return 10;
}

}  // namespace

std::size_t json_number_bytes(std::string_view text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const char* at = begin;
  if (at != end && *at == '-') ++at;
  if (at == end || !is_digit(*at)) return 0;
  at = *at == '0' ? at + 1 : skip_digits(at, end);
  if (at != end && *at == '.') {
    const char* const fraction = ++at;
    at = skip_digits(at, end);
    if (at == fraction) return 0;
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    if (at != end && (*at == '+' || *at == '-')) ++at;
    const char* const exponent = at;
    at = skip_digits(at, end);
    if (at == exponent) return 0;
  }
  return static_cast<std::size_t>(at - begin);
}

bool json_number_is_integer(std::string_view number) { return number.find_first_of(".eE") == std::string_view::npos; }

std::optional<double> json_number_to_double(std::string_view number) { return nearest<double>(number); }

std::optional<float> json_number_to_float(std::string_view number) { return nearest<float>(number); }

bool append_json_unescaped(std::string& out, std::string_view body) {
  constexpr std::string_view kEscapes = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  for (;;) {
    const std::size_t backslash = body.find('\\');
    out.append(body.substr(0, backslash));
    if (backslash == std::string_view::npos) return true;
    body.remove_prefix(backslash + 1);
    if (body.empty()) return false;
    const char escape = body.front();
    body.remove_prefix(1);
    if (escape == 'u') {
      const std::size_t bytes = append_unicode_escape(out, body);
      if (bytes == 0) return false;
      body.remove_prefix(bytes);
    } else {
      const std::size_t which = kEscapes.find(escape);
      if (which == std::string_view::npos) return false;
      out.push_back(kMeanings[which]);
    }
  }
}

}  // namespace jade
