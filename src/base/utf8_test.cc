#include "base/utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

/// Decodes by arithmetic rather than by table: the independent twin. 0 for what is no character.
std::size_t naive_character_bytes(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC0 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF8 ? 4
                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  std::uint32_t code = length == 1 ? first : first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80 || byte > 0xBF) return 0;
    code = code * 64 + (byte - 0x80U);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return 0;
  return length;
}

bool naive_is_valid(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = naive_character_bytes(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

TEST(Utf8, AcceptsEveryCharacterAndNoSurrogate) {
  for (std::uint32_t first = 0; first < 0x100; ++first) {
    for (std::uint32_t second = 0; second < 0x100; ++second) {
      for (const std::string_view tail : {"", "\x80", "\x80\x80", "\xBF\xBF", "\x80\x7F", "\xC0\x80"}) {
        std::string text{static_cast<char>(first), static_cast<char>(second)};
        text.append(tail);
        ASSERT_EQ(utf8_character_bytes(text), naive_character_bytes(text)) << first << " " << second;
        ASSERT_EQ(is_valid_utf8(text), naive_is_valid(text)) << first << " " << second;
      }
    }
  }
  EXPECT_EQ(utf8_character_bytes(""), 0U);
  EXPECT_EQ(utf8_character_bytes("\xC3"), 0U);
  EXPECT_TRUE(is_valid_utf8(""));
}

TEST(Utf8, RandomTextAgreesWithTwin) {
  const std::uint64_t seed = test_seed(24);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  constexpr std::string_view kPieces[] = {
      "ascii text of some length", "\u00E9", "\u20AC", "\U0001F600", "\x80", "\xED\xA0\x80", "\xF4\x90"};
  for (std::size_t round = 0; round < test_scale(3000); ++round) {
    std::string text;
    const std::uint64_t kinds = 4 + random.next_below(4);
    for (std::uint64_t i = random.next_below(30); i > 0; --i) text.append(kPieces[random.next_below(kinds)]);
    ASSERT_EQ(is_valid_utf8(text), naive_is_valid(text)) << text;
  }
}

TEST(Utf8, PrefixNeverCutsACharacter) {
  EXPECT_EQ(utf8_prefix("abc", 3), "abc");
  EXPECT_EQ(utf8_prefix("abc", 2), "ab");
  EXPECT_EQ(utf8_prefix("a\u20AC", 3), "a");
  EXPECT_EQ(utf8_prefix("\u20AC", 2), "");
  EXPECT_EQ(utf8_prefix("a\u20ACb", 4), "a\u20AC");
}

}  // namespace
}  // namespace jade
