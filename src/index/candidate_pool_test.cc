#include "index/candidate_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "base/test_env.h"
#include "index/visited_set.h"

namespace jade::index {
namespace {

/// The same by sorting everything that was ever inserted.
class SimplePool {
 public:
  explicit SimplePool(std::size_t ef) : ef_(ef) {}
  void insert(Candidate candidate, bool visible, bool expanded) {
    const auto place = std::ranges::upper_bound(all_, candidate.distance, {},
                                                [](const Entry& entry) { return entry.candidate.distance; });
    all_.insert(place, {candidate, visible, expanded});
  }
  float worst() {
    const auto found = visible();
    return found.size() < ef_ ? HUGE_VALF : found.back().distance;
  }
  std::vector<Candidate> visible() {
    std::vector<Candidate> found;
    for (const Entry& entry : all_) {
      if (entry.visible && found.size() < ef_) found.push_back(entry.candidate);
    }
    return found;
  }
  std::optional<Candidate> pop() {
    const float limit = worst();
    for (Entry& entry : all_) {
      if (entry.expanded || entry.candidate.distance > limit) continue;
      entry.expanded = true;
      return entry.candidate;
    }
    return std::nullopt;
  }

 private:
  struct Entry {
    Candidate candidate;
    bool visible;
    bool expanded;
  };
  std::size_t ef_;
  std::vector<Entry> all_;
};

TEST(CandidatePool, EqualsASortedListOfAll) {
  const std::uint64_t seed = test_seed(7);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  // ef; one of how many is visible; insertions between two pops. The fourth
  // swells past the sorted array, the fifth and sixth start as heaps.
  struct Row {
    std::size_t ef;
    std::uint64_t one_in;
    std::uint64_t inserts_per_pop;
  };
  CandidatePool pool;
  for (const Row& row : std::vector<Row>{{1, 1, 3}, {10, 1, 4}, {10, 5, 4}, {20, 60, 20}, {300, 1, 6}, {300, 4, 6}}) {
    SCOPED_TRACE(row.ef);
    SimplePool simple(row.ef);
    pool.reset(row.ef);
    std::uint32_t slot = 0;
    // All distances differ, so that both pools agree on the order.
    std::vector<float> distances(1000);
    for (std::size_t i = 0; i < distances.size(); ++i) distances[i] = static_cast<float>(i);
    for (std::size_t i = distances.size(); i > 1; --i) std::swap(distances[i - 1], distances[random.next_below(i)]);
    while (slot < distances.size()) {
      for (std::uint64_t i = 0; i < row.inserts_per_pop && slot < distances.size(); ++i, ++slot) {
        const Candidate candidate{.distance = distances[slot], .slot = slot};
        ASSERT_EQ(pool.admits(candidate.distance), candidate.distance < simple.worst());
        if (!pool.admits(candidate.distance)) continue;
        const bool expanded = random.next_below(10) == 0;
        const bool visible = expanded || random.next_below(row.one_in) == 0;
        simple.insert(candidate, visible, expanded);
        if (expanded) {
          pool.insert_expanded(candidate);
        } else {
          pool.insert(candidate, visible);
        }
      }
      ASSERT_EQ(pool.pop(), simple.pop());
    }
    while (const auto popped = pool.pop()) ASSERT_EQ(popped, simple.pop());
    ASSERT_EQ(simple.pop(), std::nullopt);
    const auto visible = pool.visible();
    ASSERT_EQ(std::vector<Candidate>(visible.begin(), visible.end()), simple.visible());
  }
}

TEST(CandidatePool, NextIsWhatPopWillReturn) {
  CandidatePool pool;
  for (const std::size_t ef : {10U, 1000U}) {
    pool.reset(ef);
    EXPECT_EQ(pool.next(), std::nullopt);
    pool.insert({.distance = 2, .slot = 8}, true);
    pool.insert({.distance = 1, .slot = 9}, false);
    EXPECT_EQ(pool.next(), 9U);
    EXPECT_EQ(pool.pop()->slot, 9U);
    EXPECT_EQ(pool.next(), 8U);
  }
}

TEST(VisitedSet, IsEmptyAfterEveryReset) {
  VisitedSet visited;
  // More resets than there are epochs.
  for (int round = 0; round < 70000; ++round) {
    visited.reset(4);
    ASSERT_TRUE(visited.insert(3));
    ASSERT_FALSE(visited.insert(3));
  }
  EXPECT_TRUE(visited.insert(1000));
  EXPECT_FALSE(visited.insert(1000));
}

}  // namespace
}  // namespace jade::index
