#include "base/metadata_json.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_reader.h"
#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

TEST(CanonicalMetadata, HasOneSpelling) {
  struct Case {
    std::string_view json;
    std::string_view canonical;
  };
  const Case cases[] = {
      {"{}", "{}"},
      {" { } ", "{}"},
      {R"({ "b" : [ 1 , true , null, false ] , "a" : { "c" : "d" } })", R"({"b":[1,true,null,false],"a":{"c":"d"}})"},
      {R"({"":""})", R"({"":""})"},
      {R"({"a":0,"b":-0,"c":-1})", R"({"a":0,"b":0,"c":-1})"},
      {R"({"a":1.0,"b":-0.0,"c":1e0,"d":1E22,"e":0.10})", R"({"a":1.0,"b":-0.0,"c":1.0,"d":1e+22,"e":0.1})"},
      {R"({"a":100000.0,"b":123456789012.0})", R"({"a":1e+05,"b":123456789012.0})"},
      {R"({"a":1e-999,"b":-1e-400})", R"({"a":0.0,"b":-0.0})"},
      {R"({"a":9223372036854775807,"b":-9223372036854775808})",
       R"({"a":9223372036854775807,"b":-9223372036854775808})"},
      {R"({"a":9223372036854775808.0})", R"({"a":9223372036854775808.0})"},
      {R"({"\u0061":"\u0062\/\u00e9\ud83d\ude00\n\u0001"})", "{\"a\":\"b/\u00E9\U0001F600\\n\\u0001\"}"},
      {R"({"a$":1,"b":"$c"})", R"({"a$":1,"b":"$c"})"},
  };
  for (const Case& c : cases) {
    const Result<std::string> canonical = canonical_metadata(c.json);
    ASSERT_TRUE(canonical.ok()) << c.json << ": " << canonical.error().message();
    EXPECT_EQ(*canonical, c.canonical);
    EXPECT_EQ(canonical_metadata(*canonical).value(), *canonical);
  }
}

std::string field_of(const Error& error) {
  const ErrorDetail* detail = error.detail("field");
  return detail == nullptr ? "-" : std::get<std::string>(detail->value);
}

TEST(CanonicalMetadata, RefusesWhatIsNoMetadata) {
  struct Case {
    std::string_view json;
    std::string_view field;
    ErrorCode code;
  };
  const Case cases[] = {
      {"", "-", ErrorCode::kInvalidArgument},
      {"[]", "-", ErrorCode::kInvalidArgument},
      {"null", "-", ErrorCode::kInvalidArgument},
      {"\"a\"", "-", ErrorCode::kInvalidArgument},
      {"{} {}", "-", ErrorCode::kInvalidArgument},
      {R"({"$a":1})", "$a", ErrorCode::kInvalidArgument},
      {R"({"\u0024a":1})", "$a", ErrorCode::kInvalidArgument},
      {R"({"a":[{"b":{"$":1}}]})", "a[0].b.$", ErrorCode::kInvalidArgument},
      {R"({"a":9223372036854775808})", "a", ErrorCode::kValueOutOfRange},
      {R"({"a":{"b":[-9223372036854775809]}})", "a.b[0]", ErrorCode::kValueOutOfRange},
      {R"({"a":1e999})", "a", ErrorCode::kValueOutOfRange},
      {R"({"a":-1.8e308})", "a", ErrorCode::kValueOutOfRange},
      {R"({"a":1,"a":2})", "a", ErrorCode::kInvalidArgument},
      {R"({"a":"\ud800"})", "a", ErrorCode::kInvalidArgument},
  };
  for (const Case& c : cases) {
    const Result<std::string> canonical = canonical_metadata(c.json);
    ASSERT_FALSE(canonical.ok()) << c.json;
    EXPECT_EQ(canonical.error().code(), c.code) << c.json;
    EXPECT_EQ(field_of(canonical.error()), c.field) << c.json;
  }
}

TEST(CanonicalMetadata, NamesTheFieldInItsDocument) {
  JsonReader reader;
  const JsonValue root = reader.parse(R"({"vectors":[{},{"metadata":{"a":{"$b":1}}},{"metadata":[]}]})").value();
  const JsonArray rows = root.get_object().value().find("vectors")->get_array().value();
  std::vector<std::string> fields;
  for (const JsonValue row : rows) {
    const std::optional<JsonValue> metadata = row.get_object().value().find("metadata");
    if (metadata) fields.push_back(field_of(canonical_metadata(*metadata).error()));
  }
  EXPECT_EQ(fields, (std::vector<std::string>{"vectors[1].metadata.a.$b", "vectors[2].metadata"}));
}

TEST(CanonicalMetadata, LimitsBytesOfTheCanonicalText) {
  const MetadataLimits limits{.bytes_max = 14};
  EXPECT_EQ(canonical_metadata(R"({ "a" :  "12345678" })", {.bytes_max = 16}).value(), R"({"a":"12345678"})");
  EXPECT_EQ(canonical_metadata(R"({"a":"\u0031\u0032"})", limits).value(), R"({"a":"12"})");
  const Error error = canonical_metadata(R"({"a":"12345678"})", limits).error();
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(std::get<std::int64_t>(error.detail("limitBytes")->value), 14);
  EXPECT_FALSE(canonical_metadata("{\"a\":\"" + std::string(70000, 'x') + "\"}").ok());
  EXPECT_FALSE(canonical_metadata(R"({"a":[1,2,3,4,5,6]})", limits).ok());
}

std::string nested(std::size_t depth) {
  std::string text = "{\"a\":";
  for (std::size_t i = 1; i < depth; ++i) text += i % 2 == 0 ? "{\"b\":" : "[";
  text += "0";
  for (std::size_t i = depth - 1; i >= 1; --i) text += i % 2 == 0 ? "}" : "]";
  return text + "}";
}

TEST(CanonicalMetadata, LimitsDepth) {
  EXPECT_TRUE(canonical_metadata(nested(16)).ok());
  const Error error = canonical_metadata(nested(17)).error();
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(std::get<std::int64_t>(error.detail("limitDepth")->value), 16);
  EXPECT_TRUE(canonical_metadata(nested(1), {.depth_max = 1}).ok());
  EXPECT_FALSE(canonical_metadata(nested(2), {.depth_max = 1}).ok());
  EXPECT_FALSE(canonical_metadata(nested(3), {.depth_max = 2}).ok());
  for (const std::size_t depth : {18UL, 100UL, 5000UL, 10000UL}) {
    EXPECT_EQ(canonical_metadata(nested(depth)).error().code(), ErrorCode::kInvalidArgument);
  }
}

TEST(CanonicalMetadata, RandomDoublesKeepTheirBits) {
  const std::uint64_t seed = test_seed(51);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(5000); ++round) {
    // Half of them any bits at all, half of them small whole numbers.
    const double number = random.next_below(2) == 0 ? std::bit_cast<double>(random.next_u64())
                                                    : static_cast<double>(random.next_below(1U << 20U));
    if (!std::isfinite(number)) continue;
    char text[400];
    std::snprintf(text, sizeof text, random.next_below(2) == 0 ? "{\"a\":%.17e}" : "{\"a\":%.17f}", number);
    const double written = std::strtod(text + 5, nullptr);
    const std::string canonical = canonical_metadata(text).value();
    JsonReader reader;
    const JsonValue value = *reader.parse(canonical).value().get_object().value().find("a");
    ASSERT_FALSE(value.is_integer()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(value.get_double().value()), std::bit_cast<std::uint64_t>(written)) << text;
    ASSERT_EQ(canonical_metadata(canonical).value(), canonical);
  }
}

}  // namespace
}  // namespace jade
