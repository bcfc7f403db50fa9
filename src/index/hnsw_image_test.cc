// Graphs and vectors that lie in memory which somebody else holds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "index/flat_index.h"
#include "index/hnsw_index.h"
#include "index/test_vectors.h"

namespace jade::index {
namespace {

using testing::HasSubstr;

constexpr IndexOptions kSmall{.type = IndexType::kHnsw, .m = 8, .ef_construction = 60};

/// The bytes of a graph and of its vectors, as a file would hold them.
struct Written {
  std::vector<std::byte> nodes;
  std::vector<std::byte> bottom;
  std::vector<std::byte> upper;
  std::vector<std::byte> rows;
  std::vector<float> norms;
  GraphShape shape;

  GraphImage image() const { return {.shape = shape, .nodes = nodes, .bottom = bottom, .upper = upper}; }
  FixedVectors vectors(const RowGuard* guard = nullptr) const {
    return {.rows = rows.data(),
            .norms = reinterpret_cast<const std::byte*>(norms.data()),
            .count = shape.slots,
            .guard = guard};
  }
};

std::function<Result<void>(std::span<const std::byte>)> into(std::vector<std::byte>& bytes) {
  return [&bytes](std::span<const std::byte> piece) {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return Result<void>();
  };
}

void write_vectors(const VectorArena& arena, Written& out) {
  for (std::uint32_t slot = 0; slot < arena.size(); ++slot) {
    const std::byte* row = arena.vector(SlotId(slot));
    out.rows.insert(out.rows.end(), row, row + arena.stride_bytes());
    if (arena.has_norm_rows()) out.norms.push_back(arena.inverse_norm(SlotId(slot)));
  }
}

Written write_down(const HnswIndex& index, const VectorArena& arena) {
  Written out;
  write_vectors(arena, out);
  EXPECT_TRUE(index.visit_image({into(out.nodes), into(out.bottom), into(out.upper)}).ok());
  out.shape = index.shape();
  return out;
}

/// 2,000 clustered vectors, every tenth of them twice.
std::vector<Floats> some_vectors(std::size_t dimension) {
  SeededRandom random(7);
  std::vector<Floats> vectors = clustered(random, 2'000, dimension);
  for (std::size_t i = 0; i < vectors.size(); i += 10) vectors[i] = vectors[i / 2];
  return vectors;
}

struct Built {
  explicit Built(Metric metric, std::size_t dimension = 16)
      : vectors(some_vectors(dimension)),
        arena(static_cast<std::uint32_t>(dimension), metric, ElementType::kF32),
        index(arena, kSmall, 1) {
    append_all(arena, vectors);
    for (std::uint32_t slot = 0; slot < arena.size(); ++slot) EXPECT_TRUE(index.insert(SlotId(slot)).ok());
  }

  std::vector<Floats> vectors;
  VectorArena arena;
  HnswIndex index;
};

class RememberingGuard final : public RowGuard {
 public:
  void touch(const std::byte* first, std::size_t bytes) const override { touched.insert({first, bytes}); }
  void finish() const { complete_ = true; }
  mutable std::set<std::pair<const std::byte*, std::size_t>> touched;
};

TEST(HnswImage, AnswersAsTheGraphThatItIsOf) {
  struct Row {
    Metric metric;
    std::size_t dimension;
  };
  // At 16-d the norms have rows of their own, at 15-d they lie in the padding.
  for (const Row& row : {Row{Metric::kCosine, 16}, Row{Metric::kCosine, 15}, Row{Metric::kEuclidean, 16}}) {
    SCOPED_TRACE(metric_name(row.metric));
    const Built built(row.metric, row.dimension);
    const Written written = write_down(built.index, built.arena);
    const VectorArena arena(static_cast<std::uint32_t>(row.dimension), row.metric, ElementType::kF32,
                            written.vectors());
    ASSERT_EQ(arena.size(), built.arena.size());
    const auto index = HnswIndex::open(arena, written.image()).value();
    EXPECT_EQ(index->size(), built.index.size());
    EXPECT_TRUE(index->check_invariants().ok());
    SeededRandom random(11);
    const TestView view(arena.size());
    for (int i = 0; i < 50; ++i) {
      const Floats query = normal_vector(random, row.dimension);
      const auto before = built.index.search(Scorer(built.arena, bytes_of(query)), view, {.k = 10}).value();
      const auto after = index->search(Scorer(arena, bytes_of(query)), view, {.k = 10}).value();
      EXPECT_EQ(before.hits, after.hits);
      const Scorer scorer(arena, bytes_of(query));
      EXPECT_EQ(flat_search(arena, scorer, SlotId(0), SlotId(arena.size()), view, {.k = 5}).value().hits.size(), 5U);
    }
  }
}

TEST(HnswImage, GoesOnOverAnotherArena) {
  const std::vector<Floats> vectors = some_vectors(16);
  VectorArena first(16, Metric::kEuclidean, ElementType::kF32);
  append_all(first, vectors);
  HnswIndex begun(first, kSmall, 1);
  for (std::uint32_t slot = 0; slot < 700; ++slot) ASSERT_TRUE(begun.insert(SlotId(slot)).ok());

  VectorArena second(16, Metric::kEuclidean, ElementType::kF32);
  append_all(second, vectors);
  const auto index = begun.over(second);
  for (std::uint32_t slot = 700; slot < 2'000; ++slot) ASSERT_TRUE(index->insert(SlotId(slot)).ok());
  EXPECT_TRUE(index->check_invariants().ok());
  EXPECT_EQ(begun.size(), 2'000U);

  const Built whole(Metric::kEuclidean);
  const TestView view(2'000);
  for (std::size_t i = 0; i < 20; ++i) {
    const auto expected = whole.index.search(Scorer(whole.arena, bytes_of(vectors[i])), view, {.k = 10}).value();
    EXPECT_EQ(begun.search(Scorer(first, bytes_of(vectors[i])), view, {.k = 10}).value().hits, expected.hits);
    EXPECT_EQ(index->search(Scorer(second, bytes_of(vectors[i])), view, {.k = 10}).value().hits, expected.hits);
  }
}

TEST(HnswImage, AnEmptyGraphIsAGraph) {
  const VectorArena arena(4, Metric::kDot, ElementType::kF32);
  const HnswIndex empty(arena, kSmall, 1);
  const Written written = write_down(empty, arena);
  const auto index = HnswIndex::open(arena, written.image()).value();
  const Floats query(4, 1.0F);
  EXPECT_TRUE(index->search(Scorer(arena, bytes_of(query)), TestView(0), {.k = 3}).value().hits.empty());
}

HnswNode& node_of(Written& written, std::uint32_t slot) {
  return reinterpret_cast<HnswNode*>(written.nodes.data())[slot];
}

std::uint32_t& bottom_word(Written& written, std::uint32_t slot, std::uint32_t edge) {
  return reinterpret_cast<std::uint32_t*>(written.bottom.data() + std::size_t{slot} * 64)[edge];
}

TEST(HnswImage, RefusesNumbersThatLeadOutOfIt) {
  const Built built(Metric::kEuclidean);
  const Written whole = write_down(built.index, built.arena);
  const auto is_twin = [](Written& w, std::uint32_t slot) { return node_of(w, slot).level == HnswNode::kTwinLevel; };
  const auto find = [](Written& w, auto wanted) {
    std::uint32_t slot = 0;
    while (!wanted(w, slot)) ++slot;
    return slot;
  };
  struct Row {
    const char* name;
    std::function<void(Written&)> break_it;
    const char* message;
  };
  const std::vector<Row> rows = {
      {"no edges", [](Written& w) { w.shape.m = 0; }, "sizes"},
      {"too many edges", [](Written& w) { w.shape.m = 65; }, "sizes"},
      {"too many slots", [](Written& w) { w.shape.slots = ~0U; }, "sizes"},
      {"a node short", [](Written& w) { w.nodes.pop_back(); }, "sizes"},
      {"bottom short", [](Written& w) { w.bottom.pop_back(); }, "sizes"},
      {"upper short", [](Written& w) { w.upper.pop_back(); }, "sizes"},
      {"no entry", [](Written& w) { w.shape.entry.reset(); }, "entry"},
      {"entry outside", [](Written& w) { w.shape.entry->slot = 2'000; }, "entry"},
      {"entry above", [](Written& w) { ++w.shape.entry->level; }, "entry"},
      {"entry is a twin", [&](Written& w) { w.shape.entry->slot = find(w, is_twin); }, "entry"},
      {"edge outside", [](Written& w) { bottom_word(w, 1, 0) = 2'001; }, "slot 1 "},
      {"edge to a twin", [&](Written& w) { bottom_word(w, 1, 0) = find(w, is_twin) + 1; }, "slot 1 "},
      {"level too high", [](Written& w) { node_of(w, 1).level = 16; }, "out of bounds"},
      {"upper row outside",
       [](Written& w) {
         node_of(w, 1).level = 1;
         node_of(w, 1).upper_row = w.shape.upper_rows;
       },
       "slot 1 "},
      {"edge leaves its layer",
       [&](Written& w) {
         const auto high = [](Written& x, std::uint32_t slot) {
           const std::uint8_t level = node_of(x, slot).level;
           return level > 0 && level < 16;
         };
         const auto low = [](Written& x, std::uint32_t slot) { return node_of(x, slot).level == 0; };
         const std::uint32_t row = node_of(w, find(w, high)).upper_row;
         reinterpret_cast<std::uint32_t*>(w.upper.data() + std::size_t{row} * 64)[0] = find(w, low) + 1;
       },
       "out of bounds"},
      {"twins unannounced", [](Written& w) { w.shape.has_twins = false; }, "out of bounds"},
      {"twin outside", [](Written& w) { node_of(w, 1).next_twin = 2'001; }, "slot 1 "},
      {"twin is a node", [](Written& w) { node_of(w, 1).next_twin = 1; }, "slot 1 "},
      {"twins in a circle",
       [&](Written& w) {
         const std::uint32_t twin = find(w, is_twin);
         node_of(w, twin).next_twin = twin + 1;
       },
       "out of bounds"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Written broken = whole;
    row.break_it(broken);
    const auto opened = HnswIndex::open(built.arena, broken.image());
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_THAT(opened.error().message(), HasSubstr(row.message));
  }
  const VectorArena empty(16, Metric::kEuclidean, ElementType::kF32);
  EXPECT_THAT(HnswIndex::open(empty, whole.image()).error().message(), HasSubstr("more slots"));
  Written nothing;
  nothing.shape = {.m = 4, .entry = HnswEntry{.slot = 0, .level = 0}};
  EXPECT_THAT(HnswIndex::open(empty, nothing.image()).error().message(), HasSubstr("without nodes"));
}

TEST(FixedVectors, AreLookedAtBeforeTheyAreRead) {
  const Built built(Metric::kCosine, 15);
  const Written written = write_down(built.index, built.arena);
  const RememberingGuard guard;
  VectorArena arena(15, Metric::kCosine, ElementType::kF32, written.vectors(&guard));
  EXPECT_FALSE(arena.append(std::as_bytes(std::span(built.vectors.front()))).ok());
  const Scorer scorer(arena, bytes_of(built.vectors.front()));
  EXPECT_TRUE(guard.touched.empty());

  static_cast<void>(scorer.rank_distance(SlotId(3)));
  EXPECT_EQ(guard.touched.count({arena.vector(SlotId(3)), 64}), 1U);
  std::vector<float> out(2);
  const std::vector<SlotId> slots = {SlotId(5), SlotId(9)};
  scorer.rank_distances(slots, out);
  EXPECT_EQ(guard.touched.count({arena.vector(SlotId(9)), 64}), 1U);
  scorer.rank_distances(SlotId(20), out);
  EXPECT_EQ(guard.touched.count({arena.vector(SlotId(20)), 128}), 1U);
  const Scorer from_slot(arena, SlotId(30));
  EXPECT_EQ(guard.touched.count({arena.vector(SlotId(30)), 64}), 1U);

  guard.finish();
  const std::size_t before = guard.touched.size();
  static_cast<void>(scorer.rank_distance(SlotId(40)));
  EXPECT_EQ(guard.touched.size(), before);
}

}  // namespace
}  // namespace jade::index
