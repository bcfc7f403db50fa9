#include "server/registry/binding.h"

#include <gtest/gtest.h>

#include "base/metadata_json.h"
#include "jade/types.h"
#include "server/registry/nearest_name.h"

namespace jade::server {
namespace {

struct Part {
  std::int64_t size = 7;
  std::string label;
};

struct Body {
  std::vector<float> vector;
  std::uint32_t top_k = 10;
  std::optional<double> threshold;
  double factor = 0.5;
  bool exact = false;
  Metric metric = Metric::kCosine;
  std::string name = "none";
  std::string metadata;
  std::vector<Part> parts;
  std::vector<std::pair<std::string, Part>> named;
};

Object<Part> part_object() {
  Object<Part> part("Part", "A part.");
  part.field("size", &Part::size, integer<std::int64_t>(1, 9), "How large.").required();
  part.field("label", &Part::label, string({.bytes_max = 3}), "What it says.");
  part.check([](const Part& read) -> Result<void> {
    if (read.size == 9 && read.label.empty()) {
      return Error(ErrorCode::kInvalidArgument, "is needed for this size").with("field", "label");
    }
    return {};
  });
  return part;
}

Object<Body> body_object() {
  Object<Body> body("Body", "Everything that a body can hold.");
  body.field("vector", &Body::vector, float_vector(3), "Numbers.").required();
  body.field("topK", &Body::top_k, integer<std::uint32_t>(1, 10000), "How many.");
  body.field("threshold", &Body::threshold, number(), "A bound.");
  body.field("factor", &Body::factor, number(0, 1), "Between 0 and 1.");
  body.field("exact", &Body::exact, boolean(), "Yes or no.");
  body.field("metric", &Body::metric, enumeration<Metric>({Metric::kCosine, Metric::kDot}, metric_name), "How close.");
  body.field("name", &Body::name,
             string({.bytes_min = 2,
                     .bytes_max = 5,
                     .pattern = "^[a-z]+$",
                     .check = [](std::string_view text) -> Result<void> {
                       if (text.find(' ') == std::string_view::npos) return {};
                       return Error(ErrorCode::kInvalidArgument, "has a space").with("field", "title");
                     }}),
             "A name.");
  body.field("metadata", &Body::metadata, json_object([](const JsonValue& json) { return canonical_metadata(json); }),
             "Anything.");
  body.field("parts", &Body::parts, array(part_object().binding(), 1, 2), "Parts.");
  body.field("named", &Body::named, map(part_object().binding(), 0, 2), "Parts with names.");
  body.not_supported("offset", {"0"});
  body.not_supported("mmr");
  body.not_supported_object("replication", {{"factor", {"1"}}, {"sync", {"false"}}});
  return body;
}

Result<Body> read(std::string_view json) {
  static const Object<Body> kObject = body_object();
  Body out;
  JADE_RETURN_IF_ERROR(read_json_body(json, [&](const JsonValue& root) { return kObject.read(root, out); }));
  return out;
}

std::string field_of(const Error& error) {
  const ErrorDetail* const detail = error.detail("field");
  return detail == nullptr ? "" : std::get<std::string>(detail->value);
}

TEST(Binding, ReadsEveryKindOfField) {
  const auto body = read(R"({"vector":[1,0.5],"topK":3,"threshold":-1.5,"factor":1,"exact":true,"metric":"dot",
    "name":"abc","metadata":{"b": 1.0, "a":[ ]},"parts":[{"size":1},{"size":2,"label":"x"}],
    "named":{"one":{"size":3}},"offset":0,"replication":{"factor":1,"sync":false}})");
  ASSERT_TRUE(body.ok()) << body.error().message();
  EXPECT_EQ(body->vector, (std::vector<float>{1, 0.5}));
  EXPECT_EQ(body->top_k, 3U);
  EXPECT_EQ(body->threshold, -1.5);
  EXPECT_EQ(body->factor, 1);
  EXPECT_TRUE(body->exact);
  EXPECT_EQ(body->metric, Metric::kDot);
  EXPECT_EQ(body->name, "abc");
  EXPECT_EQ(body->metadata, R"({"b":1.0,"a":[]})");
  ASSERT_EQ(body->parts.size(), 2U);
  EXPECT_EQ(body->parts[1].size, 2);
  EXPECT_EQ(body->parts[1].label, "x");
  ASSERT_EQ(body->named.size(), 1U);
  EXPECT_EQ(body->named[0].first, "one");
  EXPECT_EQ(body->named[0].second.size, 3);
}

TEST(Binding, KeepsTheStructsValuesForAbsentFields) {
  const auto body = read(R"({"vector":[1]})");
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(body->top_k, 10U);
  EXPECT_FALSE(body->threshold);
  EXPECT_EQ(body->name, "none");
}

struct Refused {
  std::string_view json;
  std::string_view field;
  std::string_view message;
  ErrorCode code = ErrorCode::kInvalidArgument;
};

TEST(Binding, RefusesWithThePathOfWhatIsWrong) {
  const std::vector<Refused> rows = {
      {"", "", ""},
      {"[]", "", "object"},
      {"{}", "vector", "is missing"},
      {R"({"vector":[1]} x)", "", ""},
      {R"({"vector":[1],"vector":[1]})", "vector", ""},
      {R"({"vector":[]})", "vector", "from 1 to 3"},
      {R"({"vector":[1,2,3,4]})", "vector", "at most 3"},
      {R"({"vector":"x"})", "vector", "array"},
      {R"({"vector":[1,"x"]})", "vector[1]", "number"},
      {R"({"vector":[1e39]})", "vector[0]", "", ErrorCode::kValueOutOfRange},
      {R"({"vector":[1],"topK":0})", "topK", "from 1 to 10000"},
      {R"({"vector":[1],"topK":10001})", "topK", "from 1 to 10000"},
      {R"({"vector":[1],"topK":1e3})", "topK", "integer"},
      {R"({"vector":[1],"topK":99999999999999999999})", "topK", "from 1 to 10000"},
      {R"({"vector":[1],"topK":null})", "topK", "integer"},
      {R"({"vector":[1],"threshold":"1"})", "threshold", "number"},
      {R"({"vector":[1],"threshold":1e999})", "threshold", "", ErrorCode::kValueOutOfRange},
      {R"({"vector":[1],"factor":1.5})", "factor", "from 0 to 1"},
      {R"({"vector":[1],"factor":-0.1})", "factor", "from 0 to 1"},
      {R"({"vector":[1],"exact":1})", "exact", "bool"},
      {R"({"vector":[1],"metric":"cosin"})", "metric", R"("cosine", "dot")"},
      {R"({"vector":[1],"metric":3})", "metric", "string"},
      {R"({"vector":[1],"name":"a"})", "name", "shorter than 2 bytes"},
      {R"({"vector":[1],"name":"abcdef"})", "name", "longer than 5 bytes"},
      {R"({"vector":[1],"name":"a b"})", "name", "has a space"},
      {R"({"vector":[1],"name":[]})", "name", "string"},
      {R"({"vector":[1],"metadata":[]})", "metadata", "object"},
      {R"({"vector":[1],"metadata":{"$x":1}})", "metadata.$x", ""},
      {R"({"vector":[1],"parts":[]})", "parts", "from 1 to 2"},
      {R"({"vector":[1],"parts":{}})", "parts", "array"},
      {R"({"vector":[1],"parts":[{"size":1},{"size":1},{"size":1}]})", "parts", "from 1 to 2"},
      {R"({"vector":[1],"parts":[{"size":1},{}]})", "parts[1].size", "is missing"},
      {R"({"vector":[1],"parts":[{"size":1,"lable":""}]})", "parts[0].lable", R"(did you mean "label"?)"},
      {R"({"vector":[1],"parts":[{"size":9}]})", "parts[0].label", "is needed"},
      {R"({"vector":[1],"named":[]})", "named", "object"},
      {R"({"vector":[1],"named":{"a":{"size":1},"b":{"size":1},"c":{"size":1}}})", "named", "from 0 to 2"},
      {R"({"vector":[1],"named":{"a":{"size":10}}})", "named.a.size", "from 1 to 9"},
      {R"({"vector":[1],"top_k":3})", "top_k", R"(did you mean "topK"?)"},
      {R"({"vector":[1],"zzzzzz":3})", "zzzzzz", R"(known are "vector")"},
      {R"({"vector":[1],"offset":1})", "offset", "not supported", ErrorCode::kNotSupported},
      {R"({"vector":[1],"offset":{}})", "offset", "not supported", ErrorCode::kNotSupported},
      {R"({"vector":[1],"mmr":null})", "mmr", "not supported", ErrorCode::kNotSupported},
      {R"({"vector":[1],"replication":{"factor":3}})", "replication.factor", "not supported", ErrorCode::kNotSupported},
      {R"({"vector":[1],"replication":{"fctor":3}})", "replication.fctor", "unknown"},
      {R"({"vector":[1],"replication":3})", "replication", "not supported", ErrorCode::kNotSupported},
  };
  for (const Refused& row : rows) {
    SCOPED_TRACE(row.json);
    const auto body = read(row.json);
    ASSERT_FALSE(body.ok());
    EXPECT_EQ(body.error().code(), row.code);
    EXPECT_EQ(field_of(body.error()), row.field);
    EXPECT_NE(body.error().message().find(row.message), std::string::npos) << body.error().message();
    EXPECT_TRUE(body.error().message().starts_with(row.field)) << body.error().message();
    const std::string twice = std::string(row.field) + ": " + std::string(row.field);
    EXPECT_FALSE(body.error().message().starts_with(twice)) << body.error().message();
  }
}

TEST(Binding, ReadsABodyBeyondTheKeptParser) {
  const std::string spaces(std::size_t{2} << 20, ' ');
  EXPECT_TRUE(read(spaces + R"({"vector":[1]})").ok());
  EXPECT_TRUE(read(R"({"vector":[1]})").ok());
}

TEST(Binding, DescribesFieldsWithTheirDefaults) {
  const SchemaPtr schema = body_object().schema();
  const auto described = [&](std::string_view name) {
    for (const SchemaField& field : schema->fields) {
      if (field.name == name) return field;
    }
    return SchemaField{};
  };
  EXPECT_EQ(schema->name, "Body");
  EXPECT_TRUE(described("vector").required);
  EXPECT_EQ(described("topK").default_json, "10");
  EXPECT_EQ(described("factor").default_json, "0.5");
  EXPECT_EQ(described("exact").default_json, "false");
  EXPECT_EQ(described("metric").default_json, "\"cosine\"");
  EXPECT_EQ(described("name").default_json, "\"none\"");
  EXPECT_EQ(described("name").schema->size_min, 2U);
  EXPECT_EQ(described("threshold").default_json, "");
  EXPECT_FALSE(described("threshold").required);
  EXPECT_EQ(described("topK").schema->maximum, 10000);
  EXPECT_EQ(described("parts").schema->size_min, 1U);
  EXPECT_EQ(described("offset").schema, nullptr) << "a field that is not built is not described";
}

TEST(Binding, RefusesBelowAnOpenRange) {
  struct Bounds {
    double low = 1;
    double high = 1;
    double any = 1;
  };
  Object<Bounds> object("Bounds");
  object.field("low", &Bounds::low, number(0.5), "");
  object.field("high", &Bounds::high, number({}, 2), "");
  object.field("any", &Bounds::any, number(), "").required();
  const auto message = [&](std::string_view json) {
    Bounds out;
    const auto result = read_json_body(json, [&](const JsonValue& root) { return object.read(root, out); });
    return result.ok() ? "" : result.error().message();
  };
  EXPECT_EQ(message(R"({"low":0,"any":1})"), "low: must be at least 0.5");
  EXPECT_EQ(message(R"({"high":3,"any":1})"), "high: must be at most 2");
  EXPECT_EQ(message(R"({"low":0.5,"high":2,"any":-1e300})"), "");
}

TEST(Within, JoinsPaths) {
  struct Wrapper {
    std::vector<Part> parts;
  };
  Object<Wrapper> wrapper("Wrapper");
  wrapper.field("parts", &Wrapper::parts, array(part_object().binding(), 0, 3), "");
  wrapper.check(
      [](const Wrapper&) -> Result<void> { return Error(ErrorCode::kInvalidArgument, "no").with("field", "[0]"); });
  Wrapper out;
  const auto read_wrapper = [&](const JsonValue& json) { return wrapper.read(json, out); };
  EXPECT_EQ(field_of(read_json_body(R"({})", read_wrapper).error()), "[0]");
  wrapper.check([](const Wrapper&) -> Result<void> { return Error(ErrorCode::kInvalidArgument, "no"); });
  EXPECT_EQ(field_of(read_json_body(R"({})", read_wrapper).error()), "");
  const auto nested = read_json_body(R"({"a":{}})", [](const JsonValue& json) -> Result<void> {
    const auto inner = json.get_object()->find("a");
    return within(*inner, Error(ErrorCode::kInvalidArgument, "no").with("field", "[2]"));
  });
  EXPECT_EQ(field_of(nested.error()), "a[2]");
}

struct Query {
  bool upsert = false;
  std::uint32_t limit = 20;
  double radius = 0;
  Metric metric = Metric::kDot;
  std::optional<std::string> label;
};

Object<Query> query_object() {
  Object<Query> query("");
  query.field("upsert", &Query::upsert, boolean(), "");
  query.field("limit", &Query::limit, integer<std::uint32_t>(1, 1000), "");
  query.field("radius", &Query::radius, number(0, 10), "");
  query.field("metric", &Query::metric, enumeration<Metric>({Metric::kCosine, Metric::kDot}, metric_name), "");
  query.field("label", &Query::label, string({.bytes_max = 4}), "");
  query.not_supported("consistency", {"\"strong\""});
  query.not_supported("purge", {"false"});
  query.check([](const Query& read) -> Result<void> {
    if (read.limit == 13) return Error(ErrorCode::kInvalidArgument, "unlucky");
    return {};
  });
  return query;
}

TEST(BindingQuery, ReadsTypedParameters) {
  const std::vector<QueryParameter> parameters = {{"upsert", "true"},   {"limit", "7"},   {"radius", "2.5"},
                                                  {"metric", "cosine"}, {"label", "a+b"}, {"consistency", "strong"},
                                                  {"purge", "false"}};
  const auto query = query_object().read_query(parameters);
  ASSERT_TRUE(query.ok()) << query.error().message();
  EXPECT_TRUE(query->upsert);
  EXPECT_EQ(query->limit, 7U);
  EXPECT_EQ(query->radius, 2.5);
  EXPECT_EQ(query->metric, Metric::kCosine);
  EXPECT_EQ(query->label, "a+b");
}

TEST(Binding, NamesLargeBoundsInFull) {
  std::vector<double> out;
  const auto refused =
      read_json_body("[]", [&](const JsonValue& root) { return array(number(), 1, 100'000).read(root, out); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().message(), "expected from 1 to 100000 entries, got 0");
}

TEST(BindingQuery, RefusesWithTheParametersName) {
  const std::vector<std::tuple<QueryParameter, std::string_view, ErrorCode>> rows = {
      {{"upsert", "yes"}, "true or false", ErrorCode::kInvalidArgument},
      {{"limit", "0"}, "from 1 to 1000", ErrorCode::kInvalidArgument},
      {{"limit", "1001"}, "from 1 to 1000", ErrorCode::kInvalidArgument},
      {{"limit", "99999999999999999999"}, "from 1 to 1000", ErrorCode::kInvalidArgument},
      {{"limit", "7x"}, "an integer", ErrorCode::kInvalidArgument},
      {{"limit", ""}, "an integer", ErrorCode::kInvalidArgument},
      {{"radius", "11"}, "from 0 to 10", ErrorCode::kInvalidArgument},
      {{"radius", "nan"}, "a number", ErrorCode::kInvalidArgument},
      {{"radius", "1e999"}, "a number", ErrorCode::kInvalidArgument},
      {{"radius", "1 "}, "a number", ErrorCode::kInvalidArgument},
      {{"metric", "hamming"}, "one of", ErrorCode::kInvalidArgument},
      {{"label", "abcde"}, "longer than 4 bytes", ErrorCode::kInvalidArgument},
      {{"consistency", "eventual"}, "not supported", ErrorCode::kNotSupported},
      {{"purge", "true"}, "not supported", ErrorCode::kNotSupported},
      {{"limt", "3"}, R"(did you mean "limit"?)", ErrorCode::kInvalidArgument},
  };
  for (const auto& [parameter, message, code] : rows) {
    SCOPED_TRACE(parameter.name + "=" + parameter.value);
    const auto query = query_object().read_query(std::vector{parameter});
    ASSERT_FALSE(query.ok());
    EXPECT_EQ(query.error().code(), code);
    EXPECT_EQ(field_of(query.error()), parameter.name);
    EXPECT_NE(query.error().message().find(message), std::string::npos) << query.error().message();
  }
}

TEST(BindingQuery, RefusesAParameterThatIsGivenTwice) {
  const auto query = query_object().read_query(std::vector<QueryParameter>{{"limit", "1"}, {"limit", "1"}});
  ASSERT_FALSE(query.ok());
  EXPECT_EQ(query.error().message(), "limit: is given twice");
}

TEST(BindingQuery, RunsTheRuleAndRequiresWhatIsRequired) {
  EXPECT_EQ(query_object().read_query(std::vector<QueryParameter>{{"limit", "13"}}).error().message(), "unlucky");
  Object<Query> query = query_object();
  query.required();
  EXPECT_EQ(query.read_query({}).error().message(), "label: is missing");
  EXPECT_TRUE(query.read_query(std::vector<QueryParameter>{{"label", ""}}).ok());
}

TEST(BindingQuery, AnObjectWithoutFieldsKnowsNone) {
  struct None {};
  const auto query = Object<None>("").read_query(std::vector<QueryParameter>{{"x", ""}});
  ASSERT_FALSE(query.ok());
  EXPECT_EQ(query.error().message(), "x: unknown query parameter");
}

TEST(NearestName, ForgivesTypingMistakesOnly) {
  const std::vector<std::string> known = {"topK", "filter", "includeMetadata"};
  EXPECT_EQ(nearest_name("top_k", known), "topK");
  EXPECT_EQ(nearest_name("TOPK", known), "topK");
  EXPECT_EQ(nearest_name("filters", known), "filter");
  EXPECT_EQ(nearest_name("include-metdata", known), "includeMetadata");
  EXPECT_EQ(nearest_name("vector", known), std::nullopt);
  EXPECT_EQ(nearest_name("", known), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(10'000, 'x'), known), std::nullopt);
}

}  // namespace
}  // namespace jade::server
