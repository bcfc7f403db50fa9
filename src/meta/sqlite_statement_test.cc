#include "meta/sqlite_statement.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>

namespace jade::meta {
namespace {

class SqliteStatementTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(sqlite3_open(":memory:", &connection_), SQLITE_OK); }
  void TearDown() override { sqlite3_close(connection_); }

  sqlite3* connection_ = nullptr;
};

TEST_F(SqliteStatementTest, BindsStepsAndReads) {
  SqliteStatement row(connection_, "SELECT ?, ?, ?, NULL");
  ASSERT_TRUE(row.bind("a\0b").bind("").bind(UINT64_MAX).step());
  EXPECT_EQ(row.bytes(0), "a");
  EXPECT_EQ(row.bytes(1), "");
  EXPECT_EQ(row.number(2), UINT64_MAX);
  EXPECT_EQ(row.bytes(3), "");
  EXPECT_FALSE(row.step());
  EXPECT_EQ(row.code(), SQLITE_OK);
}

TEST_F(SqliteStatementTest, KeepsTheFirstFailure) {
  SqliteStatement row(connection_, "SELECT nonsense FROM nowhere WHERE x = ? AND y = ?");
  EXPECT_EQ(row.bind("text").bind(std::uint64_t{1}).run(), SQLITE_ERROR);
  EXPECT_FALSE(row.step());
}

}  // namespace
}  // namespace jade::meta
