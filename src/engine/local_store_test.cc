#include "engine/local_store.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <map>

#include "base/crockford.h"
#include "base/inline_executor.h"
#include "base/log_capture.h"
#include "base/test_env.h"
#include "base/thread_pool.h"
#include "engine/routing.h"
#include "engine/test_records.h"
#include "engine/test_store.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/manifest.h"

namespace jade::engine {
namespace {

std::vector<std::string> ids_of(const SearchResult& result) {
  std::vector<std::string> ids;
  for (const SearchHit& hit : result.hits) ids.push_back(hit.id);
  return ids;
}

void corrupt(io::FileSystem& files, const std::string& path) {
  const auto file = files.open(path, io::OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  const std::array<std::byte, 8> damage{std::byte{0xde}, std::byte{0xad}};
  ASSERT_TRUE((*file)->write_at(20, damage).ok());
}

std::string directory_of(const DatabaseInfo& info) { return "data/databases/" + info.id.substr(3); }

TEST(LocalStore, KeepsDatabasesAndRecordsAcrossRestarts) {
  io::MemoryFileSystem files;
  DatabaseInfo created;
  {
    OpenedStore store(files);
    ASSERT_TRUE(store.loaded.ok());
    EXPECT_TRUE(store->health().ready);
    DatabaseOptions options = database_options(2);
    options.description = "words";
    options.vectors.push_back(
        {"bits", {.dimension = 3, .metric = Metric::kHamming, .element_type = ElementType::kBit}});
    created = *store.create("words", options);
    RecordInput both = record_input("a", {1, 2}, R"({"n":1})");
    both.vectors.push_back({"bits", PackedBits{{std::byte{5}}}});
    ASSERT_TRUE(store.write("words", both).ok());
    ASSERT_TRUE(store.write_batch("words", {record_input("b", {3, 4}), record_input("c", {5, 6})}).ok());
    ASSERT_TRUE(store.remove("words", "b").ok());
  }
  OpenedStore store(files);
  ASSERT_TRUE(store.loaded.ok());
  EXPECT_EQ(store->describe_database(store.context, "words")->id, created.id);
  EXPECT_EQ(store->describe_database(store.context, created.id)->name, "words");
  EXPECT_EQ(store->describe_database(store.context, "words")->options.description, "words");
  EXPECT_EQ(*store.count("words"), 2U);
  const auto records = store.get("words", {"c", "b", "a"});
  ASSERT_TRUE(records.ok());
  EXPECT_FALSE((*records)[1].has_value());
  EXPECT_EQ((*records)[2]->vectors.size(), 2U);
  EXPECT_EQ((*records)[2]->vectors[1], (NamedVector{"bits", PackedBits{{std::byte{5}}}}));
  EXPECT_EQ((*records)[2]->metadata, R"({"n":1})");
  const auto hits = store.search(created.id, near({5, 6}, 1));
  EXPECT_EQ(ids_of(*hits), (std::vector<std::string>{"c"}));
}

TEST(LocalStore, RefusesBeforeItIsLoadedAndAfterItIsClosed) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(2)).ok());
  ASSERT_TRUE(store->close().ok());
  ASSERT_TRUE(store->close().ok());
  EXPECT_FALSE(store->health().ready);
  EXPECT_EQ(store.count("a").error().code(), ErrorCode::kNotReady);
  EXPECT_EQ(store.create("b", database_options(2)).error().code(), ErrorCode::kNotReady);
  EXPECT_EQ(store.drop("a").error().code(), ErrorCode::kNotReady);
  EXPECT_EQ(store->list_databases(store.context, "", 10).error().code(), ErrorCode::kNotReady);
}

TEST(LocalStore, OneProcessAtATimeHasTheDirectory) {
  io::MemoryFileSystem files;
  const OpenedStore first(files);
  const OpenedStore second(files);
  ASSERT_TRUE(second.failure.has_value());
  EXPECT_EQ(second.failure->code(), ErrorCode::kAlreadyExists);
  EXPECT_NE(second.failure->message().find("pid"), std::string::npos);
}

TEST(LocalStore, NamesAreTakenOnceAndInheritNothing) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  const std::string first = store.create("a", database_options(2))->id;
  EXPECT_EQ(store.create("a", database_options(3)).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(store.create("-bad", database_options(3)).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.create("b", database_options(0)).error().code(), ErrorCode::kValueOutOfRange);
  ASSERT_TRUE(store.write("a", record_input("x", {1, 2})).ok());
  ASSERT_TRUE(store.drop(first).ok());
  EXPECT_EQ(store.drop("a").error().code(), ErrorCode::kDatabaseNotFound);
  EXPECT_EQ(store.count("a").error().code(), ErrorCode::kDatabaseNotFound);
  EXPECT_TRUE(files.list("data/databases")->empty());
  const std::string second = store.create("a", database_options(2))->id;
  EXPECT_NE(first, second);
  EXPECT_EQ(*store.count("a"), 0U);
  EXPECT_EQ(store.count(first).error().code(), ErrorCode::kDatabaseNotFound);
  EXPECT_EQ(store.count("db:nonsense").error().code(), ErrorCode::kDatabaseNotFound);
}

TEST(LocalStore, ListsByNameInPages) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(store.create(name, database_options(2)).ok());
  const auto page = store->list_databases(store.context, "", 2);
  ASSERT_EQ(page->size(), 2U);
  EXPECT_EQ((*page)[0].name, "a");
  const auto rest = store->list_databases(store.context, "b", 2);
  ASSERT_EQ(rest->size(), 1U);
  EXPECT_EQ((*rest)[0].name, "c");
}

TEST(LocalStore, ADamagedDatabaseStopsNobodyElse) {
  io::MemoryFileSystem files;
  DatabaseInfo broken;
  {
    OpenedStore store(files);
    broken = *store.create("broken", database_options(2));
    ASSERT_TRUE(store.create("whole", database_options(2)).ok());
    ASSERT_TRUE(store.write("whole", record_input("x", {1, 2})).ok());
  }
  corrupt(files, directory_of(broken) + "/manifest");
  OpenedStore store(files);
  ASSERT_TRUE(store.loaded.ok());
  EXPECT_EQ(*store.count("whole"), 1U);
  EXPECT_EQ(store.count("broken").error().code(), ErrorCode::kDataCorrupted);
  EXPECT_EQ(store.create("broken", database_options(2)).error().code(), ErrorCode::kAlreadyExists);
  ASSERT_EQ(store->health().reasons.size(), 1U);
  EXPECT_NE(store->health().reasons[0].find("broken"), std::string::npos);
  EXPECT_FALSE((*store->list_databases(store.context, "", 1))[0].failure.empty());
  // It can still be deleted, by id.
  ASSERT_TRUE(store.drop(broken.id).ok());
  EXPECT_TRUE(store->health().reasons.empty());
}

TEST(LocalStore, AMissingManifestOrMetaStoreIsNotAnEmptyOne) {
  io::MemoryFileSystem files;
  DatabaseInfo info;
  {
    OpenedStore store(files);
    info = *store.create("a", database_options(2));
  }
  ASSERT_TRUE(files.remove(directory_of(info) + "/manifest").ok());
  {
    OpenedStore store(files);
    EXPECT_EQ(store.count("a").error().code(), ErrorCode::kDataCorrupted);
  }
  ASSERT_TRUE(files.remove("data/meta.sqlite").ok());
  const OpenedStore store(files);
  ASSERT_TRUE(store.failure.has_value());
  EXPECT_EQ(store.failure->code(), ErrorCode::kDataCorrupted);
}

TEST(LocalStore, AManifestOfAnotherDatabaseIsRefused) {
  io::MemoryFileSystem files;
  DatabaseInfo a;
  DatabaseInfo b;
  {
    OpenedStore store(files);
    a = *store.create("a", database_options(2));
    b = *store.create("b", database_options(2));
  }
  ASSERT_TRUE(files.rename(directory_of(a) + "/manifest", directory_of(b) + "/manifest").ok());
  OpenedStore store(files);
  EXPECT_EQ(store.count("b").error().code(), ErrorCode::kDataCorrupted);
}

TEST(LocalStore, ADirectoryThatIsNotListedIsKept) {
  io::MemoryFileSystem files;
  {
    const OpenedStore store(files);
  }
  ASSERT_TRUE(files.create_directories("data/databases/stray").ok());
  OpenedStore store(files);
  EXPECT_TRUE(store.loaded.ok());
  EXPECT_TRUE(files.stat("data/databases/stray")->has_value());
}

TEST(LocalStore, WriteModesDoWhatTheySay) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(2)).ok());
  EXPECT_EQ(store.write("a", record_input("x", {1, 2}), WriteMode::kUpdate).error().code(), ErrorCode::kVectorNotFound);
  EXPECT_TRUE(store.write("a", record_input("x", {1, 2}), WriteMode::kInsert)->created);
  EXPECT_EQ(store.write("a", record_input("x", {1, 2}), WriteMode::kInsert).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_FALSE(store.write("a", record_input("x", {1, 3}))->created);
  EXPECT_TRUE(store.write("a", {.id = "x", .vectors = {}, .metadata = "{}"}, WriteMode::kUpdate).ok());
  EXPECT_EQ(store.write("a", record_input("x", {1})).error().code(), ErrorCode::kDimensionMismatch);
  EXPECT_EQ(store.remove("a", "").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(store.remove("a", "y").error().code(), ErrorCode::kVectorNotFound);
  EXPECT_TRUE(store.remove("a", "x").ok());
  EXPECT_EQ(store.write("nowhere", record_input("x", {1, 2})).error().code(), ErrorCode::kDatabaseNotFound);
}

TEST(LocalStore, BatchesTellRowByRow) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(1, Metric::kEuclidean, IndexType::kFlat, 4)).ok());
  const auto receipt = store.write_batch("a",
                                         {record_input("x", {1}), record_input("", {1}), record_input("x", {2}),
                                          record_input("y", {1, 2}), record_input("z", {3})},
                                         {.upsert = false, .atomic = false});
  ASSERT_TRUE(receipt.ok());
  EXPECT_EQ(receipt->inserted, 2U);
  ASSERT_EQ(receipt->errors.size(), 3U);
  EXPECT_EQ(receipt->errors[0].index, 1U);
  EXPECT_EQ(receipt->errors[1].index, 2U);
  EXPECT_EQ(receipt->errors[1].error.code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(receipt->errors[2].error.code(), ErrorCode::kDimensionMismatch);
  const auto upserted = store.write_batch("a", {record_input("x", {5}), record_input("new", {6})});
  EXPECT_EQ(upserted->updated, 1U);
  EXPECT_EQ(upserted->inserted, 1U);
  EXPECT_TRUE(store.write_batch("a", {}).ok());
}

TEST(LocalStore, AtomicBatchesAreForOneShard) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("one", database_options(1)).ok());
  ASSERT_TRUE(store.create("four", database_options(1, Metric::kEuclidean, IndexType::kFlat, 4)).ok());
  std::vector<RecordInput> rows;
  for (int i = 0; i < 20; ++i) rows.push_back(record_input("r" + std::to_string(i), {1}));
  const auto refused = store.write_batch("four", rows, {.upsert = true, .atomic = true});
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupportedCombination);
  EXPECT_EQ(store.write_batch("one", rows, {.upsert = true, .atomic = true})->inserted, 20U);
  const auto spoiled = store.write_batch("one", {record_input("new", {1}), record_input("bad", {1, 2})},
                                         {.upsert = true, .atomic = true});
  ASSERT_TRUE(spoiled.ok());
  EXPECT_EQ(spoiled->inserted, 0U);
  EXPECT_EQ(spoiled->errors.size(), 1U);
  EXPECT_EQ(*store.count("one"), 20U);
}

TEST(LocalStore, SearchRefusesWhatMakesNoSense) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(2)).ok());
  ASSERT_TRUE(store.write("a", record_input("x", {1, 2})).ok());
  struct Case {
    const char* name;
    ErrorCode code;
    std::function<void(Query&)> change;
  };
  const Case cases[] = {
      {"no vector", ErrorCode::kInvalidArgument, [](Query& q) { q.vector.reset(); }},
      {"vector and id", ErrorCode::kInvalidArgument, [](Query& q) { q.id = "x"; }},
      {"k 0", ErrorCode::kValueOutOfRange, [](Query& q) { q.top_k = 0; }},
      {"k too large", ErrorCode::kValueOutOfRange, [](Query& q) { q.top_k = 10'001; }},
      {"ef 0", ErrorCode::kValueOutOfRange, [](Query& q) { q.ef_search = 0; }},
      {"two thresholds", ErrorCode::kInvalidArgument,
       [](Query& q) {
         q.threshold = 1;
         q.max_distance = 1;
       }},
      {"dimension", ErrorCode::kDimensionMismatch, [](Query& q) { q.vector = std::vector<float>{1}; }},
      {"vector name", ErrorCode::kInvalidArgument, [](Query& q) { q.vector_name = "none"; }},
      {"token", ErrorCode::kInvalidToken, [](Query& q) { q.token = "nonsense"; }},
      {"unknown id", ErrorCode::kVectorNotFound,
       [](Query& q) {
         q.vector.reset();
         q.id = "y";
       }},
  };
  for (const Case& c : cases) {
    Query query = near({1, 2});
    c.change(query);
    const auto result = store.search("a", query);
    ASSERT_FALSE(result.ok()) << c.name;
    EXPECT_EQ(result.error().code(), c.code) << c.name;
  }
}

TEST(LocalStore, TokensNameWritesOfTheirDatabase) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(2)).ok());
  ASSERT_TRUE(store.create("b", database_options(2)).ok());
  Query query = near({1, 2});
  query.token = store.write("a", record_input("x", {1, 2}))->token;
  EXPECT_TRUE(store.search("a", query).ok());
  EXPECT_EQ(store.search("b", query).error().code(), ErrorCode::kInvalidToken);
  ASSERT_TRUE(store.write("b", record_input("x", {1, 2})).ok());
  EXPECT_EQ(store.search("b", query).error().code(), ErrorCode::kInvalidToken);
}

TEST(LocalStore, SearchesByIdWithThresholdsAndContents) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  DatabaseOptions options = database_options(1);
  options.vectors.push_back({"other", {.dimension = 1, .metric = Metric::kDot}});
  ASSERT_TRUE(store.create("a", options).ok());
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(store.write("a", record_input("r" + std::to_string(i), {static_cast<float>(i)}, R"({"i":0})")).ok());
  }
  Query query;
  query.id = "r2";
  query.include_metadata = true;
  query.include_vector = true;
  auto result = store.search("a", query);
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(ids_of(*result), (std::vector<std::string>{"r1", "r3", "r0", "r4"}));
  EXPECT_EQ(result->hits[0].distance, 1.0);
  EXPECT_EQ(result->hits[0].similarity, 0.5);
  EXPECT_EQ(result->hits[0].metadata, R"({"i":0})");
  EXPECT_EQ(result->hits[0].vectors.front().data, VectorData(std::vector<float>{1}));
  query.max_distance = 1;
  EXPECT_EQ(store.search("a", query)->hits.size(), 2U);
  query.max_distance.reset();
  query.threshold = 0.5;
  EXPECT_EQ(store.search("a", query)->hits.size(), 2U);
  query.vector_name = "other";
  EXPECT_EQ(store.search("a", query).error().code(), ErrorCode::kVectorNotFound);
}

TEST(LocalStore, ADiskThatFailsMakesADatabaseReadOnly) {
  const LogCapture log;
  io::MemoryFileSystem memory;
  io::FaultyFileSystem files(memory);
  OpenedStore store(files);
  const DatabaseInfo info = *store.create("a", database_options(2));
  ASSERT_TRUE(store.create("b", database_options(2)).ok());
  ASSERT_TRUE(store.write("a", record_input("x", {1, 2})).ok());
  files.set_fault({.kind = io::CallKind::kSync, .path_contains = info.id.substr(3)});
  EXPECT_FALSE(store.write("a", record_input("lost", {1, 2})).ok());
  files.clear_fault();
  EXPECT_EQ(store.write("a", record_input("y", {1, 2})).error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(*store.count("a"), 1U);
  EXPECT_TRUE(store.status("a")->read_only);
  EXPECT_FALSE(store.status("a")->read_only_reason.empty());
  EXPECT_EQ(store->health().reasons.size(), 1U);
  EXPECT_TRUE(store.write("b", record_input("y", {1, 2})).ok());
  EXPECT_EQ(log.count("database_read_only"), 1U);
}

TEST(LocalStore, AFailedCreateLeavesNothingBehind) {
  io::MemoryFileSystem memory;
  io::FaultyFileSystem files(memory);
  OpenedStore store(files);
  std::size_t failed = 0;
  for (std::uint64_t nth = 1; nth < 200; ++nth) {
    files.set_fault({.nth = nth});
    const auto created = store.create("a", database_options(2));
    const bool reached = files.failures() > failed;
    failed = files.failures();
    files.clear_fault();
    if (!created.ok()) {
      EXPECT_TRUE(reached);
      EXPECT_EQ(store.count("a").error().code(), ErrorCode::kDatabaseNotFound);
      // The MetaStore takes no more changes once its disk failed.
      if (created.error().code() == ErrorCode::kStoreReadOnly) break;
      continue;
    }
    if (!reached) break;
    ASSERT_TRUE(store.drop("a").ok());
  }
  EXPECT_GT(failed, 0U);
}

TEST(LocalStore, DataOutgrowsTheMemoryBudget) {
  constexpr std::uint64_t kBudget = 100'000;
  io::MemoryFileSystem files;
  OpenedStore store(files, false, kBudget);
  ASSERT_TRUE(store.create("a", database_options(64)).ok());
  for (int i = 0; i < 1000; ++i) {
    // Until earlier rows are in files, later ones may be too many.
    while (true) {
      const auto written = store.write("a", record_input("r" + std::to_string(i), std::vector<float>(64, 1)));
      if (written.ok()) break;
      ASSERT_EQ(written.error().code(), ErrorCode::kOverloaded);
    }
    ASSERT_LE(store->budget().used_bytes(), kBudget);
  }
  EXPECT_EQ(store.count("a").value(), 1000U);
  EXPECT_TRUE(store.search("a", near(std::vector<float>(64, 1))).ok());
  ASSERT_TRUE(store.drop("a").ok());
  EXPECT_EQ(store->budget().used_bytes(), 0U);
}

TEST(LocalStore, AShardWithFewRowsDoesNotHoldTheLogBack) {
  io::MemoryFileSystem files;
  OpenedStore store(files, false, 1U << 30, 20'000);
  ASSERT_TRUE(store.create("a", database_options(64, Metric::kEuclidean, IndexType::kFlat, 4)).ok());
  // The id of a shard that gets this row and no other.
  const std::string lonely = "lonely";
  ASSERT_TRUE(store.write("a", record_input(lonely, std::vector<float>(64, 1))).ok());
  std::uint64_t written = 0;
  std::string other;
  for (int i = 0; written < 2'000; ++i) {
    const std::string id = "r" + std::to_string(i);
    if (shard_of(id, 4) == shard_of(lonely, 4)) continue;
    ASSERT_TRUE(store.write("a", record_input(id, std::vector<float>(64, 1))).ok());
    other = id;
    ++written;
  }
  // 2,000 rows are 600 kB of log, of which a few segments' worth is soon needed.
  const std::string path =
      "data/databases/" + store->describe_database(store.context, "a").value().id.substr(3) + "/manifest";
  const auto first_needed = [&] { return storage::read_manifest(files, path).value()->log_first_sequence.value(); };
  // The writes that follow give the background time.
  for (int i = 0; i < 100'000 && first_needed() < 1'500; ++i) {
    ASSERT_TRUE(store.write("a", record_input(other, std::vector<float>(64, 1))).ok());
  }
  EXPECT_GE(first_needed(), 1'500U);
  EXPECT_EQ(store.count("a").value(), written + 1);
}

TEST(LocalStore, RefusesWritesThatTheMemoryBudgetHasNoRoomFor) {
  io::MemoryFileSystem files;
  OpenedStore store(files, false, 1'000);
  ASSERT_TRUE(store.create("a", database_options(1024)).ok());
  const auto written = store.write("a", record_input("a", std::vector<float>(1024, 1)));
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(store->budget().used_bytes(), 0U);
}

TEST(LocalStore, BuildsAGraphBehindTheWritesAndUsesIt) {
  const std::uint64_t seed = test_seed(99);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(8, Metric::kCosine, IndexType::kHnsw)).ok());
  std::vector<RecordInput> rows;
  for (int i = 0; i < 1500; ++i) rows.push_back(record_input("r" + std::to_string(i), random_vector(random, 8)));
  ASSERT_TRUE(store.write_batch("a", std::move(rows)).ok());
  const std::vector<float> query = random_vector(random, 8);
  while (store.status("a")->indexes.front().indexed < 1500) {
    // While the graph grows, its part and the rest together are all rows.
    EXPECT_EQ(store.search("a", near(query, 10))->hits.size(), 10U);
  }
  const auto by_graph = store.search("a", near(query, 10));
  EXPECT_EQ(by_graph->index_used, IndexType::kHnsw);
  Query exact = near(query, 10);
  exact.exact = true;
  const auto truth = store.search("a", exact);
  EXPECT_EQ(truth->index_used, IndexType::kFlat);
  EXPECT_EQ(truth->distances_computed, 1500U);
  EXPECT_LT(by_graph->distances_computed, 1500U);
  EXPECT_EQ(ids_of(*by_graph).front(), ids_of(*truth).front());
  const DatabaseStatus status = *store.status("a");
  EXPECT_GT(status.memory_graph_bytes, 0U);
  EXPECT_GT(status.indexes.front().rows_per_second, 0);
  EXPECT_GT(status.disk_log_bytes, 1500U * 32);
  EXPECT_GT(status.disk_manifest_bytes, 0U);
  EXPECT_GT(status.writes_per_second, 0);
  EXPECT_GT(status.searches_per_second, 0);
}

/// The same operations on stores of every configuration give the same answers as a model, with restarts in between.
TEST(LocalStore, EveryConfigurationAgreesWithAModel) {
  struct Configuration {
    std::uint32_t shards;
    bool wired;
    IndexType index;
    /// Small: there are many segments, in files.
    std::uint64_t flush_bytes;
  };
  constexpr std::uint64_t kLarge = 1U << 28;
  const Configuration configurations[] = {{1, false, IndexType::kFlat, kLarge}, {1, true, IndexType::kHnsw, kLarge},
                                          {4, false, IndexType::kAuto, kLarge}, {4, true, IndexType::kFlat, kLarge},
                                          {1, false, IndexType::kFlat, 1},      {1, true, IndexType::kHnsw, 3'000},
                                          {4, false, IndexType::kAuto, 1'000}};
  for (const Configuration& configuration : configurations) {
    const std::uint64_t seed = test_seed(777);
    SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed) + " shards=" + std::to_string(configuration.shards) +
                 " wired=" + std::to_string(configuration.wired) +
                 " flush_bytes=" + std::to_string(configuration.flush_bytes));
    SeededRandom random(seed);
    io::MemoryFileSystem files;
    std::map<std::string, std::vector<float>> model;
    auto store = std::make_unique<OpenedStore>(files, configuration.wired, 1U << 30, configuration.flush_bytes);
    ASSERT_TRUE(
        store->create("a", database_options(2, Metric::kEuclidean, configuration.index, configuration.shards)).ok());
    for (std::size_t step = 0; step < test_scale(300); ++step) {
      const std::string id = "id" + std::to_string(random.next_below(40));
      // Few different values, so that there are ties.
      std::vector<float> vector = {static_cast<float>(random.next_below(4)), static_cast<float>(random.next_below(4))};
      switch (random.next_below(6)) {
        case 0: {
          const auto removed = store->remove("a", id);
          ASSERT_EQ(removed.ok(), model.erase(id) == 1);
          break;
        }
        case 1: {
          const auto written = store->write("a", record_input(id, vector), WriteMode::kInsert);
          ASSERT_EQ(written.ok(), model.try_emplace(id, vector).second);
          break;
        }
        case 2: {
          const auto written = store->write("a", record_input(id, vector), WriteMode::kUpdate);
          ASSERT_EQ(written.ok(), model.contains(id));
          if (written.ok()) model[id] = vector;
          break;
        }
        case 3:
          store = nullptr;
          store = std::make_unique<OpenedStore>(files, configuration.wired, 1U << 30, configuration.flush_bytes);
          ASSERT_TRUE(store->loaded.ok());
          break;
        default:
          ASSERT_EQ(store->write("a", record_input(id, vector))->created, !model.contains(id));
          model[id] = vector;
      }
      ASSERT_EQ(store->count("a").value(), model.size());
      const std::vector<float> query = {static_cast<float>(random.next_below(4)), 1.5F};
      std::vector<std::pair<double, std::string>> expected;
      for (const auto& [model_id, v] : model) {
        const double dx = static_cast<double>(v[0]) - query[0];
        const double dy = static_cast<double>(v[1]) - query[1];
        expected.emplace_back(std::sqrt(dx * dx + dy * dy), model_id);
      }
      std::ranges::sort(expected);
      if (expected.size() > 5) expected.resize(5);
      const auto found = store->search("a", near(query, 5));
      ASSERT_EQ(found->hits.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i) {
        ASSERT_EQ(found->hits[i].id, expected[i].second);
        ASSERT_NEAR(found->hits[i].distance, expected[i].first, 1e-6);
      }
    }
    const auto has_segments = [&] { return store->status("a")->sealed_segments > 0; };
    for (int i = 0; i < 10'000 && configuration.flush_bytes != kLarge && !has_segments(); ++i) {
      ASSERT_TRUE(store->write("a", record_input("last", {1, 1})).ok());
    }
    const DatabaseStatus status = store->status("a").value();
    EXPECT_EQ(status.sealed_segments > 0, configuration.flush_bytes != kLarge);
    EXPECT_EQ(status.disk_segments_bytes > 0, configuration.flush_bytes != kLarge);
  }
}

/// Cuts the power after random writes: what was acknowledged is there, what was not is there whole or not at all.
TEST(LocalStore, AcknowledgedWritesSurvivePowerCuts) {
  const std::uint64_t seed = test_seed(31337);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(20); ++round) {
    const std::uint64_t flush_bytes = round % 2 == 0 ? 1U << 28 : 300;
    io::MemoryFileSystem memory;
    io::FaultyFileSystem files(memory);
    std::map<std::string, float> acknowledged;
    std::map<std::string, float> attempted;
    std::unique_ptr<io::MemoryFileSystem> after;
    {
      OpenedStore store(files, false, 1U << 30, flush_bytes);
      ASSERT_TRUE(store.create("a", database_options(1)).ok());
      const std::uint64_t cut_at = 1 + random.next_below(flush_bytes < 10'000 ? 400 : 40);
      std::atomic<std::uint64_t> calls{0};
      // Set before the disk is copied, by whichever thread makes that call: a write that is answered while this is
      // still false was on the disk before the copy.
      std::atomic<bool> cut{false};
      files.set_hook([&](const io::Call&) {
        if (++calls != cut_at) return;
        cut = true;
        after = memory.clone();
      });
      for (int i = 0; i < 30 && !cut; ++i) {
        const std::string id = "r" + std::to_string(random.next_below(10));
        const auto value = static_cast<float>(i);
        attempted[id] = value;
        const auto written = store.write("a", record_input(id, {value}));
        if (written.ok() && !cut) acknowledged[id] = value;
      }
      ASSERT_TRUE(store->close().ok());
      files.set_hook({});
    }
    if (after == nullptr) continue;
    after->crash(random);
    OpenedStore store(*after);
    ASSERT_TRUE(store.loaded.ok());
    for (const auto& [id, value] : acknowledged) {
      const auto record = store.get("a", {id});
      ASSERT_TRUE(record.ok());
      ASSERT_TRUE(record->front().has_value()) << id;
      const float got = std::get<std::vector<float>>(record->front()->vectors.front().data)[0];
      EXPECT_TRUE(got == value || got == attempted[id]) << id << " is " << got;
    }
  }
}

}  // namespace
}  // namespace jade::engine
