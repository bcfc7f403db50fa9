// What a store does when files, shards or threads fail it: an error, and after a restart everything that was there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/manual_executor.h"
#include "base/random.h"
#include "engine/background_indexer.h"
#include "engine/background_worker.h"
#include "engine/machine.h"
#include "engine/test_records.h"
#include "engine/test_store.h"
#include "engine/token.h"
#include "engine/validation.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/file_log.h"
#include "storage/log_writer.h"
#include "storage/manifest.h"

namespace jade::engine {
namespace {

using testing::HasSubstr;

/// Everything that a store does with files, whatever the outcome.
void use_store(io::FileSystem& files) {
  OpenedStore store(files);
  if (store.failure || !store.loaded.ok()) return;
  (void)store.create("new", database_options(1)).ok();
  (void)store.write("new", record_input("b", {2})).ok();
  (void)store.drop("new").ok();
  (void)store.status("kept").ok();
  (void)store->close().ok();
}

TEST(LocalStoreFaults, EveryFailedCallIsAnErrorAndNothingIsLost) {
  io::MemoryFileSystem disk;
  {
    OpenedStore store(disk);
    ASSERT_TRUE(store.create("kept", database_options(1)).ok());
    ASSERT_TRUE(store.write("kept", record_input("a", {1})).ok());
  }
  std::uint64_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    io::FaultyFileSystem files(disk);
    files.set_fault({.nth = nth});
    use_store(files);
    failed = files.failures() > 0;
    OpenedStore store(disk);
    ASSERT_FALSE(store.failure) << store.failure->message();
    ASSERT_TRUE(store.loaded.ok());
    EXPECT_EQ(store.get("kept", {"a"}).value().front()->id, "a");
    // A create whose row could not be made durable may be there or not; it is never half there.
    const auto made = store.count("new");
    const bool right = made.ok() ? store.drop("new").ok() : made.error().code() == ErrorCode::kDatabaseNotFound;
    EXPECT_TRUE(right);
  }
  EXPECT_GT(nth, 50U);
}

/// Appends a record that no shard wrote to the log of the database "a".
void append_record(io::FileSystem& files, const DatabaseInfo& info, storage::NewRecord record) {
  const auto writer = storage::LogWriter::start(system_clock()).value();
  const auto manifest =
      storage::read_manifest(files, io::join_path("data/databases/" + info.id.substr(3), "manifest")).value();
  auto opened = storage::FileLog::open(files, "data/databases/" + info.id.substr(3) + "/log",
                                       manifest->definition.database, *writer, system_random())
                    .value();
  std::promise<void> durable;
  ASSERT_TRUE(opened.log
                  ->append(std::move(record),
                           [&](Result<void> done) {
                             EXPECT_TRUE(done.ok());
                             durable.set_value();
                           })
                  .ok());
  durable.get_future().wait();
  ASSERT_TRUE(opened.log->close().ok());
}

TEST(LocalStoreFaults, RefusesADatabaseWhoseLogHoldsWhatNoShardWrote) {
  const std::vector<std::pair<storage::NewRecord, std::string>> table = {
      {{.type = storage::RecordType::kDefinition, .shard = ShardId(0), .payload = {}},
       "not for this database's shards"},
      {{.shard = ShardId(1), .payload = {}}, "not for this database's shards"},
      {{.shard = ShardId(0), .payload = {std::byte{1}, std::byte{2}}}, ""},
      {{.shard = ShardId(0), .payload = storage::encode_write_batch({{put_row("x", {1, 2, 3})}})}, ""},
  };
  for (const auto& [record, message] : table) {
    io::MemoryFileSystem files;
    DatabaseInfo info;
    {
      OpenedStore store(files);
      info = store.create("a", database_options(1)).value();
    }
    append_record(files, info, record);
    OpenedStore store(files);
    ASSERT_TRUE(store.loaded.ok());
    const auto got = store.get("a", {"x"});
    EXPECT_EQ(got.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_THAT(got.error().message(), HasSubstr(message));
  }
}

TEST(LocalStoreFaults, ALoadEndsWhenItIsToldTo) {
  io::MemoryFileSystem files;
  {
    OpenedStore store(files);
    ASSERT_TRUE(store.create("a", database_options(1)).ok());
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(store.write("a", record_input(std::to_string(i), {1})).ok());
  }
  InlineExecutor executor;
  const StoreEnvironment environment{
      .files = files, .clock = system_clock(), .random = system_random(), .compute = executor, .background = executor};
  {
    const auto store = LocalStore::open(environment, "data", {}).value();
    store->stop_loading();
    EXPECT_EQ(store->load().error().code(), ErrorCode::kCancelled);
    EXPECT_FALSE(store->health().ready);
  }
  OpenedStore store(files);
  EXPECT_EQ(store.count("a").value(), 200U);
}

/// A shard that has gone away.
class LostShard final : public ShardService {
 public:
  void apply(const RequestContext&, ApplyRequest, Callback<ApplyResponse> done) override { done(lost()); }
  void get(const RequestContext&, GetRequest, Callback<GetResponse> done) override { done(lost()); }
  void search(const RequestContext&, SearchRequest, Callback<SearchResponse> done) override { done(lost()); }
  void stats(const RequestContext&, StatsRequest, Callback<StatsResponse> done) override { done(lost()); }

 private:
  static Error lost() { return Error(ErrorCode::kIo, "the shard is gone"); }
};

TEST(LocalStoreFaults, ALostShardIsAnErrorOfEveryRequest) {
  io::MemoryFileSystem files;
  OpenedStore store(files, ShardDecorator([](ShardService&) { return std::make_unique<LostShard>(); }));
  ASSERT_TRUE(store.create("a", database_options(1)).ok());
  EXPECT_EQ(store.write("a", record_input("x", {1})).error().code(), ErrorCode::kIo);
  EXPECT_EQ(store.write_batch("a", {record_input("x", {1})}).error().code(), ErrorCode::kIo);
  EXPECT_EQ(store.remove("a", "x").error().code(), ErrorCode::kIo);
  EXPECT_EQ(store.get("a", {"x"}).error().code(), ErrorCode::kIo);
  EXPECT_EQ(store.count("a").error().code(), ErrorCode::kIo);
  EXPECT_EQ(store.status("a").error().code(), ErrorCode::kIo);
  EXPECT_EQ(store.search("a", near({1})).error().code(), ErrorCode::kIo);
  Query by_id;
  by_id.id = "x";
  EXPECT_EQ(store.search("a", by_id).error().code(), ErrorCode::kIo);
}

TEST(LocalStoreFaults, ACancelledRequestAsksNobody) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  const auto cancellation = std::make_shared<Cancellation>();
  cancellation->cancel();
  store.context.cancellation = cancellation;
  EXPECT_EQ(store.create("a", database_options(1)).error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(store.drop("a").error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(store->describe_database(store.context, "a").error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(store->list_databases(store.context, "", 1).error().code(), ErrorCode::kCancelled);
}

TEST(LocalStoreFaults, AskingOneOfSeveralShardsLeavesTheOthersAlone) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(1, Metric::kEuclidean, IndexType::kFlat, 4)).ok());
  ASSERT_TRUE(store.write("a", record_input("x", {1})).ok());
  EXPECT_EQ(store.get("a", {"x"}).value().front()->id, "x");
}

TEST(LocalStoreFaults, ADatabaseGoesWhileItsGraphIsBuilt) {
  io::MemoryFileSystem files;
  OpenedStore store(files);  // It has one background thread, which deletes, creates and indexes.
  std::vector<RecordInput> rows;
  for (int i = 0; i < 3000; ++i) rows.push_back(record_input(std::to_string(i), {static_cast<float>(i), 1}));
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(store.create(name, database_options(2, Metric::kEuclidean, IndexType::kHnsw)).ok());
    ASSERT_TRUE(store.write_batch(name, rows).ok());
  }
  EXPECT_TRUE(store.drop("a").ok());
  EXPECT_TRUE(store.drop("b").ok());
  EXPECT_TRUE(store.create("a", database_options(2)).ok());
}

TEST(LocalStoreFaults, RefusesWhatTheWireWouldHaveRefused) {
  io::MemoryFileSystem files;
  OpenedStore store(files);
  ASSERT_TRUE(store.create("a", database_options(1)).ok());
  for (const std::uint32_t ef : {std::uint32_t{0}, std::uint32_t{kEfSearchMax} + 1}) {
    Query query = near({1});
    query.ef_search = ef;
    EXPECT_EQ(store.search("a", query).error().code(), ErrorCode::kValueOutOfRange);
  }
  Token token = decode_token(store.write("a", record_input("x", {1})).value().token).value();
  token.sequence = Sequence(token.sequence.value() + 1);
  Query query = near({1});
  query.token = encode_token(token);
  EXPECT_EQ(store.search("a", query).error().code(), ErrorCode::kInvalidToken);
}

TEST(LocalStoreFaults, AFullBackgroundQueueIsAnError) {
  io::MemoryFileSystem files;
  InlineExecutor compute;
  ManualExecutor background(0);
  const StoreEnvironment environment{
      .files = files, .clock = system_clock(), .random = system_random(), .compute = compute, .background = background};
  const auto store = LocalStore::open(environment, "data", {}).value();
  ASSERT_TRUE(store->load().ok());
  const auto made =
      wait_for<DatabaseInfo>([&](auto done) { store->create_database({}, "a", database_options(1), std::move(done)); });
  EXPECT_EQ(made.error().code(), ErrorCode::kOverloaded);
}

TEST(LocalStoreFaults, ACloseTellsTheFirstOfItsFailures) {
  io::MemoryFileSystem disk;
  io::FaultyFileSystem files(disk);
  OpenedStore store(files);
  for (const char* name : {"a", "b"}) ASSERT_TRUE(store.create(name, database_options(1)).ok());
  files.set_fault({.kind = io::CallKind::kSync, .path_contains = "log", .for_good = true});
  for (const char* name : {"a", "b"}) EXPECT_FALSE(store.write(name, record_input("x", {1})).ok());
  EXPECT_THAT(store->close().error().message(), HasSubstr("closing a"));
}

TEST(Machine, ALimitThatCannotBeReadIsNone) {
  io::MemoryFileSystem disk;
  ASSERT_TRUE(disk.create_directories("/sys/fs/cgroup").ok());
  ASSERT_TRUE(disk.open("/sys/fs/cgroup/memory.max", io::OpenMode::kCreate).ok());
  io::FaultyFileSystem files(disk);
  files.set_fault({.kind = io::CallKind::kRead});
  EXPECT_GT(default_memory_budget(files), 0U);
}

TEST(VectorField, AutoWantsAGraphOnceThereIsMuchToSearch) {
  constexpr std::uint32_t kFlatSlots = 10'000;
  VectorField field(field_definition(1, "", 1, Metric::kEuclidean, IndexType::kAuto));
  const float value = 1;
  for (std::uint32_t i = 0; i <= kFlatSlots; ++i) {
    ASSERT_EQ(field.pending(), 0U);
    field.append(std::as_bytes(std::span(&value, 1)), RowId(i));
  }
  EXPECT_EQ(field.pending(), kFlatSlots + 1);
}

struct IndexerTest : testing::Test {
  IndexerTest() {
    storage::WriteBatch batch;
    for (int i = 0; i < 300; ++i) batch.rows.push_back(put_row("r" + std::to_string(i), {static_cast<float>(i)}));
    EXPECT_TRUE(state.apply(Sequence(1), 1, storage::encode_write_batch(batch)).ok());
  }
  VectorField& field() { return state.segments().front()->field(0); }
  ShardState state{definition_of({field_definition(1, "", 1, Metric::kEuclidean, IndexType::kHnsw)})};
  BackgroundIndexer indexer{state, system_clock()};
  const std::function<bool()> has_work = [this] { return indexer.has_work(); };
  const std::function<Result<void>()> work = [this] { return indexer.index_a_while(); };
};

TEST_F(IndexerTest, StartsOneTaskAndNoneAfterItsStop) {
  ManualExecutor executor;
  BackgroundWorker worker(has_work, work, executor);
  worker.notify();
  worker.notify();
  EXPECT_EQ(executor.pending(), 1U);
  // A round at a time, so that other work comes between.
  EXPECT_TRUE(executor.run_one());
  EXPECT_EQ(field().indexed(), 128U);
  executor.run_all();
  EXPECT_EQ(field().indexed(), 300U);
  EXPECT_EQ(field().index_some(10).value(), 0U);
  worker.stop();
  worker.notify();
  EXPECT_EQ(executor.pending(), 0U);
}

TEST_F(IndexerTest, GoesOnWhereNobodyCanBeAsked) {
  ManualExecutor executor(1);
  BackgroundWorker worker(has_work, work, executor);
  worker.notify();
  executor.stop();
  executor.run_all();
  EXPECT_EQ(field().indexed(), 300U);
  worker.stop();
}

TEST_F(IndexerTest, ATaskThatWaitedTooLongFindsItGone) {
  ManualExecutor executor;
  {
    BackgroundWorker worker(has_work, work, executor);
    worker.notify();
    worker.stop();
    worker.notify();
  }
  EXPECT_EQ(executor.run_all(), 1U);
  EXPECT_EQ(field().indexed(), 0U);
}

TEST_F(IndexerTest, StartsNothingAfterItsStop) {
  ManualExecutor executor;
  BackgroundWorker worker(has_work, work, executor);
  worker.stop();
  worker.notify();
  EXPECT_EQ(executor.pending(), 0U);
}

TEST_F(IndexerTest, AStopWaitsForTheRoundThatRuns) {
  const auto pool = ThreadPool::start({.kind = ThreadKind::kBackground, .name = "index-test", .threads = 1}).value();
  {
    BackgroundWorker worker(has_work, work, *pool);
    worker.notify();
    while (field().indexed() == 0) {
    }
    worker.stop();
    const std::uint32_t indexed = field().indexed();
    EXPECT_TRUE(indexed % 128 == 0 || indexed == field().slots());
  }
  pool->stop();
}

TEST_F(IndexerTest, WaitsForTheNextWriteWhereTheQueueIsFull) {
  ManualExecutor executor(0);
  BackgroundWorker worker(has_work, work, executor);
  worker.notify();
  EXPECT_EQ(field().indexed(), 0U);
  worker.stop();
}

}  // namespace
}  // namespace jade::engine
