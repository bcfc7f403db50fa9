#include "server/http/target.h"

#include <gtest/gtest.h>

namespace jade::server {
namespace {

TEST(ParseTarget, SplitsBeforeItDecodes) {
  const std::vector<std::pair<std::string_view, Target>> rows = {
      {"/", {}},
      {"/?", {}},
      {"/health", {{"health"}, {}}},
      {"/v1/databases/a%2Fb", {{"v1", "databases", "a/b"}, {}}},
      {"/v1/%2541", {{"v1", "%41"}, {}}},
      {"/a+b/%20", {{"a+b", " "}, {}}},
      {"/%C3%A9", {{"é"}, {}}},
      {"/...", {{"..."}, {}}},
      {"/a?x=1&y=a+b&x=%26", {{"a"}, {{"x", "1"}, {"y", "a+b"}, {"x", "&"}}}},
      {"/a?flag", {{"a"}, {{"flag", ""}}}},
      {"/a?x=a=b/c?d", {{"a"}, {{"x", "a=b/c?d"}}}},
      {"/a?x=1&", {{"a"}, {{"x", "1"}}}},
  };
  for (const auto& [text, expected] : rows) {
    SCOPED_TRACE(text);
    const auto target = parse_target(text);
    ASSERT_TRUE(target.ok()) << target.error().message();
    EXPECT_EQ(*target, expected);
  }
}

TEST(ParseTarget, RefusesWhatIsNoPlainPath) {
  const std::vector<std::pair<std::string_view, std::string_view>> rows = {
      {"", "must begin with"},
      {"*", "must begin with"},
      {"http://localhost/health", "must begin with"},
      {"//", "is empty"},
      {"/a/", "is empty"},
      {"/a//b", "is empty"},
      {"/a/./b", "vectors/get"},
      {"/a/..", "vectors/get"},
      {"/a/%2e%2E", "vectors/get"},
      {"/%", "segment of the path"},
      {"/%4", "segment of the path"},
      {"/%zz", "segment of the path"},
      {"/%ff", "segment of the path"},
      {"/a#b", "fragment"},
      {"/a?%=1", "name of a query parameter"},
      {"/a?=1", "has no name"},
      {"/a?x=1&&y=2", "has no name"},
      {"/a?x=%f", "x"},
  };
  for (const auto& [text, message] : rows) {
    SCOPED_TRACE(text);
    const auto target = parse_target(text);
    ASSERT_FALSE(target.ok());
    EXPECT_EQ(target.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(target.error().message().find(message), std::string::npos) << target.error().message();
    EXPECT_EQ(target.error().message().find("vectors/delete"), std::string::npos) << "no such operation";
  }
}

}  // namespace
}  // namespace jade::server
