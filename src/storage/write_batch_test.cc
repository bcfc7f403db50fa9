#include "storage/write_batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/random.h"
#include "base/test_env.h"

namespace jade::storage {
namespace {

std::vector<std::byte> some_bytes(std::size_t size, std::uint8_t first) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(static_cast<std::uint8_t>(first + i));
  return bytes;
}

WriteBatch example() {
  return {{
      {WriteKind::kPut,
       "a",
       {{VectorFieldId{1}, some_bytes(12, 1)}, {VectorFieldId{7}, some_bytes(3, 9)}},
       "{\"n\":1}"},
      {WriteKind::kUpdate, "héllo", {}, ""},
      {WriteKind::kDelete, std::string(512, 'x'), {}, std::nullopt},
  }};
}

WriteBatch random_batch(SeededRandom& random) {
  WriteBatch batch;
  for (std::uint64_t rows = random.next_below(6); rows != 0; --rows) {
    RowWrite& row = batch.rows.emplace_back();
    row.kind = static_cast<WriteKind>(random.next_below(3));
    row.id = std::string(1 + random.next_below(40), static_cast<char>('a' + random.next_below(26)));
    for (std::uint64_t vectors = random.next_below(3); vectors != 0; --vectors) {
      row.vectors.push_back({VectorFieldId{static_cast<std::uint32_t>(random.next_u64())},
                             some_bytes(random.next_below(70), static_cast<std::uint8_t>(random.next_u64()))});
    }
    if (random.next_below(2) == 0) row.metadata = std::string(random.next_below(50), '{');
  }
  return batch;
}

// Reads every byte that the view gives out, for the sanitizers to watch.
std::size_t touch(const WriteBatchView& view) {
  std::size_t sum = 0;
  const WriteBatch copy = to_write_batch(view);
  for (const RowWrite& row : copy.rows) sum += row.id.size() + row.vectors.size();
  return sum;
}

TEST(WriteBatch, ComesBackAsItWas) {
  const std::vector<std::byte> bytes = encode_write_batch(example());
  const auto view = WriteBatchView::parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(to_write_batch(*view), example());
}

TEST(WriteBatch, RandomOnesComeBackAsTheyWere) {
  const std::uint64_t seed = test_seed(1);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (std::size_t i = 0; i < test_scale(300); ++i) {
    const WriteBatch batch = random_batch(random);
    const std::vector<std::byte> bytes = encode_write_batch(batch);
    const auto view = WriteBatchView::parse(bytes);
    ASSERT_TRUE(view.ok());
    ASSERT_EQ(to_write_batch(*view), batch);
  }
}

TEST(WriteBatch, DiffersInEveryPart) {
  const std::function<void(RowWrite&)> changes[] = {
      [](RowWrite& row) { row.kind = WriteKind::kUpdate; },
      [](RowWrite& row) { row.id = "b"; },
      [](RowWrite& row) { row.vectors.pop_back(); },
      [](RowWrite& row) { row.metadata.reset(); },
      [](RowWrite& row) { row.vectors[0].field = VectorFieldId{2}; },
      [](RowWrite& row) { row.vectors[1].bytes.clear(); },
  };
  for (const auto& change : changes) {
    WriteBatch batch = example();
    change(batch.rows[0]);
    EXPECT_NE(batch, example());
  }
}

TEST(WriteBatch, EmptyIsNotMalformed) {
  const std::vector<std::byte> bytes = encode_write_batch({});
  const auto view = WriteBatchView::parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->size(), 0u);
}

TEST(WriteBatch, GivesRowsInPlace) {
  const std::vector<std::byte> bytes = encode_write_batch(example());
  const auto view = WriteBatchView::parse(bytes);
  ASSERT_TRUE(view.ok());
  const RowWriteView row = view->row(0);
  const auto inside = [&](const void* at) { return at >= bytes.data() && at < bytes.data() + bytes.size(); };
  EXPECT_TRUE(inside(row.id.data()));
  EXPECT_TRUE(inside(row.metadata->data()));
  ASSERT_EQ(row.vectors.size(), 2u);
  for (const VectorValueView vector : row.vectors) {
    EXPECT_TRUE(inside(vector.bytes.data()));
    EXPECT_EQ(static_cast<std::size_t>(vector.bytes.data() - bytes.data()) % 16, 0u);
  }
  auto iterator = row.vectors.begin();
  EXPECT_EQ((*iterator++).field, VectorFieldId{1});
  EXPECT_EQ((*iterator).field, VectorFieldId{7});
  EXPECT_NE(iterator, VectorValueRange::Iterator());
}

TEST(WriteBatch, ReadsFromAnOddAddressAndOutlivesTheTemporaryCopy) {
  const std::vector<std::byte> bytes = encode_write_batch(example());
  std::vector<std::byte> shifted(bytes.size() + 1);
  std::ranges::copy(bytes, shifted.begin() + 1);
  const auto view = WriteBatchView::parse(std::span(shifted).subspan(1));
  ASSERT_TRUE(view.ok());
  const WriteBatchView copy = *view;
  EXPECT_EQ(to_write_batch(copy), example());
}

TEST(WriteBatch, TellsAbsentMetadataFromEmpty) {
  const std::vector<std::byte> bytes = encode_write_batch(example());
  const auto view = WriteBatchView::parse(bytes);
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(view->row(1).metadata, "");
  EXPECT_EQ(view->row(2).metadata, std::nullopt);
}

TEST(WriteBatch, RefusesAnUnknownKind) {
  WriteBatch batch = example();
  batch.rows[1].kind = static_cast<WriteKind>(3);
  const auto view = WriteBatchView::parse(encode_write_batch(batch));
  ASSERT_FALSE(view.ok());
  EXPECT_EQ(view.error().code(), ErrorCode::kDataCorrupted);
}

TEST(WriteBatch, RefusesEveryTruncation) {
  const std::vector<std::byte> bytes = encode_write_batch(example());
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    // The last bytes of a FlatBuffer may be padding that nothing refers to.
    const auto view = WriteBatchView::parse(std::span(bytes).first(size));
    if (view.ok()) {
      EXPECT_EQ(to_write_batch(*view), example());
    } else {
      EXPECT_EQ(view.error().code(), ErrorCode::kDataCorrupted);
    }
  }
  EXPECT_FALSE(WriteBatchView::parse(std::span(bytes).first(bytes.size() / 2)).ok());
}

TEST(WriteBatch, SurvivesRandomDamage) {
  const std::uint64_t seed = test_seed(2);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const std::vector<std::byte> bytes = encode_write_batch(example());
  for (std::size_t i = 0; i < test_scale(5000); ++i) {
    std::vector<std::byte> damaged = bytes;
    for (std::uint64_t edits = 1 + random.next_below(4); edits != 0; --edits) {
      damaged[random.next_below(damaged.size())] = std::byte(static_cast<std::uint8_t>(random.next_u64()));
    }
    const auto view = WriteBatchView::parse(damaged);
    if (view.ok()) touch(*view);
  }
}

}  // namespace
}  // namespace jade::storage
