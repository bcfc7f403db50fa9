// A store that does not fit into SQLite's page cache, and one without memory: reads and writes that fail half-way.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "io/faulty_file_system.h"
#include "io/io_error.h"
#include "io/memory_file_system.h"
#include "io/test_bytes.h"
#include "meta/meta_ground.h"

namespace jade::meta {
namespace {

constexpr int kEntries = 12;

std::string key_of(int i) { return "key" + std::to_string(100 + i); }
std::string value_of(int i) { return std::string(400'000, static_cast<char>('a' + i)); }

class LargeStore : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("/data").ok());
    store_ = ground_.create().value();
    for (int i = 0; i < kEntries; ++i) ASSERT_TRUE(put(*store_, key_of(i), value_of(i)).ok());
  }
  ErrorCode code_of(const auto& result) { return result.ok() ? ErrorCode::kInternal : result.error().code(); }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem faulty_{memory_};
  MetaGround ground_{faulty_};
  std::unique_ptr<SqliteMetaStore> store_;
};

TEST_F(LargeStore, ReportsFailedReadsAndGoesOn) {
  faulty_.set_fault({.kind = io::CallKind::kRead, .for_good = true});
  EXPECT_EQ(code_of(store_->range({.key = key_of(0)})), ErrorCode::kIo);
  EXPECT_EQ(code_of(store_->range({.key = "key", .is_prefix = true})), ErrorCode::kIo);
  EXPECT_EQ(code_of(put(*store_, key_of(1), "new")), ErrorCode::kIo);
  const std::vector<Compare> compares = {Compare::exists(key_of(2))};
  EXPECT_EQ(code_of(store_->txn(compares, {})), ErrorCode::kIo);
  const std::vector<Operation> operations = {Operation::remove(key_of(3))};
  EXPECT_EQ(code_of(store_->txn({}, operations)), ErrorCode::kIo);
  faulty_.clear_fault();
  for (int i = 0; i < kEntries; ++i) EXPECT_EQ(store_->range({.key = key_of(i)})->entries.at(0).value, value_of(i));
  EXPECT_TRUE(put(*store_, key_of(1), "new").ok());
}

TEST_F(LargeStore, ReadsNoEntryThatRottedAfterItWasOpened) {
  std::string bytes = io::read_file(memory_, kStorePath).value();
  for (std::size_t at = 100'000; at < bytes.size(); at += 5000) bytes[at] = static_cast<char>(bytes[at] ^ 1);
  {
    const auto file = memory_.open(kStorePath, io::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->write_at(0, io::as_bytes(bytes)).ok());
  }
  EXPECT_EQ(code_of(store_->range({.key = key_of(1)})), ErrorCode::kDataCorrupted);
  EXPECT_EQ(code_of(store_->range({.key = "key", .is_prefix = true})), ErrorCode::kDataCorrupted);
  EXPECT_EQ(code_of(put(*store_, key_of(2), "new")), ErrorCode::kDataCorrupted);
}

/// Runs `attempt` with ever more memory for SQLite until it succeeds, and `check` after every failure.
template <class Attempt, class Check>
void starve(Attempt attempt, Check check) {
  int failures = 0;
  for (sqlite3_int64 spare = 1; spare < 400'000; spare += std::max<sqlite3_int64>(200, spare / 20)) {
    sqlite3_hard_heap_limit64(sqlite3_memory_used() + spare);
    const Result<void> result = attempt();
    sqlite3_hard_heap_limit64(0);
    if (result.ok()) break;
    ++failures;
    check();
    ASSERT_EQ(result.error().code(), ErrorCode::kInternal) << result.error().message();
  }
  EXPECT_GT(failures, 0);
}

TEST(MetaMemory, FailsWithoutHarmWhenThereIsNone) {
  io::MemoryFileSystem memory;
  ASSERT_TRUE(memory.create_directories("/data").ok());
  MetaGround ground(memory);
  std::unique_ptr<SqliteMetaStore> store;
  const auto open_or_create = [&]() -> Result<void> {
    const bool there = memory.stat(kStorePath).value().has_value();
    JADE_ASSIGN_OR_RETURN(store, there ? ground.open() : ground.create());
    return {};
  };
  starve(open_or_create, [] {});
  ASSERT_TRUE(store != nullptr);
  std::string held;
  const auto holds_what_it_held = [&] { EXPECT_EQ(contents(*store).value(), held); };
  for (int i = 0; i < 5; ++i) {
    held = contents(*store).value();
    starve(
        [&]() -> Result<void> {
          JADE_RETURN_IF_ERROR(put(*store, key_of(i), std::string(20'000, 'v')));
          return {};
        },
        holds_what_it_held);
  }
  held = contents(*store).value();
  starve(
      [&]() -> Result<void> {
        const std::vector<Operation> operations = {Operation::remove(key_of(1)), Operation::put("x", "y")};
        JADE_RETURN_IF_ERROR(store->txn({}, operations));
        return {};
      },
      holds_what_it_held);
  EXPECT_EQ(store->revision(), 6U);
  const std::string before = contents(*store).value();
  store.reset();
  store = ground.open().value();
  EXPECT_EQ(contents(*store).value(), before);
}

}  // namespace
}  // namespace jade::meta
