#include "server/registry/openapi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json_reader.h"
#include "server/registry/docs_page.h"

namespace jade::server {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Search {
  std::vector<float> vector;
  std::uint32_t top_k = 10;
  std::string name;
};
struct Options {
  bool upsert = false;
};

const ApiInfo kInfo = {.title = "Jade <API>", .version = "1.2.3", .description = "Reads & writes `records`."};

void fill(Registry& registry) {
  registry.describe_path_parameter("database", string({.bytes_min = 1, .bytes_max = 255}).schema, "The database.");
  Object<Search> search("SearchRequest", "What to look for.");
  search.field("vector", &Search::vector, float_vector(16), "The query \"vector\".").required();
  search.field("topK", &Search::top_k, integer<std::uint32_t>(1, 100), "How many hits.");
  search.field("name", &Search::name, string({.pattern = "^[a-z]*$"}), "A name.");
  search.not_supported("mmr");
  Object<Options> options("");
  options.field("upsert", &Options::upsert, boolean(), "Replace.");
  auto hit = schema::object(
      "Hit", "A <hit>.",
      {schema::field("id", schema::string(), "The id."),
       schema::field("seen", schema::string_of_format("date-time"), "When."),
       schema::field("kind", schema::enumeration({"a", "b"}), "Which."),
       schema::field("note", schema::nullable(schema::string()), "May be null."),
       schema::field("place", schema::object("", "", {schema::field("x", schema::number(0), "X.")}), "Where."),
       schema::optional_field("extra", schema::json_object(), "Anything.")});
  auto hits = schema::object(
      "Hits", "Hits.",
      {schema::field("hits", schema::array(hit), "All."), schema::field("byName", schema::map(hit), "By name."),
       schema::field("best", hit, "The best."), schema::field("exact", schema::boolean(), "Exact."),
       schema::field("rate", schema::number({}, 1.5), "A rate.")});
  registry.add(operation("search", Method::kPost, "/v1/{database}/search", Scope::kSearchExecute)
                   .alias("/v1/{database}/find")
                   .tag("Search")
                   .summary("Searches.")
                   .description("By `vector`.")
                   .cost(CostClass::kSearch)
                   .body(search)
                   .body_as("application/x-jade-f32", [](std::string) -> Result<Search> { return Search{}; })
                   .query(options)
                   .responds(200, "Hits.", hits)
                   .responds_as(200, "", "application/x-jade-hits")
                   .fails_with({ErrorCode::kDatabaseNotFound, ErrorCode::kInvalidArgument})
                   .handle([](const Call<Search, Options>&, const Reply&) {}));
  registry.add(operation("health", Method::kGet, "/health", Scope::kPublic)
                   .summary("Is it well?")
                   .responds(200, "Yes.", schema::object("", "", {schema::field("status", schema::string(), "Word.")}))
                   .handle([](const Call<>&, const Reply&) {}));
  registry.add(operation("deleteIt", Method::kDelete, "/v1/{database}/search", Scope::kVectorDelete)
                   .tag("Search")
                   .summary("Deletes.")
                   .responds(200, "Done.", hits)
                   .handle([](const Call<>&, const Reply&) {}));
}

// Collects the answer of an operation that is called without a server.
class CaughtReply final : public Reply::Target {
 public:
  void send(Response response) override { answer = std::move(response); }
  void fail(const Error&) override {}
  Response answer;
};

Response call(const Registry& registry, std::string_view name) {
  const auto caught = std::make_shared<CaughtReply>();
  registry.find(name)->invoke({}, {}, "", Reply(caught));
  return caught->answer;
}

JsonValue at(JsonValue json, const std::vector<std::string>& path) {
  for (const std::string& key : path) json = json.get_object()->find(key).value();
  return json;
}

TEST(OpenApi, DescribesEveryOperation) {
  Registry registry;
  fill(registry);
  const std::string document = openapi_document(registry, kInfo);
  JsonReader reader;
  const auto parsed = reader.parse(document);
  ASSERT_TRUE(parsed.ok()) << parsed.error().message();
  const auto text = [&](const std::vector<std::string>& path) { return std::string(at(*parsed, path).raw_text()); };
  EXPECT_EQ(text({"openapi"}), "\"3.1.0\"");
  EXPECT_EQ(text({"info", "title"}), "\"Jade <API>\"");
  const std::vector<std::string> search = {"paths", "/v1/{database}/search", "post"};
  const auto of_search = [&](std::vector<std::string> rest) {
    rest.insert(rest.begin(), search.begin(), search.end());
    return text(rest);
  };
  EXPECT_EQ(of_search({"operationId"}), "\"search\"");
  EXPECT_EQ(of_search({"x-scope"}), "\"search:execute\"");
  EXPECT_EQ(text({"paths", "/v1/{database}/find", "post", "operationId"}), "\"search2\"");
  EXPECT_EQ(text({"paths", "/v1/{database}/search", "delete", "operationId"}), "\"deleteIt\"");
  EXPECT_EQ(of_search({"requestBody", "content", "application/json", "schema", "$ref"}),
            "\"#/components/schemas/SearchRequest\"");
  EXPECT_EQ(of_search({"requestBody", "content", "application/x-jade-f32"}), "{}");
  EXPECT_EQ(of_search({"responses", "200", "content", "application/x-jade-hits"}), "{}");
  EXPECT_THAT(of_search({"responses", "400", "description"}), HasSubstr("INVALID_ARGUMENT, NOT_SUPPORTED"));
  EXPECT_THAT(of_search({"responses", "404", "description"}), HasSubstr("DATABASE_NOT_FOUND"));
  EXPECT_THAT(of_search({"responses", "413", "description"}), HasSubstr("PAYLOAD_TOO_LARGE"));
  EXPECT_THAT(of_search({"parameters"}), HasSubstr("\"upsert\""));
  const std::vector<std::string> request = {"components", "schemas", "SearchRequest"};
  EXPECT_THAT(text(request), HasSubstr("\"default\": 10"));
  EXPECT_THAT(text(request), HasSubstr("\"pattern\": \"^[a-z]*$\""));
  EXPECT_THAT(text(request), HasSubstr("\"maxItems\": 16"));
  EXPECT_THAT(text(request), Not(HasSubstr("mmr"))) << "what is not built is not described";
  const std::string hit = text({"components", "schemas", "Hit"});
  EXPECT_THAT(hit, HasSubstr("\"format\": \"date-time\""));
  EXPECT_THAT(hit, HasSubstr("\"additionalProperties\": false"));
  EXPECT_THAT(hit, HasSubstr("\"null\""));
  EXPECT_EQ(text({"components", "schemas", "Hits", "properties", "byName", "additionalProperties", "$ref"}),
            "\"#/components/schemas/Hit\"");
}

TEST(OpenApi, IsTheSameEveryTime) {
  Registry one;
  Registry two;
  fill(one);
  fill(two);
  EXPECT_EQ(openapi_document(one, kInfo), openapi_document(two, kInfo));
}

TEST(OpenApiDeathTest, RefusesTwoSchemasOfOneName) {
  Registry registry;
  for (const char* const name : {"one", "two"}) {
    registry.add(operation(name, Method::kGet, std::string("/") + name, Scope::kPublic)
                     .responds(200, "", schema::object("Same", name, {}))
                     .handle([](const Call<>&, const Reply&) {}));
  }
  EXPECT_DEATH(openapi_document(registry, kInfo), "schemas of the same name are equal");
}

TEST(DocumentOperations, ServeBothDocumentsAndDescribeThemselves) {
  Registry registry;
  fill(registry);
  add_document_operations(registry, kInfo);
  const Response openapi = call(registry, "getOpenApi");
  EXPECT_EQ(openapi.body, openapi_document(registry, kInfo));
  EXPECT_THAT(openapi.body, HasSubstr("/docs"));
  const Response docs = call(registry, "getDocs");
  EXPECT_EQ(docs.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(docs.body, docs_page(registry, kInfo));
  EXPECT_THAT(std::string(*docs.headers.find("Content-Security-Policy")),
              HasSubstr("default-src 'none'; style-src 'sha256-"));
}

TEST(DocsPage, NeedsNothingElseAndEscapesEverything) {
  Registry registry;
  fill(registry);
  const std::string page = docs_page(registry, kInfo);
  EXPECT_THAT(page, HasSubstr("Jade &lt;API&gt;"));
  EXPECT_THAT(page, HasSubstr("Reads &amp; writes <code>records</code>."));
  EXPECT_THAT(page, HasSubstr("A &lt;hit&gt;."));
  EXPECT_THAT(page, HasSubstr("The query &quot;vector&quot;."));
  EXPECT_THAT(page, HasSubstr("id=\"type-Hit\""));
  EXPECT_THAT(page, HasSubstr("also at <code>/v1/{database}/find</code>"));
  EXPECT_THAT(page, HasSubstr("array of number, at least 1 items, at most 16 items"));
  EXPECT_THAT(page, HasSubstr("from 1 to 100, default <code>10</code>"));
  EXPECT_THAT(page, HasSubstr("number, to 1.5"));
  EXPECT_THAT(page, HasSubstr("<code>place.x</code>"));
  EXPECT_THAT(page, HasSubstr("string or null"));
  for (const char* const absent : {"<script", "http://", "https://", "src=", "@import", "mmr"}) {
    EXPECT_THAT(page, Not(HasSubstr(absent)));
  }
}

TEST(PrettyJson, IndentsAndLeavesStringsAlone) {
  EXPECT_EQ(pretty_json(R"({"a":[1,{"b":"x,{\"}\\"}],"c":{},"d":[],"e":[[]]})"),
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"x,{\\\"}\\\\\"\n    }\n  ],\n  \"c\": {},\n  \"d\": [],\n"
            "  \"e\": [\n    []\n  ]\n}\n");
}

TEST(PossibleErrors, DependOnTheKindOfOperation) {
  Registry registry;
  fill(registry);
  using testing::Contains;
  EXPECT_THAT(possible_errors(*registry.find("search")), Contains(ErrorCode::kUnauthenticated));
  EXPECT_THAT(possible_errors(*registry.find("search")), Contains(ErrorCode::kInvalidArgument).Times(1));
  EXPECT_THAT(possible_errors(*registry.find("health")), Not(Contains(ErrorCode::kUnauthenticated)));
  EXPECT_THAT(possible_errors(*registry.find("deleteIt")), Not(Contains(ErrorCode::kPayloadTooLarge)));
}

}  // namespace
}  // namespace jade::server
