// The engine's smaller parts: arenas, id map, routing, tokens, rates, budget, gathering.

#include <gtest/gtest.h>

#include <set>

#include "base/inline_executor.h"
#include "base/manual_executor.h"
#include "engine/byte_arena.h"
#include "engine/id_map.h"
#include "engine/machine.h"
#include "engine/memory_budget.h"
#include "engine/rate_meter.h"
#include "engine/routing.h"
#include "engine/scatter.h"
#include "engine/test_records.h"
#include "engine/token.h"
#include "io/memory_file_system.h"

namespace jade::engine {
namespace {

TEST(ByteArena, KeepsEveryTextWhereItIs) {
  ByteArena arena;
  EXPECT_EQ(arena.store("")->size(), 0U);
  std::vector<std::pair<std::string, std::string_view>> stored;
  for (std::size_t size : {1U, 100U, 4000U, 5000U, 70U, 2'000'000U, 3U}) {
    std::string text(size, static_cast<char>('a' + size % 26));
    const std::optional<std::string_view> view = arena.store(text);
    ASSERT_TRUE(view.has_value());
    stored.emplace_back(std::move(text), *view);
  }
  for (const auto& [text, view] : stored) EXPECT_EQ(text, view);
  EXPECT_GE(arena.memory_bytes(), 2'000'000U);
}

TEST(StableVector, ElementsStayWhereTheyAre) {
  StableVector<std::uint64_t> vector;
  EXPECT_EQ(vector.memory_bytes(), 0U);
  std::vector<std::uint64_t*> places;
  for (std::uint64_t i = 0; i < 5000; ++i) {
    std::uint64_t* place = vector.grow();
    ASSERT_NE(place, nullptr);
    *place = i;
    places.push_back(place);
  }
  for (std::uint32_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(&vector[i], places[i]);
    EXPECT_EQ(vector[i], i);
  }
  EXPECT_LE(vector.memory_bytes(), 2 * 5064 * sizeof(std::uint64_t));
}

TEST(IdMap, FindsTheNewestRowOfEveryIdThroughEveryGeneration) {
  RowStore rows;
  IdMap map;
  for (std::uint32_t i = 0; i < 3000; ++i) {
    const std::string id = "id" + std::to_string(i % 2000);
    map.set(rows, rows.append({.id = id, .metadata = {}, .begin = i, .previous = map.find(rows, id), .slots = {}}));
  }
  for (std::uint32_t i = 0; i < 2000; ++i) {
    const RowId expected{i < 1000 ? i + 2000 : i};
    EXPECT_EQ(map.find(rows, "id" + std::to_string(i)), expected);
  }
  EXPECT_EQ(map.find(rows, "other"), kNoRow);
  EXPECT_LE(map.memory_bytes(), 2000U * 54);
}

TEST(Routing, SpreadsIdsOverEveryShardAndNeverChanges) {
  std::vector<int> counts(64);
  for (int i = 0; i < 6400; ++i) {
    const ShardId shard = shard_of("id" + std::to_string(i), 64);
    ASSERT_LT(shard.value(), 64U);
    ++counts[shard.value()];
  }
  // 100 are expected in each; 6 standard deviations are 60.
  for (const int count : counts) EXPECT_NEAR(count, 100, 60);
  EXPECT_EQ(shard_of("anything", 1), ShardId(0));
  // XXH3-64 decides; other numbers here would lose the records of every sharded database.
  EXPECT_EQ(shard_of("paris", 64), ShardId(54));
  EXPECT_EQ(shard_of("", 64), ShardId(11));
}

TEST(Token, SurvivesTheWayAndRefusesTheRest) {
  Token token;
  token.database[3] = std::byte{7};
  token.sequence = Sequence(123456789);
  const std::string text = encode_token(token);
  const Result<Token> decoded = decode_token(text);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->database, token.database);
  EXPECT_EQ(decoded->sequence, token.sequence);
  std::string changed = text;
  changed[5] = changed[5] == 'A' ? 'B' : 'A';
  for (const std::string& bad : {std::string("x"), std::string(), changed, text + "AAAA", std::string("****")}) {
    const Result<Token> refused = decode_token(bad);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kInvalidToken);
  }
}

class SettableClock final : public Clock {
 public:
  WallTime wall_now() const override { return WallTime(std::chrono::seconds(seconds)); }
  SteadyTime steady_now() const override { return SteadyTime(std::chrono::seconds(seconds)); }
  std::int64_t seconds = 1000;
};

TEST(RateMeter, AveragesOverTheLastMinute) {
  SettableClock clock;
  RateMeter meter;
  EXPECT_EQ(meter.per_second(clock), 0);
  meter.add(clock, 10);
  EXPECT_EQ(meter.per_second(clock), 10);
  clock.seconds += 9;
  meter.add(clock, 10);
  EXPECT_EQ(meter.per_second(clock), 2);
  clock.seconds += 59;
  EXPECT_DOUBLE_EQ(meter.per_second(clock), 10.0 / 60);
  clock.seconds += 1;
  meter.add(clock, 6);
  EXPECT_DOUBLE_EQ(meter.per_second(clock), 6.0 / 60);
  clock.seconds += 600;
  EXPECT_EQ(meter.per_second(clock), 0);
}

TEST(MemoryBudget, RefusesWhatGoesBeyond) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.reserve(60).ok());
  const Result<void> refused = budget.reserve(41);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(budget.used_bytes(), 60U);
  EXPECT_TRUE(budget.reserve(40).ok());
  budget.release(100);
  budget.add(500);
  EXPECT_EQ(budget.used_bytes(), 500U);
  EXPECT_FALSE(budget.reserve(1).ok());
}

TEST(Machine, TheBudgetFollowsTheControlGroup) {
  io::MemoryFileSystem files;
  const std::uint64_t whole = default_memory_budget(files);
  EXPECT_GT(whole, 0U);
  const auto limit_to = [&files](const std::string& text) {
    ASSERT_TRUE(files.create_directories("/sys/fs/cgroup").ok());
    const auto file = files.open("/sys/fs/cgroup/memory.max", io::OpenMode::kCreate);
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE((*file)->truncate(0).ok());
    ASSERT_TRUE((*file)->write_at(0, std::as_bytes(std::span(text))).ok());
  };
  limit_to("max\n");
  EXPECT_EQ(default_memory_budget(files), whole);
  limit_to("1000000\n");
  EXPECT_EQ(default_memory_budget(files), 700'000U);
  EXPECT_FALSE(kernel_target().empty());
}

TEST(Machine, OpensAsManyFilesAsItMay) {
  const std::uint64_t limit = raise_open_files();
  EXPECT_GT(limit, 0U);
  EXPECT_EQ(raise_open_files(), limit);
}

TEST(Scatter, AnswersInOrderWhateverTheOrderOfArrival) {
  ManualExecutor executor;
  std::vector<Callback<int>> waiting;
  std::optional<Result<std::vector<int>>> all;
  scatter<int>(
      executor, 3, [&](std::size_t, Callback<int> done) { waiting.push_back(std::move(done)); },
      [&](Result<std::vector<int>> answers) { all.emplace(std::move(answers)); });
  executor.run_all();
  // The last question was asked at once, the others by the executor.
  ASSERT_EQ(waiting.size(), 3U);
  waiting[1](10);
  waiting[0](30);
  EXPECT_FALSE(all.has_value());
  waiting[2](20);
  ASSERT_TRUE(all->ok());
  EXPECT_EQ(**all, (std::vector<int>{10, 20, 30}));
}

TEST(Scatter, FailsWithTheFirstErrorByPosition) {
  InlineExecutor executor;
  std::optional<Result<std::vector<int>>> all;
  scatter<int>(
      executor, 3,
      [](std::size_t i, Callback<int> done) {
        if (i == 0) return done(1);
        done(Error(ErrorCode::kIo, "question " + std::to_string(i)));
      },
      [&](Result<std::vector<int>> answers) { all.emplace(std::move(answers)); });
  EXPECT_EQ(all->error().message(), "question 1");
}

TEST(Scatter, AsksHereWhatTheExecutorRefuses) {
  ManualExecutor executor(0);
  std::optional<Result<std::vector<int>>> all;
  scatter<int>(
      executor, 2, [](std::size_t i, Callback<int> done) { done(static_cast<int>(i)); },
      [&](Result<std::vector<int>> answers) { all.emplace(std::move(answers)); });
  EXPECT_EQ(**all, (std::vector<int>{0, 1}));
  scatter<int>(
      executor, 0, [](std::size_t, Callback<int>) {},
      [&](Result<std::vector<int>> answers) { all.emplace(std::move(answers)); });
  EXPECT_TRUE((*all)->empty());
}

}  // namespace
}  // namespace jade::engine
