#include "base/json_writer.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonWriter, PutsCommasWhereTheyBelong) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("a").begin_array().int64(1).int64(2).begin_object().end_object().end_array();
  json.key("b").begin_object().key("c").null().key("d").boolean(true).key("e").boolean(false).end_object();
  json.key("f").begin_array().end_array().key("g").raw("[1, 2]").key("h").string("x").end_object();
  EXPECT_EQ(out, R"({"a":[1,2,{}],"b":{"c":null,"d":true,"e":false},"f":[],"g":[1, 2],"h":"x"})");
}

TEST(JsonWriter, AppendsToWhatIsThere) {
  std::string out = "data: ";
  JsonWriter(out).begin_array().string("a").string("b").end_array();
  EXPECT_EQ(out, R"(data: ["a","b"])");
}

TEST(JsonWriter, WritesWholeRangeOfIntegers) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().int64(std::numeric_limits<std::int64_t>::min()).int64(std::numeric_limits<std::int64_t>::max());
  json.uint64(std::numeric_limits<std::uint64_t>::max()).uint64(0).end_array();
  EXPECT_EQ(out, "[-9223372036854775808,9223372036854775807,18446744073709551615,0]");
}

TEST(JsonWriter, WritesShortestNumbers) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().float64(0.1).float64(1.0).float64(-0.0).float64(1e300).float32(0.1F).float32(16777216.0F);
  json.end_array();
  EXPECT_EQ(out, "[0.1,1,-0.0,1e+300,0.1,16777216]");
}

TEST(JsonWriter, WritesNullForWhatJsonCannotSay) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::string out;
  JsonWriter json(out);
  json.begin_array().float64(kInfinity).float64(-kInfinity).float64(std::nan("")).float32(std::nanf(""));
  json.float_array(std::vector<float>{1.5F, static_cast<float>(kInfinity)}).end_array();
  EXPECT_EQ(out, "[null,null,null,null,[1.5,null]]");
}

TEST(JsonWriter, EscapesWhatJsonDemandsAndNothingElse) {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"plain / text ~\x7F", "\"plain / text ~\x7F\""},
      {"\"\\\b\f\n\r\t", R"("\"\\\b\f\n\r\t")"},
      {std::string_view("\0\x01\x1F", 3), R"("\u0000\u0001\u001f")"},
      {"z\u00E9\u20AC\U0001F600z", "\"z\u00E9\u20AC\U0001F600z\""},
      {"a\xFFz", "\"a\xEF\xBF\xBDz\""},
      {"\xC0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xE2\x82", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
      {"\xED\xA0\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
  };
  for (const Case& c : cases) EXPECT_EQ(json_string(c.text), c.json);
}

TEST(JsonWriter, EscapesKeys) {
  std::string out;
  JsonWriter(out).begin_object().key("a\"b").null().end_object();
  EXPECT_EQ(out, R"({"a\"b":null})");
}

TEST(JsonWriter, FloatArraysReadBackBitForBit) {
  const std::uint64_t seed = test_seed(11);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (const std::size_t size : {0UL, 1UL, 31UL, 32UL, 33UL, 1000UL, test_scale(20000)}) {
    std::vector<float> numbers;
    while (numbers.size() < size) {
      const auto number = std::bit_cast<float>(static_cast<std::uint32_t>(random.next_u64()));
      if (std::isfinite(number)) numbers.push_back(number);
    }
    std::string out;
    JsonWriter(out).float_array(numbers);
    JsonReader reader;
    std::vector<float> back;
    ASSERT_TRUE(reader.parse(out).value().read_f32_array(back, size).ok());
    ASSERT_EQ(back.size(), size);
    for (std::size_t i = 0; i < size; ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(back[i]), std::bit_cast<std::uint32_t>(numbers[i])) << numbers[i];
    }
  }
}

TEST(JsonWriter, StringsReadBack) {
  const std::uint64_t seed = test_seed(12);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  constexpr std::string_view kPieces[] = {"a", "\"", "\\", "\n", "\x01", "\u00E9", "\U0001F600", "/", "zebra", "\x7F"};
  for (std::size_t round = 0; round < test_scale(2000); ++round) {
    std::string text;
    for (std::uint64_t i = random.next_u64() % 20; i > 0; --i)
      text.append(kPieces[random.next_u64() % std::size(kPieces)]);
    const std::string json = json_string(text);
    JsonReader reader;
    ASSERT_EQ(reader.parse(json).value().get_string().value(), text);
  }
}

}  // namespace
}  // namespace jade
