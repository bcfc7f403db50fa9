#include <gtest/gtest.h>

#include "engine/test_records.h"
#include "io/temporary_directory.h"
#include "jade/store.h"

namespace jade {
namespace {

using engine::database_options;
using engine::record_input;

TEST(Store, StoresAndFindsAcrossReopening) {
  const io::TemporaryDirectory directory;
  {
    Result<Store> store = Store::open(directory.path() + "/db");
    ASSERT_TRUE(store.ok());
    Result<Database> words = store->create_database("words", database_options(2));
    ASSERT_TRUE(words.ok());
    const Result<WriteReceipt> receipt = words->upsert(record_input("a", {1, 2}, R"({"n":1})"));
    ASSERT_TRUE(receipt.ok());
    EXPECT_TRUE(receipt->created);
    EXPECT_EQ(words->write_batch({record_input("b", {3, 4}), record_input("c", {9, 9})})->inserted, 2U);
    EXPECT_TRUE(words->update({.id = "a", .vectors = {}, .metadata = R"({"n":2})"}).ok());
    EXPECT_TRUE(words->remove("c").ok());
    EXPECT_EQ(words->remove("c").error().code(), ErrorCode::kVectorNotFound);
    ASSERT_TRUE(store->close().ok());
    EXPECT_EQ(words->count().error().code(), ErrorCode::kNotReady);
  }
  Result<Store> store =
      Store::open(directory.path() + "/db", {.memory_budget_bytes = 1U << 24, .background_threads = 2});
  ASSERT_TRUE(store.ok());
  EXPECT_EQ(Store::open(directory.path() + "/db").error().code(), ErrorCode::kAlreadyExists);
  ASSERT_EQ(store->list_databases()->size(), 1U);
  const Result<Database> words = store->database("words");
  ASSERT_TRUE(words.ok());
  EXPECT_EQ(words->info().name, "words");
  EXPECT_EQ(*words->count(), 2U);
  EXPECT_EQ((*words->get("a"))->metadata, R"({"n":2})");
  EXPECT_FALSE(words->get("c")->has_value());
  Query query;
  query.vector = std::vector<float>{3, 4};
  query.top_k = 1;
  EXPECT_EQ(words->search(query)->hits.front().id, "b");
  EXPECT_EQ(words->status()->live_records, 2U);
  EXPECT_EQ(store->database("nothing").error().code(), ErrorCode::kDatabaseNotFound);
  ASSERT_TRUE(store->delete_database(words->info().id).ok());
  EXPECT_EQ(words->count().error().code(), ErrorCode::kDatabaseNotFound);
  Store moved = *std::move(store);
  EXPECT_TRUE(moved.list_databases()->empty());
  EXPECT_EQ(moved.create_database("bad name", database_options(2)).error().code(), ErrorCode::kInvalidArgument);
  ASSERT_TRUE(moved.close().ok());
  EXPECT_EQ(moved.list_databases().error().code(), ErrorCode::kNotReady);
}

TEST(Store, ADirectoryThatCannotBeMadeIsAnError) { EXPECT_FALSE(Store::open("/proc/nowhere/db").ok()); }

}  // namespace
}  // namespace jade
