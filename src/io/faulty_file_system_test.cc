#include "io/faulty_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include "io/io_error.h"
#include "io/memory_file_system.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

using ::testing::ElementsAre;

template <class T>
int errno_in(const Result<T>& result) {
  return result.ok() ? 0 : errno_of(result.error());
}

class FaultyFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(write_file(memory_, "file", "old").ok());
    file_ = faulty_.open("file", OpenMode::kReadWrite).value();
    faulty_.clear_calls();
  }

  MemoryFileSystem memory_;
  FaultyFileSystem faulty_{memory_};
  std::unique_ptr<File> file_;
};

TEST_F(FaultyFileSystemTest, FailsEveryKindOfCall) {
  std::byte byte{};
  struct Row {
    CallKind kind;
    std::function<int()> call;
  };
  const std::vector<Row> rows = {
      {CallKind::kOpen, [&] { return errno_in(faulty_.open("file", OpenMode::kRead)); }},
      {CallKind::kRead, [&] { return errno_in(file_->read_at(0, std::span(&byte, 1))); }},
      {CallKind::kWrite, [&] { return errno_in(file_->write_at(0, std::span(&byte, 1))); }},
      {CallKind::kSize, [&] { return errno_in(file_->size()); }},
      {CallKind::kTruncate, [&] { return errno_in(file_->truncate(0)); }},
      {CallKind::kSync, [&] { return errno_in(file_->sync()); }},
      {CallKind::kStat, [&] { return errno_in(faulty_.stat("file")); }},
      {CallKind::kRename, [&] { return errno_in(faulty_.rename("file", "other")); }},
      {CallKind::kRemove, [&] { return errno_in(faulty_.remove("file")); }},
      {CallKind::kCreateDirectories, [&] { return errno_in(faulty_.create_directories("file")); }},
      {CallKind::kList, [&] { return errno_in(faulty_.list("/")); }},
      {CallKind::kSyncDirectory, [&] { return errno_in(faulty_.sync_directory("/")); }},
      {CallKind::kLock, [&] { return errno_in(faulty_.lock("LOCK", "me")); }},
      {CallKind::kSpace, [&] { return errno_in(faulty_.space("/")); }},
      {CallKind::kMap, [&] { return errno_in(file_->map()); }},
      {CallKind::kAllocate, [&] { return errno_in(file_->allocate(8)); }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(call_kind_name(row.kind));
    faulty_.clear_calls();
    faulty_.set_fault({.kind = row.kind, .errno_value = EMFILE});
    EXPECT_EQ(row.call(), EMFILE);
    EXPECT_EQ(faulty_.count(row.kind), 1U);
  }
  EXPECT_EQ(faulty_.failures(), rows.size());
  EXPECT_EQ(read_file(memory_, "file").value(), "old");
}

TEST_F(FaultyFileSystemTest, FailsTheNthMatchingCallOnce) {
  faulty_.set_fault({.nth = 2, .kind = CallKind::kWrite, .errno_value = ENOSPC});
  EXPECT_TRUE(file_->write_at(0, as_bytes("a")).ok());
  EXPECT_TRUE(file_->size().ok());
  const auto second = file_->write_at(1, as_bytes("b"));
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kStorageFull);
  EXPECT_TRUE(file_->write_at(2, as_bytes("c")).ok());
  EXPECT_EQ(read_file(memory_, "file").value(), "alc");
}

TEST_F(FaultyFileSystemTest, FailsForGoodUntilCleared) {
  faulty_.set_fault({.nth = 2, .for_good = true});
  EXPECT_TRUE(file_->size().ok());
  EXPECT_FALSE(file_->size().ok());
  EXPECT_FALSE(faulty_.stat("file").ok());
  faulty_.clear_fault();
  EXPECT_TRUE(faulty_.stat("file").ok());
  EXPECT_EQ(faulty_.failures(), 2U);
}

TEST_F(FaultyFileSystemTest, FailsOnlyThePathsThatMatch) {
  faulty_.set_fault({.path_contains = "log", .for_good = true});
  EXPECT_TRUE(faulty_.open("a", OpenMode::kCreate).ok());
  EXPECT_FALSE(faulty_.open("log.1", OpenMode::kCreate).ok());
}

TEST_F(FaultyFileSystemTest, WritesAPartAndThenFails) {
  faulty_.set_fault({.kind = CallKind::kWrite, .short_bytes = 2});
  EXPECT_EQ(errno_in(file_->write_at(0, as_bytes("NEW"))), EIO);
  EXPECT_EQ(read_file(memory_, "file").value(), "NEd");
  faulty_.set_fault({.kind = CallKind::kWrite, .short_bytes = 100});
  EXPECT_EQ(errno_in(file_->write_at(0, as_bytes("XYZ"))), EIO);
  EXPECT_EQ(read_file(memory_, "file").value(), "XYZ");
}

TEST_F(FaultyFileSystemTest, ReportsTheBasesFailureOfAShortWrite) {
  memory_.set_capacity_bytes(0);
  faulty_.set_fault({.kind = CallKind::kWrite, .short_bytes = 8});
  EXPECT_EQ(errno_in(file_->write_at(0, as_bytes("longer than before"))), ENOSPC);
}

TEST_F(FaultyFileSystemTest, LosesWhatAFailedSyncShouldHaveSynced) {
  ASSERT_TRUE(file_->sync().ok());
  ASSERT_TRUE(memory_.sync_directory("/").ok());
  ASSERT_TRUE(file_->write_at(0, as_bytes("NEW")).ok());
  faulty_.set_fault({.kind = CallKind::kSync});
  EXPECT_FALSE(file_->sync().ok());
  // The page cache still shows the bytes, and the next sync claims success.
  EXPECT_EQ(read_file(faulty_, "file").value(), "NEW");
  EXPECT_TRUE(file_->sync().ok());
  SeededRandom random(1);
  memory_.crash(random, {.bytes = CrashFate::kKept});
  EXPECT_EQ(read_file(memory_, "file").value(), "old");
}

TEST_F(FaultyFileSystemTest, LosesTheEntriesOfAFailedDirectorySync) {
  ASSERT_TRUE(write_file(memory_, "second", "x").ok());
  faulty_.set_fault({.kind = CallKind::kSyncDirectory});
  EXPECT_FALSE(faulty_.sync_directory("/").ok());
  EXPECT_TRUE(faulty_.sync_directory("/").ok());
  SeededRandom random(1);
  memory_.crash(random, {.entries = CrashFate::kKept});
  EXPECT_FALSE(memory_.stat("second").value().has_value());
}

TEST_F(FaultyFileSystemTest, LosesNothingOverAnotherBase) {
  FaultyFileSystem plain(static_cast<FileSystem&>(memory_));
  const auto file = plain.open("file", OpenMode::kReadWrite).value();
  plain.set_fault({.kind = CallKind::kSync});
  EXPECT_FALSE(file->sync().ok());
  EXPECT_TRUE(file->sync().ok());
}

TEST_F(FaultyFileSystemTest, LogsCallsInOrder) {
  std::byte byte{};
  ASSERT_TRUE(file_->read_at(7, std::span(&byte, 1)).ok());
  ASSERT_TRUE(file_->write_at(3, as_bytes("abc")).ok());
  ASSERT_TRUE(file_->truncate(5).ok());
  ASSERT_TRUE(faulty_.rename("file", "renamed").ok());
  const auto as_row = [](const Call& call) {
    return std::string(call_kind_name(call.kind)) + " " + call.path + " " + std::to_string(call.offset) + " " +
           std::to_string(call.bytes);
  };
  std::vector<std::string> rows;
  for (const Call& call : faulty_.calls()) rows.push_back(as_row(call));
  EXPECT_THAT(rows, ElementsAre("read file 7 1", "write file 3 3", "truncate file 0 5", "rename file 0 0"));
  EXPECT_EQ(faulty_.count(CallKind::kWrite), 1U);
}

TEST_F(FaultyFileSystemTest, RunsTheHookBeforeEachCall) {
  std::vector<std::string> seen;
  faulty_.set_hook([&](const Call& call) {
    seen.push_back(std::string(call_kind_name(call.kind)) + ":" + read_file(memory_, "file").value());
  });
  ASSERT_TRUE(file_->write_at(0, as_bytes("new")).ok());
  ASSERT_TRUE(file_->sync().ok());
  EXPECT_THAT(seen, ElementsAre("write:old", "sync:new"));
}

}  // namespace
}  // namespace jade::io
