#include "storage/text_blocks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "base/test_env.h"
#include "io/memory_file_system.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

using testing::HasSubstr;

constexpr char kPath[] = "texts";

/// A metadata component, in a file system of its own.
class TextBlocksTest : public testing::Test {
 protected:
  static ComponentInfo info() { return {.database = test_database(), .kind = ComponentKind::kMetadata}; }

  void write(const std::vector<std::string>& texts) {
    auto writer = ComponentWriter::create(files_, kPath, info(), random_).value();
    auto blocks = TextBlockWriter::begin(*writer).value();
    for (const std::string& text : texts) ASSERT_TRUE(blocks->add(text).ok());
    ASSERT_TRUE(blocks->finish().ok());
    ref_ = writer->finish().value();
  }
  /// Sections with any bytes, that no TextBlockWriter wrote.
  void write_sections(const std::vector<std::pair<TextSection, std::vector<std::byte>>>& sections) {
    auto writer = ComponentWriter::create(files_, kPath, info(), random_).value();
    for (const auto& [id, bytes] : sections) {
      ASSERT_TRUE(writer->begin_section(static_cast<std::uint32_t>(id)).ok());
      ASSERT_TRUE(writer->append(bytes).ok());
    }
    ref_ = writer->finish().value();
  }
  Result<TextBlocks> open(std::uint64_t texts) {
    file_ = ComponentFile::open(files_, kPath, ref_, test_database()).value();
    return TextBlocks::open(*file_, file_->map().value(), texts);
  }

  TestRandom random_;
  io::MemoryFileSystem files_;
  ComponentRef ref_;
  std::unique_ptr<ComponentFile> file_;
};

TEST_F(TextBlocksTest, EveryTextComesBack) {
  const std::uint64_t seed = test_seed(5);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < test_scale(2'000); ++i) {
    const std::uint64_t kind = random.next_below(40);
    std::string text(kind == 0 ? random.next_below(100'000) : random.next_below(200), 'x');
    for (char& c : text) c = static_cast<char>('a' + random.next_below(4));
    texts.push_back(kind < 5 ? std::string() : std::move(text));
  }
  write(texts);
  const TextBlocks blocks = open(texts.size()).value();
  for (std::size_t i = 0; i < texts.size(); ++i) ASSERT_EQ(blocks.read(i).value(), texts[i]);
  // Repetitive texts take less room than they are long.
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  EXPECT_LT(ref_.file_bytes, bytes);
}

TEST_F(TextBlocksTest, NoTextsAreTexts) {
  write({});
  EXPECT_TRUE(open(0).ok());
  const auto other = open(1);
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code(), ErrorCode::kDataCorrupted);
  write({"", ""});
  EXPECT_EQ(open(2).value().read(1).value(), "");
}

TEST_F(TextBlocksTest, RefusesATextThatNoBlockTakes) {
  auto writer = ComponentWriter::create(files_, kPath, info(), random_).value();
  auto blocks = TextBlockWriter::begin(*writer).value();
  const auto refused = blocks->add(std::string(TextBlockWriter::kTextBytesMax + 1, 'x'));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kPayloadTooLarge);
}

/// Bytes of little-endian numbers.
template <class... Numbers>
std::vector<std::byte> bytes_of(Numbers... numbers) {
  std::vector<std::byte> bytes;
  const auto add = [&bytes](auto number) {
    const auto* first = reinterpret_cast<const std::byte*>(&number);
    bytes.insert(bytes.end(), first, first + sizeof(number));
  };
  (add(numbers), ...);
  return bytes;
}

TEST_F(TextBlocksTest, NumbersThatLeadNowhereAreDamage) {
  write({"hello, hello, hello"});
  const auto whole = ComponentFile::open(files_, kPath, ref_, test_database()).value();
  const auto read_section = [&](TextSection id) {
    const ComponentSection section = *whole->section(static_cast<std::uint32_t>(id));
    std::vector<std::byte> bytes(section.bytes);
    EXPECT_TRUE(whole->read(section, 0, bytes).ok());
    return bytes;
  };
  const std::vector<std::byte> block = read_section(TextSection::kBlocks);
  const auto size = static_cast<std::uint32_t>(block.size());
  const std::uint32_t raw = 19 + 4;
  struct Row {
    const char* name;
    std::vector<std::byte> index;
    std::vector<std::byte> places;
  };
  const Row rows[] = {
      {"a block that is none", bytes_of(std::uint64_t{0}, size, raw), bytes_of(std::uint64_t{1} << 32)},
      {"behind the block", bytes_of(std::uint64_t{0}, size, raw), bytes_of(std::uint64_t{raw})},
      {"in the text", bytes_of(std::uint64_t{0}, size, raw), bytes_of(std::uint64_t{4})},
      {"behind the blocks", bytes_of(std::uint64_t{1}, size, raw), bytes_of(std::uint64_t{0})},
      {"another size", bytes_of(std::uint64_t{0}, size, raw + 1), bytes_of(std::uint64_t{0})},
      {"a smaller size", bytes_of(std::uint64_t{0}, size, raw - 1), bytes_of(std::uint64_t{0})},
      {"no size", bytes_of(std::uint64_t{0}, size, std::uint32_t{0}), bytes_of(std::uint64_t{0})},
      {"a huge size", bytes_of(std::uint64_t{0}, size, ~std::uint32_t{0}), bytes_of(std::uint64_t{0})},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    write_sections(
        {{TextSection::kBlocks, block}, {TextSection::kBlockIndex, row.index}, {TextSection::kPlaces, row.places}});
    const auto read = open(1).value().read(0);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_THAT(read.error().message(), HasSubstr(kPath));
  }
  write_sections({{TextSection::kBlocks, block}, {TextSection::kPlaces, bytes_of(std::uint64_t{0})}});
  EXPECT_FALSE(open(1).ok());
  write_sections({{TextSection::kBlockIndex, {}}, {TextSection::kPlaces, bytes_of(std::uint64_t{0})}});
  EXPECT_FALSE(open(1).ok());
  write_sections({{TextSection::kBlocks, block}, {TextSection::kBlockIndex, {}}});
  EXPECT_FALSE(open(1).ok());
  write_sections({{TextSection::kBlocks, block},
                  {TextSection::kBlockIndex, bytes_of(std::uint32_t{0})},
                  {TextSection::kPlaces, bytes_of(std::uint64_t{0})}});
  EXPECT_FALSE(open(1).ok());
}

TEST_F(TextBlocksTest, ADamagedPlaceIsNotAnEmptyText) {
  write({"text"});
  const TextBlocks blocks = open(1).value();
  const std::uint64_t offset = file_->section(static_cast<std::uint32_t>(TextSection::kPlaces))->offset;
  const auto file = files_.open(kPath, io::OpenMode::kReadWrite).value();
  const std::vector<std::byte> none(8, std::byte{0xff});
  ASSERT_TRUE(file->write_at(offset, none).ok());
  const auto read = blocks.read(0);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kDataCorrupted);
}

}  // namespace
}  // namespace jade::storage
