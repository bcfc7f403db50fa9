#include "index/hnsw_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/test_env.h"
#include "base/thread.h"
#include "index/flat_index.h"
#include "index/test_vectors.h"

namespace jade::index {
namespace {

constexpr IndexOptions kSmall{.type = IndexType::kHnsw, .m = 8, .ef_construction = 60};

void insert_all(HnswIndex& index, const VectorArena& arena) {
  for (std::uint32_t slot = index.size(); slot < arena.size(); ++slot) ASSERT_TRUE(index.insert(SlotId(slot)).ok());
}

/// An arena and its graph.
struct Built {
  Built(Metric metric, const std::vector<Floats>& vectors, const IndexOptions& options = kSmall)
      : arena(static_cast<std::uint32_t>(vectors.front().size()), metric, ElementType::kF32), index(arena, options, 1) {
    append_all(arena, vectors);
    insert_all(index, arena);
    const Result<void> checked = index.check_invariants();
    EXPECT_TRUE(checked.ok()) << checked.error().message();
  }

  std::vector<Hit> graph_search(const Floats& query, const SlotView& view, const SearchOptions& options) const {
    return index.search(Scorer(arena, bytes_of(query)), view, options).value().hits;
  }
  std::vector<Hit> exact_search(const Floats& query, const SlotView& view, const SearchOptions& options) const {
    const Scorer scorer(arena, bytes_of(query));
    return flat_search(arena, scorer, SlotId(0), SlotId(arena.size()), view, options).value().hits;
  }

  VectorArena arena;
  HnswIndex index;
};

double recall(const Built& built, const std::vector<Floats>& queries, const SlotView& view,
              const SearchOptions& options) {
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (const Floats& query : queries) {
    const auto exact = built.exact_search(query, view, options);
    wanted += exact.size();
    for (const Hit& hit : built.graph_search(query, view, options)) {
      found += hit.rank_distance <= exact.back().rank_distance ? 1 : 0;
    }
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

std::vector<Floats> noisy_copies(SeededRandom& random, const std::vector<Floats>& vectors, std::size_t count) {
  std::vector<Floats> queries;
  for (std::size_t i = 0; i < count; ++i) {
    Floats query = vectors[random.next_below(vectors.size())];
    for (float& value : query) value += 0.3F * normal(random);
    queries.push_back(std::move(query));
  }
  return queries;
}

TEST(HnswIndex, FindsWhatExactSearchFinds) {
  const std::uint64_t seed = test_seed(8);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const auto vectors = clustered(random, test_scale(1200), 24);
  const auto queries = noisy_copies(random, vectors, 50);
  const TestView view(static_cast<std::uint32_t>(vectors.size()));
  for (const Metric metric : {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan}) {
    const Built built(metric, vectors, {.m = 12, .ef_construction = 100});
    // 500 hits are judged: one in a hundred is five, three times the spread of
    // a true recall of 0.999.
    EXPECT_GE(recall(built, queries, view, {.k = 10, .ef = 100}), 0.99) << metric_name(metric);
    EXPECT_GE(recall(built, queries, view, {.k = 10, .ef = 20}), 0.90) << metric_name(metric);
  }
}

TEST(HnswIndex, FindsBitVectors) {
  SeededRandom random(9);
  VectorArena arena(256, Metric::kHamming, ElementType::kBit);
  // Thirty centres, each row with about one bit in ten turned.
  std::vector<std::vector<std::byte>> centres(30, std::vector<std::byte>(32));
  for (auto& centre : centres) {
    for (std::byte& byte : centre) byte = std::byte(random.next_below(256));
  }
  for (int i = 0; i < 1000; ++i) {
    std::vector<std::byte> bits = centres[random.next_below(centres.size())];
    for (int turned = 0; turned < 25; ++turned) bits[random.next_below(32)] ^= std::byte(1U << random.next_below(8));
    arena.append(bits).value();
  }
  HnswIndex index(arena, kSmall, 1);
  insert_all(index, arena);
  ASSERT_TRUE(index.check_invariants().ok());
  std::size_t found = 0;
  for (std::uint32_t slot = 0; slot < 1000; slot += 20) {
    const Scorer scorer(arena, SlotId(slot));
    const auto hits = index.search(scorer, TestView(1000), {.k = 1, .ef = 60}).value().hits;
    found += hits.front().rank_distance == 0 ? 1 : 0;
  }
  EXPECT_GE(found, 49U);
}

TEST(HnswIndex, EveryVectorFindsItself) {
  SeededRandom random(10);
  const auto vectors = clustered(random, 1500, 16);
  const Built built(Metric::kEuclidean, vectors);
  std::size_t missed = 0;
  for (std::uint32_t slot = 0; slot < vectors.size(); ++slot) {
    const auto hits = built.graph_search(vectors[slot], TestView(1500), {.k = 1, .ef = 64});
    missed += hits.front().slot == SlotId(slot) ? 0 : 1;
  }
  EXPECT_LE(missed, 2U);
}

TEST(HnswIndex, EqualInsertsGiveEqualGraphs) {
  SeededRandom random(11);
  const auto vectors = clustered(random, 800, 12);
  const Built one(Metric::kCosine, vectors);
  const Built other(Metric::kCosine, vectors);
  const TestView view(800);
  for (int i = 0; i < 30; ++i) {
    const Floats query = normal_vector(random, 12);
    const auto a = one.index.search(Scorer(one.arena, bytes_of(query)), view, {.k = 20, .ef = 20}).value();
    const auto b = other.index.search(Scorer(other.arena, bytes_of(query)), view, {.k = 20, .ef = 20}).value();
    EXPECT_EQ(a.hits, b.hits);
    EXPECT_EQ(a.cost.distances, b.cost.distances);
    EXPECT_EQ(a.cost.visited, b.cost.visited);
  }
}

TEST(HnswIndex, AnEmptyOneAnswersWithNothingAndOneRowWithItself) {
  VectorArena arena(3, Metric::kEuclidean, ElementType::kF32);
  HnswIndex index(arena, kSmall, 1);
  const Floats query{1, 2, 3};
  EXPECT_TRUE(index.check_invariants().ok());
  EXPECT_TRUE(index.search(Scorer(arena, bytes_of(query)), TestView(1), {}).value().hits.empty());
  arena.append(bytes_of(query)).value();
  ASSERT_TRUE(index.insert(SlotId(0)).ok());
  EXPECT_EQ(index.size(), 1U);
  EXPECT_TRUE(index.check_invariants().ok());
  EXPECT_EQ(index.search(Scorer(arena, bytes_of(query)), TestView(1), {}).value().hits.size(), 1U);
  EXPECT_TRUE(index.search(Scorer(arena, bytes_of(query)), TestView(1), {.k = 0}).value().hits.empty());
}

TEST(HnswIndex, AnyDimensionWorks) {
  SeededRandom random(12);
  struct Row {
    std::uint32_t dimension;
    std::size_t rows;
  };
  for (const Row& row : {Row{1, 500}, Row{2, 500}, Row{3, 500}, Row{16384, 20}}) {
    for (const Metric metric : {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan}) {
      std::vector<Floats> vectors;
      for (std::size_t i = 0; i < row.rows; ++i) vectors.push_back(normal_vector(random, row.dimension));
      const Built built(metric, vectors);
      const TestView view(static_cast<std::uint32_t>(row.rows));
      EXPECT_GE(recall(built, {normal_vector(random, row.dimension)}, view, {.k = 10, .ef = 100}), 0.9)
          << metric_name(metric) << " " << row.dimension;
      EXPECT_EQ(built.graph_search(vectors[0], view, {.k = 10000}).size(), row.rows) << metric_name(metric);
    }
  }
}

TEST(HnswIndex, IdenticalRowsAreAllFound) {
  const Built built(Metric::kCosine, std::vector<Floats>(3000, Floats{1, 2, 3}));
  const TestView view(3000);
  EXPECT_EQ(built.graph_search({1, 2, 3}, view, {.k = 10}).size(), 10U);
  const auto all = built.graph_search({3, 2, 1}, view, {.k = 5000});
  ASSERT_EQ(all.size(), 3000U);
  for (std::uint32_t i = 0; i < 3000; ++i) ASSERT_EQ(all[i].slot, SlotId(i));
}

TEST(HnswIndex, ManyIdenticalRowsCloseNoWayThroughTheGraph) {
  const std::uint64_t seed = test_seed(13);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  // Six of ten rows are the same, as in 60,000 among 100,000, and they arrive
  // among the others.
  const auto others = clustered(random, test_scale(1600), 12);
  const Floats common = normal_vector(random, 12);
  std::vector<Floats> vectors;
  for (const Floats& vector : others) {
    vectors.push_back(vector);
    vectors.push_back(common);
    if (vectors.size() % 4 == 0) vectors.push_back(common);
  }
  const auto rows = static_cast<std::uint32_t>(vectors.size());
  const Built built(Metric::kEuclidean, vectors);
  EXPECT_GE(recall(built, noisy_copies(random, others, 50), TestView(rows), {.k = 10, .ef = 64}), 0.97);
  // Near the crowd, those behind it are found too.
  const TestView no_crowd(rows, [&](std::uint32_t slot) { return vectors[slot] != common; });
  EXPECT_GE(recall(built, std::vector<Floats>(1, common), no_crowd, {.k = 50, .ef = 64}), 0.9);
  // Each of the crowd is found when it is the only one that is visible.
  for (std::uint32_t slot = 1; slot < rows; slot += rows / 7) {
    const TestView only(rows, [&](std::uint32_t other) { return other == slot; });
    const auto hits = built.graph_search(vectors[slot], only, {.k = 5});
    ASSERT_EQ(hits.size(), 1U);
    EXPECT_EQ(hits.front().slot, SlotId(slot));
  }
  EXPECT_EQ(built.graph_search(common, TestView(rows), {.k = 10000}).size(), std::min<std::size_t>(rows, 10000));
}

TEST(HnswIndex, RowsOfOneDirectionAreAllReachableUnderCosine) {
  // Equal up to a factor: distances of nought or of rounding, which no
  // heuristic can tell apart.
  std::vector<Floats> vectors;
  for (int i = 1; i <= 1000; ++i) vectors.push_back({static_cast<float>(i), 0.3F * static_cast<float>(i), 0.1F});
  const Built built(Metric::kCosine, vectors);
  EXPECT_EQ(built.graph_search({1, 1, 1}, TestView(1000), {.k = 1000}).size(), 1000U);
}

TEST(HnswIndex, ShortVectorsAreReachableUnderDot) {
  SeededRandom random(14);
  std::vector<Floats> vectors;
  for (int i = 0; i < 1500; ++i) {
    Floats vector = normal_vector(random, 8);
    // Norms over four orders of magnitude.
    const auto scale = static_cast<float>(std::pow(10.0, 4 * random.next_double() - 2));
    for (float& value : vector) value *= scale;
    vectors.push_back(std::move(vector));
  }
  // The smallest parameters: the long vectors' lists and children are full at
  // once.
  const Built built(Metric::kDot, vectors, {.m = 4, .ef_construction = 8});
  const TestView view(1500);
  EXPECT_EQ(built.graph_search(vectors[0], view, {.k = 1500}).size(), 1500U);
  const Built usual(Metric::kDot, vectors, {});
  std::vector<Floats> queries;
  for (int i = 0; i < 30; ++i) queries.push_back(normal_vector(random, 8));
  EXPECT_GE(recall(usual, queries, view, {.k = 10, .ef = 64}), 0.95);
}

TEST(HnswIndex, InvisibleRowsAreWalkedThroughAndPagesAreFull) {
  SeededRandom random(15);
  const auto vectors = clustered(random, 2000, 16);
  const Built built(Metric::kCosine, vectors);
  for (const std::uint32_t one_in : {2U, 10U, 100U}) {
    const TestView view(2000, [&](std::uint32_t slot) { return slot % one_in == 0; });
    const auto queries = noisy_copies(random, vectors, 10);
    for (const Floats& query : queries) {
      const auto hits = built.graph_search(query, view, {.k = 20, .ef = 20});
      ASSERT_EQ(hits.size(), 20U) << one_in;
      for (const Hit& hit : hits) ASSERT_TRUE(view.visible(hit.slot));
    }
    EXPECT_GE(recall(built, queries, view, {.k = 10, .ef = 64}), 0.97) << one_in;
  }
  EXPECT_TRUE(built.graph_search(vectors[0], TestView(0), {.k = 10}).empty());
  EXPECT_EQ(built.graph_search(vectors[0], TestView(2000), {.k = 10000}).size(), 2000U);
}

TEST(HnswIndex, TiesAreOrderedByIdAndCutByIt) {
  // A grid has many equal distances. With all of it among the candidates the
  // answer is exact.
  std::vector<Floats> vectors;
  std::vector<std::uint32_t> rank;
  for (int i = 0; i < 400; ++i) {
    vectors.push_back({static_cast<float>(i % 20), static_cast<float>(i / 20)});
    rank.push_back(static_cast<std::uint32_t>((i * 137) % 400));
  }
  const Built built(Metric::kManhattan, vectors);
  const TestView view(400, [](std::uint32_t) { return true; }, rank);
  for (const std::size_t k : {1U, 4U, 10U, 399U}) {
    const SearchOptions options{.k = k, .ef = 400};
    EXPECT_EQ(built.graph_search({10, 10}, view, options), built.exact_search({10, 10}, view, options)) << k;
  }
}

TEST(HnswIndex, MaxDistanceLeavesOutWhatIsFarther) {
  std::vector<Floats> vectors;
  for (int i = 0; i < 100; ++i) vectors.push_back({static_cast<float>(i)});
  const Built built(Metric::kEuclidean, vectors);
  EXPECT_EQ(built.graph_search({0}, TestView(100), {.k = 50, .max_distance = 7}).size(), 8U);
  EXPECT_EQ(built.graph_search({0}, TestView(100), {.k = 5, .max_distance = 7}).size(), 5U);
  EXPECT_TRUE(built.graph_search({0}, TestView(100), {.k = 5, .max_distance = -1}).empty());
}

TEST(HnswIndex, StopsWhenCancelled) {
  SeededRandom random(16);
  const Built built(Metric::kEuclidean, clustered(random, 500, 4));
  Cancellation cancellation;
  const Scorer scorer(built.arena, SlotId(0));
  const SearchOptions options{.k = 500, .cancellation = &cancellation};
  EXPECT_TRUE(built.index.search(scorer, TestView(500), options).ok());
  std::uint32_t asked = 0;
  const TestView cancelling(500, [&](std::uint32_t) {
    if (++asked == 100) cancellation.cancel();
    return true;
  });
  EXPECT_EQ(built.index.search(scorer, cancelling, options).error().code(), ErrorCode::kCancelled);
  EXPECT_LT(asked, 500U);
}

TEST(HnswIndex, WithoutMemoryNothingChangesAndTheNextAttemptGoesOn) {
  SeededRandom random(17);
  const auto vectors = clustered(random, 600, 4);
  VectorArena arena(4, Metric::kEuclidean, ElementType::kF32);
  append_all(arena, vectors);
  CountingMemory memory;
  HnswIndex index(arena, {.m = 4, .ef_construction = 20}, 1, memory);
  std::size_t refused = 0;
  for (std::uint32_t slot = 0; slot < 600; ++slot) {
    // One allocation more with each attempt, so that each of an insert's
    // allocations is refused once.
    for (std::size_t allowed = 0;; ++allowed) {
      memory.allowed = allowed;
      const Result<void> inserted = index.insert(SlotId(slot));
      if (inserted.ok()) break;
      ASSERT_EQ(inserted.error().code(), ErrorCode::kStorageFull);
      ASSERT_EQ(index.size(), slot);
      memory.allowed = 0;
      ASSERT_LT(++refused, 1000U);
    }
  }
  EXPECT_GE(refused, 8U);
  EXPECT_TRUE(index.check_invariants().ok());
  const std::size_t fixed = HnswIndex(arena, {.m = 4, .ef_construction = 20}, 1).memory_bytes();
  EXPECT_EQ(index.memory_bytes(), fixed + memory.bytes_held);
}

TEST(HnswIndexDeathTest, SlotsAreLinkedInTheirOrder) {
  VectorArena arena(1, Metric::kDot, ElementType::kF32);
  HnswIndex index(arena, kSmall, 1);
  EXPECT_DEATH({ auto ignored = index.insert(SlotId(0)); }, "order");
  arena.append(bytes_of({1.0F})).value();
  EXPECT_DEATH({ auto ignored = index.insert(SlotId(1)); }, "order");
}

TEST(HnswIndex, SearchesSeeAllLinkedRowsWhileOneThreadInserts) {
  const std::uint64_t seed = test_seed(18);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  auto vectors = clustered(random, test_scale(1000), 8);
  for (std::size_t i = 0; i < vectors.size(); i += 5) vectors[i] = vectors[0];
  VectorArena arena(8, Metric::kEuclidean, ElementType::kF32);
  // Small lists are replaced all the time.
  HnswIndex index(arena, {.m = 4, .ef_construction = 16}, 1);
  const auto rows = static_cast<std::uint32_t>(vectors.size());
  std::atomic<std::uint32_t> wrong{0};
  const auto search = [&](std::uint64_t reader_seed) {
    SeededRandom own(reader_seed);
    while (index.size() < rows) {
      const std::uint32_t size = index.size();
      const Floats& query = vectors[own.next_below(vectors.size())];
      // Every row that was linked before the search is among the answers if all
      // are asked for.
      const auto hits = index.search(Scorer(arena, bytes_of(query)), TestView(size), {.k = rows}).value().hits;
      std::set<std::uint32_t> slots;
      for (const Hit& hit : hits) slots.insert(hit.slot.value());
      if (slots.size() != size || hits.size() != size || index.memory_bytes() == 0) ++wrong;
    }
  };
  std::vector<Thread> readers;
  for (std::uint64_t i = 0; i < 2; ++i) {
    readers.push_back(Thread::start(ThreadKind::kCompute, "reader", [&search, seed, i] { search(seed + i); }).value());
  }
  for (std::uint32_t slot = 0; slot < rows; ++slot) {
    arena.append(bytes_of(vectors[slot])).value();
    ASSERT_TRUE(index.insert(SlotId(slot)).ok());
  }
  for (Thread& reader : readers) reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_TRUE(index.check_invariants().ok());
}

TEST(HnswIndex, InvariantsHoldForRandomParametersAndRows) {
  const std::uint64_t seed = test_seed(19);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const std::size_t cases = test_scale(25);
  for (std::size_t i = 0; i < cases; ++i) {
    const auto metric = static_cast<Metric>(random.next_below(4));
    const auto dimension = static_cast<std::uint32_t>(1 + random.next_below(6));
    const IndexOptions options{.m = static_cast<std::uint32_t>(4 + random.next_below(5)),
                               .ef_construction = static_cast<std::uint32_t>(8 + random.next_below(30))};
    std::vector<Floats> vectors;
    const std::uint64_t rows = 1 + random.next_below(300);
    const std::uint64_t values = 2 + random.next_below(1000);
    for (std::uint64_t row = 0; row < rows; ++row) {
      Floats vector(dimension);
      for (float& value : vector) value = 1 + static_cast<float>(random.next_below(values));
      vectors.push_back(std::move(vector));
    }
    SCOPED_TRACE("case " + std::to_string(i));
    const Built built(metric, vectors, options);
    ASSERT_EQ(built.graph_search(vectors[0], TestView(static_cast<std::uint32_t>(rows)), {.k = rows}).size(), rows);
  }
}

}  // namespace
}  // namespace jade::index
