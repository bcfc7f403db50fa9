#include "index/scorer.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "base/test_env.h"
#include "index/test_vectors.h"

namespace jade::index {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUnit = 0x1p-24;

/// How far a score may be from exact arithmetic; see simd/kernels.h for the
/// kernels' share.
double tolerance(Metric metric, const Floats& a, const Floats& b, double exact) {
  const auto n = static_cast<double>(a.size());
  if (metric == Metric::kEuclidean || metric == Metric::kManhattan) return (n + 3) * kUnit * exact;
  Floats absolute_a = a;
  Floats absolute_b = b;
  for (float& value : absolute_a) value = std::abs(value);
  for (float& value : absolute_b) value = std::abs(value);
  const double terms = -exact_distance(Metric::kDot, absolute_a, absolute_b);
  if (metric == Metric::kDot) return (n + 1) * kUnit * terms;
  // The dot product's share, scaled; and five roundings: two norms, their
  // product, its use, the subtraction from 1.
  const double cosine_of_absolutes = 1 - exact_distance(Metric::kCosine, absolute_a, absolute_b);
  return (n + 1) * kUnit * cosine_of_absolutes + 5 * kUnit * 2;
}

TEST(Scorer, AgreesWithDoublePrecision) {
  const std::uint64_t seed = test_seed(2);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (const Metric metric : {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan}) {
    for (const std::uint32_t dimension : {1U, 2U, 3U, 16U, 100U, 768U, 16384U}) {
      VectorArena arena(dimension, metric, ElementType::kF32);
      std::vector<Floats> vectors;
      for (int i = 0; i < 20; ++i) vectors.push_back(normal_vector(random, dimension));
      append_all(arena, vectors);
      const Floats query = normal_vector(random, dimension);
      const Scorer scorer(arena, bytes_of(query));
      for (std::uint32_t slot = 0; slot < 20; ++slot) {
        const double exact = exact_distance(metric, query, vectors[slot]);
        EXPECT_NEAR(scorer.rank_distance(SlotId(slot)), exact, tolerance(metric, query, vectors[slot], exact))
            << metric_name(metric) << " " << dimension;
      }
    }
  }
}

TEST(Scorer, CountsDifferingBits) {
  VectorArena arena(20, Metric::kHamming, ElementType::kBit);
  const std::vector<std::byte> a{std::byte{0xFF}, std::byte{0x0F}, std::byte{0x01}};
  const std::vector<std::byte> b{std::byte{0x0F}, std::byte{0x0F}, std::byte{0x08}};
  ASSERT_TRUE(arena.append(b).ok());
  EXPECT_EQ(Scorer(arena, a).rank_distance(SlotId(0)), 6.0F);
}

TEST(Scorer, AScoreHasTheSameBitsHoweverItIsAsked) {
  SeededRandom random(3);
  for (const Metric metric : {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan}) {
    for (const std::uint32_t dimension : {3U, 16U, 100U}) {
      constexpr std::uint32_t kRows = 400;
      VectorArena arena(dimension, metric, ElementType::kF32);
      for (std::uint32_t i = 0; i < kRows; ++i) arena.append(bytes_of(normal_vector(random, dimension))).value();
      const Scorer from_slot(arena, SlotId(7));
      const Scorer from_bytes(arena, {arena.vector(SlotId(7)), arena.vector_bytes()});
      std::vector<SlotId> slots;
      for (std::uint32_t i = 0; i < kRows; ++i) slots.emplace_back(kRows - 1 - i);
      std::vector<float> gathered(kRows);
      std::vector<float> strided(kRows);
      from_slot.rank_distances(slots, gathered);
      from_bytes.rank_distances(SlotId(0), strided);
      for (std::uint32_t i = 0; i < kRows; ++i) {
        const float one = from_slot.rank_distance(SlotId(i));
        ASSERT_EQ(one, gathered[kRows - 1 - i]);
        ASSERT_EQ(one, strided[i]);
        // Both directions agree: the linker relies on it.
        ASSERT_EQ(one, Scorer(arena, SlotId(i)).rank_distance(SlotId(7)));
      }
    }
  }
}

TEST(Scorer, NothingOverflowsAtTheLimitsOfTheContract) {
  struct Row {
    Metric metric;
    float a;
    float b;
    double expected;
  };
  // Four equal elements x have the norm 2x, so that 2^59 and 2^-51 are the
  // largest and smallest that are accepted.
  const float big = 0x1p59F;
  const float small = 0x1p-51F;
  for (const Row& row : std::vector<Row>{{Metric::kCosine, big, big, 0},
                                         {Metric::kCosine, big, small, 0},
                                         {Metric::kCosine, small, small, 0},
                                         {Metric::kCosine, small, -big, 2},
                                         {Metric::kEuclidean, big, -big, 0x1p122},
                                         {Metric::kDot, big, big, -0x1p120},
                                         {Metric::kManhattan, big, -big, 0x1p62}}) {
    VectorArena arena(4, row.metric, ElementType::kF32);
    ASSERT_TRUE(arena.append(bytes_of(Floats(4, row.b))).ok());
    const float distance = Scorer(arena, bytes_of(Floats(4, row.a))).rank_distance(SlotId(0));
    EXPECT_NEAR(distance, row.expected, std::abs(row.expected) * 1e-6 + 1e-6) << metric_name(row.metric);
  }
}

TEST(Distances, AreReportedAsUsersExpect) {
  struct Row {
    Metric metric;
    float rank_distance;
    double distance;
    double similarity;
  };
  for (const Row& row : std::vector<Row>{{Metric::kCosine, -1e-7F, 0, 1},
                                         {Metric::kCosine, 0.25F, 0.25, 0.75},
                                         {Metric::kCosine, 2.0001F, 2, -1},
                                         {Metric::kEuclidean, 9, 3, 0.25},
                                         {Metric::kDot, -5, -5, 5},
                                         {Metric::kManhattan, 3, 3, 0.25},
                                         {Metric::kHamming, 4, 4, 0.75}}) {
    const double distance = reported_distance(row.metric, row.rank_distance);
    EXPECT_EQ(distance, row.distance);
    EXPECT_EQ(similarity_of(row.metric, 16, distance), row.similarity);
  }
  // Nobody is shown a negative zero.
  for (const float zero : {0.0F, -0.0F}) {
    const double distance = reported_distance(Metric::kDot, zero);
    EXPECT_FALSE(std::signbit(distance));
    EXPECT_FALSE(std::signbit(similarity_of(Metric::kDot, 16, distance)));
  }
}

TEST(Distances, ThresholdsBecomeTheLargestDistanceThatMeetsThem) {
  struct Row {
    Metric metric;
    double similarity;
    double distance;
  };
  for (const Row& row : std::vector<Row>{{Metric::kCosine, 0.75, 0.25},
                                         {Metric::kCosine, -1, 2},
                                         {Metric::kEuclidean, 0, kInfinity},
                                         {Metric::kEuclidean, -3, kInfinity},
                                         {Metric::kManhattan, 0.25, 3},
                                         {Metric::kDot, 5, -5},
                                         {Metric::kDot, -5, 5},
                                         {Metric::kHamming, 0.75, 4}}) {
    const double found = max_distance_for(row.metric, 16, row.similarity);
    EXPECT_DOUBLE_EQ(found, row.distance) << metric_name(row.metric) << " " << row.similarity;
    EXPECT_GE(found, row.distance);
  }
  EXPECT_LT(max_distance_for(Metric::kCosine, 16, 1.5), 0);
  EXPECT_LT(max_distance_for(Metric::kEuclidean, 16, 1.1), 0);
}

TEST(Distances, AHitMeetsTheThresholdThatIsItsOwnSimilarity) {
  const std::uint64_t seed = test_seed(4);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (const Metric metric :
       {Metric::kCosine, Metric::kEuclidean, Metric::kDot, Metric::kManhattan, Metric::kHamming}) {
    for (std::size_t i = 0; i < test_scale(500); ++i) {
      const float rank = metric == Metric::kHamming  ? static_cast<float>(random.next_below(1000))
                         : metric == Metric::kCosine ? static_cast<float>(random.next_double() * 2)
                         : metric == Metric::kDot    ? normal(random)
                                                     : std::abs(normal(random));
      const double distance = reported_distance(metric, rank);
      const double limit = max_distance_for(metric, 1000, similarity_of(metric, 1000, distance));
      ASSERT_GE(limit, distance) << metric_name(metric);
      const float rank_limit = max_rank_distance_for(metric, distance);
      ASSERT_GE(rank_limit, rank);
      ASSERT_EQ(reported_distance(metric, rank_limit), distance);
      ASSERT_GT(reported_distance(metric, std::nextafter(rank_limit, HUGE_VALF)), distance);
    }
    EXPECT_EQ(max_rank_distance_for(metric, kInfinity), std::numeric_limits<float>::infinity());
  }
}

TEST(Distances, NoRankDistanceMeetsALimitBelowAll) {
  EXPECT_LT(max_rank_distance_for(Metric::kEuclidean, -1), 0);
  EXPECT_EQ(max_rank_distance_for(Metric::kCosine, -1), -std::numeric_limits<float>::infinity());
}

}  // namespace
}  // namespace jade::index
