#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/rest/test_api.h"

namespace jade::server {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct DatabaseOperations : testing::Test {
  void SetUp() override { api.load(); }

  std::string create(const std::string& body) { return api.expect(201, api.post("/v1/databases", body)); }

  TestApi api;
};

TEST_F(DatabaseOperations, AnswersWithWhatIsInEffect) {
  const std::string made = create(R"({"name":"words","dimension":3,"description":"d","index":{"type":"HNSW",
      "parameters":{"m":8,"efConstruction":50,"efSearch":40},"quantization":"none","reduceTo":null},
      "vectors":{"bits":{"dimension":16,"metric":"hamming"}},"sharding":{"numShards":2,"strategy":"hash"},
      "replication":{"factor":1,"sync":false},"durability":"durable","metadataSchema":null,"embeddingModels":[]})");
  EXPECT_THAT(field_of(made, "databaseId"), StartsWith("db:"));
  EXPECT_EQ(field_of(made, "state"), "ready");
  EXPECT_EQ(field_of(made, "metric"), "cosine");
  EXPECT_EQ(field_of(made, "elementType"), "f32");
  EXPECT_EQ(field_of(made, "index.type"), "HNSW");
  EXPECT_EQ(field_of(made, "index.parameters"), R"({"m":8,"efConstruction":50,"efSearch":40})");
  EXPECT_EQ(field_of(made, "vectors.bits.elementType"), "bit");
  EXPECT_EQ(field_of(made, "vectors.bits.index.type"), "AUTO");
  EXPECT_EQ(field_of(made, "sharding.numShards"), "2");
  EXPECT_EQ(made, api.expect(200, api.get("/v1/databases/words")));
  EXPECT_EQ(made, api.expect(200, api.get("/v1/databases/" + field_of(made, "databaseId"))));
}

TEST_F(DatabaseOperations, HidesGraphParametersOfAFlatIndex) {
  const std::string made =
      create(R"({"name":"flat","vectors":{"a":{"dimension":2,"index":{"type":"FLAT","parameters":{}}}}})");
  EXPECT_EQ(field_of(made, "vectors.a.index.parameters"), "{}");
  EXPECT_EQ(field_of(made, "dimension"), "");
}

TEST_F(DatabaseOperations, RefusesBadDefinitions) {
  create(R"({"name":"taken","dimension":2})");
  struct Case {
    const char* body;
    const char* code;
    const char* field;
  };
  for (const Case& bad : std::vector<Case>{
           {R"({"name":"taken","dimension":2})", "ALREADY_EXISTS", ""},
           {R"({"name":"a"})", "INVALID_ARGUMENT", "dimension"},
           {R"({"dimension":2})", "INVALID_ARGUMENT", "name"},
           {R"({"name":"a:b","dimension":2})", "INVALID_ARGUMENT", "name"},
           {R"({"name":"a","dimension":0})", "INVALID_ARGUMENT", "dimension"},
           {R"({"name":"a","dimension":65536})", "INVALID_ARGUMENT", "dimension"},
           {R"({"name":"a","dimension":2,"metric":"near"})", "INVALID_ARGUMENT", "metric"},
           {R"({"name":"a","vectors":{"x":{"dimension":2}},"index":{"type":"FLAT"}})", "INVALID_ARGUMENT", "dimension"},
           {R"({"name":"a","vectors":{"x":{"dimension":2}},"elementType":"f32"})", "INVALID_ARGUMENT", "dimension"},
           {R"({"name":"a","vectors":{"x":{"dimension":2}},"metric":"dot"})", "INVALID_ARGUMENT", "dimension"},
           {R"({"name":"a","dimension":2,"index":{"type":"FLAT","parameters":{"m":20}}})", "UNSUPPORTED_COMBINATION",
            "index.parameters"},
           {R"({"name":"a","vectors":{"x":{"dimension":2,"index":{"parameters":{"efSearch":64},"type":"FLAT"}}}})",
            "UNSUPPORTED_COMBINATION", "vectors.x.index.parameters"},
           {R"({"name":"a","dimension":2,"elementType":"bit"})", "UNSUPPORTED_COMBINATION", ""},
           {R"({"name":"a","dimension":2,"sharding":{"numShards":65}})", "INVALID_ARGUMENT", "sharding.numShards"},
           {R"({"name":"a","dimension":2,"index":{"type":7}})", "INVALID_ARGUMENT", "index.type"},
           {R"({"name":"a","dimension":2,"sharding":7})", "INVALID_ARGUMENT", "sharding"},
           {R"({"name":"a","dimension":2,"index":{"parameters":{"m":3}}})", "INVALID_ARGUMENT", "index.parameters.m"},
       }) {
    const Response answer = api.post("/v1/databases", bad.body);
    EXPECT_EQ(code_of(answer), bad.code) << bad.body << "\n" << answer.body;
    if (*bad.field == '\0') continue;
    EXPECT_EQ(field_of(answer.body, "error.details.field"), bad.field) << answer.body;
  }
  EXPECT_EQ(field_of(api.get("/v1/databases").body, "databases.1"), "");
}

TEST_F(DatabaseOperations, PagesThroughTheList) {
  for (const char* name : {"c", "a", "b"}) create(R"({"name":")" + std::string(name) + R"(","dimension":1})");
  const std::string first = api.expect(200, api.get("/v1/databases?limit=2"));
  EXPECT_EQ(field_of(first, "databases.0.name"), "a");
  EXPECT_EQ(field_of(first, "databases.1.name"), "b");
  const std::string cursor = field_of(first, "nextCursor");
  const std::string second = api.expect(200, api.get("/v1/databases?limit=2&cursor=" + cursor));
  EXPECT_EQ(field_of(second, "databases.0.name"), "c");
  EXPECT_EQ(field_of(second, "nextCursor"), "");
  EXPECT_EQ(code_of(api.get("/v1/databases?cursor=abc")), "INVALID_CURSOR");
  EXPECT_EQ(code_of(api.get("/v1/databases?limit=0")), "INVALID_ARGUMENT");
  EXPECT_EQ(code_of(api.get("/v1/databases?page=2")), "INVALID_ARGUMENT");
}

TEST_F(DatabaseOperations, DeletesOnce) {
  create(R"({"name":"gone","dimension":1})");
  EXPECT_EQ(api.expect(200, api.remove("/v1/databases/gone")), R"({"deleted":true})");
  EXPECT_EQ(code_of(api.remove("/v1/databases/gone")), "DATABASE_NOT_FOUND");
  EXPECT_EQ(code_of(api.get("/v1/databases/gone")), "DATABASE_NOT_FOUND");
  EXPECT_EQ(code_of(api.get("/v1/databases/gone/status")), "DATABASE_NOT_FOUND");
}

TEST_F(DatabaseOperations, TellsTheState) {
  create(R"({"name":"s","dimension":2,"index":{"type":"HNSW"}})");
  api.expect(200, api.post("/v1/databases/s/vectors/batch",
                           R"({"vectors":[{"id":"a","vector":[1,0]},{"id":"b","vector":[0,1]}]})"));
  api.expect(200, api.remove("/v1/databases/s/vectors/b"));
  std::string status;
  do {
    status = api.expect(200, api.get("/v1/databases/s/status"));
  } while (field_of(status, "counts.unindexed") != "0");
  EXPECT_EQ(field_of(status, "counts.live"), "1");
  EXPECT_EQ(field_of(status, "counts.deleted"), "1");
  EXPECT_EQ(field_of(status, "indexes.0.percent"), "100");
  EXPECT_EQ(field_of(status, "readOnly"), "false");
  EXPECT_NE(field_of(status, "bytes.disk.log"), "0");
}

TEST_F(DatabaseOperations, GoesReadOnlyWhenTheDiskFails) {
  create(R"({"name":"r","dimension":1})");
  api.files.set_fault({.kind = io::CallKind::kSync, .path_contains = "log"});
  const Response answer = api.post("/v1/databases/r/vectors", R"({"id":"a","vector":[1]})");
  api.files.clear_fault();
  api.closes_cleanly = false;
  EXPECT_EQ(answer.status, 503) << answer.body;
  EXPECT_THAT(answer.body, Not(HasSubstr("/"))) << "a path of the server's";
  const std::string status = api.expect(200, api.get("/v1/databases/r/status"));
  EXPECT_EQ(field_of(status, "readOnly"), "true");
  EXPECT_NE(field_of(status, "readOnlyReason"), "");
  EXPECT_EQ(code_of(api.post("/v1/databases/r/vectors", R"({"id":"a","vector":[1]})")), "STORE_READ_ONLY");
  EXPECT_EQ(field_of(api.get("/health").body, "status"), "degraded");
}

TEST(SystemOperations, AreNotReadyUntilTheStoreIsLoaded) {
  TestApi api;
  const std::string health = api.expect(200, api.get("/health"));
  EXPECT_EQ(field_of(health, "status"), "live");
  EXPECT_THAT(field_of(health, "reasons.0"), HasSubstr("%"));
  EXPECT_EQ(code_of(api.get("/v1/databases")), "NOT_READY");
  EXPECT_EQ(code_of(api.post("/v1/databases", R"({"name":"a","dimension":1})")), "NOT_READY");
  api.load();
  EXPECT_EQ(field_of(api.get("/health").body, "status"), "ready");
  EXPECT_EQ(api.get("/v1/databases").status, 200);
}

TEST(SystemOperations, TellTheLimits) {
  TestApi api;
  api.load();
  const std::string limits = api.expect(200, api.get("/v1/limits"));
  EXPECT_EQ(field_of(limits, "bodyBytesMax"), std::to_string(1U << 24));
  EXPECT_EQ(field_of(limits, "idBytesMax"), "512");
  EXPECT_EQ(field_of(limits, "responseBytesMax"), std::to_string(256U << 20));
  EXPECT_EQ(field_of(limits, "combinations.0.metric"), "cosine");
}

}  // namespace
}  // namespace jade::server
