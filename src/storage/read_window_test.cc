#include "storage/read_window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "base/random.h"
#include "base/test_env.h"
#include "io/memory_file_system.h"
#include "storage/publish_file.h"

namespace jade::storage {
namespace {

std::vector<std::byte> some_bytes(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(static_cast<std::uint8_t>(i * 31 + i / 256));
  return bytes;
}

TEST(ReadWindow, GivesTheFilesBytesFromAnywhere) {
  const std::uint64_t seed = test_seed(16);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  io::MemoryFileSystem files;
  const std::vector<std::byte> bytes = some_bytes(1'000'003);
  ASSERT_TRUE(publish_file(files, "f", bytes).ok());
  ReadWindow window(files.open("f", io::OpenMode::kRead).value(), bytes.size());
  for (std::size_t i = 0; i < test_scale(300); ++i) {
    const std::uint64_t offset = random.next_below(bytes.size() + 100);
    const std::uint64_t count = random.next_below(random.next_below(10) == 0 ? 600'000 : 5'000);
    const auto read = window.bytes(offset, count);
    ASSERT_TRUE(read.ok());
    const auto expected = std::span(bytes).subspan(std::min<std::size_t>(offset, bytes.size()));
    ASSERT_TRUE(std::ranges::equal(*read, expected.first(std::min<std::size_t>(count, expected.size()))));
    if (!read->empty() && offset % 16 == 0) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read->data()) % 16, 0u);
    }
  }
}

TEST(ReadWindow, NoticesAFileThatShrank) {
  io::MemoryFileSystem files;
  ASSERT_TRUE(publish_file(files, "f", some_bytes(100)).ok());
  ReadWindow window(files.open("f", io::OpenMode::kRead).value(), 200);
  const auto read = window.bytes(0, 150);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code(), ErrorCode::kIo);
}

TEST(PublishFile, ReplacesAndLeavesNothingElse) {
  io::MemoryFileSystem files;
  ASSERT_TRUE(publish_file(files, "f", some_bytes(100)).ok());
  ASSERT_TRUE(publish_file(files, "f", some_bytes(40)).ok());
  EXPECT_EQ(read_whole_file(files, "f").value(), some_bytes(40));
  EXPECT_EQ(files.list("/").value(), std::vector<std::string>{"f"});
}

}  // namespace
}  // namespace jade::storage
