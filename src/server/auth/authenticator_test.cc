#include "server/auth/authenticator.h"

#include <gtest/gtest.h>

namespace jade::server {
namespace {

Operation some_operation() { return Operation("op", Method::kPost, "/op", Scope::kVectorAdd); }

Result<Principal> ask(Headers headers) {
  RequestHead head;
  head.headers = std::move(headers);
  return LocalAccess().authenticate(head, some_operation());
}

TEST(LocalAccess, TakesLocalNamesWithAnyPort) {
  for (const std::string host : {"127.0.0.1", "127.0.0.1:8080", "[::1]", "[::1]:1", "localhost", "LocalHost:65535"}) {
    const auto principal = ask({{"Host", host}});
    ASSERT_TRUE(principal.ok()) << host;
    EXPECT_EQ(principal->kind, Principal::Kind::kLocalAdministrator);
  }
}

TEST(LocalAccess, RefusesOtherHosts) {
  for (const std::string host : {"", "example.com", "127.0.0.1.example.com", "localhost.example.com", "localhost:",
                                 "localhost:80x", "localhostx", "127.0.0.2", "::1", "[::1", "10.0.0.1:8080"}) {
    const auto principal = ask({{"Host", host}});
    ASSERT_FALSE(principal.ok()) << host;
    EXPECT_EQ(principal.error().code(), ErrorCode::kUnauthenticated);
  }
  EXPECT_FALSE(ask({}).ok());
}

TEST(LocalAccess, RefusesForeignOrigins) {
  EXPECT_TRUE(ask({{"Host", "localhost:8080"}, {"Origin", "http://localhost:8080"}}).ok());
  for (const std::string origin : {"null", "", "http://example.com", "https://localhost:8080", "http://localhost:3000",
                                   "http://localhost:80801", "http://127.0.0.1:8080"}) {
    EXPECT_FALSE(ask({{"Host", "localhost:8080"}, {"Origin", origin}}).ok()) << origin;
  }
}

TEST(CheckListenAddress, TakesLoopbackOnly) {
  for (const std::string_view host : {"127.0.0.1", "127.1.2.3", "::1"}) EXPECT_TRUE(check_listen_address(host).ok());
  for (const std::string_view host : {"0.0.0.0", "::", "192.168.1.1", "1270.0.0.1", "127.example.com", ""}) {
    const auto checked = check_listen_address(host);
    ASSERT_FALSE(checked.ok()) << host;
    EXPECT_NE(checked.error().message().find("listen on 127.0.0.1"), std::string::npos);
  }
}

}  // namespace
}  // namespace jade::server
