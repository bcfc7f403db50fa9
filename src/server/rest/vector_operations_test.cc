#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "server/rest/test_api.h"

namespace jade::server {
namespace {

struct VectorOperations : testing::Test {
  void SetUp() override {
    api.load();
    api.expect(201, api.post("/v1/databases", R"({"name":"d","dimension":2,"metric":"euclidean"})"));
    api.expect(201, api.post("/v1/databases", R"({"name":"n","dimension":2,"metric":"euclidean",
        "vectors":{"bits":{"dimension":8,"metric":"hamming"},"three":{"dimension":3,"metric":"dot"}}})"));
  }
  std::string store(const std::string& body, int status = 201) {
    return api.expect(status, api.post("/v1/databases/d/vectors", body));
  }

  TestApi api;
};

TEST_F(VectorOperations, GiveBackWhatWasStored) {
  const std::string receipt =
      store(R"({"id":"a/b","vector":[0.1,-2e-30],"metadata":{"n":9007199254740993,"x":[1.50]}})");
  EXPECT_EQ(field_of(receipt, "created"), "true");
  EXPECT_EQ(field_of(receipt, "durability"), "durable");
  const std::string record = api.expect(200, api.get("/v1/databases/d/vectors/a%2Fb"));
  EXPECT_EQ(field_of(record, "id"), "a/b");
  EXPECT_EQ(std::stof(field_of(record, "vector.0")), 0.1F);
  EXPECT_EQ(std::stof(field_of(record, "vector.1")), -2e-30F);
  EXPECT_EQ(field_of(record, "metadata.n"), "9007199254740993");
  EXPECT_EQ(field_of(record, "version"), field_of(receipt, "version"));
  EXPECT_EQ(field_of(record, "state"), "active");
}

TEST_F(VectorOperations, StoreOverARecordOnlyUnderUpsert) {
  store(R"({"id":"a","vector":[1,2]})");
  EXPECT_EQ(code_of(api.post("/v1/databases/d/vectors", R"({"id":"a","vector":[3,4]})")), "ALREADY_EXISTS");
  const Response again = api.post("/v1/databases/d/vectors?upsert=true", R"({"id":"a","vector":[3,4]})");
  EXPECT_EQ(field_of(api.expect(201, again), "created"), "false");
  EXPECT_EQ(field_of(api.get("/v1/databases/d/vectors/a").body, "vector"), "[3,4]");
}

TEST_F(VectorOperations, PutReplacesOnlyWhatItNames) {
  store(R"({"id":"a","vector":[1,2],"metadata":{"k":1}})");
  api.expect(200, api.put("/v1/databases/d/vectors/a", R"({"metadata":{"k":2}})"));
  api.expect(200, api.put("/v1/databases/d/vectors/a", R"({"id":"a","vector":[5,6]})"));
  const std::string record = api.get("/v1/databases/d/vectors/a").body;
  EXPECT_EQ(field_of(record, "vector"), "[5,6]");
  EXPECT_EQ(field_of(record, "metadata"), R"({"k":2})");
  EXPECT_EQ(code_of(api.put("/v1/databases/d/vectors/b", R"({"vector":[5,6]})")), "VECTOR_NOT_FOUND");
  EXPECT_EQ(code_of(api.put("/v1/databases/d/vectors/a", R"({"id":"b","vector":[5,6]})")), "INVALID_ARGUMENT");
}

TEST_F(VectorOperations, KeepNamedVectorsAndBits) {
  api.expect(201, api.post("/v1/databases/n/vectors",
                           R"({"id":"a","vectors":{"":[1,2],"bits":[1,0,0,0,0,0,0,1],"three":[1,2,3]}})"));
  const std::string record = api.expect(200, api.get("/v1/databases/n/vectors/a"));
  EXPECT_EQ(field_of(record, "vectors.bits"), "gQ==");
  EXPECT_EQ(field_of(record, "vectors.three"), "[1,2,3]");
  api.expect(201, api.post("/v1/databases/n/vectors", R"({"id":"b","vectors":{"bits":"gQ=="}})"));
  EXPECT_EQ(field_of(api.get("/v1/databases/n/vectors/b").body, "vectors"), R"({"bits":"gQ=="})");
}

TEST_F(VectorOperations, DeleteOnce) {
  store(R"({"id":"a","vector":[1,2]})");
  EXPECT_EQ(field_of(api.expect(200, api.remove("/v1/databases/d/vectors/a")), "deleted"), "true");
  EXPECT_EQ(code_of(api.remove("/v1/databases/d/vectors/a")), "VECTOR_NOT_FOUND");
  EXPECT_EQ(code_of(api.get("/v1/databases/d/vectors/a")), "VECTOR_NOT_FOUND");
}

TEST_F(VectorOperations, RefuseRecordsThatDoNotFit) {
  struct Case {
    const char* body;
    const char* code;
  };
  for (const Case& bad : std::vector<Case>{
           {R"({"id":"a","vector":[1]})", "DIMENSION_MISMATCH"},
           {R"({"id":"a","vector":[1,1e39]})", "VALUE_OUT_OF_RANGE"},
           {R"({"id":"a","vector":"AA=="})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vector":"=!"})", "INVALID_ARGUMENT"},
           {R"({"id":"","vector":[1,2]})", "INVALID_ARGUMENT"},
           {R"({"id":"a"})", "INVALID_ARGUMENT"},
           {R"({"vector":[1,2]})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vector":[1,2],"vectors":{"":[1,2]}})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vectors":{"no":[1,2]}})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vector":[1,2],"metadata":[]})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vector":[1,2],"metadata":{"$id":1}})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vector":[1,2],"colour":1})", "INVALID_ARGUMENT"},
           {R"({"id":"a","vector":[1,2]}x)", "INVALID_ARGUMENT"},
       }) {
    EXPECT_EQ(code_of(api.post("/v1/databases/d/vectors", bad.body)), bad.code) << bad.body;
  }
  EXPECT_EQ(api.post("/v1/databases/d/vectors/count", "").body, R"({"count":0})");
}

TEST_F(VectorOperations, ABatchAppliesItsGoodRows) {
  const std::string body = R"({"vectors":[{"id":"a","vector":[1,2]},{"id":"b","vector":[1]},{"vector":[1,2]},
      {"id":"c","vector":[1,2],"colour":1},{"id":"a","vector":[3,4]},{"id":"d","vector":[5,6]}]})";
  const std::string receipt = api.expect(200, api.post("/v1/databases/d/vectors/batch", body));
  EXPECT_EQ(field_of(receipt, "inserted"), "2");
  EXPECT_EQ(field_of(receipt, "updated"), "0");
  const std::vector<std::string> expected = {"1 b DIMENSION_MISMATCH", "2  INVALID_ARGUMENT", "3 c INVALID_ARGUMENT",
                                             "4 a ALREADY_EXISTS"};
  for (std::size_t i = 0; i <= expected.size(); ++i) {
    const std::string at = "errors." + std::to_string(i);
    const std::string seen =
        field_of(receipt, at + ".index") + " " + field_of(receipt, at + ".id") + " " + field_of(receipt, at + ".code");
    EXPECT_EQ(seen, i < expected.size() ? expected[i] : "  ");
  }
  const std::string again = api.expect(
      200, api.post("/v1/databases/d/vectors/batch?upsert=true", R"({"vectors":[{"id":"a","vector":[7,8]}]})"));
  EXPECT_EQ(field_of(again, "updated"), "1");
}

TEST_F(VectorOperations, AnAtomicBatchAppliesAllOrNothing) {
  const std::string half =
      api.expect(200, api.post("/v1/databases/d/vectors/batch",
                               R"({"atomic":true,"vectors":[{"id":"a","vector":[1,2]},{"id":"b","colour":1}]})"));
  EXPECT_EQ(field_of(half, "inserted"), "0");
  EXPECT_EQ(field_of(half, "errors.0.index"), "1");
  EXPECT_EQ(api.post("/v1/databases/d/vectors/count", "{}").body, R"({"count":0})");
  const std::string whole = api.expect(
      200, api.post("/v1/databases/d/vectors/batch", R"({"atomic":true,"vectors":[{"id":"a","vector":[1,2]}]})"));
  EXPECT_EQ(field_of(whole, "inserted"), "1");
}

TEST_F(VectorOperations, ABatchOfOtherThingsIsRefusedAsAWhole) {
  for (const char* body : {R"({"vectors":[{"id":"a","vector":[1,2]},7]})", R"({"vectors":{}})", R"({})", "[]"}) {
    EXPECT_EQ(code_of(api.post("/v1/databases/d/vectors/batch", body)), "INVALID_ARGUMENT") << body;
  }
  EXPECT_EQ(api.post("/v1/databases/d/vectors/count", "{}").body, R"({"count":0})");
  EXPECT_EQ(field_of(api.expect(200, api.post("/v1/databases/d/vectors/batch", R"({"vectors":[]})")), "inserted"), "0");
}

TEST_F(VectorOperations, GetManyKeepsTheOrderAndLeavesOut) {
  store(R"({"id":"a","vector":[1,2],"metadata":{"k":1}})");
  store(R"({"id":"b","vector":[3,4]})");
  const std::string all = api.expect(200, api.post("/v1/databases/d/vectors/get", R"({"ids":["b","no","a","b"]})"));
  EXPECT_EQ(field_of(all, "vectors.0.id"), "b");
  EXPECT_EQ(field_of(all, "vectors.1"), "null");
  EXPECT_EQ(field_of(all, "vectors.2.metadata.k"), "1");
  EXPECT_EQ(field_of(all, "vectors.3.id"), "b");
  const std::string bare = api.expect(
      200, api.post("/v1/databases/d/vectors/get", R"({"ids":["a"],"includeVector":false,"includeMetadata":false})"));
  EXPECT_EQ(field_of(bare, "vectors.0.vector"), "");
  EXPECT_EQ(field_of(bare, "vectors.0.metadata"), "");
}

TEST_F(VectorOperations, NeedADatabase) {
  for (const auto& [target, body] :
       std::vector<std::pair<std::string, std::string>>{{"vectors", R"({"id":"a","vector":[1,2]})"},
                                                        {"vectors/batch", R"({"vectors":[]})"},
                                                        {"vectors/get", R"({"ids":[]})"},
                                                        {"vectors/count", ""},
                                                        {"search", R"({"vector":[1,2]})"}}) {
    EXPECT_EQ(code_of(api.post("/v1/databases/none/" + target, body)), "DATABASE_NOT_FOUND") << target;
  }
  EXPECT_EQ(code_of(api.put("/v1/databases/none/vectors/a", R"({"vector":[1,2]})")), "DATABASE_NOT_FOUND");
  EXPECT_EQ(code_of(api.get("/v1/databases/none/vectors/a")), "DATABASE_NOT_FOUND");
  EXPECT_EQ(code_of(api.remove("/v1/databases/none/vectors/a")), "DATABASE_NOT_FOUND");
}

TEST_F(VectorOperations, CutLongIdsInRowErrors) {
  // The cut would be within the last é.
  const std::string begin = std::string(511, 'x');
  const std::string id = begin + "é" + std::string(100'000, 'y');
  const std::string answer =
      api.expect(200, api.post("/v1/databases/d/vectors/batch",
                               R"({"vectors":[{"id":")" + id + R"(","vector":[1,2]},{"id":")" + id + R"("}]})"));
  EXPECT_EQ(field_of(answer, "errors.0.id"), begin);
  EXPECT_EQ(field_of(answer, "errors.1.id"), begin);
  EXPECT_LT(answer.size(), 4096U);
}

TEST_F(VectorOperations, RefuseAnIdInTheBodyThatIsNotThePaths) {
  store(R"({"id":"a","vector":[1,2]})");
  for (const char* body : {R"({"id":"","vector":[1,2]})", R"({"id":"b","vector":[1,2]})"}) {
    const Response answer = api.put("/v1/databases/d/vectors/a", body);
    EXPECT_EQ(code_of(answer), "INVALID_ARGUMENT") << body;
    EXPECT_EQ(field_of(answer.body, "error.details.field"), "id") << body;
  }
  api.expect(200, api.put("/v1/databases/d/vectors/a", R"({"id":"a","vector":[1,2]})"));
}

TEST_F(VectorOperations, RefuseAnswersThatCouldBeTooLarge) {
  // 64 KiB a record and 32 bytes of bits: 256 MiB have room for 4094.
  api.expect(201, api.post("/v1/databases", R"({"name":"wide","dimension":16384,"metric":"euclidean",
      "vectors":{"bits":{"dimension":256,"metric":"hamming"}}})"));
  const auto get = [&](int records, const std::string& rest) {
    std::string ids;
    for (int i = 0; i < records; ++i) ids += i == 0 ? R"("a")" : R"(,"a")";
    return api.post("/v1/databases/wide/vectors/get", R"({"ids":[)" + ids + "]" + rest + "}");
  };
  const auto search = [&](int records, const std::string& rest) {
    return api.post("/v1/databases/wide/search", R"({"vectorName":"bits","vector":")" + std::string(42, 'A') +
                                                     R"(A=","topK":)" + std::to_string(records) + rest + "}");
  };
  const Response got = get(4095, "");
  EXPECT_EQ(code_of(got), "INVALID_ARGUMENT");
  EXPECT_EQ(field_of(got.body, "error.details.field"), "ids");
  EXPECT_EQ(field_of(got.body, "error.details.recordsMax"), "4094");
  const Response found = search(4095, R"(,"includeVector":true)");
  EXPECT_EQ(code_of(found), "INVALID_ARGUMENT");
  EXPECT_EQ(field_of(found.body, "error.details.field"), "topK");
  api.expect(200, get(4094, ""));
  api.expect(200, get(4095, R"(,"includeVector":false)"));
  api.expect(200, search(4094, R"(,"includeVector":true)"));
  api.expect(200, search(4095, ""));
}

struct SearchOperations : VectorOperations {
  void SetUp() override {
    VectorOperations::SetUp();
    store(R"({"id":"far","vector":[10,0],"metadata":{"k":"v"}})");
    store(R"({"id":"near","vector":[1,0]})");
    store(R"({"id":"same","vector":[1,0]})");
  }
  Response search(const std::string& body) { return api.post("/v1/databases/d/search", body); }
};

TEST_F(SearchOperations, OrderByDistanceThenId) {
  const std::string found = api.expect(200, search(R"({"vector":[0,0]})"));
  EXPECT_EQ(field_of(found, "results.0.id"), "near");
  EXPECT_EQ(field_of(found, "results.1.id"), "same");
  EXPECT_EQ(field_of(found, "results.2.id"), "far");
  EXPECT_EQ(std::stod(field_of(found, "results.2.distance")), 10);
  EXPECT_EQ(field_of(found, "results.2.metadata"), "");
  EXPECT_EQ(field_of(found, "results.2.vector"), "");
  EXPECT_EQ(field_of(found, "indexUsed"), "FLAT");
  EXPECT_EQ(std::stod(field_of(found, "estimatedRecall")), 1);
}

TEST_F(SearchOperations, IncludeWhatIsAskedFor) {
  const std::string found =
      api.expect(200, search(R"({"id":"near","topK":2,"includeMetadata":true,"includeVector":true})"));
  EXPECT_EQ(field_of(found, "results.0.id"), "same");
  EXPECT_EQ(field_of(found, "results.1.metadata.k"), "v");
  EXPECT_EQ(field_of(found, "results.1.vector"), "[10,0]");
}

TEST_F(SearchOperations, LeaveOutWhatIsTooFar) {
  EXPECT_EQ(field_of(search(R"({"vector":[0,0],"maxDistance":1})").body, "results.2"), "");
  const std::string similar = field_of(search(R"({"vector":[0,0]})").body, "results.1.similarity");
  const std::string cut = search(R"({"vector":[0,0],"threshold":)" + similar + "}").body;
  EXPECT_EQ(field_of(cut, "results.1.id"), "same");
  EXPECT_EQ(field_of(cut, "results.2"), "");
}

TEST_F(SearchOperations, SearchByName) {
  api.expect(201, api.post("/v1/databases/n/vectors", R"({"id":"a","vectors":{"bits":[1,1,0,0,0,0,0,0]}})"));
  const std::string found = api.expect(
      200,
      api.post("/v1/databases/n/search", R"({"vectorName":"bits","vector":"AQ==","exact":true,"includeVector":true})"));
  EXPECT_EQ(std::stod(field_of(found, "results.0.distance")), 1);
  EXPECT_EQ(field_of(found, "results.0.vectors.bits"), "Aw==");
  EXPECT_EQ(field_of(api.expect(200, api.post("/v1/databases/n/search/advanced", R"({"vector":[1,2]})")), "results"),
            "[]");
}

TEST_F(SearchOperations, SeeTheWriteOfAToken) {
  const std::string token = field_of(store(R"({"id":"new","vector":[0,0]})"), "token");
  EXPECT_EQ(field_of(search(R"({"vector":[0,0],"topK":1,"token":")" + token + "\"}").body, "results.0.id"), "new");
  EXPECT_EQ(code_of(search(R"({"vector":[0,0],"token":"nonsense"})")), "INVALID_TOKEN");
}

TEST_F(SearchOperations, NameTheGraphThatAnswered) {
  api.expect(201,
             api.post("/v1/databases", R"({"name":"g","dimension":1,"metric":"euclidean","index":{"type":"HNSW"}})"));
  std::string rows;
  for (int i = 0; i < 2000; ++i) {
    rows += (i == 0 ? "" : ",") + std::string(R"({"id":")") + std::to_string(i) + R"(","vector":[)" +
            std::to_string(i) + "]}";
  }
  api.expect(200, api.post("/v1/databases/g/vectors/batch", R"({"vectors":[)" + rows + "]}"));
  while (field_of(api.get("/v1/databases/g/status").body, "counts.unindexed") != "0") {
  }
  const std::string found =
      api.expect(200, api.post("/v1/databases/g/search", R"({"vector":[77.2],"topK":2,"efSearch":50})"));
  EXPECT_EQ(field_of(found, "indexUsed"), "HNSW");
  EXPECT_EQ(field_of(found, "estimatedRecall"), "");
  EXPECT_EQ(field_of(found, "results.0.id"), "77");
  EXPECT_EQ(field_of(found, "results.1.id"), "78");
  const std::string exact = api.post("/v1/databases/g/search", R"({"vector":[77.2],"exact":true})").body;
  EXPECT_EQ(field_of(exact, "indexUsed"), "FLAT");
}

TEST_F(SearchOperations, TakeAFilterThatLetsEverythingThrough) {
  for (const char* filter : {"null", "{}"}) {
    const std::string body = R"({"filter":)" + std::string(filter) + R"(,"vector":[0,0]})";
    EXPECT_EQ(field_of(api.expect(200, search(body)), "results.0.id"), "near");
    const std::string counted = R"({"filter":)" + std::string(filter) + "}";
    EXPECT_EQ(field_of(api.expect(200, api.post("/v1/databases/d/vectors/count", counted)), "count"), "3");
  }
}

TEST_F(SearchOperations, RefuseQueriesThatDoNotFit) {
  for (const auto& [body, code] : std::vector<std::pair<std::string, std::string>>{
           {R"({})", "INVALID_ARGUMENT"},
           {R"({"vector":[1,2],"id":"near"})", "INVALID_ARGUMENT"},
           {R"({"vector":[1]})", "DIMENSION_MISMATCH"},
           {R"({"vector":[1,2],"topK":0})", "INVALID_ARGUMENT"},
           {R"({"vector":[1,2],"topK":1.5})", "INVALID_ARGUMENT"},
           {R"({"vector":[1,2],"threshold":1,"maxDistance":1})", "INVALID_ARGUMENT"},
           {R"({"vector":[1,2],"vectorName":"none"})", "INVALID_ARGUMENT"},
           {R"({"id":"none"})", "VECTOR_NOT_FOUND"},
           {R"({"vector":[1,2],"efSearch":0})", "INVALID_ARGUMENT"}}) {
    EXPECT_EQ(code_of(search(body)), code) << body;
  }
}

}  // namespace
}  // namespace jade::server
