// The worked examples in docs/formats/ are what this release writes and reads.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>

#include "io/memory_file_system.h"
#include "storage/manifest.h"
#include "storage/publish_file.h"
#include "storage/test_component.h"
#include "storage/test_log.h"
#include "storage/write_batch.h"

namespace jade::storage {
namespace {

/// The bytes of the ```hex block of a page: 16 a line.
std::vector<std::byte> documented_bytes(const std::string& page) {
  const std::string path = std::string(JADE_SOURCE_DIRECTORY) + "/docs/formats/" + page;
  const std::vector<std::byte> bytes = read_whole_file(io::real_file_system(), path).value();
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view kOpening = "```hex\n";
  const std::size_t begin = text.find(kOpening) + kOpening.size();
  std::istringstream words(text.substr(begin, text.find("```", begin) - begin));
  std::vector<std::byte> out;
  for (std::string word; words >> word;)
    out.push_back(std::byte(static_cast<std::uint8_t>(std::stoul(word, nullptr, 16))));
  return out;
}

/// As the pages print bytes, so that a failure prints what the page should have.
std::string as_page(std::span<const std::byte> bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<unsigned>(bytes[i]) / 16];
    text += kDigits[std::to_integer<unsigned>(bytes[i]) % 16];
    text += i % 16 == 15 || i + 1 == bytes.size() ? '\n' : ' ';
  }
  return text;
}

/// One row: id "cat", the vector (1, 2) in field 1, metadata {}.
WriteBatch example_batch() {
  RowWrite row;
  row.id = "cat";
  row.metadata = "{}";
  VectorValue vector{VectorFieldId{1}, std::vector<std::byte>(8)};
  const std::array<float, 2> elements{1, 2};
  std::memcpy(vector.bytes.data(), elements.data(), vector.bytes.size());
  row.vectors.push_back(vector);
  return {{row}};
}

TEST(FormatExample, WriteBatch) {
  const std::vector<std::byte> written = encode_write_batch(example_batch());
  EXPECT_EQ(as_page(documented_bytes("write-batch.md")), as_page(written));
  const auto read = WriteBatchView::parse(written);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(to_write_batch(*read), example_batch());
}

TEST(FormatExample, Log) {
  io::MemoryFileSystem files;
  TestRandom random;
  const auto writer = test_writer();
  {
    const auto log = FileLog::create(files, "log", test_database(), *writer, random).value();
    NewRecord record;
    record.shard = ShardId{2};
    record.definition_version = 1;
    record.commit_time_us = 1'700'000'000'000'000;
    for (const char letter : std::string_view("payload")) record.payload.push_back(std::byte(letter));
    Acks acks;
    ASSERT_TRUE(log->append(std::move(record), acks.done()).ok());
    acks.wait_for(1);
    ASSERT_TRUE(log->close().ok());
  }
  const std::string path = "log/" + log_file_name(Sequence{1});
  const std::vector<std::byte> documented = documented_bytes("log.md");
  EXPECT_EQ(as_page(documented), as_page(read_whole_file(files, path).value()));

  // The page's bytes alone are a log.
  io::MemoryFileSystem other;
  ASSERT_TRUE(other.create_directories("log").ok());
  ASSERT_TRUE(publish_file(other, path, documented).ok());
  const auto opened = FileLog::open(other, "log", test_database(), *writer, random);
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(opened->recovery.records, 1u);
}

TEST(FormatExample, Manifest) {
  Manifest manifest;
  manifest.definition.database = test_database();
  manifest.definition.vectors = {{VectorFieldId{1}, "", 2, Metric::kCosine, ElementType::kF32, {}}};
  manifest.definition.next_field = VectorFieldId{2};
  manifest.definition.created_at_us = 1'700'000'000'000'000;
  manifest.definition.updated_at_us = 1'700'000'000'000'000;
  TestRandom random;
  const std::vector<std::byte> written = encode_manifest(manifest, random);
  const std::vector<std::byte> documented = documented_bytes("manifest.md");
  EXPECT_EQ(as_page(documented), as_page(written));
  const auto read = decode_manifest(documented);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, manifest);
}

TEST(FormatExample, Component) {
  io::MemoryFileSystem files;
  TestRandom random;
  const std::array<std::byte, 3> text = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  const ComponentRef ref = write_component(files, "graph", random, {{1, {text.begin(), text.end()}}, {2, {}}}).value();
  const std::vector<std::byte> written = read_whole_file(files, "graph").value();
  // The page leaves out zeros: [0x80, 0x1000) and [0x1010, 0x2000).
  const std::vector<std::byte> documented = documented_bytes("component.md");
  std::vector<std::byte> whole(0x2000);
  std::vector<std::byte> shown;
  for (const auto& [begin, end] : {std::pair{0, 0x80}, {0x1000, 0x1010}, {0x2000, static_cast<int>(written.size())}}) {
    shown.insert(shown.end(), written.begin() + begin, written.begin() + end);
  }
  ASSERT_EQ(as_page(documented), as_page(shown));

  // The page's bytes alone are a component.
  std::copy_n(documented.begin(), 0x80, whole.begin());
  std::copy_n(documented.begin() + 0x80, 0x10, whole.begin() + 0x1000);
  whole.insert(whole.end(), documented.begin() + 0x90, documented.end());
  ASSERT_TRUE(publish_file(files, "copy", whole).ok());
  const auto opened = ComponentFile::open(files, "copy", ref, test_database());
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ((*opened)->info(), test_component_info());
  EXPECT_TRUE(std::ranges::equal((*opened)->load((*opened)->section(1).value())->bytes(), text));
}

}  // namespace
}  // namespace jade::storage
