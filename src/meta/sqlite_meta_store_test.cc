#include "meta/sqlite_meta_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/io_error.h"
#include "io/memory_file_system.h"
#include "io/temporary_directory.h"
#include "io/test_bytes.h"
#include "meta/meta_ground.h"

namespace jade::meta {
namespace {

using ::testing::ElementsAre;

class SqliteMetaStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("/data").ok());
    ASSERT_TRUE(memory_.sync_directory("/").ok());
    auto created = ground_.create();
    ASSERT_TRUE(created.ok()) << created.error().message();
    store_ = std::move(created).value();
    faulty_.clear_calls();
  }

  Result<TxnResult> txn(std::vector<Compare> compares, std::vector<Operation> operations) {
    return store_->txn(compares, operations);
  }
  std::vector<std::string> keys(const RangeRequest& request) {
    const auto found = store_->range(request);
    std::vector<std::string> keys;
    for (const Entry& entry : found.value().entries) keys.push_back(entry.key);
    if (found.value().more) keys.push_back("...");
    return keys;
  }
  void reopen() {
    store_.reset();
    auto opened = ground_.open();
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    store_ = std::move(opened).value();
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem faulty_{memory_};
  MetaGround ground_{faulty_};
  std::unique_ptr<SqliteMetaStore> store_;
};

TEST_F(SqliteMetaStoreTest, StartsEmpty) {
  EXPECT_EQ(contents(*store_).value(), "");
  EXPECT_EQ(store_->revision(), 0U);
}

TEST_F(SqliteMetaStoreTest, ReadsBackBytesAndRevisions) {
  const std::string odd("\0\xff'\"\n", 5);
  EXPECT_EQ(put(*store_, odd, odd)->revision, 1U);
  EXPECT_EQ(put(*store_, "a", "")->revision, 2U);
  EXPECT_EQ(put(*store_, odd, "new")->revision, 3U);
  const auto found = store_->range({.key = odd});
  EXPECT_EQ(found->revision, 3U);
  EXPECT_THAT(found->entries, ElementsAre(Entry{.key = odd, .value = "new", .create_revision = 1, .mod_revision = 3}));
  EXPECT_THAT(store_->range({.key = "a"})->entries,
              ElementsAre(Entry{.key = "a", .value = "", .create_revision = 2, .mod_revision = 2}));
  EXPECT_TRUE(store_->range({.key = "absent"})->entries.empty());
}

TEST_F(SqliteMetaStoreTest, RangesOverPrefixesInTheOrderOfBytes) {
  for (const char* key : {"b/1", "b/2", "b/\xff\xff", "b", "c", "a", "B"}) ASSERT_TRUE(put(*store_, key, "x").ok());
  EXPECT_THAT(keys({.key = "b/", .is_prefix = true}), ElementsAre("b/1", "b/2", "b/\xff\xff"));
  EXPECT_THAT(keys({.key = "", .is_prefix = true}), ElementsAre("B", "a", "b", "b/1", "b/2", "b/\xff\xff", "c"));
  EXPECT_THAT(keys({.key = "", .is_prefix = true, .limit = 2}), ElementsAre("B", "a", "..."));
  EXPECT_THAT(keys({.key = "b", .is_prefix = true, .after = "b/1", .limit = 2}), ElementsAre("b/2", "b/\xff\xff"));
  EXPECT_THAT(keys({.key = "b", .is_prefix = true, .after = "a"}), ElementsAre("b", "b/1", "b/2", "b/\xff\xff"));
  EXPECT_THAT(keys({.key = "b", .is_prefix = true, .after = "c"}), ElementsAre());
  EXPECT_THAT(keys({.key = "a", .is_prefix = true, .limit = UINT64_MAX}), ElementsAre("a"));
}

TEST_F(SqliteMetaStoreTest, FindsTheLongestKeys) {
  const std::string longest(kKeyBytesMax, '\xff');
  ASSERT_TRUE(put(*store_, longest, std::string(kValueBytesMax, 'v')).ok());
  EXPECT_THAT(keys({.key = "\xff", .is_prefix = true}), ElementsAre(longest));
  EXPECT_EQ(store_->range({.key = longest})->entries.at(0).value.size(), kValueBytesMax);
}

TEST_F(SqliteMetaStoreTest, ChangesNothingUnlessEveryCompareHolds) {
  ASSERT_TRUE(put(*store_, "present", "1").ok());
  const Entry entry = store_->range({.key = "present"})->entries.at(0);
  ASSERT_TRUE(put(*store_, "present", "2").ok());
  const Entry current = store_->range({.key = "present"})->entries.at(0);
  struct Row {
    std::vector<Compare> compares;
    bool holds;
  };
  const std::vector<Row> rows = {
      {{}, true},
      {{Compare::exists("present")}, true},
      {{Compare::exists("absent")}, false},
      {{Compare::absent("absent")}, true},
      {{Compare::absent("present")}, false},
      {{Compare::unchanged(current)}, true},
      {{Compare::unchanged(entry)}, false},
      {{Compare{.kind = Compare::Kind::kModRevision, .key = "absent", .mod_revision = 0}}, false},
      {{Compare::exists("present"), Compare::absent("present")}, false},
      {{Compare::exists("present"), Compare::absent("absent")}, true},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    SCOPED_TRACE(i);
    const std::uint64_t before = store_->revision();
    const std::string key = "written" + std::to_string(i);
    const auto result = txn(rows[i].compares, {Operation::put(key, "x")});
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(result->succeeded, rows[i].holds);
    EXPECT_EQ(result->revision, before + (rows[i].holds ? 1 : 0));
    EXPECT_EQ(store_->range({.key = key})->entries.size(), rows[i].holds ? 1U : 0U);
  }
}

TEST_F(SqliteMetaStoreTest, CountsOnlyTransactionsThatChangeSomething) {
  ASSERT_TRUE(put(*store_, "a", "1").ok());
  EXPECT_EQ(txn({}, {})->revision, 1U);
  EXPECT_EQ(txn({}, {Operation::remove("absent")})->revision, 1U);
  EXPECT_EQ(txn({}, {Operation::remove("a"), Operation::put("b", "2")})->revision, 2U);
  EXPECT_EQ(contents(*store_).value(), "b=2 ");
}

TEST_F(SqliteMetaStoreTest, RefusesWhatItCannotHold) {
  struct Row {
    std::string name;
    std::vector<Operation> operations;
  };
  const std::vector<Row> rows = {
      {"empty key", {Operation::put("", "x")}},
      {"long key", {Operation::put(std::string(kKeyBytesMax + 1, 'k'), "x")}},
      {"long value", {Operation::put("k", std::string(kValueBytesMax + 1, 'v'))}},
      {"repeated key", {Operation::put("k", "1"), Operation::remove("k")}},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    const auto result = txn({}, row.operations);
    ASSERT_FALSE(result.ok());
    EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_EQ(store_->revision(), 0U);
}

TEST_F(SqliteMetaStoreTest, KeepsEverythingOverAReopen) {
  ASSERT_TRUE(put(*store_, "a", "1").ok());
  ASSERT_TRUE(put(*store_, "a", "2").ok());
  reopen();
  EXPECT_EQ(contents(*store_).value(), "a=2 ");
  EXPECT_EQ(put(*store_, "b", "3")->revision, 3U);
}

TEST_F(SqliteMetaStoreTest, TellsMissingFromEmptyAndPresent) {
  const auto again = ground_.create();
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  store_.reset();
  ASSERT_TRUE(memory_.remove(kStorePath).ok());
  const auto opened = ground_.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(io::errno_of(opened.error()), ENOENT);
  // The log is still there: a new store would swallow it.
  ASSERT_TRUE(memory_.stat(kStorePath + "-wal").value().has_value());
  const auto created = ground_.create();
  ASSERT_FALSE(created.ok());
  EXPECT_EQ(created.error().code(), ErrorCode::kDataCorrupted);
}

TEST_F(SqliteMetaStoreTest, ClearsAwayAnInterruptedCreation) {
  io::MemoryFileSystem memory;
  ASSERT_TRUE(memory.create_directories("/data").ok());
  ASSERT_TRUE(io::write_file(memory, kStorePath + ".new", "half a store").ok());
  ASSERT_TRUE(io::write_file(memory, kStorePath + ".new-wal", "half a log").ok());
  MetaGround ground(memory);
  EXPECT_TRUE(ground.create().ok());
}

TEST_F(SqliteMetaStoreTest, SyncsBeforeItAcknowledges) {
  for (const char* value : {"1", "2", "3"}) {
    faulty_.clear_calls();
    ASSERT_TRUE(put(*store_, "a", value).ok());
    const auto calls = faulty_.calls();
    const auto is_log_write = [](const io::Call& call) {
      return call.kind == io::CallKind::kWrite && call.path.ends_with("-wal");
    };
    const auto is_log_sync = [](const io::Call& call) {
      return call.kind == io::CallKind::kSync && call.path.ends_with("-wal");
    };
    const auto last_write = std::find_if(calls.rbegin(), calls.rend(), is_log_write);
    ASSERT_NE(last_write, calls.rend());
    EXPECT_NE(std::find_if(calls.rbegin(), last_write, is_log_sync), last_write);
  }
}

TEST_F(SqliteMetaStoreTest, IsReadOnlyAfterAFailedSyncUntilReopened) {
  ASSERT_TRUE(put(*store_, "a", "1").ok());
  faulty_.set_fault({.kind = io::CallKind::kSync, .path_contains = "-wal"});
  const auto failed = put(*store_, "b", "2");
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kStoreReadOnly);
  const auto later = put(*store_, "c", "3");
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(contents(*store_).value(), "a=1 ");
  reopen();
  EXPECT_TRUE(put(*store_, "d", "4").ok());
}

TEST_F(SqliteMetaStoreTest, AcknowledgesWhatOnlyItsLogHasAndStopsThere) {
  // The file is written to only after the log was synced: then its sync fails.
  bool armed = false;
  faulty_.set_hook([this, &armed](const io::Call& call) {
    if (call.kind == io::CallKind::kWrite && call.path == kStorePath && !armed) {
      armed = true;
      faulty_.set_fault({.kind = io::CallKind::kSync});
    }
  });
  EXPECT_TRUE(put(*store_, "a", "1").ok());
  EXPECT_TRUE(armed);
  const auto later = put(*store_, "b", "2");
  ASSERT_FALSE(later.ok());
  EXPECT_EQ(later.error().code(), ErrorCode::kStoreReadOnly);
  faulty_.set_hook({});
  reopen();
  EXPECT_EQ(contents(*store_).value(), "a=1 ");
}

TEST_F(SqliteMetaStoreTest, GoesOnWhenAFullDiskHasRoomAgain) {
  ASSERT_TRUE(put(*store_, "a", "1").ok());
  memory_.set_capacity_bytes(0);
  const auto full = put(*store_, "b", "2");
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(contents(*store_).value(), "a=1 ");
  memory_.set_capacity_bytes(std::uint64_t{1} << 30);
  EXPECT_TRUE(put(*store_, "c", "3").ok());
  reopen();
  EXPECT_EQ(contents(*store_).value(), "a=1 c=3 ");
}

TEST_F(SqliteMetaStoreTest, RefusesANewerRelease) {
  ASSERT_TRUE(put(*store_, "a", "1").ok());
  store_.reset();
  // PRAGMA user_version lies at byte 60 of the header, big-endian.
  const auto file = memory_.open(kStorePath, io::OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->write_at(63, io::as_bytes("\x02")).ok());
  const auto opened = ground_.open();
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kNotSupported);
}

TEST_F(SqliteMetaStoreTest, ServesManyThreads) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 20;
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < kRounds; ++i) {
        EXPECT_TRUE(put(*store_, "k" + std::to_string(t), std::to_string(i)).ok());
        EXPECT_TRUE(store_->range({.key = "k", .is_prefix = true}).ok());
      }
    });
  }
  threads.clear();
  EXPECT_EQ(store_->revision(), static_cast<std::uint64_t>(kThreads * kRounds));
  EXPECT_EQ(contents(*store_).value(), "k0=19 k1=19 k2=19 k3=19 ");
}

TEST(SqliteMetaStore, WorksOnTheOperatingSystemsFiles) {
  const io::TemporaryDirectory directory;
  const std::string path = io::join_path(directory.path(), "meta.db");
  const SqliteMetaStore::Environment environment{io::real_file_system(), system_clock(), system_random()};
  {
    const auto store = SqliteMetaStore::create(environment, path);
    ASSERT_TRUE(store.ok()) << store.error().message();
    ASSERT_TRUE(put(**store, "a", "1").ok());
  }
  const auto store = SqliteMetaStore::open(environment, path);
  ASSERT_TRUE(store.ok()) << store.error().message();
  EXPECT_EQ(contents(**store).value(), "a=1 ");
}

TEST(SqliteMetaStore, CannotBeWhereThereIsNoDirectoryOrNoSuchPath) {
  io::MemoryFileSystem memory;
  const SqliteMetaStore::Environment environment{memory, system_clock(), system_random()};
  const auto nowhere = SqliteMetaStore::create(environment, "/absent/meta.db");
  ASSERT_FALSE(nowhere.ok());
  EXPECT_EQ(io::errno_of(nowhere.error()), ENOENT);
  const auto too_long = SqliteMetaStore::create(environment, "/" + std::string(5000, 'x'));
  ASSERT_FALSE(too_long.ok());
  EXPECT_EQ(too_long.error().code(), ErrorCode::kInvalidArgument);
}

/// The store's twin.
struct Model {
  std::map<std::string, Entry> entries;
  std::uint64_t revision = 0;

  bool holds(const Compare& compare) const {
    const auto found = entries.find(compare.key);
    if (compare.kind == Compare::Kind::kAbsent) return found == entries.end();
    if (found == entries.end()) return false;
    return compare.kind == Compare::Kind::kExists || found->second.mod_revision == compare.mod_revision;
  }
  void apply(const std::vector<Operation>& operations) {
    bool changed = false;
    for (const Operation& operation : operations) {
      if (operation.kind == Operation::Kind::kRemove) {
        changed = entries.erase(operation.key) > 0 || changed;
        continue;
      }
      changed = true;
      Entry& entry = entries[operation.key];
      if (entry.create_revision == 0) entry.create_revision = revision + 1;
      entry.key = operation.key;
      entry.value = operation.value;
      entry.mod_revision = revision + 1;
    }
    if (changed) ++revision;
  }
};

TEST_F(SqliteMetaStoreTest, AgreesWithASimpleModel) {
  const std::uint64_t seed = test_seed(31);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  Model model;
  const auto some_key = [&random] { return "k" + std::to_string(random.next_below(8)); };
  for (std::size_t step = 0; step < test_scale(400); ++step) {
    std::vector<Compare> compares;
    for (std::uint64_t i = random.next_below(3); i > 0; --i) {
      compares.push_back({.kind = static_cast<Compare::Kind>(random.next_below(3)),
                          .key = some_key(),
                          .mod_revision = model.revision - std::min(model.revision, random.next_below(8))});
    }
    std::map<std::string, Operation> chosen;
    for (std::uint64_t i = random.next_below(4); i > 0; --i) {
      const std::string key = some_key();
      const bool puts = random.next_below(3) > 0;
      chosen.insert_or_assign(
          key, puts ? Operation::put(key, std::string(random.next_below(3000), 'v')) : Operation::remove(key));
    }
    std::vector<Operation> operations;
    for (auto& [key, operation] : chosen) operations.push_back(std::move(operation));
    const bool holds = std::ranges::all_of(compares, [&](const Compare& compare) { return model.holds(compare); });
    if (holds) model.apply(operations);
    const auto result = txn(compares, operations);
    ASSERT_TRUE(result.ok()) << result.error().message();
    ASSERT_EQ(result->succeeded, holds);
    ASSERT_EQ(result->revision, model.revision);
    if (random.next_below(40) == 0) reopen();
    const auto all = store_->range({.key = "k", .is_prefix = true});
    ASSERT_EQ(all->entries.size(), model.entries.size());
    for (const Entry& entry : all->entries) ASSERT_EQ(entry, model.entries.at(entry.key));
  }
}

}  // namespace
}  // namespace jade::meta
