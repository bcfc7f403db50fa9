// The part of SQLite's files that the store itself never uses: rollback journals, temporary files, time.
#include "meta/sqlite_vfs.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <cerrno>
#include <chrono>
#include <string>

#include "io/faulty_file_system.h"
#include "io/io_error.h"
#include "io/memory_file_system.h"
#include "meta/meta_ground.h"

namespace jade::meta {
namespace {

class FixedClock final : public Clock {
 public:
  WallTime wall_now() const override { return WallTime(std::chrono::seconds(86400)); }
  SteadyTime steady_now() const override { return {}; }
};

class SqliteVfsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(sqlite3_open_v2("/a.db", &connection_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs_.name()),
              SQLITE_OK);
  }
  void TearDown() override { sqlite3_close(connection_); }

  int run(const char* sql) { return sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr); }
  std::string text(const char* sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(connection_, sql, -1, &statement, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
    const auto* column = reinterpret_cast<const char*>(sqlite3_column_text(statement, 0));
    std::string result = column == nullptr ? "" : column;
    sqlite3_finalize(statement);
    return result;
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem faulty_{memory_};
  FixedClock clock_;
  ReplayRandom random_{3};
  SqliteVfs vfs_{faulty_, clock_, random_};
  sqlite3* connection_ = nullptr;
};

TEST_F(SqliteVfsTest, TakesTheTimeFromTheClock) { EXPECT_EQ(text("SELECT datetime('now')"), "1970-01-02 00:00:00"); }

TEST_F(SqliteVfsTest, TakesRandomBytesFromTheRandom) { EXPECT_EQ(text("SELECT length(randomblob(8))"), "8"); }

TEST_F(SqliteVfsTest, SyncsTheNamesOfItsFiles) {
  ASSERT_EQ(run("CREATE TABLE t(x); INSERT INTO t VALUES (7)"), SQLITE_OK);
  EXPECT_GT(faulty_.count(io::CallKind::kSyncDirectory), 0U);
  SeededRandom random(1);
  const auto crashed = memory_.clone();
  crashed->crash(random, {.bytes = io::CrashFate::kDropped, .entries = io::CrashFate::kDropped});
  EXPECT_TRUE(crashed->stat("/a.db").value().has_value());
}

TEST_F(SqliteVfsTest, RemovesJournals) {
  ASSERT_EQ(run("PRAGMA journal_mode = DELETE; CREATE TABLE t(x)"), SQLITE_OK);
  EXPECT_GT(faulty_.count(io::CallKind::kRemove), 0U);
}

TEST_F(SqliteVfsTest, WaitsForNoOne) {
  // Time stands still in tests: a sleep returns at once.
  EXPECT_EQ(sqlite3_vfs_find(vfs_.name())->xSleep(sqlite3_vfs_find(vfs_.name()), 1000000), 0);
}

TEST_F(SqliteVfsTest, RefusesTemporaryFiles) {
  EXPECT_NE(run("PRAGMA temp_store = FILE; PRAGMA temp.cache_size = 1; PRAGMA temp.cache_spill = 1;"
                "CREATE TEMP TABLE t(x); WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 2000)"
                " INSERT INTO t SELECT randomblob(1000) FROM n"),
            SQLITE_OK);
}

TEST_F(SqliteVfsTest, KeepsTheReasonOfAFailure) {
  faulty_.set_fault({.kind = io::CallKind::kWrite, .errno_value = ENOSPC});
  EXPECT_NE(run("CREATE TABLE t(x)"), SQLITE_OK);
  const auto error = vfs_.take_error();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(io::errno_of(*error), ENOSPC);
  EXPECT_FALSE(vfs_.take_error().has_value());
  EXPECT_FALSE(vfs_.broken());
}

TEST_F(SqliteVfsTest, SyncsTheDirectoryOfWhatItRemovesWhenAsked) {
  sqlite3_vfs* raw = sqlite3_vfs_find(vfs_.name());
  ASSERT_TRUE(memory_.open("/b", io::OpenMode::kCreate).ok());
  EXPECT_EQ(raw->xDelete(raw, "/b", 1), SQLITE_OK);
  EXPECT_EQ(faulty_.calls().back().kind, io::CallKind::kSyncDirectory);
  EXPECT_EQ(raw->xDelete(raw, "/b", 1), SQLITE_IOERR_DELETE_NOENT);
  ASSERT_TRUE(memory_.open("/c", io::OpenMode::kCreate).ok());
  faulty_.set_fault({.kind = io::CallKind::kSyncDirectory});
  EXPECT_EQ(raw->xDelete(raw, "/c", 1), SQLITE_IOERR_DIR_FSYNC);
  EXPECT_TRUE(vfs_.broken());
}

/// A transaction with a journal, failing at every call of each kind.
TEST_F(SqliteVfsTest, ChangesNothingAfterTheDiskFailed) {
  ASSERT_EQ(run("CREATE TABLE t(x)"), SQLITE_OK);
  sqlite3_close(connection_);
  connection_ = nullptr;
  using enum io::CallKind;
  for (const io::CallKind kind : {kOpen, kRead, kWrite, kSize, kTruncate, kSync, kStat, kRemove, kSyncDirectory}) {
    for (std::uint64_t nth = 1; nth < 20; ++nth) {
      SCOPED_TRACE(std::string(io::call_kind_name(kind)) + " " + std::to_string(nth));
      const auto memory = memory_.clone();
      io::FaultyFileSystem faulty(*memory);
      SqliteVfs vfs(faulty, clock_, random_);
      faulty.set_fault({.nth = nth, .kind = kind});
      sqlite3* connection = nullptr;
      int code = sqlite3_open_v2("/a.db", &connection, SQLITE_OPEN_READWRITE, vfs.name());
      for (const char* sql : {"PRAGMA journal_mode = TRUNCATE", "INSERT INTO t VALUES (1)",
                              "PRAGMA journal_mode = DELETE", "INSERT INTO t VALUES (2)"}) {
        if (code == SQLITE_OK) code = sqlite3_exec(connection, sql, nullptr, nullptr, nullptr);
      }
      if (vfs.broken()) {
        faulty.clear_calls();
        sqlite3_exec(connection, "INSERT INTO t VALUES (3)", nullptr, nullptr, nullptr);
        for (const io::CallKind change : {kWrite, kTruncate, kSync, kRemove, kSyncDirectory}) {
          EXPECT_EQ(faulty.count(change), 0U);
        }
      }
      sqlite3_close(connection);
    }
  }
}

}  // namespace
}  // namespace jade::meta
