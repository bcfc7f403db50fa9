#include "base/json_text.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cfloat>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

TEST(JsonNumber, LengthFollowsTheGrammar) {
  struct Case {
    std::string_view text;
    std::size_t bytes;
  };
  const Case cases[] = {
      {"0", 1},
      {"-0", 2},
      {"1", 1},
      {"-12", 3},
      {"123456789012345678901234567890", 30},
      {"0.5", 3},
      {"-0.25", 5},
      {"1e5", 3},
      {"1E+5", 4},
      {"1e-5", 4},
      {"1.5e10x", 6},
      {"12345678,", 8},
      {"1234567,", 7},
      {"0.1234567890123]", 15},
      {"01", 1},
      {"00", 1},
      {"1.", 0},
      {".5", 0},
      {"1.e5", 0},
      {"1e", 0},
      {"1e+", 0},
      {"-", 0},
      {"", 0},
      {"+1", 0},
      {"-a", 0},
      {"1.a", 0},
      {"1ea", 0},
      {"NaN", 0},
      {"Infinity", 0},
      {"0x10", 1},
      {"1:2", 1},
      {"1/2", 1},
      {"1234567:9", 7},
      {"1234567/9", 7},
      {"1234567\xB9"
       "9",
       7},
  };
  for (const Case& c : cases) EXPECT_EQ(json_number_bytes(c.text), c.bytes) << c.text;
}

TEST(JsonNumber, IntegersHaveNoPointAndNoExponent) {
  EXPECT_TRUE(json_number_is_integer("-12"));
  for (const std::string_view text : {"1.0", "1e5", "1E5"}) EXPECT_FALSE(json_number_is_integer(text)) << text;
}

TEST(JsonNumber, RefusesOverflowAndFlushesUnderflow) {
  const std::string long_zeros = "0." + std::string(400, '0') + "1";
  const std::string long_number = "1" + std::string(400, '0');
  for (const std::string& text :
       {std::string("1e999"), std::string("-1e309"), long_number, long_number + ".5", long_zeros + "e999",
        std::string("1e99999999999999999999999"), std::string("1.8e308")}) {
    EXPECT_EQ(json_number_to_double(text), std::nullopt) << text;
    EXPECT_EQ(json_number_to_float(text), std::nullopt) << text;
  }
  for (const std::string& text :
       {std::string("1e-999"), long_zeros, std::string("1e-99999999999999999999999"), long_number + "e-999",
        std::string("0.00001e-400"), std::string("2e-324"), std::string("0.0e9"), std::string("0e999")}) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(json_number_to_double(text).value()), 0U) << text;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(json_number_to_float(text).value()), 0U) << text;
    EXPECT_TRUE(std::signbit(json_number_to_double("-" + text).value())) << text;
    EXPECT_TRUE(std::signbit(json_number_to_float("-" + text).value())) << text;
  }
}

TEST(JsonNumber, FloatsAtTheEdgeOfTheirRange) {
  EXPECT_EQ(json_number_to_float("3.4028234663852886e38"), FLT_MAX);
  EXPECT_EQ(json_number_to_float("3.4028235677973362e38"), FLT_MAX);  // Just below half a step above.
  EXPECT_EQ(json_number_to_float("340282356779733661637539395458142568448"), std::nullopt);  // The half step itself.
  EXPECT_EQ(json_number_to_float("340282356779733661637539395458142568447"), FLT_MAX);
  EXPECT_EQ(json_number_to_float("3.5e38"), std::nullopt);
  EXPECT_EQ(json_number_to_float("1.401298464324817e-45"), FLT_TRUE_MIN);
  EXPECT_EQ(json_number_to_float("1e-46"), 0.0F);
  EXPECT_EQ(json_number_to_float("1e-40"), 1e-40F);
}

TEST(JsonNumber, FloatsAreRoundedOnceFromTheText) {
  // Halfway between 1 and the next float, and a little more than a double can tell: twice rounded it would be 1.
  EXPECT_EQ(json_number_to_float("1.000000059604644775390625"), 1.0F);
  EXPECT_EQ(json_number_to_float("1.00000005960464477539062500000000000001"), std::nextafterf(1.0F, 2.0F));
  EXPECT_EQ(json_number_to_float("1.00000017881393432617187499999999999999"), std::nextafterf(1.0F, 2.0F));
  EXPECT_EQ(json_number_to_float("7.038531e-26"), 7.038531e-26F);
}

void expect_like_strtof(const std::string& text) {
  const float expected = std::strtof(text.c_str(), nullptr);
  const std::optional<float> number = json_number_to_float(text);
  ASSERT_EQ(number.has_value(), std::isfinite(expected)) << text;
  if (!number) return;
  ASSERT_EQ(std::bit_cast<std::uint32_t>(*number), std::bit_cast<std::uint32_t>(expected)) << text;
}

TEST(JsonNumber, RandomNumbersAgreeWithTheCLibrary) {
  const std::uint64_t seed = test_seed(31);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(40000); ++round) {
    std::string text = random.next_below(2) == 0 ? "-" : "";
    text.append(std::to_string(random.next_u64() >> random.next_below(64)));
    if (random.next_below(4) != 0) {
      text.push_back('.');
      for (std::uint64_t i = random.next_below(25) + 1; i > 0; --i)
        text.push_back(static_cast<char>('0' + random.next_below(10)));
    }
    if (random.next_below(3) == 0)
      text.append("e").append(std::to_string(static_cast<int>(random.next_below(100)) - 60));
    ASSERT_EQ(json_number_bytes(text), text.size());
    ASSERT_EQ(json_number_to_double(text), std::strtod(text.c_str(), nullptr)) << text;
    expect_like_strtof(text);
    expect_like_strtof("0." + std::to_string(random.next_u64()));
  }
}

TEST(JsonNumber, HalfwayPointsOfFloatsAgreeWithTheCLibrary) {
  const std::uint64_t seed = test_seed(32);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(5000); ++round) {
    const auto low = std::bit_cast<float>(static_cast<std::uint32_t>(random.next_below(0x7F7FFFFF)));
    const double half = (static_cast<double>(low) + static_cast<double>(std::nextafterf(low, INFINITY))) / 2;
    std::array<char, 1200> buffer;
    char* const end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), half, std::chars_format::fixed, 200).ptr;
    const std::string exact(buffer.data(), end);  // Not all of the smallest ones, but 200 places of them.
    expect_like_strtof(exact);
    expect_like_strtof(exact + "1");
    expect_like_strtof(exact.substr(0, 30 + exact.find('.')));
  }
}

TEST(JsonString, UnescapesWhatJsonKnows) {
  struct Case {
    std::string_view body;
    std::string_view plain;
  };
  const Case cases[] = {
      {"", ""},
      {"plain \u00E9", "plain \u00E9"},
      {R"(\"\\\/\b\f\n\r\t)", "\"\\/\b\f\n\r\t"},
      {R"(a\u0041z)", "aAz"},
      {R"(\u0000)", std::string_view("\0", 1)},
      {R"(\u007f\u0080\u07FF\u0800\uFFFF)", "\x7F\xC2\x80\xDF\xBF\xE0\xA0\x80\xEF\xBF\xBF"},
      {R"(\uD7FF\uE000)", "\xED\x9F\xBF\xEE\x80\x80"},
      {R"(\ud800\udc00\uDBFF\uDFFF)", "\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"},
  };
  for (const Case& c : cases) {
    std::string out = ">";
    EXPECT_TRUE(append_json_unescaped(out, c.body)) << c.body;
    EXPECT_EQ(out, ">" + std::string(c.plain)) << c.body;
  }
}

TEST(JsonString, RefusesBadEscapesAndLoneSurrogates) {
  for (const std::string_view body :
       {R"(\)",        R"(a\)",           R"(\x41)",         R"(\')",           R"(\a)",
        R"(\0)",       R"(\u)",           R"(\u004)",        R"(\u00g0)",       R"(\u+041)",
        R"(\u-041)",   R"(\u 041)",       R"(\U0041)",       R"(\ud800)",       R"(\ud800x)",
        R"(\ud800\n)", R"(\ud800\u)",     R"(\ud800\u0041)", R"(\ud800\ud800)", R"(\ud800\ue000)",
        R"(\udc00)",   R"(\udfff\ud800)", R"(\ud800\udc0)",  R"(\u0x41)"}) {
    std::string out;
    EXPECT_FALSE(append_json_unescaped(out, body)) << body;
  }
}

}  // namespace
}  // namespace jade
