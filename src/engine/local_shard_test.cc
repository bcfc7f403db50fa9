#include "engine/local_shard.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/inline_executor.h"
#include "base/manual_executor.h"
#include "base/test_env.h"
#include "base/thread.h"
#include "base/thread_pool.h"
#include "engine/test_records.h"
#include "engine/test_store.h"

namespace jade::engine {
namespace {

constexpr std::uint64_t kBudgetBytes = 1U << 20;

/// A shard whose log the test completes by hand.
class LocalShardTest : public testing::Test {
 protected:
  explicit LocalShardTest(Executor* compute = nullptr)
      : shard_(ShardId(0), definition_,
               {.clock = system_clock(),
                .compute = compute == nullptr ? inline_ : *compute,
                .background = inline_,
                .budget = budget_,
                .log = log_,
                .files = ground_.environment()}) {}
  ~LocalShardTest() override { log_.sync(); }

  using Answer = std::optional<Result<ApplyResponse>>;

  std::shared_ptr<Answer> apply(std::vector<RowApply> rows, bool atomic = false) {
    auto answer = std::make_shared<Answer>();
    shard_.apply(context_, {.definition_version = 1, .atomic = atomic, .rows = std::move(rows)},
                 [answer](Result<ApplyResponse> response) { answer->emplace(std::move(response)); });
    return answer;
  }
  static RowApply insert(std::string id, float x = 1) {
    return {Precondition::kMustNotExist, put_row(std::move(id), {x, x})};
  }
  static RowApply upsert(std::string id, float x = 1) { return {Precondition::kNone, put_row(std::move(id), {x, x})}; }
  static RowApply erase(std::string id) { return {Precondition::kMustExist, delete_row(std::move(id))}; }

  std::optional<StoredRecord> get(const std::string& id) {
    std::optional<StoredRecord> record;
    shard_.get(context_, {.ids = {id}, .include_vectors = true, .include_metadata = true},
               [&](Result<GetResponse> response) { record = response->records.front(); });
    return record;
  }
  StatsResponse stats() {
    StatsResponse stats;
    shard_.stats(context_, {}, [&](Result<StatsResponse> response) { stats = *response; });
    return stats;
  }

  storage::Definition definition_ = definition_of({field_definition(1, "", 2)});
  ShardGround ground_{definition_};
  InlineExecutor inline_;
  ManualLog log_;
  MemoryBudget budget_{kBudgetBytes};
  RequestContext context_;
  LocalShard shard_;
};

TEST_F(LocalShardTest, AnswersWhenTheLogIsDurableAndNotBefore) {
  const auto answer = apply({insert("a")});
  EXPECT_FALSE(answer->has_value());
  EXPECT_FALSE(get("a").has_value());
  log_.sync();
  ASSERT_TRUE(answer->has_value());
  ASSERT_TRUE((*answer)->ok());
  EXPECT_EQ((**answer)->version, Sequence(1));
  EXPECT_EQ((**answer)->rows.front().outcome, RowOutcome::kCreated);
  ASSERT_TRUE(get("a").has_value());
  EXPECT_EQ(get("a")->version, Sequence(1));
}

TEST_F(LocalShardTest, DecidesAgainstWritesThatAreNotDurableYet) {
  const auto first = apply({insert("a")});
  const auto second = apply({insert("a")});
  // The second was decided at once: the first is ahead of it in the log.
  ASSERT_TRUE(second->has_value());
  EXPECT_EQ((**second)->rows.front().refusal, ErrorCode::kAlreadyExists);
  const auto removal = apply({erase("a")});
  const auto again = apply({insert("a", 2)});
  const auto missing = apply({erase("b")});
  EXPECT_EQ((**missing)->rows.front().refusal, ErrorCode::kVectorNotFound);
  EXPECT_EQ(log_.records.size(), 3U);
  log_.sync();
  EXPECT_EQ((**first)->rows.front().outcome, RowOutcome::kCreated);
  EXPECT_EQ((**removal)->rows.front().outcome, RowOutcome::kDeleted);
  EXPECT_EQ((**again)->rows.front().outcome, RowOutcome::kCreated);
  EXPECT_EQ(floats_of(get("a")->vectors.front().bytes), (std::vector<float>{2, 2}));
}

TEST_F(LocalShardTest, ABatchTellsRowByRow) {
  apply({insert("old")});
  log_.sync();
  const auto answer = apply({insert("old"), insert("new"), insert("new"), upsert("old", 3)});
  log_.sync();
  const std::vector<RowResult>& rows = (**answer)->rows;
  EXPECT_EQ(rows[0].refusal, ErrorCode::kAlreadyExists);
  EXPECT_EQ(rows[1].outcome, RowOutcome::kCreated);
  EXPECT_EQ(rows[2].refusal, ErrorCode::kAlreadyExists);
  EXPECT_EQ(rows[3].outcome, RowOutcome::kUpdated);
  EXPECT_EQ(stats().live_rows, 2U);
}

TEST_F(LocalShardTest, AnAtomicBatchWithARefusedRowChangesNothing) {
  apply({insert("old")});
  log_.sync();
  const auto answer = apply({insert("new"), insert("old")}, true);
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((**answer)->version, Sequence(0));
  EXPECT_EQ((**answer)->rows[0].outcome, RowOutcome::kRefused);
  EXPECT_EQ((**answer)->rows[0].refusal, std::nullopt);
  EXPECT_EQ((**answer)->rows[1].refusal, ErrorCode::kAlreadyExists);
  EXPECT_EQ(log_.records.size(), 1U);
  EXPECT_FALSE(get("new").has_value());
}

TEST_F(LocalShardTest, AfterAFailedSyncNothingIsAcceptedAndNothingAppears) {
  const auto first = apply({insert("a")});
  const auto second = apply({upsert("a", 2)});
  log_.complete_one(Error(ErrorCode::kIo, "the disk is gone"));
  log_.complete_one(Error(ErrorCode::kIo, "the disk is gone"));
  EXPECT_EQ((*first)->error().code(), ErrorCode::kIo);
  EXPECT_EQ((*second)->error().code(), ErrorCode::kIo);
  EXPECT_FALSE(get("a").has_value());
  const auto third = apply({insert("b")});
  EXPECT_EQ((*third)->error().code(), ErrorCode::kStoreReadOnly);
  ASSERT_TRUE(shard_.failure().has_value());
  EXPECT_NE(shard_.failure()->find("the disk is gone"), std::string::npos);
}

TEST_F(LocalShardTest, ARefusalByTheLogChangesNothing) {
  log_.refusal = Error(ErrorCode::kOverloaded, "full");
  const std::uint64_t used = budget_.used_bytes();
  const auto answer = apply({insert("a")});
  EXPECT_EQ((*answer)->error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(budget_.used_bytes(), used);
  log_.refusal.reset();
  const auto retried = apply({insert("a")});
  log_.sync();
  EXPECT_TRUE((*retried)->ok());
}

TEST_F(LocalShardTest, AWriteThatFindsNoMemoryOnItsWayToTheLogNeverWas) {
  const std::uint64_t used = budget_.used_bytes();
  log_.has_no_memory = true;
  EXPECT_THROW(apply({insert("a")}), std::bad_alloc);
  EXPECT_EQ(budget_.used_bytes(), used);
  log_.has_no_memory = false;
  const auto next = apply({insert("a")});
  log_.sync();
  EXPECT_EQ((**next)->rows.front().outcome, RowOutcome::kCreated);
}

TEST_F(LocalShardTest, AWriteThatFoundNoRoomLeavesWhatIsExpectedOfEarlierOnes) {
  ManualExecutor compute;
  LocalShard late(ShardId(0), definition_,
                  {.clock = system_clock(),
                   .compute = compute,
                   .background = inline_,
                   .budget = budget_,
                   .log = log_,
                   .files = ground_.environment()});
  const auto apply_late = [&](RowApply row) {
    auto answer = std::make_shared<Answer>();
    ApplyRequest request{.definition_version = 1, .rows = {}};
    request.rows.push_back(std::move(row));
    late.apply(context_, std::move(request),
               [answer](Result<ApplyResponse> response) { answer->emplace(std::move(response)); });
    return answer;
  };
  apply_late(upsert("a"));
  const auto removal = apply_late(erase("a"));
  log_.complete_one();
  log_.complete_one(Error(ErrorCode::kStorageFull, "full"));
  // The first is durable, and not applied yet.
  const auto refused = apply_late(insert("a"));
  ASSERT_TRUE(refused->has_value());
  EXPECT_EQ((**refused)->rows.front().refusal, ErrorCode::kAlreadyExists);
  compute.run_all();
  EXPECT_EQ((*removal)->error().code(), ErrorCode::kStorageFull);
}

TEST_F(LocalShardTest, RefusesWhatTheMemoryBudgetHasNoRoomFor) {
  storage::RowWrite large = put_row("large", {1, 1}, std::string(kBudgetBytes, 'x'));
  const auto answer = apply({{Precondition::kNone, std::move(large)}});
  ASSERT_TRUE(answer->has_value());
  EXPECT_EQ((*answer)->error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(budget_.used_bytes(), 0U);
  EXPECT_TRUE(log_.records.empty());
}

TEST_F(LocalShardTest, RefusesRowsOfAnotherDefinition) {
  Answer answer;
  shard_.apply(context_, {.definition_version = 2, .atomic = false, .rows = {}},
               [&](Result<ApplyResponse> response) { answer.emplace(std::move(response)); });
  EXPECT_EQ(answer->error().code(), ErrorCode::kInternal);
}

TEST_F(LocalShardTest, CancelledRequestsDoNothing) {
  auto cancellation = std::make_shared<Cancellation>();
  cancellation->cancel();
  context_.cancellation = cancellation;
  EXPECT_EQ((*apply({insert("a")}))->error().code(), ErrorCode::kCancelled);
  EXPECT_TRUE(log_.records.empty());
  std::optional<ErrorCode> code;
  shard_.get(context_, {}, [&](const Result<GetResponse>& response) { code = response.error().code(); });
  EXPECT_EQ(code, ErrorCode::kCancelled);
  shard_.search(context_, {}, [&](const Result<SearchResponse>& response) { code = response.error().code(); });
  EXPECT_EQ(code, ErrorCode::kCancelled);
  shard_.stats(context_, {}, [&](const Result<StatsResponse>& response) { code = response.error().code(); });
  EXPECT_EQ(code, ErrorCode::kCancelled);
}

TEST_F(LocalShardTest, SearchRefusesWhatTheRouterWouldNotSend) {
  std::optional<Result<SearchResponse>> response;
  const auto search = [&](SearchRequest request) {
    shard_.search(context_, std::move(request), [&](Result<SearchResponse> r) { response.emplace(std::move(r)); });
  };
  search({.field = VectorFieldId(9), .query = bytes_of({1, 2})});
  EXPECT_EQ(response->error().code(), ErrorCode::kInternal);
  search({.field = VectorFieldId(1), .query = bytes_of({1, 2, 3})});
  EXPECT_EQ(response->error().code(), ErrorCode::kInternal);
}

TEST_F(LocalShardTest, SearchesExactlyWithTiesById) {
  apply({insert("b", 1), insert("a", 1), insert("c", 5), insert("far", 100)});
  log_.sync();
  std::optional<Result<SearchResponse>> response;
  shard_.search(context_, {.field = VectorFieldId(1), .query = bytes_of({1, 1}), .k = 3, .include_metadata = true},
                [&](Result<SearchResponse> r) { response.emplace(std::move(r)); });
  ASSERT_TRUE(response->ok());
  std::vector<std::string> ids;
  for (const ShardHit& hit : (*response)->hits) ids.push_back(hit.record.id);
  EXPECT_EQ(ids, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ((*response)->index_used, IndexType::kFlat);
  EXPECT_EQ((*response)->hits[2].rank_distance, 32.0F);
}

TEST_F(LocalShardTest, ReplaysWhatItLogged) {
  apply({insert("a", 1), insert("b", 2)});
  apply({erase("a"), upsert("b", 3)});
  log_.sync();
  ManualLog other_log;
  MemoryBudget other_budget(kBudgetBytes);
  LocalShard replayed(ShardId(0), definition_,
                      {.clock = system_clock(),
                       .compute = inline_,
                       .background = inline_,
                       .budget = other_budget,
                       .log = other_log,
                       .files = ground_.environment()});
  for (std::size_t i = 0; i < log_.records.size(); ++i) {
    const storage::NewRecord& record = log_.records[i];
    storage::LogRecord durable;
    durable.sequence = Sequence(i + 1);
    durable.commit_time_us = record.commit_time_us;
    durable.payload = record.payload;
    ASSERT_TRUE(replayed.replay(durable).ok());
  }
  replayed.start();
  EXPECT_EQ(other_budget.used_bytes(), budget_.used_bytes());
  EXPECT_EQ(replayed.reserved_bytes(), shard_.reserved_bytes());
  std::optional<GetResponse> mine;
  std::optional<GetResponse> theirs;
  const GetRequest both{.ids = {"a", "b"}, .include_vectors = true, .include_metadata = true};
  shard_.get(context_, both, [&](Result<GetResponse> r) { mine = *std::move(r); });
  replayed.get(context_, both, [&](Result<GetResponse> r) { theirs = *std::move(r); });
  EXPECT_FALSE(theirs->records[0].has_value());
  ASSERT_TRUE(theirs->records[1].has_value());
  EXPECT_EQ(theirs->records[1]->vectors, mine->records[1]->vectors);
  EXPECT_EQ(theirs->records[1]->version, mine->records[1]->version);
  EXPECT_EQ(theirs->records[1]->created_at_us, mine->records[1]->created_at_us);
  EXPECT_EQ(theirs->records[1]->updated_at_us, mine->records[1]->updated_at_us);
}

/// An executor that has no room: the log writer's thread applies.
class FullExecutor final : public Executor {
 public:
  Result<void> submit(Task, Priority) override { return Error(ErrorCode::kOverloaded, "full"); }
  std::size_t concurrency() const override { return 1; }
};

class CrowdedShardTest : public LocalShardTest {
 protected:
  CrowdedShardTest() : LocalShardTest(&full_) {}
  FullExecutor full_;
};

TEST_F(CrowdedShardTest, AppliesWithoutAnExecutorsHelp) {
  const auto answer = apply({insert("a")});
  log_.sync();
  ASSERT_TRUE(answer->has_value());
  EXPECT_TRUE((*answer)->ok());
}

class DelayedShardTest : public LocalShardTest {
 protected:
  DelayedShardTest() : LocalShardTest(&manual_) {}
  ~DelayedShardTest() override {
    log_.sync();
    manual_.run_all();
  }
  ManualExecutor manual_;
};

TEST_F(DelayedShardTest, OneTaskAppliesAllThatIsDurable) {
  const auto first = apply({insert("a")});
  const auto second = apply({insert("b")});
  log_.complete_one();
  log_.complete_one();
  EXPECT_FALSE(first->has_value());
  EXPECT_TRUE(manual_.run_one());
  EXPECT_TRUE(first->has_value());
  EXPECT_TRUE(second->has_value());
  EXPECT_FALSE(manual_.run_one());
}

class SettableClock final : public Clock {
 public:
  WallTime wall_now() const override { return WallTime(std::chrono::seconds(seconds)); }
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::seconds(seconds)); }
  std::int64_t seconds = 1000;
};

/// A shard that freezes its growing segment after every write.
class FlushingShardTest : public testing::Test {
 protected:
  FlushingShardTest() { reopen(); }
  ~FlushingShardTest() override {
    log_.sync();
    shard_.reset();
  }

  ShardEnvironment environment() {
    return {.clock = clock_,
            .compute = inline_,
            .background = inline_,
            .budget = budget_,
            .log = log_,
            .files = ground_.environment(),
            .flush_bytes = 1};
  }
  void reopen() {
    shard_ = std::make_unique<LocalShard>(ShardId(0), definition_, environment());
    ASSERT_TRUE(shard_->open_segments().ok());
    shard_->start();
  }
  Result<ApplyResponse> write(const std::string& id, float x) {
    std::optional<Result<ApplyResponse>> answer;
    ApplyRequest request{.definition_version = 1, .atomic = false, .rows = {}};
    request.rows.push_back({Precondition::kNone, put_row(id, {x, x})});
    shard_->apply(context_, std::move(request), [&](Result<ApplyResponse> response) { answer = std::move(response); });
    log_.sync();
    return *std::move(answer);
  }
  StatsResponse stats() {
    StatsResponse stats;
    shard_->stats(context_, {}, [&](Result<StatsResponse> response) { stats = *response; });
    return stats;
  }
  std::size_t found(std::vector<std::string> ids) {
    std::size_t count = 0;
    shard_->get(context_, {.ids = std::move(ids), .include_vectors = true, .include_metadata = true},
                [&](Result<GetResponse> response) {
                  for (const auto& record : response->records) count += record ? 1 : 0;
                });
    return count;
  }

  storage::Definition definition_ = definition_of({field_definition(1, "", 2, Metric::kEuclidean, IndexType::kHnsw)});
  ShardGround ground_{definition_};
  SettableClock clock_;
  InlineExecutor inline_;
  ManualLog log_;
  MemoryBudget budget_{kBudgetBytes};
  RequestContext context_;
  std::unique_ptr<LocalShard> shard_;
};

TEST_F(FlushingShardTest, AFlushThatFailedIsTriedAgainLater) {
  ground_.files.set_fault({.kind = io::CallKind::kRename, .for_good = true});
  ASSERT_TRUE(write("a", 1).ok());
  EXPECT_EQ(ground_.files.failures(), 1U);
  // Not with every write.
  ASSERT_TRUE(write("b", 2).ok());
  ASSERT_TRUE(write("c", 3).ok());
  EXPECT_EQ(ground_.files.failures(), 1U);
  EXPECT_EQ(stats().sealed_segments, 0U);
  EXPECT_EQ(shard_->first_needed(false), Sequence(1));
  EXPECT_EQ(shard_->first_needed(true), Sequence(2));
  EXPECT_EQ(found({"a", "b", "c"}), 3U);

  ground_.files.clear_fault();
  clock_.seconds += 2;
  ASSERT_TRUE(write("d", 4).ok());
  // Two can wait; what came after them goes with a later write.
  EXPECT_EQ(stats().sealed_segments, 2U);
  EXPECT_EQ(found({"a", "b", "c", "d"}), 4U);
  EXPECT_EQ(stats().live_rows, 4U);
}

TEST_F(FlushingShardTest, IsThereAgainWithItsGraphs) {
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(write("r" + std::to_string(i), static_cast<float>(i)).ok());
  ASSERT_TRUE(write("r0", 9).ok());
  EXPECT_EQ(shard_->first_needed(false), Sequence(log_.durable().value() + 1));
  shard_.reset();
  reopen();
  const StatsResponse opened = stats();
  EXPECT_EQ(opened.live_rows, 5U);
  EXPECT_EQ(opened.deleted_rows, 1U);
  EXPECT_EQ(opened.fields[0].pending, 0U);
  EXPECT_GT(shard_->reserved_bytes(), 0U);
  EXPECT_EQ(found({"r0", "r4", "none"}), 2U);
}

TEST_F(FlushingShardTest, DamageRefusesReadsAndWritesThatNeedIt) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(write("r" + std::to_string(i), static_cast<float>(i)).ok());
  shard_.reset();
  for (const std::string& name : ground_.memory.list("segments").value()) {
    if (name.find("-ids") == std::string::npos) continue;
    const auto file = ground_.memory.open("segments/" + name, io::OpenMode::kReadWrite).value();
    const std::vector<std::byte> damage(8, std::byte{0x55});
    ASSERT_TRUE(file->write_at(4096, damage).ok());
  }
  reopen();
  const auto written = write("r9", 1);
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kDataCorrupted);
  std::optional<ErrorCode> read;
  shard_->get(context_, {.ids = {"r1"}, .include_vectors = false, .include_metadata = false},
              [&](Result<GetResponse> response) { read = response.error().code(); });
  EXPECT_EQ(read, ErrorCode::kDataCorrupted);
  shard_->search(context_, {.field = VectorFieldId(1), .query = bytes_of({1, 1}), .k = 2},
                 [&](Result<SearchResponse> response) { read = response.error().code(); });
  EXPECT_EQ(read, ErrorCode::kDataCorrupted);
}

TEST(LocalShardThreads, ReadersSeeWholeBatchesWhileWritersWrite) {
  constexpr int kIds = 8;
  auto pool = ThreadPool::start({.name = "shard-test", .threads = 2, .queue_capacity = 256});
  ASSERT_TRUE(pool.ok());
  const storage::Definition definition = definition_of({field_definition(1, "", 2)});
  ManualLog log;
  MemoryBudget budget(1U << 30);
  ShardGround ground(definition);
  LocalShard shard(ShardId(0), definition,
                   {.clock = system_clock(),
                    .compute = **pool,
                    .background = **pool,
                    .budget = budget,
                    .log = log,
                    .files = ground.environment()});
  const RequestContext context;
  std::atomic<bool> stop{false};
  auto reader = Thread::start(ThreadKind::kCompute, "reader", [&] {
    GetRequest request{.ids = {}, .include_vectors = true, .include_metadata = false};
    for (int i = 0; i < kIds; ++i) request.ids.push_back("id" + std::to_string(i));
    while (!stop) {
      shard.get(context, request, [](Result<GetResponse> response) {
        // Every batch writes all ids with one value: a mixture would be half a batch.
        const auto& records = response->records;
        for (const auto& record : records) {
          ASSERT_EQ(record.has_value(), records.front().has_value());
          if (record) {
            ASSERT_EQ(record->vectors, records.front()->vectors);
          }
        }
      });
      shard.search(context, {.field = VectorFieldId(1), .query = bytes_of({1, 1}), .k = kIds},
                   [](Result<SearchResponse> response) {
                     ASSERT_TRUE(response.ok());
                     for (const ShardHit& hit : response->hits) {
                       ASSERT_EQ(hit.rank_distance, response->hits.front().rank_distance);
                     }
                   });
    }
  });
  ASSERT_TRUE(reader.ok());
  const std::size_t rounds = test_scale(300);
  std::atomic<std::size_t> answered{0};
  for (std::size_t round = 0; round < rounds; ++round) {
    ApplyRequest request{.definition_version = 1, .atomic = true, .rows = {}};
    for (int i = 0; i < kIds; ++i) {
      const auto x = static_cast<float>(round);
      request.rows.push_back({Precondition::kNone, put_row("id" + std::to_string(i), {x, x})});
    }
    shard.apply(context, std::move(request), [&](const Result<ApplyResponse>& response) {
      EXPECT_TRUE(response.ok());
      ++answered;
    });
    if (round % 3 == 2) log.sync();
  }
  log.sync();
  shard.stop();
  EXPECT_EQ(answered, rounds);
  stop = true;
  reader->join();
  (*pool)->stop();
}

}  // namespace
}  // namespace jade::engine
