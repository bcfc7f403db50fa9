// What was written to a component file is read from it, in every way of reading.
#include "storage/component_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/test_env.h"
#include "io/memory_file_system.h"
#include "io/temporary_directory.h"
#include "storage/test_component.h"

namespace jade::storage {
namespace {

constexpr char kPath[] = "graph";

Result<std::unique_ptr<ComponentFile>> open(io::FileSystem& files, const ComponentRef& ref) {
  return ComponentFile::open(files, kPath, ref, test_database());
}

/// Zeros, or a size near a boundary of the format.
std::size_t draw_size(SeededRandom& random) {
  constexpr std::size_t kEdges[] = {0,
                                    1,
                                    8,
                                    kComponentAlignment,
                                    kComponentBlockBytes - kComponentAlignment,
                                    kComponentBlockBytes,
                                    8 * kComponentBlockBytes,
                                    17 * kComponentBlockBytes};
  const std::size_t edge = kEdges[random.next_below(std::size(kEdges))];
  const std::size_t nearby = random.next_below(20);
  switch (random.next_below(3)) {
    case 0:
      return edge;
    case 1:
      return edge + nearby;
    default:
      return edge - std::min(edge, nearby);
  }
}

TEST(ComponentFile, GivesBackWhatWasWritten) {
  SeededRandom random(test_seed(1));
  TestRandom ids(random.next_u64());
  for (std::size_t round = 0; round < test_scale(40); ++round) {
    SCOPED_TRACE("round " + std::to_string(round) + " of seed " + std::to_string(test_seed(1)));
    io::MemoryFileSystem files;
    const auto writer = ComponentWriter::create(files, kPath, test_component_info(), ids).value();
    std::map<std::uint32_t, std::vector<std::byte>> expected;
    for (std::uint64_t i = random.next_below(6); i > 0; --i) {
      const auto id = static_cast<std::uint32_t>(random.next_u64());
      ASSERT_TRUE(writer->begin_section(id).ok());
      auto& bytes = expected[id] = random_bytes(random, draw_size(random));
      for (std::span<const std::byte> rest = bytes; !rest.empty();) {
        const std::size_t count = std::min(rest.size(), draw_size(random));
        ASSERT_TRUE(writer->append(rest.first(count)).ok());
        rest = rest.subspan(count);
      }
      EXPECT_EQ(writer->section_bytes(), bytes.size());
    }
    const ComponentRef ref = writer->finish().value();
    EXPECT_EQ(files.stat(kPath).value()->size, ref.file_bytes);

    const auto file = open(files, ref);
    ASSERT_TRUE(file.ok()) << file.error().message();
    const auto mapped = (*file)->map().value();
    ASSERT_EQ((*file)->sections().size(), expected.size());
    for (const auto& [id, bytes] : expected) {
      const ComponentSection section = (*file)->section(id).value();
      EXPECT_EQ(section.offset % kComponentAlignment, 0U);
      ASSERT_EQ(section.bytes, bytes.size());
      EXPECT_TRUE(std::ranges::equal((*file)->load(section)->bytes(), bytes));
      EXPECT_TRUE(mapped->touch(section));
      EXPECT_TRUE(std::ranges::equal(mapped->bytes(section), bytes));
      for (int i = 0; i < 10; ++i) {
        const std::uint64_t offset = random.next_below(bytes.size() + 1);
        const std::uint64_t count = random.next_below(bytes.size() - offset + 1);
        std::vector<std::byte> out(count);
        ASSERT_TRUE((*file)->read(section, offset, out).ok());
        EXPECT_TRUE(std::ranges::equal(out, std::span(bytes).subspan(offset, count)));
        EXPECT_TRUE(mapped->touch(section, offset, count));
      }
    }
    EXPECT_TRUE(mapped->complete());
    EXPECT_FALSE(mapped->failed());
  }
}

TEST(ComponentFile, SaysWhatItIs) {
  io::MemoryFileSystem files;
  TestRandom ids;
  ComponentInfo info = test_component_info();
  for (const bool derived : {true, false}) {
    if (!derived) info.source.reset();
    const ComponentRef ref = write_component(files, kPath, ids, {{5, {}}}, info).value();
    EXPECT_EQ(ref.kind, info.kind);
    EXPECT_EQ(ref.field, info.field);
    const auto file = open(files, ref).value();
    EXPECT_EQ(file->info(), info);
    EXPECT_EQ(file->ref(), ref);
    EXPECT_EQ(file->path(), kPath);
    EXPECT_TRUE(file->section(5).has_value());
    EXPECT_FALSE(file->section(6).has_value());
  }
}

TEST(ComponentFile, WorksOnARealDisk) {
  const io::TemporaryDirectory directory;
  const std::string path = io::join_path(directory.path(), "vectors");
  SeededRandom random(1);
  TestRandom ids;
  const TestSections sections = {{1, random_bytes(random, 200'000)}, {2, random_bytes(random, 100)}};
  const ComponentRef ref = write_component(io::real_file_system(), path, ids, sections).value();
  const auto file = ComponentFile::open(io::real_file_system(), path, ref, test_database()).value();
  EXPECT_EQ(read_sections(*file).value(), sections);
  const auto mapped = file->map().value();
  mapped->random_access();
  for (const auto& [id, bytes] : sections) {
    const ComponentSection section = file->section(id).value();
    mapped->will_need(section, 0, section.bytes);
    EXPECT_TRUE(mapped->touch(section));
    EXPECT_TRUE(std::ranges::equal(mapped->bytes(section), bytes));
  }
  EXPECT_TRUE(mapped->complete());
  EXPECT_THAT(io::real_file_system().list(directory.path()).value(), testing::ElementsAre("vectors"));
}

TEST(ComponentKind, HasAName) {
  EXPECT_EQ(component_kind_name(ComponentKind::kRows), "rows");
  EXPECT_EQ(component_kind_name(ComponentKind::kTombstones), "tombstones");
  EXPECT_EQ(component_kind(5), ComponentKind::kGraph);
  EXPECT_EQ(component_kind(0), std::nullopt);
  EXPECT_EQ(component_kind(7), std::nullopt);
}

}  // namespace
}  // namespace jade::storage
