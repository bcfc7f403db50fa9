#include "server/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <thread>

#include "base/log_capture.h"
#include "io/temporary_directory.h"
#include "jade/version.h"
#include "server/http/test_client.h"

namespace jade::server {
namespace {

using testing::HasSubstr;

struct ServerTest : testing::Test {
  ServerTest() {
    config.data_directory = directory.path() + "/data";
    config.listen = "127.0.0.1:0";
    config.compute_threads = 1;
  }
  static ClientResponse ask(const Server& server, const std::string& request) {
    TestClient client(server.port());
    return client.ask(request).value_or(ClientResponse{});
  }
  static ClientResponse get(const Server& server, const std::string& path) {
    return ask(server, "GET " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  static ClientResponse post(const Server& server, const std::string& path, const std::string& body) {
    return ask(server, "POST " + path + " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n" +
                           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  }
  static void wait_ready(const Server& server) {
    while (!get(server, "/health").body.contains("\"ready\"") && server.load_failure().empty()) {
      std::this_thread::yield();
    }
  }

  io::TemporaryDirectory directory;
  LogCapture log;
  Config config;
};

TEST_F(ServerTest, KeepsWhatItTookAcrossAStop) {
  {
    const auto server = Server::start(config).value();
    wait_ready(*server);
    EXPECT_EQ(post(*server, "/v1/databases", R"({"name":"d","dimension":1})").status, 201);
    EXPECT_EQ(post(*server, "/v1/databases/d/vectors", R"({"id":"a","vector":[1]})").status, 201);
    EXPECT_TRUE(server->stop().ok());
    EXPECT_TRUE(server->stop().ok());
  }
  const auto server = Server::start(config).value();
  wait_ready(*server);
  EXPECT_EQ(get(*server, "/v1/databases/d/vectors/a").status, 200);
  EXPECT_EQ(server->load_failure(), "");
  // It tells after it answers.
  EXPECT_TRUE(server->stop().ok());
  EXPECT_EQ(log.count("ready"), 2U);
}

TEST_F(ServerTest, HoldsItsDirectoryAndItsPort) {
  const auto server = Server::start(config).value();
  Config second = config;
  EXPECT_EQ(Server::start(second).error().code(), ErrorCode::kAlreadyExists);
  second.data_directory = directory.path() + "/other";
  second.listen = "127.0.0.1:" + std::to_string(server->port());
  EXPECT_THAT(Server::start(second).error().message(), HasSubstr("taken"));
  EXPECT_FALSE(try_listen(second.listen).ok());
  EXPECT_TRUE(try_listen("127.0.0.1:0").ok());
  wait_ready(*server);
}

TEST_F(ServerTest, ListensOnlyWhereNobodyElseComes) {
  config.listen = "0.0.0.0:0";
  EXPECT_FALSE(Server::start(config).ok());
  EXPECT_FALSE(try_listen(config.listen).ok());
  config.listen = "nowhere";
  EXPECT_FALSE(Server::start(config).ok());
  EXPECT_FALSE(try_listen(config.listen).ok());
}

TEST_F(ServerTest, SaysWhyItCannotLoad) {
  {
    const auto server = Server::start(config).value();
    wait_ready(*server);
  }
  // A directory where the first log file belongs is nothing that a store can repair.
  std::ofstream(config.data_directory + "/meta.sqlite", std::ios::trunc) << std::string(8192, 'x');
  const auto server = Server::start(config);
  if (server.ok()) {
    wait_ready(**server);
    EXPECT_NE((*server)->load_failure(), "");
    EXPECT_EQ(log.count("store_not_loaded"), 1U);
  } else {
    EXPECT_NE(server.error().message(), "");
  }
}

TEST_F(ServerTest, ServesItsDocuments) {
  const auto server = Server::start(config).value();
  EXPECT_EQ(get(*server, "/openapi.json").body, openapi_text().value());
  EXPECT_THAT(get(*server, "/docs").body, HasSubstr("searchVectors"));
  wait_ready(*server);
}

TEST(Version, IsTheBuilds) { EXPECT_STREQ(kVersion, JADE_BUILD_VERSION); }

}  // namespace
}  // namespace jade::server
