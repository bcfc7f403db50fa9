// No byte that was not written is handed out: every reader notices every damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/test_env.h"
#include "io/memory_file_system.h"
#include "io/temporary_directory.h"
#include "storage/byte_layout.h"
#include "storage/publish_file.h"
#include "storage/test_component.h"

namespace jade::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kPath[] = "db/graph";

std::int64_t offset_in(const Error& error) { return std::get<std::int64_t>(error.detail("offset")->value); }

void expect_corrupted(const Error& error, std::string_view what) {
  EXPECT_EQ(error.code(), ErrorCode::kDataCorrupted) << error.message();
  EXPECT_THAT(error.message(), HasSubstr(std::string(what)));
  ASSERT_NE(error.detail("file"), nullptr) << error.message();
  EXPECT_THAT(std::get<std::string>(error.detail("file")->value), HasSubstr("graph"));
}

/// A component file in memory and what was written to it.
class ComponentDamageTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(files_.create_directories("db").ok());
    write({{1, random_bytes(random_, 100)},
           {2, random_bytes(random_, 70'000)},
           {3, {}},
           {4, random_bytes(random_, 200'000)},
           {5, random_bytes(random_, 5)}});
  }

  void write(TestSections sections) {
    sections_ = std::move(sections);
    ref_ = write_component(files_, kPath, ids_, sections_).value();
    bytes_ = read_whole_file(files_, kPath).value();
    const auto footer = std::span(bytes_).last(ComponentLayout::kFooterBytes);
    tail_at_ = ref_.file_bytes - component_tail_bytes(footer, ref_.file_bytes).value();
    const auto tail = std::span(bytes_).subspan(tail_at_);
    layout_ = decode_component_tail(ref_.file_id, tail, ref_.file_bytes).value();
  }

  Result<std::unique_ptr<ComponentFile>> open() { return ComponentFile::open(files_, kPath, ref_, test_database()); }

  void overwrite(std::uint64_t offset, std::span<const std::byte> bytes) {
    const auto file = files_.open(kPath, io::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->write_at(offset, bytes).ok());
  }
  void flip(std::uint64_t offset) {
    const std::byte flipped = bytes_[offset] ^ std::byte(static_cast<std::uint8_t>(1U << random_.next_below(8)));
    overwrite(offset, std::span(&flipped, 1));
  }
  void restore(std::uint64_t offset) { overwrite(offset, std::span(bytes_).subspan(offset, 1)); }

  std::vector<std::uint64_t> scrubbed(const ComponentFile& file) {
    std::vector<std::uint64_t> damaged;
    std::uint64_t paced = 0;
    const Result<void> outcome = file.scrub(
        [&](std::uint64_t bytes) -> Result<void> {
          paced += bytes;
          return {};
        },
        [&](const ComponentDamage& damage) {
          expect_corrupted(damage.error, "damaged");
          EXPECT_EQ(offset_in(damage.error), static_cast<std::int64_t>(damage.offset));
          damaged.push_back(damage.offset);
        });
    EXPECT_TRUE(outcome.ok());
    EXPECT_EQ(paced, ref_.file_bytes);
    return damaged;
  }

  static bool has(const ComponentSection& section, std::uint64_t block) {
    return section.bytes > 0 && ComponentLayout::block_at(section.offset) <= block &&
           block <= ComponentLayout::block_at(section.offset + section.bytes - 1);
  }

  /// One block is not what it was: every reader says so of it, and of it alone.
  void expect_damaged(std::uint64_t block) {
    const std::uint64_t at = ComponentLayout::block_offset(block);
    const auto file = open().value();
    EXPECT_THAT(scrubbed(*file), ElementsAre(at));
    const auto mapped = file->map().value();
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      const ComponentSection& section = file->sections()[i];
      const auto loaded = file->load(section);
      ASSERT_EQ(loaded.ok(), !has(section, block));
      if (loaded.ok()) {
        EXPECT_TRUE(std::ranges::equal(loaded->bytes(), sections_[i].second));
        EXPECT_TRUE(mapped->touch(section));
        continue;
      }
      expect_corrupted(loaded.error(), "damaged block");
      EXPECT_EQ(offset_in(loaded.error()), static_cast<std::int64_t>(at));
      expect_reads(*file, section, sections_[i].second, block);
    }
    EXPECT_FALSE(mapped->failed());
    for (const ComponentSection& section : file->sections()) {
      EXPECT_FALSE(has(section, block) && mapped->touch(section));
    }
    EXPECT_TRUE(mapped->failed());
    EXPECT_FALSE(mapped->complete());
    EXPECT_FALSE(mapped->touch(file->sections()[0]));
    expect_corrupted(mapped->error(), "damaged block");
    EXPECT_EQ(offset_in(mapped->error()), static_cast<std::int64_t>(at));
  }

  void expect_reads(const ComponentFile& file, const ComponentSection& section, std::span<const std::byte> expected,
                    std::uint64_t damaged) {
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t offset = random_.next_below(section.bytes);
      std::vector<std::byte> out(1 + random_.next_below(section.bytes - offset));
      const ComponentSection range = {.id = 0, .offset = section.offset + offset, .bytes = out.size()};
      const auto outcome = file.read(section, offset, out);
      ASSERT_EQ(outcome.ok(), !has(range, damaged));
      EXPECT_TRUE(!outcome.ok() || std::ranges::equal(out, expected.subspan(offset, out.size())));
    }
  }

  SeededRandom random_{test_seed(2)};
  TestRandom ids_;
  io::MemoryFileSystem files_;
  TestSections sections_;
  ComponentRef ref_;
  ComponentLayout layout_;
  std::vector<std::byte> bytes_;
  std::uint64_t tail_at_ = 0;
};

TEST_F(ComponentDamageTest, EveryReaderNoticesEveryBlock) {
  SCOPED_TRACE("seed " + std::to_string(test_seed(2)));
  ASSERT_EQ(layout_.block_count(), 5U);
  for (std::uint64_t block = 0; block < layout_.block_count(); ++block) {
    const std::uint64_t begin = ComponentLayout::block_offset(block);
    const std::uint64_t bytes = layout_.block_bytes(block);
    for (const std::uint64_t offset : {begin, begin + bytes - 1, begin + random_.next_below(bytes)}) {
      SCOPED_TRACE("offset " + std::to_string(offset));
      flip(offset);
      expect_damaged(block);
      restore(offset);
    }
  }
  const auto file = open().value();
  EXPECT_EQ(read_sections(*file).value(), sections_);
  EXPECT_THAT(scrubbed(*file), IsEmpty());
}

TEST_F(ComponentDamageTest, NoByteIsWithoutAChecksum) {
  SCOPED_TRACE("seed " + std::to_string(test_seed(2)));
  write({{1, random_bytes(random_, 100)}, {2, random_bytes(random_, 9)}});
  const auto whole = open().value();
  for (std::uint64_t offset = 0; offset < bytes_.size(); ++offset) {
    flip(offset);
    const std::vector<std::uint64_t> damaged = scrubbed(*whole);
    const bool in_data = offset >= kComponentAlignment && offset < tail_at_;
    const std::uint64_t part = in_data ? kComponentAlignment : offset < kComponentAlignment ? 0 : tail_at_;
    ASSERT_THAT(damaged, ElementsAre(part)) << offset;
    const auto file = open();
    ASSERT_EQ(file.ok(), in_data) << offset;
    ASSERT_FALSE(in_data && read_sections(**file).ok()) << offset;
    restore(offset);
  }
}

TEST_F(ComponentDamageTest, BlocksInEachOthersPlaceAreDamaged) {
  const auto block = [this](std::uint64_t i) {
    return std::span(bytes_).subspan(ComponentLayout::block_offset(i), layout_.block_bytes(i));
  };
  overwrite(ComponentLayout::block_offset(1), block(2));
  expect_damaged(1);
  overwrite(ComponentLayout::block_offset(2), block(1));
  EXPECT_THAT(scrubbed(*open().value()),
              ElementsAre(ComponentLayout::block_offset(1), ComponentLayout::block_offset(2)));
}

TEST_F(ComponentDamageTest, BlocksOfAnotherFileAreDamaged) {
  // The same content under another file id.
  const std::vector<std::byte> first = bytes_;
  write(sections_);
  for (std::uint64_t block = 0; block < layout_.block_count(); ++block) {
    const std::uint64_t begin = ComponentLayout::block_offset(block);
    EXPECT_TRUE(std::ranges::equal(std::span(first).subspan(begin, layout_.block_bytes(block)),
                                   std::span(bytes_).subspan(begin, layout_.block_bytes(block))));
  }
  const std::span<const std::byte> table = std::span(first).subspan(tail_at_, 8);
  overwrite(tail_at_, table);
  expect_corrupted(open().error(), "checksum mismatch");
  overwrite(0, first);
  expect_corrupted(open().error(), "another file than the manifest names");
}

TEST_F(ComponentDamageTest, AFileThatWasCutIsRefused) {
  std::set<std::uint64_t> boundaries = {0,
                                        FileHeader::kBytes,
                                        kComponentAlignment,
                                        tail_at_,
                                        tail_at_ + 8 * layout_.block_count(),
                                        ref_.file_bytes - ComponentLayout::kFooterBytes,
                                        ref_.file_bytes};
  for (const ComponentSection& section : layout_.sections) {
    boundaries.insert(section.offset);
    boundaries.insert(section.offset + section.bytes);
  }
  for (std::uint64_t block = 0; block < layout_.block_count(); ++block) {
    boundaries.insert(ComponentLayout::block_offset(block));
  }
  const auto whole = open().value();
  for (const std::uint64_t boundary : boundaries) {
    for (const std::uint64_t size : {boundary - 1, boundary, boundary + 1}) {
      if (size == ref_.file_bytes || size > 2 * ref_.file_bytes) continue;
      SCOPED_TRACE("size " + std::to_string(size));
      std::vector<std::byte> cut = bytes_;
      cut.resize(size);
      ASSERT_TRUE(files_.open(kPath, io::OpenMode::kReadWrite).value()->truncate(size).ok());
      expect_corrupted(open().error(), "another size than the manifest names");
      // A manifest that agrees with the size changes nothing.
      ComponentRef agreeing = ref_;
      agreeing.file_bytes = size;
      EXPECT_EQ(ComponentFile::open(files_, kPath, agreeing, test_database()).error().code(),
                ErrorCode::kDataCorrupted);
      overwrite(0, bytes_);
    }
  }
  EXPECT_THAT(scrubbed(*whole), IsEmpty());
}

TEST_F(ComponentDamageTest, AFileThatIsCutWhileItIsOpenIsDamaged) {
  const auto file = open().value();
  const ComponentSection section = file->section(4).value();
  ASSERT_TRUE(files_.open(kPath, io::OpenMode::kReadWrite).value()->truncate(section.offset + 10).ok());
  expect_corrupted(file->load(section).error(), "the file ends");
  expect_corrupted(file->map().error(), "the file ends");
  std::vector<std::uint64_t> damaged;
  ASSERT_TRUE(file->scrub([](std::uint64_t) -> Result<void> { return {}; },
                          [&](const ComponentDamage& damage) { damaged.push_back(damage.offset); })
                  .ok());
  EXPECT_THAT(damaged, ElementsAre(ComponentLayout::block_offset(1), ComponentLayout::block_offset(2),
                                   ComponentLayout::block_offset(3), ComponentLayout::block_offset(4), tail_at_));
}

TEST_F(ComponentDamageTest, ItIsTheFileThatTheManifestNamesOrNone) {
  struct Row {
    const char* what;
    std::function<void(ComponentRef&, DatabaseKey&)> change;
  };
  const std::vector<Row> rows = {
      {"another file than", [](ComponentRef& ref, DatabaseKey&) { ref.file_id[0] ^= std::byte{1}; }},
      {"a file of another database", [](ComponentRef&, DatabaseKey& database) { database[0] ^= std::byte{1}; }},
      {"another component than", [](ComponentRef& ref, DatabaseKey&) { ref.kind = ComponentKind::kVectors; }},
      {"another component than", [](ComponentRef& ref, DatabaseKey&) { ref.field = VectorFieldId{8}; }},
      {"another checksum than", [](ComponentRef& ref, DatabaseKey&) { ref.checksum ^= 1; }},
      {"another size than", [](ComponentRef& ref, DatabaseKey&) { ++ref.file_bytes; }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    ComponentRef ref = ref_;
    DatabaseKey database = test_database();
    row.change(ref, database);
    expect_corrupted(ComponentFile::open(files_, kPath, ref, database).error(), row.what);
  }
}

TEST_F(ComponentDamageTest, AMissingFileIsDamageThatNamesIt) {
  ASSERT_TRUE(files_.remove(kPath).ok());
  expect_corrupted(open().error(), "missing file");
}

TEST_F(ComponentDamageTest, WhatDoesNotLieInASectionIsRefused) {
  struct Row {
    std::uint64_t offset;
    std::uint64_t count;
  };
  const auto file = open().value();
  const ComponentSection section = file->section(1).value();
  for (const Row& row : {Row{0, 101}, Row{100, 1}, Row{101, 0}, Row{UINT64_MAX, 2}}) {
    std::vector<std::byte> out(row.count);
    expect_corrupted(file->read(section, row.offset, out).error(), "does not lie in the section");
    const auto mapped = file->map().value();
    EXPECT_TRUE(mapped->touch(section));
    EXPECT_FALSE(mapped->touch(section, row.offset, row.count));
    EXPECT_TRUE(mapped->failed());
  }
  const auto mapped = file->map().value();
  EXPECT_FALSE(mapped->touch(section, 1, UINT64_MAX));
}

TEST_F(ComponentDamageTest, AMappingFailsWithItsPages) {
  const auto file = open().value();
  const auto mapped = file->map().value();
  const ComponentSection section = file->section(4).value();
  EXPECT_TRUE(mapped->touch(section));
  ASSERT_TRUE(files_.open(kPath, io::OpenMode::kReadWrite).value()->truncate(section.offset).ok());
  EXPECT_TRUE(mapped->failed());
  expect_corrupted(mapped->error(), "a page cannot be read");
  EXPECT_FALSE(mapped->touch(file->section(5).value()));
}

TEST_F(ComponentDamageTest, AMappingOfARealFileFailsWithItsPages) {
  const io::TemporaryDirectory directory;
  const std::string path = io::join_path(directory.path(), "graph");
  io::FileSystem& disk = io::real_file_system();
  const ComponentRef ref = write_component(disk, path, ids_, sections_).value();
  const auto file = ComponentFile::open(disk, path, ref, test_database()).value();
  const auto mapped = file->map().value();
  EXPECT_TRUE(mapped->touch(file->section(1).value()));
  ASSERT_TRUE(disk.open(path, io::OpenMode::kReadWrite).value()->truncate(3 * kComponentBlockBytes).ok());
  EXPECT_FALSE(mapped->touch(file->section(4).value()));
  EXPECT_TRUE(mapped->failed());
  expect_corrupted(mapped->error(), "damaged block");
}

TEST_F(ComponentDamageTest, AScrubStopsWhenItIsToldTo) {
  const auto file = open().value();
  const std::uint64_t parts = layout_.block_count() + 2;
  for (std::uint64_t stop = 0; stop < parts; ++stop) {
    std::uint64_t calls = 0;
    const auto outcome = file->scrub(
        [&](std::uint64_t) -> Result<void> {
          if (calls++ == stop) return Error(ErrorCode::kCancelled, "stop");
          return {};
        },
        [](const ComponentDamage&) { FAIL(); });
    ASSERT_FALSE(outcome.ok());
    EXPECT_EQ(outcome.error().code(), ErrorCode::kCancelled);
    EXPECT_EQ(calls, stop + 1);
  }
}

/// Files with valid checksums that no writer of this release makes.
class ForeignComponentTest : public ComponentDamageTest {
 protected:
  /// The file with another head, whose checksum the footer has.
  void put_head(std::span<const std::byte> head) {
    overwrite(0, head);
    layout_.head_checksum = bound_checksum(ref_.file_id, 0, head);
    put_tail(encode_component_tail(layout_));
  }

  void put_tail(std::span<const std::byte> tail) {
    overwrite(tail_at_, tail);
    ref_.checksum = component_tail_checksum(tail);
    ref_.file_bytes = tail_at_ + tail.size();
  }

  std::vector<std::byte> head_with(const std::function<void(FileHeader&)>& change) {
    FileHeader header = decode_file_header(bytes_, kComponentMagic).value();
    change(header);
    std::vector<std::byte> head(kComponentAlignment);
    store_bytes(head, 0, encode_file_header(header));
    return head;
  }
};

TEST_F(ForeignComponentTest, UnknownFeaturesAreRefusedUnlessTheyAreCompatible) {
  struct Row {
    const char* what;
    std::function<void(FileHeader&)> change;
    bool opens;
  };
  const std::vector<Row> rows = {
      {"compatible", [](FileHeader& header) { header.features.compatible = 1; }, true},
      {"read-only compatible", [](FileHeader& header) { header.features.read_only_compatible = 1; }, false},
      {"incompatible", [](FileHeader& header) { header.features.incompatible = 1; }, false},
      {"version", [](FileHeader& header) { ++header.format_version; }, false},
      {"codec", [](FileHeader& header) { header.codec = 1; }, false},
      {"kind", [](FileHeader& header) { header.extra[0] = 7; }, false},
      {"field", [](FileHeader& header) { header.extra[1] = std::uint64_t{1} << 32; }, false},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    put_head(head_with(row.change));
    const auto file = open();
    ASSERT_EQ(file.ok(), row.opens);
    if (row.opens) {
      EXPECT_EQ(read_sections(**file).value(), sections_);
    } else {
      EXPECT_EQ(file.error().code(), ErrorCode::kNotSupported);
      EXPECT_NE(file.error().detail("file"), nullptr);
    }
  }
}

TEST_F(ForeignComponentTest, WhatFollowsTheHeaderInTheHeadIsLeftToLaterReleases) {
  std::vector<std::byte> head = head_with([](FileHeader&) {});
  head[FileHeader::kBytes] = std::byte{1};
  put_head(head);
  EXPECT_TRUE(open().ok());
}

TEST_F(ForeignComponentTest, SectionsThatNoWriterMakesAreRefused) {
  struct Row {
    const char* what;
    std::function<void(ComponentLayout&)> change;
  };
  const std::vector<Row> rows = {
      {"section at a wrong offset", [](ComponentLayout& layout) { layout.sections[0].offset = 0; }},
      {"section at a wrong offset", [](ComponentLayout& layout) { layout.sections[1].offset += 1; }},
      {"section at a wrong offset", [](ComponentLayout& layout) { layout.sections[4].offset += kComponentAlignment; }},
      {"section at a wrong offset", [](ComponentLayout& layout) { layout.sections[0].bytes += kComponentAlignment; }},
      {"section too long", [](ComponentLayout& layout) { layout.sections[0].bytes = UINT64_MAX; }},
      {"section too long", [](ComponentLayout& layout) { layout.sections[4].bytes += 4; }},
      {"section too long",
       [](ComponentLayout& layout) {
         const std::uint64_t end = layout.sections[4].offset + kComponentAlignment;
         layout.sections[4].bytes = layout.tail_offset() - layout.sections[4].offset;
         layout.sections.push_back({.id = 9, .offset = end, .bytes = 0});
       }},
      {"section twice", [](ComponentLayout& layout) { layout.sections[4].id = 1; }},
      {"data outside of sections", [](ComponentLayout& layout) { layout.sections.pop_back(); }},
      {"data outside of sections", [](ComponentLayout& layout) { layout.sections.clear(); }},
  };
  const ComponentLayout written = layout_;
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    layout_ = written;
    row.change(layout_);
    put_tail(encode_component_tail(layout_));
    ASSERT_TRUE(files_.open(kPath, io::OpenMode::kReadWrite).value()->truncate(ref_.file_bytes).ok());
    expect_corrupted(open().error(), row.what);
  }
}

TEST_F(ForeignComponentTest, FootersThatNoWriterMakesAreRefused) {
  struct Row {
    const char* what;
    std::size_t at;
    std::uint64_t value;
    std::size_t bytes;
  };
  // Offsets in the footer, and in the directory's last entry before it.
  const std::vector<Row> rows = {
      {"impossible size of the data", 0, UINT64_MAX, 8},
      {"impossible size of the data", 0, layout_.data_bytes + 1, 8},
      {"sizes that do not add up", 0, layout_.data_bytes + 8, 8},
      {"sizes that do not add up", 0, 0, 8},
      {"sizes that do not add up", 8, 4, 4},
      {"too many sections", 8, kComponentSectionsMax + 1, 4},
      {"another size", 48, 0, 8},
      {"no footer", 56, 0, 8},
      {"section of unknown form", std::size_t(0) - 20, 1, 4},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.what);
    std::vector<std::byte> tail = encode_component_tail(layout_);
    const std::size_t at = tail.size() - ComponentLayout::kFooterBytes + row.at;
    std::memcpy(tail.data() + at, &row.value, row.bytes);
    store(std::span(tail), tail.size() - 8, compute_component_tail_checksum(ref_.file_id, tail_at_, tail));
    put_tail(tail);
    expect_corrupted(open().error(), row.what);
  }
}

TEST_F(ForeignComponentTest, ATailIsDecodedOnlyWhole) {
  const std::vector<std::byte> tail = encode_component_tail(layout_);
  std::vector<std::byte> longer(8);
  longer.insert(longer.end(), tail.begin(), tail.end());
  store(std::span(longer), longer.size() - 8, compute_component_tail_checksum(ref_.file_id, tail_at_ - 8, longer));
  const auto layout = decode_component_tail(ref_.file_id, longer, ref_.file_bytes);
  ASSERT_FALSE(layout.ok());
  EXPECT_THAT(layout.error().message(), HasSubstr("of another length"));
}

}  // namespace
}  // namespace jade::storage
