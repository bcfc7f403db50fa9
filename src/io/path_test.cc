#include <gtest/gtest.h>

#include "io/file_system.h"

namespace jade::io {
namespace {

TEST(JoinPath, PutsExactlyOneSlashBetween) {
  EXPECT_EQ(join_path("a", "b"), "a/b");
  EXPECT_EQ(join_path("a/", "b"), "a/b");
  EXPECT_EQ(join_path("a//", "/b"), "a/b");
  EXPECT_EQ(join_path("/", "b"), "/b");
  EXPECT_EQ(join_path("/a/b", "c/d"), "/a/b/c/d");
}

TEST(ParentPath, IsWhatComesBeforeTheLastSlash) {
  EXPECT_EQ(parent_path("/a/b"), "/a");
  EXPECT_EQ(parent_path("a/b/c"), "a/b");
  EXPECT_EQ(parent_path("a"), ".");
  EXPECT_EQ(parent_path("/a"), "/");
}

}  // namespace
}  // namespace jade::io
