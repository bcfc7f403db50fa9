#include "meta/catalog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "meta/meta_ground.h"

namespace jade::meta {
namespace {

using ::testing::ElementsAre;

DatabaseKey key_of(std::uint8_t number) {
  DatabaseKey key{};
  key.front() = std::byte{0xab};
  key.back() = std::byte{number};
  return key;
}

/// Runs something once before the next transaction, as another process would.
class InterruptedStore final : public MetaStore {
 public:
  explicit InterruptedStore(MetaStore& base) : base_(base) {}
  std::function<void()> before_txn;
  bool range_fails = false;

  Result<RangeResult> range(const RangeRequest& request) override {
    if (range_fails) return Error(ErrorCode::kIo, "unreadable");
    return base_.range(request);
  }
  Result<TxnResult> txn(std::span<const Compare> compares, std::span<const Operation> operations) override {
    if (before_txn) std::exchange(before_txn, nullptr)();
    return base_.txn(compares, operations);
  }
  std::uint64_t revision() const override { return base_.revision(); }

 private:
  MetaStore& base_;
};

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("/data").ok());
    store_ = ground_.create().value();
    interrupted_ = std::make_unique<InterruptedStore>(*store_);
    catalog_ = std::make_unique<Catalog>(*interrupted_, random_);
  }
  std::vector<std::string> names(const std::string& after, std::uint64_t limit) {
    const auto list = catalog_->list(after, limit);
    std::vector<std::string> names;
    for (const DatabaseRow& row : list.value().rows) names.push_back(row.name);
    if (list.value().more) names.push_back("...");
    return names;
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem faulty_{memory_};
  MetaGround ground_{faulty_};
  ReplayRandom random_{4};
  std::unique_ptr<SqliteMetaStore> store_;
  std::unique_ptr<InterruptedStore> interrupted_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(CatalogTest, FindsWhatWasCreated) {
  const DatabaseRow row{.name = "words / ünï", .key = key_of(1), .created_at_us = -5};
  ASSERT_TRUE(catalog_->create_database(row).ok());
  EXPECT_EQ(catalog_->find_by_name(row.name).value(), row);
  EXPECT_EQ(catalog_->find_by_key(row.key).value(), row);
  EXPECT_EQ(catalog_->find_by_name("other").value(), std::nullopt);
  EXPECT_EQ(catalog_->find_by_key(key_of(2)).value(), std::nullopt);
}

TEST_F(CatalogTest, RefusesATakenNameOrKey) {
  ASSERT_TRUE(catalog_->create_database({.name = "a", .key = key_of(1)}).ok());
  for (const DatabaseRow& row :
       {DatabaseRow{.name = "a", .key = key_of(2)}, DatabaseRow{.name = "b", .key = key_of(1)}}) {
    const auto again = catalog_->create_database(row);
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  }
  EXPECT_THAT(names("", 0), ElementsAre("a"));
}

TEST_F(CatalogTest, RemovesByKey) {
  ASSERT_TRUE(catalog_->create_database({.name = "a", .key = key_of(1)}).ok());
  ASSERT_TRUE(catalog_->remove_database(key_of(1)).ok());
  EXPECT_EQ(catalog_->find_by_name("a").value(), std::nullopt);
  const auto again = catalog_->remove_database(key_of(1));
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kDatabaseNotFound);
  EXPECT_TRUE(catalog_->create_database({.name = "a", .key = key_of(2)}).ok());
}

TEST_F(CatalogTest, RemovesOnceWhenTwoTry) {
  ASSERT_TRUE(catalog_->create_database({.name = "a", .key = key_of(1)}).ok());
  interrupted_->before_txn = [this] { EXPECT_TRUE(Catalog(*store_, random_).remove_database(key_of(1)).ok()); };
  const auto removed = catalog_->remove_database(key_of(1));
  ASSERT_FALSE(removed.ok());
  EXPECT_EQ(removed.error().code(), ErrorCode::kDatabaseNotFound);
}

TEST_F(CatalogTest, ListsInPagesByNameBytes) {
  std::uint8_t number = 0;
  for (const char* name : {"b", "a", "ab", "B", "c"}) {
    ASSERT_TRUE(catalog_->create_database({.name = name, .key = key_of(number++)}).ok());
  }
  ASSERT_TRUE(catalog_->signing_key().ok());
  EXPECT_THAT(names("", 0), ElementsAre("B", "a", "ab", "b", "c"));
  EXPECT_THAT(names("", 2), ElementsAre("B", "a", "..."));
  EXPECT_THAT(names("a", 2), ElementsAre("ab", "b", "..."));
  EXPECT_THAT(names("b", 2), ElementsAre("c"));
  EXPECT_THAT(names("zz", 2), ElementsAre());
}

TEST_F(CatalogTest, CreatesANameOnceAmongThreads) {
  int created = 0;
  {
    std::vector<std::jthread> threads;
    Mutex mutex;
    for (std::uint8_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        const bool ok = catalog_->create_database({.name = "a", .key = key_of(t)}).ok();
        const MutexLock lock(mutex);
        created += ok ? 1 : 0;
      });
    }
    threads.clear();
  }
  EXPECT_EQ(created, 1);
}

TEST_F(CatalogTest, KeepsItsSigningKey) {
  const SigningKey key = catalog_->signing_key().value();
  EXPECT_NE(key, SigningKey{});
  EXPECT_EQ(catalog_->signing_key().value(), key);
  interrupted_.reset();
  store_.reset();
  store_ = ground_.open().value();
  EXPECT_EQ(Catalog(*store_, random_).signing_key().value(), key);
}

TEST_F(CatalogTest, TakesTheSigningKeyOfAQuickerCaller) {
  SigningKey other{};
  interrupted_->before_txn = [&] { other = Catalog(*store_, random_).signing_key().value(); };
  EXPECT_EQ(catalog_->signing_key().value(), other);
}

TEST_F(CatalogTest, ReportsEntriesThatItCannotRead) {
  ASSERT_TRUE(put(*store_, "/databases/by-name/short", "x").ok());
  ASSERT_TRUE(put(*store_, "/databases/by-name/newer", std::string(40, '\x02')).ok());
  ASSERT_TRUE(put(*store_, "/databases/by-key/" + std::string(32, '0'), "x").ok());
  ASSERT_TRUE(put(*store_, "/signing-key", "short").ok());
  const auto code = [](const auto& result) { return result.ok() ? ErrorCode::kInternal : result.error().code(); };
  EXPECT_EQ(code(catalog_->find_by_name("short")), ErrorCode::kDataCorrupted);
  EXPECT_EQ(code(catalog_->find_by_name("newer")), ErrorCode::kDataCorrupted);
  EXPECT_EQ(code(catalog_->list("", 0)), ErrorCode::kDataCorrupted);
  EXPECT_EQ(code(catalog_->remove_database(DatabaseKey{})), ErrorCode::kDataCorrupted);
  EXPECT_EQ(code(catalog_->signing_key()), ErrorCode::kDataCorrupted);
}

TEST_F(CatalogTest, PassesFailedReadsOn) {
  interrupted_->range_fails = true;
  const auto code = [](const auto& result) { return result.ok() ? ErrorCode::kInternal : result.error().code(); };
  EXPECT_EQ(code(catalog_->find_by_name("a")), ErrorCode::kIo);
  EXPECT_EQ(code(catalog_->find_by_key(key_of(1))), ErrorCode::kIo);
  EXPECT_EQ(code(catalog_->remove_database(key_of(1))), ErrorCode::kIo);
  EXPECT_EQ(code(catalog_->list("", 0)), ErrorCode::kIo);
  EXPECT_EQ(code(catalog_->signing_key()), ErrorCode::kIo);
}

TEST_F(CatalogTest, PassesTheStoresErrorsOn) {
  ASSERT_TRUE(catalog_->create_database({.name = "a", .key = key_of(1)}).ok());
  faulty_.set_fault({.kind = io::CallKind::kSync});
  const auto code = [](const auto& result) { return result.ok() ? ErrorCode::kInternal : result.error().code(); };
  EXPECT_EQ(code(catalog_->create_database({.name = "b", .key = key_of(2)})), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(code(catalog_->remove_database(key_of(1))), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(code(catalog_->signing_key()), ErrorCode::kStoreReadOnly);
}

}  // namespace
}  // namespace jade::meta
