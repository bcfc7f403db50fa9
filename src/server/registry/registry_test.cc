#include "server/registry/registry.h"

#include <gtest/gtest.h>

namespace jade::server {
namespace {

Operation plain(std::string name, Method method, std::string path) {
  return operation(std::move(name), method, std::move(path), Scope::kPublic)
      .handle([](const Call<>&, const Reply& reply) { reply.json(200, "{}"); });
}

void describe(Registry& registry) {
  for (const char* const name : {"database", "id", "other"}) {
    registry.describe_path_parameter(name, schema::string(), "A name.");
  }
}

struct Routes {
  Routes() {
    describe(registry);
    registry.add(plain("root", Method::kGet, "/"));
    registry.add(plain("list", Method::kGet, "/v1/databases"));
    registry.add(plain("create", Method::kPost, "/v1/databases"));
    registry.add(plain("read", Method::kGet, "/v1/databases/{database}"));
    registry.add(plain("status", Method::kGet, "/v1/databases/{database}/status"));
    registry.add(plain("batch", Method::kPost, "/v1/databases/{database}/vectors/batch"));
    registry.add(plain("get", Method::kGet, "/v1/databases/{database}/vectors/{id}"));
    registry.add(plain("put", Method::kPut, "/v1/databases/{database}/vectors/{id}"));
    registry.add(plain("restore", Method::kPost, "/v1/databases/{database}/vectors/{id}/restore"));
    registry.add(operation("search", Method::kPost, "/v1/databases/{database}/search", Scope::kSearchExecute)
                     .alias("/v1/find/{other}/{id}")
                     .handle([](const Call<>&, const Reply&) {}));
  }
  Registry registry;
};

std::string find(const Registry& registry, Method method, const std::vector<std::string>& path) {
  const auto route = registry.route(method, path);
  return route.ok() ? route->operation->name : std::string(error_code_name(route.error().code()));
}

TEST(Registry, FindsTheOperationOfAPath) {
  const Routes routes;
  EXPECT_EQ(find(routes.registry, Method::kGet, {}), "root");
  EXPECT_EQ(find(routes.registry, Method::kGet, {"v1", "databases"}), "list");
  EXPECT_EQ(find(routes.registry, Method::kPost, {"v1", "databases"}), "create");
  EXPECT_EQ(find(routes.registry, Method::kHead, {"v1", "databases"}), "list");
  EXPECT_EQ(find(routes.registry, Method::kGet, {"v1", "databases", "status"}), "read");
  EXPECT_EQ(find(routes.registry, Method::kGet, {"v1", "databases", "a/b", "status"}), "status");
  EXPECT_EQ(find(routes.registry, Method::kPost, {"v1", "databases", "x", "vectors", "batch"}), "batch");
  EXPECT_EQ(find(routes.registry, Method::kPost, {"v1", "databases", "x", "vectors", "batch", "restore"}), "restore");
}

TEST(Registry, NamesTheParametersOfEachPath) {
  const Routes routes;
  const auto route = routes.registry.route(Method::kPut, {"v1", "databases", "x", "vectors", "y/z"});
  ASSERT_TRUE(route.ok());
  EXPECT_EQ(route->path["database"], "x");
  EXPECT_EQ(route->path["id"], "y/z");
  const auto alias = routes.registry.route(Method::kPost, {"v1", "find", "a", "b"});
  ASSERT_TRUE(alias.ok());
  EXPECT_EQ(alias->operation->name, "search");
  EXPECT_EQ(alias->path["other"], "a");
  EXPECT_DEATH(alias->path["missing"], "parameter of this name");
}

TEST(Registry, SaysWhatIsNotThere) {
  const Routes routes;
  EXPECT_EQ(find(routes.registry, Method::kGet, {"v1"}), "ROUTE_NOT_FOUND");
  EXPECT_EQ(find(routes.registry, Method::kGet, {"v1", "databases", "x", "y"}), "ROUTE_NOT_FOUND");
  EXPECT_EQ(find(routes.registry, Method::kGet, {"V1", "databases"}), "ROUTE_NOT_FOUND");
  EXPECT_EQ(find(routes.registry, Method::kOther, {"v1", "databases"}), "METHOD_NOT_ALLOWED");
}

TEST(Registry, SaysWhichMethodsAreAllowed) {
  const Routes routes;
  const auto allow = [&](const std::vector<std::string>& path) {
    const auto route = routes.registry.route(Method::kDelete, path);
    return std::get<std::string>(route.error().detail("allow")->value);
  };
  EXPECT_EQ(allow({"v1", "databases"}), "GET, HEAD, POST");
  EXPECT_EQ(allow({"v1", "databases", "x", "vectors", "y"}), "GET, HEAD, PUT");
  EXPECT_EQ(allow({"v1", "databases", "x", "search"}), "POST");
}

// "batch" is a word of the API, so an id of that name is reached where its method is not taken by the word.
TEST(Registry, PutsLiteralsBeforeParametersOfTheSameMethod) {
  const Routes routes;
  const std::vector<std::string> path = {"v1", "databases", "x", "vectors", "batch"};
  EXPECT_EQ(find(routes.registry, Method::kPost, path), "batch");
  EXPECT_EQ(find(routes.registry, Method::kGet, path), "get");
  EXPECT_EQ(find(routes.registry, Method::kHead, path), "get");
  EXPECT_EQ(routes.registry.route(Method::kPut, path)->path["id"], "batch");
  const auto refused = routes.registry.route(Method::kDelete, path);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(std::get<std::string>(refused.error().detail("allow")->value), "GET, HEAD, POST, PUT");
}

TEST(Registry, FindsOperationsByName) {
  const Routes routes;
  EXPECT_EQ(routes.registry.find("search")->scope, Scope::kSearchExecute);
  EXPECT_EQ(routes.registry.find("nothing"), nullptr);
  EXPECT_EQ(routes.registry.operations().size(), 10U);
}

TEST(RegistryDeathTest, RefusesMistakesAtStart) {
  Registry registry;
  describe(registry);
  registry.add(plain("one", Method::kGet, "/one/{id}"));
  EXPECT_DEATH(registry.add(plain("one", Method::kGet, "/two")), "names are unique");
  EXPECT_DEATH(registry.add(plain("two", Method::kGet, "/one/{database}")), "routes are unique");
  EXPECT_DEATH(registry.add(plain("two", Method::kGet, "/two/{nobody}")), "parameter is described");
  EXPECT_DEATH(registry.add(plain("two", Method::kHead, "/two")), "HEAD comes with GET");
  EXPECT_DEATH(registry.add(plain("two", Method::kOther, "/two")), "HEAD comes with GET");
  EXPECT_DEATH(registry.add(plain("two", Method::kGet, "two")), "begins with a slash");
}

TEST(Scope, HasTheContractsNames) {
  EXPECT_EQ(scope_name(Scope::kPublic), "public");
  EXPECT_EQ(scope_name(Scope::kVectorPurge), "vector:purge");
  EXPECT_EQ(scope_name(Scope::kEmbeddingGenerate), "embedding:generate");
  EXPECT_EQ(scope_name(Scope::kClusterManage), "cluster:manage");
  EXPECT_EQ(cost_class_name(CostClass::kImmediate), "immediate");
  EXPECT_EQ(cost_class_name(CostClass::kHeavy), "heavy");
}

}  // namespace
}  // namespace jade::server
