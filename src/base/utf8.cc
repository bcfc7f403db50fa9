#include "base/utf8.h"

#include <simdjson.h>

#include <array>

namespace jade {
namespace {

/// What a lead byte promises: the character's length, and the range of the byte after it. The range of that second
/// byte alone keeps out overlong forms, surrogates and what lies above U+10FFFF (Unicode, table 3-7).
struct Lead {
  unsigned char from;
  unsigned char to;
  unsigned char length;
  unsigned char second_min;
  unsigned char second_max;
};

constexpr std::array<Lead, 9> kLeads{{{0x00, 0x7F, 1, 0, 0},
                                      {0xC2, 0xDF, 2, 0x80, 0xBF},
                                      {0xE0, 0xE0, 3, 0xA0, 0xBF},
                                      {0xE1, 0xEC, 3, 0x80, 0xBF},
                                      {0xED, 0xED, 3, 0x80, 0x9F},
                                      {0xEE, 0xEF, 3, 0x80, 0xBF},
                                      {0xF0, 0xF0, 4, 0x90, 0xBF},
                                      {0xF1, 0xF3, 4, 0x80, 0xBF},
                                      {0xF4, 0xF4, 4, 0x80, 0x8F}}};

unsigned char byte_at(std::string_view text, std::size_t position) {
  return static_cast<unsigned char>(text[position]);
}

bool is_continuation(unsigned char byte) { return (byte & 0xC0U) == 0x80U; }

}  // namespace

bool is_valid_utf8(std::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

std::size_t utf8_character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned char first = byte_at(text, 0);
  for (const Lead& lead : kLeads) {
    if (first < lead.from || first > lead.to) continue;
    if (text.size() < lead.length) return 0;
    if (lead.length == 1) return 1;
    const unsigned char second = byte_at(text, 1);
    if (second < lead.second_min || second > lead.second_max) return 0;
    for (std::size_t i = 2; i < lead.length; ++i) {
      if (!is_continuation(byte_at(text, i))) return 0;
    }
    return lead.length;
  }
  return 0;
}

std::string_view utf8_prefix(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && is_continuation(byte_at(text, end))) --end;
  return text.substr(0, end);
}

}  // namespace jade
