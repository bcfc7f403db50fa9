#include "server/registry/schema_check.h"

#include <gtest/gtest.h>

#include "server/registry/binding.h"

namespace jade::server {
namespace {

SchemaPtr hits_schema() {
  auto hit =
      schema::object("Hit", "A hit.",
                     {schema::field("id", schema::string(), ""), schema::field("score", schema::number(0, 1), ""),
                      schema::optional_field("metadata", schema::json_object(), ""),
                      schema::field("state", schema::enumeration({"live", "deleted"}), ""),
                      schema::field("parent", schema::nullable(schema::string()), "")});
  return schema::object(
      "Hits", "Hits.",
      {schema::field("hits", schema::array(std::move(hit)), ""), schema::field("total", schema::integer(0, 10), ""),
       schema::field("exact", schema::boolean(), ""), schema::field("counts", schema::map(schema::integer()), "")});
}

std::string difference(const Schema& schema, std::string_view json) {
  const auto checked = check_against_schema(schema, json);
  return checked.ok() ? "" : checked.error().message();
}

TEST(SchemaCheck, TakesWhatIsDescribed) {
  EXPECT_EQ(difference(*hits_schema(), R"({"hits":[{"id":"a","score":0.5,"state":"live","parent":null},
    {"id":"b","score":1,"state":"deleted","parent":"a","metadata":{"any":[1]}}],"total":2,"exact":true,
    "counts":{"a":1}})"),
            "");
}

TEST(SchemaCheck, TakesEitherForm) {
  const SchemaPtr either = schema::map(schema::either(schema::array(schema::number()), schema::string()));
  EXPECT_EQ(difference(*either, R"({"a":[1],"b":"AA=="})"), "");
  EXPECT_NE(difference(*either, R"({"a":true})"), "");
}

TEST(SchemaCheck, FindsEachKindOfDifference) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows = {
      {"[]", "object"},
      {"{", ""},
      {R"({"hits":[],"total":1,"exact":true})", "the body: lacks \"counts\""},
      {R"({"hits":[],"total":1,"exact":true,"counts":{},"extra":1})", "extra: is not described"},
      {R"({"hits":{},"total":1,"exact":true,"counts":{}})", "array"},
      {R"({"hits":[],"total":1.5,"exact":true,"counts":{}})", "integer"},
      {R"({"hits":[],"total":-1,"exact":true,"counts":{}})", "total: is below the minimum"},
      {R"({"hits":[],"total":11,"exact":true,"counts":{}})", "total: is above the maximum"},
      {R"({"hits":[],"total":1,"exact":1,"counts":{}})", "bool"},
      {R"({"hits":[],"total":1,"exact":true,"counts":[]})", "object"},
      {R"({"hits":[],"total":1,"exact":true,"counts":{"a":"b"}})", "integer"},
      {R"({"hits":[3],"total":1,"exact":true,"counts":{}})", "object"},
      {R"({"hits":[{"id":1}],"total":1,"exact":true,"counts":{}})", "string"},
      {R"({"hits":[{"id":"a","score":"x"}],"total":1,"exact":true,"counts":{}})", "number"},
      {R"({"hits":[{"id":"a","score":1,"metadata":3}],"total":1,"exact":true,"counts":{}})", "object"},
      {R"({"hits":[{"id":"a","score":1,"state":"gone"}],"total":1,"exact":true,"counts":{}})",
       "hits[0].state: is not one of the values"},
      {R"({"hits":[{"id":"a","score":1,"state":"live","parent":3}],"total":1,"exact":true,"counts":{}})", "string"},
  };
  for (const auto& [json, expected] : rows) {
    SCOPED_TRACE(json);
    const auto checked = check_against_schema(*hits_schema(), json);
    ASSERT_FALSE(checked.ok());
    EXPECT_NE(checked.error().message().find(expected), std::string::npos) << checked.error().message();
  }
}

TEST(SchemaCheck, HoldsSizes) {
  const SchemaPtr text = string({.bytes_min = 2, .bytes_max = 3}).schema;
  EXPECT_EQ(difference(*text, R"("ab")"), "");
  EXPECT_EQ(difference(*text, R"("a")"), "the body: is too small");
  EXPECT_EQ(difference(*text, R"("abcd")"), "the body: is too large");
  const SchemaPtr list = array_schema(schema::integer(), 1, 2);
  EXPECT_EQ(difference(*list, "[1]"), "");
  EXPECT_EQ(difference(*list, "[]"), "the body: is too small");
  EXPECT_EQ(difference(*list, "[1,2,3]"), "the body: is too large");
  EXPECT_EQ(difference(*map_schema(schema::integer(), 0, 1), R"({"a":1,"b":2})"), "the body: is too large");
  EXPECT_EQ(difference(*schema::string_of_format("date-time"), R"("2025-01-01T00:00:00Z")"), "");
}

}  // namespace
}  // namespace jade::server
