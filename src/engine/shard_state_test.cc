#include "engine/shard_state.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "base/test_env.h"
#include "engine/test_records.h"

namespace jade::engine {
namespace {

std::vector<std::byte> batch(std::vector<storage::RowWrite> rows) {
  return storage::encode_write_batch({.rows = std::move(rows)});
}

std::optional<std::vector<float>> vector_at(const ShardView& view, const std::string& id, std::size_t field = 0) {
  const RowRef row = view.find(id);
  if (!row.exists()) return std::nullopt;
  const Segment& segment = view.segment(row.segment);
  if (segment.slot(row.row, field) == kNoSlot) return std::nullopt;
  const index::VectorArena& arena = segment.field(field).arena();
  const std::byte* bytes = arena.vector(segment.slot(row.row, field));
  return floats_of({bytes, bytes + arena.vector_bytes()});
}

std::string metadata_at(const ShardView& view, const std::string& id) {
  const RowRef row = view.find(id);
  return view.segment(row.segment).metadata(row.row).value();
}

std::vector<std::uint32_t> visible_slots(const ShardView& view, std::size_t field = 0) {
  const FieldSlotView slots(view, {0, field}, RowRef());
  std::vector<std::uint32_t> visible;
  for (std::uint32_t slot = 0; slot < view.slots(0, field); ++slot) {
    const bool by_mask = (slots.visible_mask(slot) & 1) != 0;
    EXPECT_EQ(by_mask, slots.visible(SlotId(slot)));
    EXPECT_EQ(by_mask, slots.row_at(SlotId(slot)) != kNoRow);
    if (by_mask) visible.push_back(slot);
  }
  return visible;
}

TEST(ShardState, IsEmptyAtFirst) {
  const ShardState state(definition_of({field_definition(1, "", 2)}));
  const auto view = state.view();
  EXPECT_EQ(view->live_rows, 0U);
  EXPECT_FALSE(view->find("a").exists());
  EXPECT_TRUE(visible_slots(*view).empty());
  EXPECT_EQ(FieldSlotView(*view, {0, 0}, RowRef()).visible_mask(0), 0U);
}

TEST(ShardState, AViewDoesNotSeeLaterWrites) {
  ShardState state(definition_of({field_definition(1, "", 2)}));
  ASSERT_TRUE(state.apply(Sequence(1), 100, batch({put_row("a", {1, 2}), put_row("b", {3, 4})})).ok());
  const auto before = state.view();
  ASSERT_TRUE(state.apply(Sequence(2), 200, batch({put_row("a", {5, 6}), delete_row("b"), put_row("c", {7, 8})})).ok());
  const auto after = state.view();

  EXPECT_EQ(vector_at(*before, "a"), (std::vector<float>{1, 2}));
  EXPECT_EQ(vector_at(*before, "b"), (std::vector<float>{3, 4}));
  EXPECT_EQ(vector_at(*before, "c"), std::nullopt);
  EXPECT_EQ(before->live_rows, 2U);
  EXPECT_EQ(visible_slots(*before), (std::vector<std::uint32_t>{0, 1}));

  EXPECT_EQ(vector_at(*after, "a"), (std::vector<float>{5, 6}));
  EXPECT_EQ(vector_at(*after, "b"), std::nullopt);
  EXPECT_EQ(vector_at(*after, "c"), (std::vector<float>{7, 8}));
  EXPECT_EQ(after->live_rows, 2U);
  EXPECT_EQ(visible_slots(*after), (std::vector<std::uint32_t>{2, 3}));
}

TEST(ShardState, TimesAndVersionsComeFromTheRecord) {
  ShardState state(definition_of({field_definition(1, "", 2)}));
  ASSERT_TRUE(state.apply(Sequence(3), 100, batch({put_row("a", {1, 2})})).ok());
  ASSERT_TRUE(state.apply(Sequence(7), 250, batch({put_row("a", {1, 2})})).ok());
  const auto view = state.view();
  const RowInfo row = view->row(view->find("a"));
  EXPECT_EQ(row.begin, 7U);
  EXPECT_EQ(row.created_at_us, 100);
  EXPECT_EQ(row.updated_at_us, 250);

  // A record that was deleted and written again is a new one.
  ASSERT_TRUE(state.apply(Sequence(8), 300, batch({delete_row("a")})).ok());
  ASSERT_TRUE(state.apply(Sequence(9), 400, batch({put_row("a", {1, 2})})).ok());
  const auto later = state.view();
  EXPECT_EQ(later->row(later->find("a")).created_at_us, 400);
}

TEST(ShardState, AnUpdateKeepsWhatItDoesNotName) {
  ShardState state(definition_of({field_definition(1, "", 2), field_definition(2, "image", 3)}));
  storage::RowWrite both = put_row("a", {1, 2}, R"({"x":1})");
  both.vectors.push_back({VectorFieldId(2), bytes_of({7, 8, 9})});
  ASSERT_TRUE(state.apply(Sequence(1), 100, batch({both})).ok());
  const auto before = state.view();

  ASSERT_TRUE(
      state
          .apply(Sequence(2), 200,
                 batch({{.kind = storage::WriteKind::kUpdate, .id = "a", .vectors = {}, .metadata = R"({"y":2})"}}))
          .ok());
  const auto renamed = state.view();
  EXPECT_EQ(vector_at(*renamed, "a", 0), (std::vector<float>{1, 2}));
  EXPECT_EQ(vector_at(*renamed, "a", 1), (std::vector<float>{7, 8, 9}));
  EXPECT_EQ(metadata_at(*renamed, "a"), R"({"y":2})");
  EXPECT_EQ(metadata_at(*before, "a"), R"({"x":1})");
  // The vectors did not move: the same slots, seen by both views.
  EXPECT_EQ(renamed->growing_slots, before->growing_slots);
  EXPECT_EQ(visible_slots(*before), visible_slots(*renamed));

  ASSERT_TRUE(state
                  .apply(Sequence(3), 300,
                         batch({{.kind = storage::WriteKind::kUpdate,
                                 .id = "a",
                                 .vectors = {{VectorFieldId(2), bytes_of({4, 5, 6})}},
                                 .metadata = {}}}))
                  .ok());
  const auto moved = state.view();
  EXPECT_EQ(vector_at(*moved, "a", 0), (std::vector<float>{1, 2}));
  EXPECT_EQ(vector_at(*moved, "a", 1), (std::vector<float>{4, 5, 6}));
  EXPECT_EQ(metadata_at(*moved, "a"), R"({"y":2})");
  EXPECT_EQ(vector_at(*renamed, "a", 1), (std::vector<float>{7, 8, 9}));
  EXPECT_EQ(visible_slots(*renamed, 1), (std::vector<std::uint32_t>{0}));
  EXPECT_EQ(visible_slots(*moved, 1), (std::vector<std::uint32_t>{1}));
}

TEST(ShardState, APutDropsWhatItDoesNotName) {
  ShardState state(definition_of({field_definition(1, "", 2), field_definition(2, "image", 3)}));
  storage::RowWrite both = put_row("a", {1, 2}, R"({"x":1})");
  both.vectors.push_back({VectorFieldId(2), bytes_of({7, 8, 9})});
  ASSERT_TRUE(state.apply(Sequence(1), 100, batch({both})).ok());
  ASSERT_TRUE(state.apply(Sequence(2), 200, batch({put_row("a", {3, 4})})).ok());
  const auto view = state.view();
  EXPECT_EQ(vector_at(*view, "a", 1), std::nullopt);
  EXPECT_EQ(metadata_at(*view, "a"), "");
  EXPECT_TRUE(visible_slots(*view, 1).empty());
}

TEST(ShardState, OfTwoRowsWithOneIdInABatchTheLaterCounts) {
  ShardState state(definition_of({field_definition(1, "", 2)}));
  ASSERT_TRUE(state.apply(Sequence(1), 100, batch({put_row("a", {1, 1}), put_row("a", {2, 2})})).ok());
  const auto view = state.view();
  EXPECT_EQ(vector_at(*view, "a"), (std::vector<float>{2, 2}));
  EXPECT_EQ(view->live_rows, 1U);
  EXPECT_EQ(visible_slots(*view), (std::vector<std::uint32_t>{1}));
}

TEST(ShardState, RefusesRowsThatCannotHaveBeenAccepted) {
  struct Case {
    const char* name;
    std::vector<std::byte> payload;
  };
  storage::RowWrite unknown_field = put_row("b", {1, 2});
  unknown_field.vectors.front().field = VectorFieldId(9);
  const Case cases[] = {
      {"delete of nothing", batch({delete_row("b")})},
      {"update of nothing", batch({{.kind = storage::WriteKind::kUpdate, .id = "b", .vectors = {}, .metadata = "{}"}})},
      {"another dimension", batch({put_row("b", {1, 2, 3})})},
      {"an unknown field", batch({unknown_field})},
      {"no batch at all", std::vector<std::byte>(40, std::byte{0x5a})},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    ShardState state(definition_of({field_definition(1, "", 2)}));
    ASSERT_TRUE(state.apply(Sequence(1), 100, batch({put_row("a", {1, 2})})).ok());
    const Result<void> applied = state.apply(Sequence(2), 200, c.payload);
    ASSERT_FALSE(applied.ok());
    EXPECT_EQ(applied.error().code(), ErrorCode::kDataCorrupted);
  }
}

TEST(ShardState, ExcludesOneRow) {
  ShardState state(definition_of({field_definition(1, "", 1)}));
  std::vector<storage::RowWrite> rows;
  for (int i = 0; i < 200; ++i) rows.push_back(put_row("r" + std::to_string(i), {static_cast<float>(i)}));
  ASSERT_TRUE(state.apply(Sequence(1), 100, batch(std::move(rows))).ok());
  const auto view = state.view();
  const FieldSlotView slots(*view, {0, 0}, view->find("r130"));
  EXPECT_FALSE(slots.visible(SlotId(130)));
  EXPECT_EQ(slots.visible_mask(128), ~(std::uint64_t{1} << 2));
  EXPECT_EQ(slots.visible_mask(70), ~(std::uint64_t{1} << 60));
  EXPECT_EQ(slots.visible_mask(0), ~std::uint64_t{0});
  EXPECT_EQ(slots.visible_mask(192), 0xffU);
}

/// Every view, old and new, agrees with a map that was copied when it was taken.
TEST(ShardState, ViewsAgreeWithAModelAtEveryMoment) {
  const std::uint64_t seed = test_seed(20261);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  ShardState state(definition_of({field_definition(1, "", 2)}));
  using Model = std::map<std::string, std::vector<float>>;
  Model model;
  std::vector<std::pair<std::shared_ptr<const ShardView>, Model>> moments;
  const std::size_t steps = test_scale(400);
  for (std::size_t step = 1; step <= steps; ++step) {
    std::vector<storage::RowWrite> rows;
    for (std::uint64_t n = 1 + random.next_below(4); n > 0; --n) {
      const std::string id = "id" + std::to_string(random.next_below(60));
      if (model.contains(id) && random.next_below(3) == 0) {
        rows.push_back(delete_row(id));
        model.erase(id);
      } else {
        std::vector<float> vector = random_vector(random, 2);
        rows.push_back(put_row(id, vector));
        model[id] = std::move(vector);
      }
    }
    ASSERT_TRUE(state.apply(Sequence(step), static_cast<std::int64_t>(step), batch(std::move(rows))).ok());
    if (random.next_below(8) == 0) moments.emplace_back(state.view(), model);
  }
  moments.emplace_back(state.view(), model);
  for (const auto& [view, expected] : moments) {
    EXPECT_EQ(view->live_rows, expected.size());
    for (int i = 0; i < 60; ++i) {
      const std::string id = "id" + std::to_string(i);
      const auto found = expected.find(id);
      EXPECT_EQ(vector_at(*view, id), found == expected.end() ? std::nullopt : std::optional(found->second));
    }
    EXPECT_EQ(visible_slots(*view).size(), expected.size());
  }
}

}  // namespace
}  // namespace jade::engine
