// What only the memory file system promises; what all promise is in file_system_test.cc, power cuts in crash_test.cc.
#include "io/memory_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <string>

#include "io/io_error.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

using ::testing::ElementsAre;

template <class T>
int errno_in(const Result<T>& result) {
  return result.ok() ? 0 : errno_of(result.error());
}

TEST(MemoryFileSystem, TakesRelativeAndAbsolutePathsAlike) {
  MemoryFileSystem fs;
  ASSERT_TRUE(write_file(fs, "./a", "x").ok());
  EXPECT_EQ(read_file(fs, "//a").value(), "x");
  EXPECT_THAT(fs.list(".").value(), ElementsAre("a"));
}

TEST(MemoryFileSystem, HasARootThatCannotBeTouched) {
  MemoryFileSystem fs;
  EXPECT_EQ(errno_in(fs.open("/", OpenMode::kRead)), EISDIR);
  EXPECT_EQ(errno_in(fs.remove("/")), EISDIR);
  EXPECT_EQ(errno_in(fs.rename("/", "a")), EISDIR);
}

TEST(MemoryFileSystem, WritesWhatFitsIntoItsCapacity) {
  MemoryFileSystem fs;
  fs.set_capacity_bytes(10);
  ASSERT_TRUE(write_file(fs, "a", "1234").ok());
  const auto file = fs.open("b", OpenMode::kCreate).value();
  const auto full = file->write_at(0, as_bytes("12345678"));
  ASSERT_FALSE(full.ok());
  EXPECT_EQ(full.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(read_file(fs, "b").value(), "123456");
  EXPECT_EQ(fs.space("/")->available_bytes, 0U);
  // Bytes that are already there can be overwritten, and a gap alone can be too large.
  EXPECT_TRUE(file->write_at(0, as_bytes("654321")).ok());
  EXPECT_FALSE(file->write_at(100, as_bytes("x")).ok());
  EXPECT_EQ(read_file(fs, "b").value(), "654321");
  ASSERT_TRUE(fs.remove("a").ok());
  EXPECT_TRUE(file->write_at(6, as_bytes("7890")).ok());
  EXPECT_EQ(fs.space("/")->total_bytes, 10U);
}

TEST(MemoryFileSystem, AllocatesFromItsCapacity) {
  MemoryFileSystem fs;
  fs.set_capacity_bytes(10);
  const auto file = fs.open("a", OpenMode::kCreate).value();
  EXPECT_EQ(errno_in(file->allocate(11)), ENOSPC);
  EXPECT_EQ(file->size().value(), 0U);
  EXPECT_TRUE(file->allocate(8).ok());
  EXPECT_EQ(fs.space("/")->available_bytes, 2U);
}

TEST(MemoryFileSystem, StaysFullWhenItsCapacityShrinks) {
  MemoryFileSystem fs;
  ASSERT_TRUE(write_file(fs, "a", "1234").ok());
  fs.set_capacity_bytes(2);
  EXPECT_EQ(fs.space("/")->available_bytes, 0U);
}

TEST(MemoryFileSystem, RefusesAbsurdSizes) {
  MemoryFileSystem fs;
  const auto file = fs.open("a", OpenMode::kCreate).value();
  constexpr std::uint64_t kLimit = std::uint64_t{1} << 34;
  EXPECT_EQ(errno_in(file->write_at(UINT64_MAX, as_bytes("x"))), EFBIG);
  EXPECT_EQ(errno_in(file->write_at(kLimit, as_bytes("x"))), EFBIG);
  EXPECT_EQ(errno_in(file->truncate(kLimit + 1)), EFBIG);
  EXPECT_EQ(errno_in(file->allocate(kLimit + 1)), EFBIG);
}

TEST(MemoryFileSystem, ClonesWithoutSharing) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.create_directories("d").ok());
  ASSERT_TRUE(write_file(fs, "d/a", "one").ok());
  ASSERT_TRUE(write_file(fs, "gone", "x").ok());
  ASSERT_TRUE(fs.remove("gone").ok());
  const auto lock = fs.lock("LOCK", "me");
  const auto copy = fs.clone();
  ASSERT_TRUE(write_file(fs, "d/a", "two").ok());
  EXPECT_EQ(read_file(*copy, "d/a").value(), "one");
  EXPECT_THAT(copy->list("/").value(), ElementsAre("LOCK", "d"));
  EXPECT_TRUE(copy->lock("LOCK", "you").ok());
}

TEST(MemoryFileSystem, ClonesUnsyncedChangesAndCapacity) {
  MemoryFileSystem fs;
  fs.set_capacity_bytes(10);
  ASSERT_TRUE(write_file(fs, "a", "one").ok());
  const auto lost = fs.clone();
  ASSERT_TRUE(fs.sync_directory("/").ok());
  const auto kept = fs.clone();
  SeededRandom random(1);
  for (MemoryFileSystem* copy : {lost.get(), kept.get()}) {
    copy->crash(random, {.bytes = CrashFate::kDropped, .entries = CrashFate::kDropped});
    EXPECT_EQ(copy->space("/")->total_bytes, 10U);
  }
  EXPECT_FALSE(lost->stat("a").value().has_value());
  EXPECT_EQ(read_file(*kept, "a").value(), "");
}

TEST(MemoryFileSystem, LetsFilesOutliveIt) {
  std::unique_ptr<File> file;
  std::unique_ptr<FileLock> lock;
  {
    MemoryFileSystem fs;
    file = fs.open("a", OpenMode::kCreate).value();
    lock = fs.lock("LOCK", "me").value();
  }
  EXPECT_TRUE(file->write_at(0, as_bytes("x")).ok());
  EXPECT_EQ(file->size().value(), 1U);
}

TEST(MemoryFileSystem, ForgetsNothingWhereThereIsNothing) {
  MemoryFileSystem fs;
  fs.forget_unsynced("absent");
  fs.forget_unsynced("absent/deeper");
  EXPECT_TRUE(fs.list("/").value().empty());
}

}  // namespace
}  // namespace jade::io
