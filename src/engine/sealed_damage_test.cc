// Segments whose files are sound but say what cannot be, and disks that fail while they are written and opened.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "engine/frozen_source.h"
#include "engine/segment_writer.h"
#include "engine/shard_files.h"
#include "engine/shard_state.h"
#include "engine/test_records.h"
#include "engine/test_store.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/component_writer.h"

namespace jade::engine {
namespace {

using storage::ComponentKind;

const std::string kDirectory = "segments";

/// A frozen segment with everything in it: two fields, updates that keep a vector, deletes, metadata, a graph.
class Frozen {
 public:
  Frozen() {
    apply({full("a"), full("b"), full("c"), put_row("d", std::vector<float>(16, 2.0F))});
    apply({{.kind = storage::WriteKind::kUpdate, .id = "a", .vectors = {}, .metadata = R"({"new":1})"}});
    apply({delete_row("b")});
    segment = state_.freeze();
    EXPECT_EQ(segment->field(0).index_some(100).value(), segment->field(0).slots());
  }

  storage::Definition definition = definition_of({field_definition(1, "", 16, Metric::kCosine, IndexType::kHnsw),
                                                  field_definition(2, "image", 3, Metric::kEuclidean)});
  std::shared_ptr<MemorySegment> segment;
  std::uint64_t sequence = 0;

 private:
  static storage::RowWrite full(const std::string& id) {
    storage::RowWrite row = put_row(id, std::vector<float>(16, static_cast<float>(id[0])), R"({"id":")" + id + "\"}");
    row.vectors.push_back({VectorFieldId(2), bytes_of({1, 2, static_cast<float>(id[0])})});
    return row;
  }
  void apply(std::vector<storage::RowWrite> rows) {
    ++sequence;
    EXPECT_TRUE(state_.apply(Sequence(sequence), 10, storage::encode_write_batch({.rows = std::move(rows)})).ok());
  }
  ShardState state_{definition};
};

class SealedDamageTest : public testing::Test {
 protected:
  SealedDamageTest() {
    EXPECT_TRUE(memory_.create_directories(kDirectory).ok());
    entry_ = write_all(memory_).value();
  }

  SegmentTarget target(io::FileSystem& files) {
    return {files, kDirectory, frozen_.definition, system_random(), ShardId(0)};
  }
  Result<storage::SegmentEntry> write_all(io::FileSystem& files) {
    JADE_ASSIGN_OR_RETURN(
        storage::SegmentEntry entry,
        write_segment(target(files), 1, FrozenSource(*frozen_.segment, frozen_.sequence), frozen_.sequence));
    const storage::ComponentRef vectors = component(entry, ComponentKind::kVectors, 1).file;
    JADE_ASSIGN_OR_RETURN(const storage::SegmentComponent graph,
                          write_graph(target(files), 1, *frozen_.segment->field(0).graph(), vectors));
    entry.components.push_back(graph);
    return entry;
  }
  static storage::SegmentComponent& component(storage::SegmentEntry& entry, ComponentKind kind,
                                              std::uint32_t field = 0) {
    return *std::ranges::find_if(entry.components, [&](const storage::SegmentComponent& one) {
      return one.file.kind == kind && one.file.field == VectorFieldId(field);
    });
  }
  Result<std::shared_ptr<SealedSegment>> open(io::FileSystem& files, const storage::SegmentEntry& entry) {
    return SealedSegment::open({files, kDirectory, frozen_.definition}, entry);
  }

  using Sections = std::map<std::uint32_t, std::vector<std::byte>>;
  /// Writes a component again with other sections, sound in itself, and has the entry name it.
  void rewrite(storage::SegmentEntry& entry, ComponentKind kind, std::uint32_t field,
               const std::function<void(Sections&)>& change, std::uint32_t shard = 0) {
    storage::SegmentComponent& old = component(entry, kind, field);
    const std::string path = io::join_path(kDirectory, storage::segment_file_name(1, old));
    Sections sections;
    storage::ComponentInfo info;
    {
      const auto file = storage::ComponentFile::open(memory_, path, old.file, frozen_.definition.database).value();
      info = file->info();
      for (const storage::ComponentSection& section : file->sections()) {
        std::vector<std::byte>& bytes = sections[section.id];
        bytes.resize(section.bytes);
        ASSERT_TRUE(file->read(section, 0, bytes).ok());
      }
    }
    change(sections);
    info.shard = ShardId(shard);
    const auto writer = storage::ComponentWriter::create(memory_, path, info, system_random()).value();
    for (const auto& [id, bytes] : sections) {
      ASSERT_TRUE(writer->begin_section(id).ok());
      ASSERT_TRUE(writer->append(bytes).ok());
    }
    old.file = writer->finish().value();
  }

  template <class T>
  static void set(Sections& sections, std::uint32_t section, std::size_t index, T value) {
    std::memcpy(sections[section].data() + index * sizeof(T), &value, sizeof(T));
  }

  /// Everything that a reader does.
  Result<void> use(const SealedSegment& sealed) {
    for (std::uint32_t i = 0; i < sealed.rows(); ++i) {
      static_cast<void>(sealed.row(RowId(i)));
      static_cast<void>(sealed.version_at(RowId(i), 1));
      for (std::size_t field = 0; field < sealed.field_count(); ++field) {
        const SlotId slot = sealed.slot(RowId(i), field);
        if (slot != kNoSlot) static_cast<void>(sealed.row(sealed.field(field).row_of(slot)));
      }
      JADE_ASSIGN_OR_RETURN(const std::string metadata, sealed.metadata(RowId(i)));
    }
    for (const char* id : {"a", "b", "c", "d", "none"}) static_cast<void>(sealed.newest(id));
    return sealed.whole();
  }

  Frozen frozen_;
  io::MemoryFileSystem memory_;
  storage::SegmentEntry entry_;
};

TEST_F(SealedDamageTest, RefusesFilesThatDoNotFitTogether) {
  struct Row {
    const char* name;
    ComponentKind kind;
    std::uint32_t field;
    std::function<void(Sections&)> change;
  };
  const auto drop = [](std::uint32_t section) { return [section](Sections& s) { s.erase(section); }; };
  const auto cut = [](std::uint32_t section) { return [section](Sections& s) { s[section].pop_back(); }; };
  const Row rows[] = {
      {"no begin", ComponentKind::kRows, 0, drop(1)},
      {"short created", ComponentKind::kRows, 0, cut(2)},
      {"short updated", ComponentKind::kRows, 0, cut(3)},
      {"short previous", ComponentKind::kRows, 0, cut(4)},
      {"short slots", ComponentKind::kRows, 0, cut(257)},
      {"no id table", ComponentKind::kIds, 0, drop(1)},
      {"no ids", ComponentKind::kIds, 0, drop(3)},
      {"an odd id table", ComponentKind::kIds, 0, [](Sections& s) { s[1].resize(24); }},
      {"an empty id table", ComponentKind::kIds, 0, [](Sections& s) { s[1].clear(); }},
      {"short offsets", ComponentKind::kIds, 0, cut(2)},
      {"no metadata places", ComponentKind::kMetadata, 0, drop(3)},
      {"no vectors", ComponentKind::kVectors, 1, drop(1)},
      {"half a vector", ComponentKind::kVectors, 1, cut(1)},
      {"no norms", ComponentKind::kVectors, 1, drop(2)},
      {"short norms", ComponentKind::kVectors, 1, cut(2)},
      {"short rows of slots", ComponentKind::kVectors, 1, cut(3)},
      {"no rows of slots", ComponentKind::kVectors, 2, drop(3)},
      {"a tombstone of no row", ComponentKind::kTombstones, 0, [](Sections& s) { set(s, 1, 0, 99U); }},
      {"a tombstone twice", ComponentKind::kTombstones, 0,
       [](Sections& s) { s[1].insert(s[1].end(), s[1].begin(), s[1].begin() + 24); }},
      {"a tombstone at 0", ComponentKind::kTombstones, 0, [](Sections& s) { set(s, 1, 1, std::uint64_t{0}); }},
      {"a tombstone to come", ComponentKind::kTombstones, 0, [](Sections& s) { set(s, 1, 1, std::uint64_t{99}); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    storage::SegmentEntry entry = entry_;
    rewrite(entry, row.kind, row.field, row.change);
    const auto opened = open(memory_, entry);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_TRUE(write_all(memory_).ok());
    entry_ = write_all(memory_).value();
  }
  rewrite(entry_, ComponentKind::kIds, 0, [](Sections&) {}, 1);
  EXPECT_FALSE(open(memory_, entry_).ok()) << "of another shard";
}

TEST_F(SealedDamageTest, NumbersThatLeadOutOfItAreDamage) {
  struct Row {
    const char* name;
    ComponentKind kind;
    std::uint32_t field;
    std::function<void(Sections&)> change;
  };
  const Row rows[] = {
      {"ids that descend", ComponentKind::kIds, 0, [](Sections& s) { set(s, 2, 1, std::uint64_t{1} << 40); }},
      {"ids behind the end", ComponentKind::kIds, 0, [](Sections& s) { set(s, 2, 5, std::uint64_t{1} << 40); }},
      {"a slot that is none", ComponentKind::kRows, 0, [](Sections& s) { set(s, 257, 0, 77U); }},
      {"a row that is none", ComponentKind::kVectors, 1, [](Sections& s) { set(s, 3, 0, 77U); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    storage::SegmentEntry entry = entry_;
    rewrite(entry, row.kind, row.field, row.change);
    const auto opened = open(memory_, entry);
    const Result<void> used = opened.ok() ? use(**opened) : Result<void>(opened.error());
    ASSERT_FALSE(used.ok());
    EXPECT_EQ(used.error().code(), ErrorCode::kDataCorrupted);
    entry_ = write_all(memory_).value();
  }
  // A circle of versions and a table without an empty place end.
  rewrite(entry_, ComponentKind::kRows, 0, [](Sections& s) { set(s, 4, 0, 3U); });
  rewrite(entry_, ComponentKind::kIds, 0, [](Sections& s) {
    for (std::size_t i = 0; i < s[1].size() / 8; ++i) set(s, 1, i, std::uint64_t{1});
  });
  const auto sealed = open(memory_, entry_).value();
  EXPECT_EQ(sealed->newest("none"), kNoRow);
  EXPECT_EQ(sealed->version_at(RowId(0), 0), kNoRow);
}

TEST_F(SealedDamageTest, AGraphThatDoesNotFitIsBuiltAgain) {
  const std::function<void(Sections&)> changes[] = {
      [](Sections& s) { s.erase(1); },
      [](Sections& s) { s[2].clear(); },
      [](Sections& s) { set(s, 1, 0, 99U); },
      // An empty graph is whole, but not this field's.
      [](Sections& s) {
        s[1].assign(24, std::byte{0});
        set(s, 1, 0, 16U);
        s[2].clear();
        s[3].clear();
        s[4].clear();
      },
  };
  EXPECT_EQ(open(memory_, entry_).value()->field(0).pending(), 0U);
  for (const auto& change : changes) {
    storage::SegmentEntry entry = entry_;
    rewrite(entry, ComponentKind::kGraph, 1, change);
    EXPECT_GT(open(memory_, entry).value()->field(0).pending(), 0U);
    entry_ = write_all(memory_).value();
  }
}

/// Fails the first, second, … call of `use` until it needs none that fails.
void fail_each(io::MemoryFileSystem& memory, const std::function<bool(io::FileSystem&)>& use) {
  std::uint64_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    io::FaultyFileSystem files(memory);
    files.set_fault({.nth = nth});
    const bool done = use(files);
    failed = files.failures() > 0;
    EXPECT_TRUE(done || failed);
  }
  EXPECT_GT(nth, 10U);
}

TEST_F(SealedDamageTest, EveryFailureOfTheDiskIsAnError) {
  fail_each(memory_, [&](io::FileSystem& files) { return write_all(files).ok(); });
  entry_ = write_all(memory_).value();
  fail_each(memory_, [&](io::FileSystem& files) {
    const auto opened = open(files, entry_);
    return opened.ok() && use(**opened).ok();
  });
}

TEST_F(SealedDamageTest, EveryFailureOfALargeWriteIsAnError) {
  // Columns that are larger than what a writer keeps, so that it writes in the middle of each.
  constexpr int kRows = 70'000;
  const storage::Definition definition = definition_of({field_definition(1, "", 4)});
  ShardState state(definition);
  std::vector<storage::RowWrite> rows;
  for (int i = 0; i < kRows; ++i) {
    rows.push_back(
        put_row("row" + std::to_string(i), {1, 2, 3, 4}, R"({"n":)" + std::to_string(i * 7919 % kRows) + "}"));
  }
  ASSERT_TRUE(state.apply(Sequence(1), 1, storage::encode_write_batch({.rows = std::move(rows)})).ok());
  const auto frozen = state.freeze();
  const auto fails = [&](std::uint64_t nth) {
    io::FaultyFileSystem files(memory_);
    files.set_fault({.nth = nth});
    const SegmentTarget target{files, kDirectory, definition, system_random(), ShardId(0)};
    const bool done = write_segment(target, 2, FrozenSource(*frozen, 1), 1).ok();
    EXPECT_NE(done, files.failures() > 0) << nth;
    return !done;
  };
  std::uint64_t nth = 1;
  while (fails(nth)) ++nth;
  EXPECT_GT(nth, 30U);
}

TEST_F(SealedDamageTest, AFlushThatFailsIsDoneAgain) {
  io::MemoryFileSystem memory;
  ASSERT_TRUE(memory.create_directories(kDirectory).ok());
  std::uint64_t nth = 1;
  for (bool failed = true; failed; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    io::FaultyFileSystem files(memory);
    storage::ManifestFile manifest(files, "manifest", {.definition = frozen_.definition}, system_random());
    ShardFiles shard(ShardId(0), {files, kDirectory, frozen_.definition, manifest, system_random()});
    Frozen first;
    const auto needed = [] { return Result<Sequence>(Sequence(4)); };
    const FlushJob job{first.segment, 1, first.sequence, 0, {}};
    const auto flushed = shard.flush(job, needed);
    ASSERT_TRUE(flushed.ok()) << flushed.error().message();
    const auto sealed = *flushed;
    sealed->field(0).take_over_graph(first.segment->field(0));

    // The next one has no rows, but ends one of the first; and the first has a graph to be written.
    const auto none = std::make_shared<MemorySegment>(frozen_.definition.vectors);
    const Tombstone end{sealed->newest("c"), 9, 90, EndReason::kDeleted};
    sealed->end_row(end, nullptr);
    const FlushJob next{none, 9, 9, 0, {{sealed, sealed->take_ends()}}};
    files.set_fault({.nth = nth});
    const bool next_flushed = shard.flush(next, needed).ok();
    const bool done = next_flushed && shard.write_graphs(*sealed).ok() &&
                      remove_leftover_segments(files, kDirectory, manifest.current()).ok();
    failed = files.failures() > 0;
    files.clear_fault();
    EXPECT_NE(done, failed);
    if (!next_flushed) {
      ASSERT_TRUE(shard.flush(next, needed).ok());
    }
    const auto opened = shard.open().value();
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened.front()->live_rows(), 2U);
    EXPECT_EQ(opened.front()->row(end.row).end, 9U);
    EXPECT_EQ(manifest.current().log_first_sequence, Sequence(4));
  }
  EXPECT_GT(nth, 10U);
}

TEST_F(SealedDamageTest, LeftoversGoAndOtherFilesStay) {
  storage::Manifest manifest;
  manifest.segments = {entry_};
  for (const char* name : {"seg-0000000000000001-rows.tmp", "seg-0000000000000007-ids", "notes"}) {
    ASSERT_TRUE(memory_.open(io::join_path(kDirectory, name), io::OpenMode::kCreate).ok());
  }
  ASSERT_TRUE(remove_leftover_segments(memory_, kDirectory, manifest).ok());
  EXPECT_EQ(memory_.list(kDirectory).value().size(), entry_.components.size() + 1);
  EXPECT_TRUE(open(memory_, entry_).ok());
}

}  // namespace
}  // namespace jade::engine
