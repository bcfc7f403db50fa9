// A sealed segment answers as the memory that it is the image of.

#include "engine/sealed_segment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/test_env.h"
#include "engine/frozen_source.h"
#include "engine/segment_writer.h"
#include "engine/shard_state.h"
#include "engine/test_records.h"
#include "io/memory_file_system.h"
#include "storage/publish_file.h"

namespace jade::engine {
namespace {

using testing::HasSubstr;

const std::string kDirectory = "segments";

storage::Definition two_fields(IndexType index = IndexType::kFlat) {
  return definition_of({field_definition(1, "", 16, Metric::kCosine, index),
                        field_definition(2, "image", 3, Metric::kEuclidean, index)});
}

/// A shard of which one segment was frozen and written.
class SealedSegmentTest : public testing::Test {
 protected:
  SealedSegmentTest() { EXPECT_TRUE(files_.create_directories(kDirectory).ok()); }

  SegmentTarget target() { return {files_, kDirectory, definition_, system_random(), ShardId(0)}; }
  SealedPlace place() { return {files_, kDirectory, definition_}; }

  void apply(std::vector<storage::RowWrite> rows) {
    ++sequence_;
    ASSERT_TRUE(state_
                    .apply(Sequence(sequence_), static_cast<std::int64_t>(sequence_) * 10,
                           storage::encode_write_batch({.rows = std::move(rows)}))
                    .ok());
  }
  storage::RowWrite random_put(const std::string& id) {
    storage::RowWrite row = put_row(id, random_vector(random_, 16));
    if (random_.next_below(3) == 0) row.vectors.clear();
    if (random_.next_below(2) == 0) row.vectors.push_back({VectorFieldId(2), bytes_of(random_vector(random_, 3))});
    if (random_.next_below(4) != 0) row.metadata = R"({"n":)" + std::to_string(random_.next_below(1000)) + "}";
    return row;
  }
  /// Writes, updates and deletes of `ids` records.
  void churn(std::size_t steps, std::uint64_t ids) {
    for (std::size_t step = 0; step < steps; ++step) {
      const std::string id = "id" + std::to_string(random_.next_below(ids));
      if (!state_.view()->find(id).exists()) {
        apply({random_put(id)});
      } else if (random_.next_below(3) == 0) {
        apply({delete_row(id)});
      } else {
        storage::RowWrite row = random_put(id);
        row.kind = random_.next_below(2) == 0 ? storage::WriteKind::kPut : storage::WriteKind::kUpdate;
        apply({std::move(row)});
      }
    }
  }
  std::shared_ptr<SealedSegment> seal(const MemorySegment& frozen, std::uint64_t number = 1) {
    entry_ = write_segment(target(), number, FrozenSource(frozen, sequence_), sequence_).value();
    return SealedSegment::open(place(), entry_).value();
  }

  const std::uint64_t seed_ = test_seed(3101);
  SeededRandom random_{seed_};
  io::MemoryFileSystem files_;
  storage::Definition definition_ = two_fields();
  ShardState state_{definition_};
  std::uint64_t sequence_ = 0;
  storage::SegmentEntry entry_;
};

void expect_same_row(const Segment& memory, const Segment& sealed, RowId row) {
  const RowInfo a = memory.row(row);
  const RowInfo b = sealed.row(row);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.begin, b.begin);
  EXPECT_EQ(a.end, b.end);
  EXPECT_EQ(a.created_at_us, b.created_at_us);
  EXPECT_EQ(a.updated_at_us, b.updated_at_us);
  EXPECT_EQ(a.previous, b.previous);
  EXPECT_EQ(memory.metadata(row).value(), sealed.metadata(row).value());
  for (std::size_t field = 0; field < memory.field_count(); ++field) {
    const SlotId slot = memory.slot(row, field);
    ASSERT_EQ(slot, sealed.slot(row, field));
    if (slot == kNoSlot) continue;
    const index::VectorArena& arena = memory.field(field).arena();
    EXPECT_EQ(std::memcmp(arena.vector(slot), sealed.field(field).arena().vector(slot), arena.vector_bytes()), 0);
    EXPECT_EQ(memory.field(field).row_of(slot), sealed.field(field).row_of(slot));
  }
}

TEST_F(SealedSegmentTest, IsTheImageOfWhatWasFrozen) {
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed_));
  churn(test_scale(2'000), 300);
  const auto frozen = state_.freeze();
  const auto sealed = seal(*frozen);
  ASSERT_EQ(sealed->rows(), frozen->rows());
  for (std::uint32_t row = 0; row < frozen->rows(); ++row) expect_same_row(*frozen, *sealed, RowId(row));
  for (int i = 0; i < 310; ++i) {
    const std::string id = "id" + std::to_string(i);
    EXPECT_EQ(sealed->newest(id), frozen->newest(id));
  }
  EXPECT_EQ(sealed->live_rows(), state_.view()->live_rows);
  EXPECT_TRUE(sealed->whole().ok());
  for (std::size_t field = 0; field < 2; ++field) {
    const std::uint32_t slots = frozen->field(field).slots();
    for (std::uint32_t first = 0; first < slots; first += 64) {
      EXPECT_EQ(frozen->field(field).released_mask(first, slots), sealed->field(field).released_mask(first, slots));
    }
  }
}

TEST_F(SealedSegmentTest, TakesThePlaceOfTheFrozenOne) {
  churn(500, 100);
  const auto frozen = state_.freeze();
  const auto sealed = seal(*frozen);
  const auto before = state_.view();
  state_.replace({frozen}, sealed);
  const auto after = state_.view();
  EXPECT_EQ(before->live_rows, after->live_rows);
  for (int i = 0; i < 100; ++i) {
    const std::string id = "id" + std::to_string(i);
    EXPECT_EQ(before->find(id), after->find(id));
  }
  // Writes to what is sealed end its rows, and updates keep what they do not name.
  std::map<std::string, std::string> metadata;
  for (int i = 0; i < 100; ++i) {
    const std::string id = "id" + std::to_string(i);
    const RowRef row = after->find(id);
    if (!row.exists()) continue;
    if (i % 3 == 0) {
      apply({delete_row(id)});
    } else {
      metadata[id] = after->segment(row.segment).metadata(row.row).value();
      apply({{.kind = storage::WriteKind::kUpdate,
              .id = id,
              .vectors = {{VectorFieldId(2), bytes_of({1, 2, 3})}},
              .metadata = {}}});
    }
  }
  const auto changed = state_.view();
  EXPECT_EQ(changed->live_rows, metadata.size());
  for (const auto& [id, text] : metadata) {
    const RowRef row = changed->find(id);
    ASSERT_EQ(row.segment, 0U);
    EXPECT_EQ(changed->growing->metadata(row.row).value(), text);
    const RowRef old = after->find(id);
    ASSERT_TRUE(old.exists()) << "an older view sees the older row";
    const SlotId kept = after->segment(old.segment).slot(old.row, 0);
    const SlotId slot = changed->growing->slot(row.row, 0);
    ASSERT_EQ(kept == kNoSlot, slot == kNoSlot);
    if (slot == kNoSlot) continue;
    EXPECT_EQ(std::memcmp(changed->growing->field(0).arena().vector(slot), sealed->field(0).arena().vector(kept), 64),
              0);
  }
}

TEST_F(SealedSegmentTest, AnEmptyOneIsOne) {
  const auto sealed = seal(*state_.freeze());
  EXPECT_EQ(sealed->rows(), 0U);
  EXPECT_EQ(sealed->newest("a"), kNoRow);
  EXPECT_TRUE(sealed->whole().ok());
}

TEST_F(SealedSegmentTest, KeepsItsGraph) {
  definition_ = two_fields(IndexType::kHnsw);
  ShardState state(definition_);
  std::vector<storage::RowWrite> rows;
  for (int i = 0; i < 1'500; ++i) rows.push_back(put_row("r" + std::to_string(i), random_vector(random_, 16)));
  ASSERT_TRUE(state.apply(Sequence(1), 1, storage::encode_write_batch({.rows = rows})).ok());
  const auto frozen = state.freeze();
  // Half of it is linked in memory, the rest over the file.
  ASSERT_EQ(frozen->field(0).index_some(700).value(), 700U);
  sequence_ = 1;
  const auto sealed = seal(*frozen);
  EXPECT_EQ(sealed->field(0).pending(), 1'500U);
  sealed->field(0).take_over_graph(frozen->field(0));
  sealed->field(1).take_over_graph(frozen->field(1));
  EXPECT_EQ(frozen->field(0).index_some(10).value(), 0U);
  EXPECT_EQ(sealed->field(0).index_some(10'000).value(), 800U);
  EXPECT_TRUE(sealed->field(0).graph()->check_invariants().ok());

  const auto vectors = std::ranges::find_if(entry_.components, [](const storage::SegmentComponent& component) {
    return component.file.kind == storage::ComponentKind::kVectors && component.file.field == VectorFieldId(1);
  });
  entry_.components.push_back(write_graph(target(), 1, *sealed->field(0).graph(), vectors->file).value());
  const auto opened = SealedSegment::open(place(), entry_).value();
  EXPECT_EQ(opened->field(0).indexed(), 1'500U);
  EXPECT_EQ(opened->field(0).pending(), 0U);

  // One that was built over other vectors is not used.
  storage::ComponentRef others = vectors->file;
  others.checksum ^= 1;
  entry_.components.back() = write_graph(target(), 1, *sealed->field(0).graph(), others).value();
  EXPECT_EQ(SealedSegment::open(place(), entry_).value()->field(0).pending(), 1'500U);
}

TEST_F(SealedSegmentTest, NamesWhatIsMissing) {
  churn(50, 20);
  const auto frozen = state_.freeze();
  seal(*frozen);
  for (std::size_t i = 0; i < entry_.components.size(); ++i) {
    const std::string name = storage::segment_file_name(1, entry_.components[i]);
    SCOPED_TRACE(name);
    storage::SegmentEntry less = entry_;
    less.components.erase(less.components.begin() + static_cast<std::ptrdiff_t>(i));
    const bool needed = entry_.components[i].file.kind != storage::ComponentKind::kTombstones;
    EXPECT_EQ(SealedSegment::open(place(), less).ok(), !needed);

    const std::string path = io::join_path(kDirectory, name);
    ASSERT_TRUE(files_.rename(path, path + ".away").ok());
    const auto opened = SealedSegment::open(place(), entry_);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_THAT(opened.error().message(), HasSubstr(name));
    ASSERT_TRUE(files_.rename(path + ".away", path).ok());
  }
}

/// Reads all that there is; the first error, or whether every answer was right.
Result<bool> read_all(const SealedSegment& sealed, const MemorySegment& frozen) {
  bool right = true;
  for (std::uint32_t i = 0; i < frozen.rows(); ++i) {
    const RowId row(i);
    right = right && sealed.row(row).id == frozen.row(row).id && sealed.row(row).begin == frozen.row(row).begin &&
            sealed.row(row).previous == frozen.row(row).previous &&
            sealed.newest(frozen.row(row).id) == frozen.newest(frozen.row(row).id);
    JADE_ASSIGN_OR_RETURN(const std::string metadata, sealed.metadata(row));
    right = right && metadata == frozen.metadata(row).value();
    for (std::size_t field = 0; field < frozen.field_count(); ++field) {
      const SlotId slot = sealed.slot(row, field);
      right = right && slot == frozen.slot(row, field);
      if (slot == kNoSlot) continue;
      const index::VectorArena& arena = sealed.field(field).arena();
      arena.touch(slot, 1);
      right = right && sealed.field(field).row_of(slot) == frozen.field(field).row_of(slot) &&
              std::memcmp(arena.vector(slot), frozen.field(field).arena().vector(slot), arena.vector_bytes()) == 0;
    }
    JADE_RETURN_IF_ERROR(sealed.whole());
  }
  return right;
}

TEST_F(SealedSegmentTest, DamageIsAnErrorAndNeverAnAnswer) {
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed_));
  churn(300, 60);
  const auto frozen = state_.freeze();
  seal(*frozen);
  ASSERT_TRUE(read_all(*SealedSegment::open(place(), entry_).value(), *frozen).value());
  for (std::size_t round = 0; round < test_scale(400); ++round) {
    const auto& component = entry_.components[random_.next_below(entry_.components.size())];
    const std::string path = io::join_path(kDirectory, storage::segment_file_name(1, component));
    const std::vector<std::byte> whole = storage::read_whole_file(files_, path).value();
    std::vector<std::byte> damaged = whole;
    const std::size_t at = random_.next_below(damaged.size());
    damaged[at] ^= std::byte{static_cast<unsigned char>(1 + random_.next_below(255))};
    SCOPED_TRACE(path + " at " + std::to_string(at));
    ASSERT_TRUE(storage::publish_file(files_, path, damaged).ok());
    const auto opened = SealedSegment::open(place(), entry_);
    const Result<bool> read = opened.ok() ? read_all(**opened, *frozen) : Result<bool>(opened.error());
    // Padding between sections that nothing reads may be damaged unnoticed, until a scrub.
    if (read.ok()) {
      EXPECT_TRUE(*read);
    } else {
      EXPECT_EQ(read.error().code(), ErrorCode::kDataCorrupted);
    }
    ASSERT_TRUE(storage::publish_file(files_, path, whole).ok());
  }
}

}  // namespace
}  // namespace jade::engine
