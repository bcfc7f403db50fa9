#include "index/flat_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/test_env.h"
#include "index/test_vectors.h"

namespace jade::index {
namespace {

SearchHits search_all(const VectorArena& arena, const Floats& query, const SlotView& view,
                      const SearchOptions& options) {
  return flat_search(arena, Scorer(arena, bytes_of(query)), SlotId(0), SlotId(arena.size()), view, options).value();
}

/// Scores every visible slot alone and sorts all of them.
std::vector<Hit> oracle(const VectorArena& arena, const Floats& query, const TestView& view, std::size_t k) {
  const Scorer scorer(arena, bytes_of(query));
  std::vector<Hit> hits;
  for (std::uint32_t slot = 0; slot < arena.size(); ++slot) {
    if (view.visible(SlotId(slot))) {
      hits.push_back({.slot = SlotId(slot), .rank_distance = scorer.rank_distance(SlotId(slot))});
    }
  }
  std::ranges::sort(hits, [&](const Hit& a, const Hit& b) {
    return a.rank_distance != b.rank_distance ? a.rank_distance < b.rank_distance : view.id_before(a.slot, b.slot);
  });
  hits.resize(std::min(k, hits.size()));
  return hits;
}

std::vector<std::uint32_t> shuffled(SeededRandom& random, std::uint32_t count) {
  std::vector<std::uint32_t> rank(count);
  std::iota(rank.begin(), rank.end(), 0U);
  for (std::uint32_t i = count; i > 1; --i) std::swap(rank[i - 1], rank[random.next_below(i)]);
  return rank;
}

TEST(FlatSearch, EqualsAnOracleThatSortsEverything) {
  const std::uint64_t seed = test_seed(5);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const auto cases = static_cast<int>(test_scale(60));
  for (int i = 0; i < cases; ++i) {
    const auto metric = static_cast<Metric>(random.next_below(4));
    const auto rows = static_cast<std::uint32_t>(random.next_below(700));
    const auto dimension = static_cast<std::uint32_t>(1 + random.next_below(40));
    // Few distinct values, so that there are ties.
    const auto values = static_cast<float>(1 + random.next_below(4));
    const auto draw = [&] {
      Floats vector(dimension);
      for (float& value : vector) value = 1 + static_cast<float>(random.next_below(static_cast<std::uint64_t>(values)));
      return vector;
    };
    VectorArena arena(dimension, metric, ElementType::kF32);
    for (std::uint32_t row = 0; row < rows; ++row) arena.append(bytes_of(draw())).value();
    const std::uint64_t one_in = 1 + random.next_below(3);
    std::vector<bool> visible(rows);
    for (std::uint32_t row = 0; row < rows; ++row) visible[row] = random.next_below(one_in) == 0;
    const TestView view(rows, [&](std::uint32_t slot) { return visible[slot]; }, shuffled(random, rows));
    const Floats query = draw();
    const std::size_t k = 1 + random.next_below(rows + 2);
    const SearchHits found = search_all(arena, query, view, {.k = k});
    ASSERT_EQ(found.hits, oracle(arena, query, view, k)) << "case " << i;
    ASSERT_EQ(found.cost.distances, static_cast<std::uint64_t>(std::ranges::count(visible, true)));
  }
}

TEST(FlatSearch, HitsAreTheClosestInDoublePrecisionUpToRounding) {
  SeededRandom random(6);
  const auto vectors = clustered(random, 1000, 50);
  for (const Metric metric : {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan}) {
    VectorArena arena(50, metric, ElementType::kF32);
    append_all(arena, vectors);
    const Floats query = normal_vector(random, 50);
    std::vector<double> exact;
    for (const Floats& vector : vectors) exact.push_back(exact_distance(metric, query, vector));
    const auto hits = search_all(arena, query, TestView(1000), {.k = 100}).hits;
    std::vector<double> sorted = exact;
    std::ranges::sort(sorted);
    for (std::size_t i = 0; i < hits.size(); ++i) {
      // The bound of a sum of 50 terms, whose magnitudes add up to at most some
      // hundreds here.
      EXPECT_NEAR(exact[hits[i].slot.value()], sorted[i], 53 * 0x1p-24 * 400) << metric_name(metric);
    }
  }
}

TEST(FlatSearch, LooksOnlyAtItsRange) {
  VectorArena arena(1, Metric::kEuclidean, ElementType::kF32);
  for (int i = 0; i < 300; ++i) arena.append(bytes_of({static_cast<float>(i)})).value();
  const Scorer scorer(arena, bytes_of({0.0F}));
  for (const auto& [first, end] : {std::pair{0U, 300U}, {1U, 2U}, {63U, 65U}, {64U, 128U}, {10U, 250U}, {5U, 5U}}) {
    const auto found = flat_search(arena, scorer, SlotId(first), SlotId(end), TestView(300), {.k = 1000}).value();
    ASSERT_EQ(found.hits.size(), end - first);
    for (std::uint32_t i = 0; i < end - first; ++i) ASSERT_EQ(found.hits[i].slot, SlotId(first + i));
  }
}

TEST(FlatSearch, MaxDistanceIncludesItself) {
  VectorArena arena(1, Metric::kEuclidean, ElementType::kF32);
  for (int i = 0; i < 10; ++i) arena.append(bytes_of({static_cast<float>(i)})).value();
  EXPECT_EQ(search_all(arena, {0.0F}, TestView(10), {.k = 10, .max_distance = 3}).hits.size(), 4U);
  EXPECT_EQ(search_all(arena, {0.0F}, TestView(10), {.k = 2, .max_distance = 3}).hits.size(), 2U);
  EXPECT_EQ(search_all(arena, {0.0F}, TestView(10), {.k = 10, .max_distance = -1}).hits.size(), 0U);
}

TEST(FlatSearch, NothingVisibleOrNothingAskedForIsNothing) {
  VectorArena arena(1, Metric::kDot, ElementType::kF32);
  for (int i = 0; i < 100; ++i) arena.append(bytes_of({1.0F})).value();
  EXPECT_TRUE(search_all(arena, {1.0F}, TestView(0), {.k = 10}).hits.empty());
  EXPECT_TRUE(search_all(arena, {1.0F}, TestView(100), {.k = 0}).hits.empty());
}

TEST(FlatSearch, StopsWhenCancelled) {
  VectorArena arena(1, Metric::kDot, ElementType::kF32);
  for (int i = 0; i < 10000; ++i) arena.append(bytes_of({1.0F})).value();
  Cancellation cancellation;
  const Scorer scorer(arena, bytes_of({1.0F}));
  const SearchOptions options{.k = 10, .cancellation = &cancellation};
  EXPECT_TRUE(flat_search(arena, scorer, SlotId(0), SlotId(10000), TestView(10000), options).ok());
  // Cancelled while it runs, by what it asks.
  const TestView cancelling(10000, [&](std::uint32_t slot) {
    if (slot == 6000) cancellation.cancel();
    return true;
  });
  EXPECT_EQ(flat_search(arena, scorer, SlotId(0), SlotId(10000), cancelling, options).error().code(),
            ErrorCode::kCancelled);
}

TEST(MergeHits, KeepsTheBestOfAllLists) {
  const TestView view(10);
  const auto hit = [](std::uint32_t slot, float distance) {
    return Hit{.slot = SlotId(slot), .rank_distance = distance};
  };
  const std::vector<std::vector<Hit>> lists{{hit(3, 1), hit(5, 2)}, {}, {hit(1, 1), hit(2, 3)}};
  EXPECT_EQ(merge_hits(lists, view, 3), (std::vector<Hit>{hit(1, 1), hit(3, 1), hit(5, 2)}));
  EXPECT_EQ(merge_hits(lists, view, 10).size(), 4U);
  EXPECT_TRUE(merge_hits({}, view, 10).empty());
}

}  // namespace
}  // namespace jade::index
