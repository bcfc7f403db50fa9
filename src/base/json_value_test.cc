#include "base/json_value.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>

#include "base/json_reader.h"

namespace jade {
namespace {

std::string field_of(const Error& error) {
  const ErrorDetail* detail = error.detail("field");
  return detail == nullptr ? "-" : std::get<std::string>(detail->value);
}

TEST(JsonValue, AnswersForItsKindAlone) {
  constexpr std::string_view kText = R"({"null":null,"bool":true,"number":1.5,"string":"s","array":[1],"object":{}})";
  JsonReader reader;
  const JsonValue root = reader.parse(kText).value();
  const JsonObject object = root.get_object().value();
  for (const JsonField field : object) {
    const JsonValue& value = field.value;
    SCOPED_TRACE(field.key);
    EXPECT_EQ(json_kind_name(value.kind()), field.key);
    EXPECT_EQ(value.is_null(), field.key == "null");
    EXPECT_EQ(value.get_bool().ok(), field.key == "bool");
    EXPECT_EQ(value.get_double().ok(), field.key == "number");
    EXPECT_EQ(value.get_float().ok(), field.key == "number");
    EXPECT_EQ(value.get_string().ok(), field.key == "string");
    EXPECT_EQ(value.get_array().ok(), field.key == "array");
    EXPECT_EQ(value.get_object().ok(), field.key == "object");
    EXPECT_FALSE(value.get_int64().ok());
    EXPECT_FALSE(value.get_uint64().ok());
    std::vector<float> floats;
    EXPECT_EQ(value.read_f32_array(floats, 10).ok(), field.key == "array");
    EXPECT_EQ(field_of(value.get_int64().error()), field.key);
  }
  const Error error = root.get_object().value().find("bool")->get_string().error();
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.message(), "bool: must be of type string, is bool");
  EXPECT_EQ(root.get_array().error().message(), "must be of type array, is object");
  EXPECT_EQ(field_of(root.get_array().error()), "-");
}

TEST(JsonValue, IntegersStayInTheirRange) {
  struct Case {
    std::string_view text;
    Result<std::int64_t> as_signed;
    Result<std::uint64_t> as_unsigned;
  };
  const Error range(ErrorCode::kValueOutOfRange, "");
  const Error kind(ErrorCode::kInvalidArgument, "");
  const Case cases[] = {
      {"0", 0, 0U},
      {"-0", 0, range},
      {"-1", -1, range},
      {"9223372036854775807", std::numeric_limits<std::int64_t>::max(), 9223372036854775807U},
      {"9223372036854775808", range, 9223372036854775808U},
      {"-9223372036854775808", std::numeric_limits<std::int64_t>::min(), range},
      {"-9223372036854775809", range, range},
      {"18446744073709551615", range, std::numeric_limits<std::uint64_t>::max()},
      {"18446744073709551616", range, range},
      {"1.0", kind, kind},
      {"1e3", kind, kind},
      {"\"1\"", kind, kind},
  };
  const auto expect_like = [](const auto& got, const auto& expected) {
    ASSERT_EQ(got.ok(), expected.ok());
    if (got.ok()) {
      EXPECT_EQ(*got, *expected);
    } else {
      EXPECT_EQ(got.error().code(), expected.error().code());
    }
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    JsonReader reader;
    const JsonValue value = reader.parse(c.text).value();
    expect_like(value.get_int64(), c.as_signed);
    expect_like(value.get_uint64(), c.as_unsigned);
  }
}

TEST(JsonValue, FloatsThatOverflowAreOutOfRange) {
  JsonReader reader;
  const JsonArray array = reader.parse("[1e999, 1e39, -0.0]").value().get_array().value();
  std::vector<JsonValue> values;
  for (const JsonValue value : array) values.push_back(value);
  EXPECT_EQ(values[0].get_double().error().code(), ErrorCode::kValueOutOfRange);
  EXPECT_EQ(values[1].get_double().value(), 1e39);
  EXPECT_EQ(values[1].get_float().error().code(), ErrorCode::kValueOutOfRange);
  EXPECT_EQ(field_of(values[1].get_float().error()), "[1]");
  EXPECT_TRUE(std::signbit(values[2].get_double().value()));
  EXPECT_TRUE(std::signbit(values[2].get_float().value()));
}

TEST(JsonValue, ReadsFloatArrays) {
  JsonReader reader;
  std::vector<float> floats{9.0F};
  ASSERT_TRUE(reader.parse("[]").value().read_f32_array(floats, 0).ok());
  EXPECT_TRUE(floats.empty());
  ASSERT_TRUE(reader.parse(" [ 1 , -2.5,3e2 ,99999999999999999999] ").value().read_f32_array(floats, 4).ok());
  EXPECT_EQ(floats, (std::vector<float>{1.0F, -2.5F, 300.0F, 1e20F}));
}

TEST(JsonValue, NamesTheElementThatIsNoFloat) {
  struct Case {
    std::string_view text;
    std::string_view field;
    ErrorCode code;
  };
  const Case cases[] = {
      {R"({"vector":[0,1e39]})", "vector[1]", ErrorCode::kValueOutOfRange},
      {R"({"vector":[0,1,-1e999,3]})", "vector[2]", ErrorCode::kValueOutOfRange},
      {R"({"vector":[null]})", "vector[0]", ErrorCode::kInvalidArgument},
      {R"({"vector":[1,"NaN"]})", "vector[1]", ErrorCode::kInvalidArgument},
      {R"({"vector":[1,[2],3]})", "vector[1]", ErrorCode::kInvalidArgument},
      {R"({"vector":[1,2,3,4,5]})", "vector", ErrorCode::kInvalidArgument},
      {R"({"vector":7})", "vector", ErrorCode::kInvalidArgument},
  };
  for (const Case& c : cases) {
    JsonReader reader;
    std::vector<float> floats;
    const Error error =
        reader.parse(c.text).value().get_object().value().find("vector")->read_f32_array(floats, 4).error();
    EXPECT_EQ(error.code(), c.code) << c.text;
    EXPECT_EQ(field_of(error), c.field) << c.text;
  }
}

TEST(JsonValue, CanBeReadInAnyOrderAndAgain) {
  JsonReader reader;
  const JsonObject root =
      reader.parse(R"({"a":[{"x":[1]},[2]],"b\n":{"c":[[3],"d"]},"e":0})").value().get_object().value();
  EXPECT_EQ(root.size(), 3U);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(root.find("e")->raw_text(), "0");
    EXPECT_EQ(root.find("b\n")->raw_text(), R"({"c":[[3],"d"]})");
    EXPECT_EQ(root.find("a")->raw_text(), R"([{"x":[1]},[2]])");
    EXPECT_EQ(root.find("a")->get_array().value().size(), 2U);
    EXPECT_FALSE(root.find("x").has_value());
  }
  const JsonValue inner = *root.find("b\n")->get_object().value().find("c");
  EXPECT_EQ(inner.path(), "b\n.c");
}

}  // namespace
}  // namespace jade
