// The contract is larger than what is built. Each of its fields that is not built is refused by name, and does nothing.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/rest/test_api.h"

namespace jade::server {
namespace {

struct Refused {
  Method method;
  std::string target;
  std::string body;
  std::string field;
};

std::vector<Refused> refused_fields() {
  std::vector<Refused> list;
  const auto definition = [&](const std::string& rest, const std::string& field) {
    list.push_back({Method::kPost, "/v1/databases", R"({"name":"x","dimension":2,)" + rest + "}", field});
  };
  definition(R"("metadataSchema":{"a":{"type":"int"}})", "metadataSchema");
  definition(R"("retentionPolicy":{"maxAgeDays":1})", "retentionPolicy");
  definition(R"("embeddingModels":["hash"])", "embeddingModels");
  definition(R"("accessControl":{"owner":"me"})", "accessControl");
  definition(R"("durability":"relaxed")", "durability");
  definition(R"("replication":{"factor":2})", "replication.factor");
  definition(R"("replication":{"sync":true})", "replication.sync");
  definition(R"("sharding":{"strategy":"range"})", "sharding.strategy");
  for (const char* element : {"f16", "int8"}) {
    definition(R"("elementType":")" + std::string(element) + "\"", "elementType");
    definition(R"("vectors":{"v":{"dimension":1,"elementType":")" + std::string(element) + "\"}}",
               "vectors.v.elementType");
  }
  for (const char* type : {"IVF", "LSH"}) {
    definition(R"("index":{"type":")" + std::string(type) + "\"}", "index.type");
  }
  for (const char* quantization : {"sq8", "sq4", "pq", "rabitq", "binary"}) {
    definition(R"("index":{"quantization":")" + std::string(quantization) + "\"}", "index.quantization");
  }
  definition(R"("index":{"reduceTo":1})", "index.reduceTo");
  for (const char* name : {"nlist", "nprobe", "tables", "bits", "bucketWidth", "probes", "refine", "subspaces"}) {
    definition(R"("index":{"parameters":{")" + std::string(name) + "\":1}}", "index.parameters." + std::string(name));
  }
  const std::string database = "/v1/databases/d";
  for (const std::string& body :
       std::vector<std::string>{R"("partitionKey":"p")", R"("expiresAt":"2100-01-01T00:00:00Z")"}) {
    const std::string field = body.substr(1, body.find('"', 1) - 1);
    const std::string record = R"({"id":"a","vector":[1,2],)" + body + "}";
    list.push_back({Method::kPost, database + "/vectors", record, field});
    list.push_back({Method::kPut, database + "/vectors/kept", R"({"vector":[1,2],)" + body + "}", field});
    list.push_back(
        {Method::kPost, database + "/vectors/batch", R"({"vectors":[)" + record + "]}", "vectors[0]." + field});
  }
  for (const std::string& body : std::vector<std::string>{
           R"("text":"a")", R"("image":"AA==")", R"("filter":{"a":1})", R"("fields":["a"])", R"("fields":[])",
           R"("index":"main")", R"("nprobe":1)", R"("targetRecall":0.9)", R"("groupBy":{"field":"a"})",
           R"("mmr":{"lambda":0.5})", R"("consistency":"eventual")", R"("offset":1)", R"("explain":true)"}) {
    const std::string field = body.substr(1, body.find('"', 1) - 1);
    list.push_back({Method::kPost, database + "/search", R"({"vector":[1,2],)" + body + "}", field});
  }
  list.push_back({Method::kPost, database + "/vectors/count", R"({"filter":{"a":1}})", "filter"});
  list.push_back({Method::kPost, database + "/vectors?ifVersion=1", R"({"id":"a","vector":[1,2]})", "ifVersion"});
  list.push_back({Method::kPut, database + "/vectors/kept?ifVersion=1", R"({"vector":[1,2]})", "ifVersion"});
  list.push_back({Method::kDelete, database + "/vectors/kept?ifVersion=1", "", "ifVersion"});
  list.push_back({Method::kDelete, database + "/vectors/kept?purge=true", "", "purge"});
  return list;
}

TEST(NotSupported, IsEveryFieldThatIsNotBuilt) {
  TestApi api;
  api.load();
  api.expect(201, api.post("/v1/databases", R"({"name":"d","dimension":2})"));
  api.expect(201, api.post("/v1/databases/d/vectors", R"({"id":"kept","vector":[3,4]})"));
  const std::string before = api.get("/v1/databases/d/vectors/kept").body;
  for (const Refused& refused : refused_fields()) {
    const Response answer = api.ask(refused.method, refused.target, refused.body);
    EXPECT_EQ(code_of(answer), "NOT_SUPPORTED") << refused.target << " " << refused.body << "\n" << answer.body;
    EXPECT_EQ(field_of(answer.body, "error.details.field"), refused.field) << refused.target << " " << refused.body;
  }
  EXPECT_EQ(api.get("/v1/databases/x").status, 404);
  EXPECT_EQ(api.post("/v1/databases/d/vectors/count", "").body, R"({"count":1})");
  EXPECT_EQ(api.get("/v1/databases/d/vectors/kept").body, before);
}

}  // namespace
}  // namespace jade::server
