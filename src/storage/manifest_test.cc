#include "storage/manifest.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/byte_layout.h"
#include "storage/file_header.h"
#include "storage/publish_file.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kPath[] = "db/MANIFEST";

void add_segments(Manifest& manifest) {
  manifest.flushed_upto = {Sequence{40}};
  manifest.next_segment = 9;
  for (const std::uint64_t number : {8, 3}) {
    SegmentEntry entry{.number = number,
                       .shard = ShardId{0},
                       .rows = 7,
                       .first_sequence = Sequence{number},
                       .last_sequence = Sequence{30},
                       .components = {}};
    entry.components.push_back({{ComponentKind::kRows, VectorFieldId{0}, {}, 4096, 77}, 0});
    entry.components.push_back({{ComponentKind::kVectors, VectorFieldId{1}, {}, 8192, 78}, 0});
    entry.components.push_back({{ComponentKind::kTombstones, VectorFieldId{0}, {}, 4096, 79}, 40});
    entry.components[1].file.file_id.fill(std::byte{5});
    manifest.segments.push_back(std::move(entry));
  }
}

Manifest example(std::uint64_t version) {
  Manifest manifest;
  manifest.definition.database = test_database();
  manifest.definition.version = version;
  manifest.definition.description = std::string(version % 100, 'd');
  manifest.definition.vectors = {{VectorFieldId{1}, "", 8, Metric::kDot, ElementType::kF32, {}}};
  manifest.definition.next_field = VectorFieldId{2};
  manifest.definition_sequence = Sequence{version * 10};
  manifest.log_first_sequence = Sequence{version};
  manifest.epoch = 3;
  if (version > 1) add_segments(manifest);
  return manifest;
}

class ManifestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("db").ok());
    ASSERT_TRUE(memory_.sync_directory("/").ok());
  }

  TestRandom random_;
  io::MemoryFileSystem memory_;
};

TEST_F(ManifestTest, ComesBackAsItWas) {
  for (const std::uint64_t version : {1, 2}) {
    ASSERT_TRUE(write_manifest(memory_, kPath, example(version), random_).ok());
    const auto read = read_manifest(memory_, kPath);
    ASSERT_TRUE(read.ok());
    EXPECT_EQ(*read, example(version));
  }
  EXPECT_EQ(memory_.list("db").value().size(), 1u);
}

TEST_F(ManifestTest, RefusesSegmentsThatCannotBe) {
  struct Row {
    const char* name;
    void (*change)(Manifest&);
  };
  const Row rows[] = {
      {"another shard", [](Manifest& m) { m.segments[0].shard = ShardId{1}; }},
      {"no number", [](Manifest& m) { m.segments[0].number = 0; }},
      {"a number to come", [](Manifest& m) { m.segments[0].number = 9; }},
      {"ends before it begins", [](Manifest& m) { m.segments[0].first_sequence = Sequence{31}; }},
      {"rows that are not flushed", [](Manifest& m) { m.segments[0].last_sequence = Sequence{41}; }},
      {"positions of two shards", [](Manifest& m) { m.flushed_upto.push_back(Sequence{1}); }},
      {"one number twice", [](Manifest& m) { m.segments[1].number = 8; }},
      {"an unknown kind", [](Manifest& m) { m.segments[1].components[0].file.kind = ComponentKind{99}; }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Manifest manifest = example(2);
    row.change(manifest);
    const auto decoded = decode_manifest(encode_manifest(manifest, random_));
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code(), ErrorCode::kDataCorrupted);
  }
}

TEST(SegmentFileName, TellsTheSegment) {
  const Manifest manifest = example(2);
  EXPECT_EQ(manifest.flushed(ShardId{0}), Sequence{40});
  const SegmentEntry& entry = manifest.segments.front();
  EXPECT_EQ(segment_file_name(entry.number, entry.components[0]), "seg-0000000000000008-rows");
  EXPECT_EQ(segment_file_name(entry.number, entry.components[1]), "seg-0000000000000008-vectors-1");
  EXPECT_EQ(segment_file_name(entry.number, entry.components[2]), "seg-0000000000000008-tombstones-0000000000000028");
  for (const SegmentComponent& component : entry.components) {
    EXPECT_EQ(segment_of_file_name(segment_file_name(entry.number, component)), 8U);
    EXPECT_EQ(segment_of_file_name(segment_file_name(entry.number, component) + ".tmp"), 8U);
  }
  for (const char* name : {"", "seg-", "seg-0000000000000008", "seg-000000000000000x-rows", "log-0000000000000008-rows",
                           "seg-00000000000000081rows"}) {
    EXPECT_EQ(segment_of_file_name(name), std::nullopt) << name;
  }
}

TEST_F(ManifestTest, MissingIsNotDamaged) {
  const auto read = read_manifest(memory_, kPath);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, std::nullopt);
  ASSERT_TRUE(memory_.open(kPath, io::OpenMode::kCreate).ok());
  const auto empty = read_manifest(memory_, kPath);
  ASSERT_FALSE(empty.ok());
  EXPECT_EQ(empty.error().code(), ErrorCode::kDataCorrupted);
  EXPECT_EQ(std::get<std::string>(empty.error().detail("file")->value), kPath);
}

TEST_F(ManifestTest, EveryDamageIsNoticed) {
  const std::vector<std::byte> bytes = encode_manifest(example(5), random_);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::byte> damaged = bytes;
    damaged[bit / 8] ^= std::byte(1 << bit % 8);
    const auto decoded = decode_manifest(damaged);
    ASSERT_FALSE(decoded.ok()) << bit;
    ASSERT_EQ(decoded.error().code(), ErrorCode::kDataCorrupted) << bit;
  }
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_manifest(std::span(bytes).first(size));
    ASSERT_FALSE(decoded.ok()) << size;
    ASSERT_EQ(decoded.error().code(), ErrorCode::kDataCorrupted) << size;
  }
}

TEST_F(ManifestTest, RefusesWhatWasNeverWritten) {
  Manifest manifest = example(1);
  manifest.log_first_sequence = Sequence{0};
  EXPECT_EQ(decode_manifest(encode_manifest(manifest, random_)).error().code(), ErrorCode::kDataCorrupted);
  manifest = example(1);
  manifest.definition.num_shards = 0;
  EXPECT_EQ(decode_manifest(encode_manifest(manifest, random_)).error().code(), ErrorCode::kDataCorrupted);
}

/// Puts a right checksum on a manifest that was tampered with.
std::vector<std::byte> resealed(std::vector<std::byte> bytes) {
  const std::size_t checksum_at = bytes.size() - 24;
  FileId id;
  std::copy_n(bytes.begin() + 40, id.size(), id.begin());
  store(std::span(bytes), checksum_at, std::uint64_t{0});
  store(std::span(bytes), checksum_at, bound_checksum(id, 128, std::span(bytes).subspan(128)));
  return bytes;
}

TEST_F(ManifestTest, RefusesABodyThatOnlyItsChecksumVouchesFor) {
  std::vector<std::byte> bytes = encode_manifest(example(5), random_);
  EXPECT_TRUE(decode_manifest(resealed(bytes)).ok());
  std::vector<std::byte> malformed = bytes;
  malformed[132] = std::byte{'X'};
  EXPECT_EQ(decode_manifest(resealed(malformed)).error().code(), ErrorCode::kDataCorrupted);
  // The database's key in the definition: sixteen bytes that occur nowhere else behind the header.
  const DatabaseKey key = test_database();
  const auto found = std::search(bytes.begin() + 128, bytes.end(), key.begin(), key.end());
  ASSERT_NE(found, bytes.end());
  *found = std::byte{0};
  EXPECT_EQ(decode_manifest(resealed(bytes)).error().code(), ErrorCode::kDataCorrupted);
}

TEST_F(ManifestTest, DiffersInEveryPart) {
  for (int part = 0; part < 4; ++part) {
    Manifest manifest = example(1);
    if (part == 0) manifest.definition.version = 9;
    if (part == 1) manifest.definition_sequence = Sequence{9};
    if (part == 2) manifest.log_first_sequence = Sequence{9};
    if (part == 3) manifest.epoch = 9;
    EXPECT_NE(manifest, example(1));
    EXPECT_EQ(decode_manifest(encode_manifest(manifest, random_)).value(), manifest);
  }
}

TEST_F(ManifestTest, IsOldOrNewAfterACrashAtAnyCall) {
  const std::uint64_t seed = test_seed(15);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  io::FaultyFileSystem files(memory_);
  struct Moment {
    std::unique_ptr<io::MemoryFileSystem> disk;
    std::uint64_t written;
  };
  std::vector<Moment> moments;
  std::uint64_t written = 0;
  files.set_hook([&](const io::Call&) { moments.push_back({memory_.clone(), written}); });
  for (std::uint64_t version = 1; version <= 4; ++version) {
    ASSERT_TRUE(write_manifest(files, kPath, example(version), random_).ok());
    written = version;
  }
  for (const Moment& moment : moments) {
    for (std::size_t round = 0; round < test_scale(20); ++round) {
      const auto disk = moment.disk->clone();
      disk->crash(random, {.foreign_bytes = round % 2 == 0});
      const auto read = read_manifest(*disk, kPath);
      ASSERT_TRUE(read.ok()) << read.error().message();
      if (!read->has_value()) {
        ASSERT_EQ(moment.written, 0u);
        continue;
      }
      const std::uint64_t version = (*read)->definition.version;
      ASSERT_EQ(**read, example(version));
      ASSERT_TRUE(version == moment.written || version == moment.written + 1);
    }
  }
}

TEST_F(ManifestTest, AFailedCallLeavesTheOldOneOrTheNewOne) {
  ASSERT_TRUE(write_manifest(memory_, kPath, example(1), random_).ok());
  bool failed = true;
  for (std::uint64_t nth = 1; failed; ++nth) {
    const auto disk = memory_.clone();
    io::FaultyFileSystem files(*disk);
    files.set_fault({.nth = nth});
    const bool ok = write_manifest(files, kPath, example(2), random_).ok();
    failed = files.failures() != 0;
    EXPECT_NE(ok, failed);
    const auto read = read_manifest(*disk, kPath);
    ASSERT_TRUE(read.ok());
    EXPECT_TRUE(*read == example(1) || *read == example(2));
  }
}

TEST_F(ManifestTest, ReadingFailsWhenFilesDo) {
  ASSERT_TRUE(write_manifest(memory_, kPath, example(1), random_).ok());
  io::FaultyFileSystem files(memory_);
  bool failed = true;
  for (std::uint64_t nth = 1; failed; ++nth) {
    const std::uint64_t before = files.failures();
    files.set_fault({.nth = nth});
    const bool ok = read_manifest(files, kPath).ok();
    failed = files.failures() != before;
    EXPECT_NE(ok, failed);
  }
}

}  // namespace
}  // namespace jade::storage
