// A damaged store is reported, left as it is, and never believed.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "io/test_bytes.h"
#include "meta/meta_ground.h"
#include "meta/sqlite_vfs.h"

namespace jade::meta {
namespace {

class MetaDamage : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("/data").ok());
    const auto store = ground_.create();
    ASSERT_TRUE(store.ok());
    for (int i = 0; i < 40; ++i) {
      ASSERT_TRUE(put(**store, "key" + std::to_string(i), std::string(300, static_cast<char>('a' + i % 26))).ok());
    }
    contents_ = contents(**store).value();
    bytes_ = io::read_file(memory_, kStorePath).value();
  }

  /// Opens the store with these bytes. It has to be refused as damaged, or to hold exactly what was stored.
  void expect_noticed(const std::string& bytes) {
    ASSERT_TRUE(io::write_file(memory_, kStorePath, bytes).ok());
    const auto store = ground_.open();
    if (store.ok()) {
      const auto held = contents(**store);
      ASSERT_TRUE(held.ok());
      EXPECT_EQ(held.value(), contents_);
      return;
    }
    EXPECT_TRUE(store.error().code() == ErrorCode::kDataCorrupted || store.error().code() == ErrorCode::kNotSupported)
        << store.error().message();
    EXPECT_EQ(io::read_file(memory_, kStorePath).value(), bytes);
  }
  void expect_refused(const std::string& bytes) {
    expect_noticed(bytes);
    EXPECT_FALSE(ground_.open().ok());
  }

  /// Changes the store behind its back, in valid SQLite.
  void run_sql(const std::string& sql) {
    SqliteVfs vfs(memory_, system_clock(), random_);
    sqlite3* connection = nullptr;
    ASSERT_EQ(sqlite3_open_v2(kStorePath.c_str(), &connection, SQLITE_OPEN_READWRITE, vfs.name()), SQLITE_OK);
    const std::string all = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA writable_schema = ON;" + sql;
    EXPECT_EQ(sqlite3_exec(connection, all.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(sqlite3_close(connection), SQLITE_OK);
  }

  io::MemoryFileSystem memory_;
  MetaGround ground_{memory_};
  ReplayRandom random_{2};
  std::string contents_;
  std::string bytes_;
};

TEST_F(MetaDamage, NoticesFlippedBits) {
  const std::uint64_t seed = test_seed(51);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (std::size_t i = 0; i < test_scale(400); ++i) {
    std::string bytes = bytes_;
    // Every other flip hits the header and the root of the schema.
    const std::uint64_t at = random.next_below(i % 2 == 0 ? bytes.size() : 200);
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random.next_below(8)));
    SCOPED_TRACE(at);
    expect_noticed(bytes);
  }
}

TEST_F(MetaDamage, NoticesCutsZeroedAndSwappedBlocks) {
  const std::uint64_t seed = test_seed(52);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  constexpr std::size_t kBlock = 512;
  const std::size_t blocks = bytes_.size() / kBlock;
  for (std::size_t i = 0; i < test_scale(100); ++i) {
    const std::size_t a = random.next_below(blocks) * kBlock;
    const std::size_t b = random.next_below(blocks) * kBlock;
    expect_noticed(bytes_.substr(0, a));
    expect_noticed(std::string(bytes_).replace(a, kBlock, kBlock, '\0'));
    std::string swapped = bytes_;
    swapped.replace(a, kBlock, bytes_, b, kBlock).replace(b, kBlock, bytes_, a, kBlock);
    expect_noticed(swapped);
  }
}

TEST_F(MetaDamage, RefusesWhatIsNoStore) {
  expect_refused("");
  expect_refused("no store");
  expect_refused(std::string(8192, '\0'));
  expect_refused(std::string(8192, 'x'));
}

TEST_F(MetaDamage, RefusesAnEmptyFileAndKeepsItsLog) {
  ASSERT_TRUE(io::write_file(memory_, kStorePath, "").ok());
  ASSERT_TRUE(io::write_file(memory_, kStorePath + "-wal", "something").ok());
  EXPECT_FALSE(ground_.open().ok());
  EXPECT_EQ(io::read_file(memory_, kStorePath + "-wal").value(), "something");
}

TEST_F(MetaDamage, NoticesWhatSqliteCannotSee) {
  struct Row {
    std::string name;
    std::string sql;
  };
  const std::vector<Row> rows = {
      {"changed value", "UPDATE entries SET value = x'00' WHERE key = CAST('key7' AS BLOB);"},
      {"lost entry", "DELETE FROM entries WHERE key = CAST('key7' AS BLOB);"},
      {"lost state", "DELETE FROM state;"},
      {"changed state", "UPDATE state SET revision = 3;"},
      {"lost table", "DROP TABLE entries;"},
      {"lost tables", "DROP TABLE entries; DROP TABLE state;"},
      {"foreign application", "PRAGMA application_id = 7;"},
      {"broken schema", "UPDATE sqlite_schema SET sql = 'CREATE TABLE (';"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    ASSERT_TRUE(io::write_file(memory_, kStorePath, bytes_).ok());
    run_sql(row.sql);
    const auto store = ground_.open();
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.error().code(), ErrorCode::kDataCorrupted) << store.error().message();
  }
}

TEST_F(MetaDamage, NoticesAnOldPage) {
  {
    const auto store = ground_.open();
    ASSERT_TRUE(put(**store, "key1", "new").ok());
  }
  const std::string now = io::read_file(memory_, kStorePath).value();
  constexpr std::size_t kPage = 4096;
  ASSERT_EQ(now.size(), bytes_.size());
  for (std::size_t at = 0; at < now.size(); at += kPage) {
    if (now.compare(at, kPage, bytes_, at, kPage) == 0) continue;
    std::string mixed = now;
    mixed.replace(at, kPage, bytes_, at, kPage);
    ASSERT_TRUE(io::write_file(memory_, kStorePath, mixed).ok());
    const auto store = ground_.open();
    // The header page holds a counter of changes, whose loss hurts nothing.
    if (store.ok()) {
      EXPECT_EQ(at, 0U);
    } else {
      EXPECT_EQ(store.error().code(), ErrorCode::kDataCorrupted);
    }
  }
}

TEST_F(MetaDamage, OpensWithADamagedLog) {
  // The log is empty between transactions: what lies in it was never acknowledged.
  for (const std::string& log : {std::string("x"), std::string(5000, 'x'), std::string(5000, '\0')}) {
    ASSERT_TRUE(io::write_file(memory_, kStorePath + "-wal", log).ok());
    const auto store = ground_.open();
    ASSERT_TRUE(store.ok()) << store.error().message();
    EXPECT_EQ(contents(**store).value(), contents_);
  }
}

}  // namespace
}  // namespace jade::meta
