// What every FileSystem promises, asked of each.
#include "io/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/faulty_file_system.h"
#include "io/io_error.h"
#include "io/memory_file_system.h"
#include "io/temporary_directory.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// A file system and a directory in it that exists and is empty.
class Ground {
 public:
  virtual ~Ground() = default;
  virtual FileSystem& file_system() = 0;
  virtual std::string root() const = 0;
};

class RealGround final : public Ground {
 public:
  FileSystem& file_system() override { return real_file_system(); }
  std::string root() const override { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
};

class MemoryGround final : public Ground {
 public:
  MemoryGround() { EXPECT_TRUE(memory_.create_directories("/ground").ok()); }
  FileSystem& file_system() override { return memory_; }
  std::string root() const override { return "/ground"; }

 private:
  MemoryFileSystem memory_;
};

class FaultyGround final : public Ground {
 public:
  FaultyGround() { EXPECT_TRUE(faulty_.create_directories("/ground").ok()); }
  FileSystem& file_system() override { return faulty_; }
  std::string root() const override { return "/ground"; }

 private:
  MemoryFileSystem memory_;
  FaultyFileSystem faulty_{memory_};
};

struct GroundRow {
  std::string name;
  std::unique_ptr<Ground> (*make)();
};

template <class T>
std::unique_ptr<Ground> make_ground() {
  return std::make_unique<T>();
}

class FileSystemConformance : public ::testing::TestWithParam<GroundRow> {
 protected:
  std::string path(std::string_view name) const { return join_path(ground_->root(), name); }
  std::unique_ptr<File> must_open(std::string_view name, OpenMode mode) {
    auto file = fs().open(path(name), mode);
    EXPECT_TRUE(file.ok()) << file.error().message();
    return std::move(file).value();
  }
  void must_write(std::string_view name, std::string_view text) {
    ASSERT_TRUE(write_file(fs(), path(name), text).ok());
  }
  std::string must_read(std::string_view name) { return read_file(fs(), path(name)).value(); }
  FileSystem& fs() { return ground_->file_system(); }
  std::string root() const { return ground_->root(); }

 private:
  std::unique_ptr<Ground> ground_ = GetParam().make();
};

template <class T>
void expect_errno(const Result<T>& result, int errno_value) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code(), ErrorCode::kIo);
  EXPECT_EQ(errno_of(result.error()), errno_value) << result.error().message();
}

TEST_P(FileSystemConformance, ReadsBackWhatWasWritten) {
  const auto file = must_open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->write_at(0, as_bytes("hello world")).ok());
  ASSERT_TRUE(file->write_at(6, as_bytes("there")).ok());
  ASSERT_TRUE(file->sync().ok());
  EXPECT_EQ(file->size().value(), 11U);
  EXPECT_EQ(must_read("a"), "hello there");
}

TEST_P(FileSystemConformance, ReadsShortOnlyAtTheEnd) {
  must_write("a", "0123456789");
  const auto file = must_open("a", OpenMode::kRead);
  struct Row {
    std::uint64_t offset;
    std::size_t asked;
    std::string expected;
  };
  for (const Row& row : {Row{0, 4, "0123"}, Row{8, 4, "89"}, Row{10, 4, ""}, Row{1000, 4, ""}, Row{3, 0, ""}}) {
    std::string out(row.asked, '?');
    const auto got = file->read_at(row.offset, std::as_writable_bytes(std::span(out)));
    ASSERT_TRUE(got.ok());
    EXPECT_EQ(out.substr(0, got.value()), row.expected) << row.offset;
  }
}

TEST_P(FileSystemConformance, FillsGapsWithZeros) {
  const auto file = must_open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->write_at(3, as_bytes("x")).ok());
  ASSERT_TRUE(file->truncate(6).ok());
  EXPECT_EQ(must_read("a"), std::string("\0\0\0x\0\0", 6));
}

TEST_P(FileSystemConformance, WritesNothingWhenThereIsNothingToWrite) {
  const auto file = must_open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->write_at(100, {}).ok());
  EXPECT_EQ(file->size().value(), 0U);
}

TEST_P(FileSystemConformance, TruncatesAndForgetsTheTail) {
  must_write("a", "0123456789");
  const auto file = must_open("a", OpenMode::kReadWrite);
  ASSERT_TRUE(file->truncate(4).ok());
  ASSERT_TRUE(file->truncate(6).ok());
  EXPECT_EQ(must_read("a"), std::string("0123\0\0", 6));
}

TEST_P(FileSystemConformance, OpensByMode) {
  must_write("present", "x");
  ASSERT_TRUE(fs().create_directories(path("directory")).ok());
  expect_errno(fs().open(path("absent"), OpenMode::kRead), ENOENT);
  expect_errno(fs().open(path("absent"), OpenMode::kReadWrite), ENOENT);
  expect_errno(fs().open(path("absent/file"), OpenMode::kCreateNew), ENOENT);
  expect_errno(fs().open(path("present/file"), OpenMode::kCreate), ENOTDIR);
  expect_errno(fs().open(path("directory"), OpenMode::kRead), EISDIR);
  expect_errno(fs().open(path("directory"), OpenMode::kCreate), EISDIR);
  EXPECT_TRUE(fs().open(path("present"), OpenMode::kRead).ok());
  EXPECT_TRUE(fs().open(path("present"), OpenMode::kReadWrite).ok());
  EXPECT_TRUE(fs().open(path("present"), OpenMode::kCreate).ok());
  EXPECT_EQ(must_read("present"), "x");
  EXPECT_TRUE(fs().open(path("new"), OpenMode::kCreateNew).ok());
  const auto again = fs().open(path("new"), OpenMode::kCreateNew);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST_P(FileSystemConformance, RefusesToChangeThroughAReadingHandle) {
  must_write("a", "kept");
  const auto file = must_open("a", OpenMode::kRead);
  expect_errno(file->write_at(0, as_bytes("lost")), EBADF);
  expect_errno(file->truncate(0), EINVAL);
  expect_errno(file->allocate(8), EBADF);
  EXPECT_EQ(must_read("a"), "kept");
}

TEST_P(FileSystemConformance, AllocatesWhatAFileDoesNotHaveYet) {
  const auto file = must_open("a", OpenMode::kCreate);
  ASSERT_TRUE(file->write_at(0, as_bytes("kept")).ok());
  ASSERT_TRUE(file->allocate(2).ok());
  EXPECT_EQ(must_read("a"), "kept");
  ASSERT_TRUE(file->allocate(8).ok());
  EXPECT_EQ(must_read("a"), std::string("kept\0\0\0\0", 8));
}

TEST_P(FileSystemConformance, NamesThePathInItsErrors) {
  const auto file = fs().open(path("absent"), OpenMode::kRead);
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message(), HasSubstr(path("absent")));
}

TEST_P(FileSystemConformance, StatsFilesDirectoriesAndWhatIsAbsent) {
  must_write("file", "12345");
  ASSERT_TRUE(fs().create_directories(path("directory")).ok());
  const auto file = fs().stat(path("file")).value();
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(file->size, 5U);
  EXPECT_FALSE(file->is_directory);
  EXPECT_TRUE(fs().stat(path("directory")).value()->is_directory);
  EXPECT_TRUE(fs().stat("/").value()->is_directory);
  EXPECT_FALSE(fs().stat(path("absent")).value().has_value());
  EXPECT_FALSE(fs().stat(path("absent/deeper")).value().has_value());
  EXPECT_FALSE(fs().stat(path("file/deeper")).value().has_value());
}

TEST_P(FileSystemConformance, RenamesOverAnExistingFile) {
  must_write("from", "new");
  must_write("to", "old");
  const auto reader = must_open("to", OpenMode::kRead);
  ASSERT_TRUE(fs().rename(path("from"), path("to")).ok());
  EXPECT_EQ(must_read("to"), "new");
  EXPECT_THAT(fs().list(root()).value(), ElementsAre("to"));
  std::string old(3, '?');
  ASSERT_TRUE(reader->read_at(0, std::as_writable_bytes(std::span(old))).ok());
  EXPECT_EQ(old, "old");
}

TEST_P(FileSystemConformance, RenamesBetweenDirectoriesAndOntoItself) {
  ASSERT_TRUE(fs().create_directories(path("a/b")).ok());
  must_write("file", "x");
  ASSERT_TRUE(fs().rename(path("file"), path("a/b/file")).ok());
  ASSERT_TRUE(fs().rename(path("a/b/file"), path("a/b/file")).ok());
  ASSERT_TRUE(fs().rename(path("a/b"), path("c")).ok());
  EXPECT_EQ(must_read("c/file"), "x");
  EXPECT_THAT(fs().list(root()).value(), ElementsAre("a", "c"));
}

TEST_P(FileSystemConformance, RefusesRenamesThatMakeNoSense) {
  ASSERT_TRUE(fs().create_directories(path("empty")).ok());
  ASSERT_TRUE(fs().create_directories(path("full/inner")).ok());
  must_write("file", "x");
  struct Row {
    std::string from;
    std::string to;
    int errno_value;
  };
  const std::vector<Row> rows = {{"absent", "new", ENOENT},         {"absent/deeper", "new", ENOENT},
                                 {"file", "absent/new", ENOENT},    {"file", "empty", EISDIR},
                                 {"empty", "file", ENOTDIR},        {"empty", "full", ENOTEMPTY},
                                 {"full", "full/inner/new", EINVAL}};
  for (const Row& row : rows) {
    SCOPED_TRACE(row.from + " to " + row.to);
    expect_errno(fs().rename(path(row.from), path(row.to)), row.errno_value);
  }
  EXPECT_TRUE(fs().rename(path("full"), path("empty")).ok());
  EXPECT_THAT(fs().list(path("empty")).value(), ElementsAre("inner"));
}

TEST_P(FileSystemConformance, RemovesFilesAndEmptyDirectories) {
  ASSERT_TRUE(fs().create_directories(path("directory")).ok());
  must_write("directory/file", "x");
  const auto file = must_open("directory/file", OpenMode::kReadWrite);
  expect_errno(fs().remove(path("directory")), ENOTEMPTY);
  EXPECT_TRUE(fs().remove(path("directory/file")).ok());
  EXPECT_TRUE(fs().remove(path("directory")).ok());
  expect_errno(fs().remove(path("directory")), ENOENT);
  expect_errno(fs().remove(path("directory/file")), ENOENT);
  EXPECT_THAT(fs().list(root()).value(), IsEmpty());
  // An open file outlives its name.
  EXPECT_TRUE(file->write_at(0, as_bytes("y")).ok());
  EXPECT_EQ(file->size().value(), 1U);
}

TEST_P(FileSystemConformance, CreatesDirectoriesWithTheirParents) {
  ASSERT_TRUE(fs().create_directories(path("a/b/c")).ok());
  ASSERT_TRUE(fs().create_directories(path("a/b/c")).ok());
  EXPECT_THAT(fs().list(path("a/b")).value(), ElementsAre("c"));
  must_write("file", "x");
  expect_errno(fs().create_directories(path("file/d")), ENOTDIR);
}

TEST_P(FileSystemConformance, ListsSortedNames) {
  for (const char* name : {"b", "a", "B", "c"}) must_write(name, "x");
  EXPECT_THAT(fs().list(root()).value(), ElementsAre("B", "a", "b", "c"));
  expect_errno(fs().list(path("absent")), ENOENT);
  expect_errno(fs().list(path("a")), ENOTDIR);
}

TEST_P(FileSystemConformance, SyncsDirectories) {
  must_write("a", "x");
  EXPECT_TRUE(fs().sync_directory(root()).ok());
  expect_errno(fs().sync_directory(path("absent")), ENOENT);
  expect_errno(fs().sync_directory(path("a")), ENOTDIR);
}

TEST_P(FileSystemConformance, LocksOutASecondOwnerUntilTheFirstIsGone) {
  must_write("LOCK", "a much longer text that an earlier process left behind");
  auto first = fs().lock(path("LOCK"), "pid 1");
  ASSERT_TRUE(first.ok());
  const auto second = fs().lock(path("LOCK"), "pid 2");
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(std::get<std::string>(second.error().detail("owner")->value), "pid 1");
  EXPECT_EQ(must_read("LOCK"), "pid 1");
  EXPECT_TRUE(fs().lock(path("OTHER"), "pid 2").ok());
  first->reset();
  EXPECT_TRUE(fs().lock(path("LOCK"), "pid 2").ok());
}

TEST_P(FileSystemConformance, CannotLockWhereNoFileCanBe) {
  ASSERT_TRUE(fs().create_directories(path("directory")).ok());
  expect_errno(fs().lock(path("absent/LOCK"), "pid 1"), ENOENT);
  expect_errno(fs().lock(path("directory"), "pid 1"), EISDIR);
}

TEST_P(FileSystemConformance, TellsTheSpace) {
  const auto space = fs().space(root());
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0U);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  expect_errno(fs().space(path("absent")), ENOENT);
}

TEST_P(FileSystemConformance, ServesManyThreads) {
  const auto file = must_open("shared", OpenMode::kCreate);
  constexpr std::size_t kThreads = 4;
  constexpr std::size_t kRounds = 50;
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string name = "own" + std::to_string(t);
      const std::string text(64, static_cast<char>('a' + t));
      for (std::size_t i = 0; i < kRounds; ++i) {
        EXPECT_TRUE(file->write_at((i * kThreads + t) * 64, as_bytes(text)).ok());
        EXPECT_TRUE(write_file(fs(), path(name), text).ok());
        EXPECT_TRUE(fs().rename(path(name), path(name + ".done")).ok());
        EXPECT_EQ(must_read(name + ".done"), text);
        EXPECT_TRUE(fs().list(root()).ok());
      }
    });
  }
  threads.clear();
  const std::string all = must_read("shared");
  ASSERT_EQ(all.size(), kThreads * kRounds * 64);
  for (std::size_t i = 0; i < all.size(); ++i) ASSERT_EQ(all[i], static_cast<char>('a' + i / 64 % kThreads));
}

std::string text_of(const Mapping& mapping) {
  return {reinterpret_cast<const char*>(mapping.bytes().data()), mapping.bytes().size()};
}

TEST_P(FileSystemConformance, MapsAFileAsLargeAsItIs) {
  must_write("a", "0123456789");
  const auto mapping = must_open("a", OpenMode::kRead)->map().value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(mapping->bytes().data()) % 4096, 0U);
  EXPECT_EQ(text_of(*mapping), "0123456789");
  mapping->random_access();
  mapping->will_need(3, 4);
  const auto file = must_open("a", OpenMode::kReadWrite);
  ASSERT_TRUE(file->write_at(8, as_bytes("abcdef")).ok());
  ASSERT_TRUE(file->write_at(20, as_bytes("beyond")).ok());
  EXPECT_EQ(text_of(*mapping), "01234567ab");
  EXPECT_FALSE(mapping->failed());
  ASSERT_TRUE(fs().remove(path("a")).ok());
  EXPECT_EQ(text_of(*mapping), "01234567ab");
}

TEST_P(FileSystemConformance, MapsAnEmptyFile) {
  must_write("a", "");
  const auto mapping = must_open("a", OpenMode::kRead)->map().value();
  EXPECT_TRUE(mapping->bytes().empty());
  mapping->random_access();
  mapping->will_need(0, 0);
  EXPECT_FALSE(mapping->failed());
}

TEST_P(FileSystemConformance, MappingsFailWhereTheFileWasCut) {
  must_write("a", std::string(20000, 'x'));
  const auto file = must_open("a", OpenMode::kReadWrite);
  const auto mapping = file->map().value();
  ASSERT_TRUE(file->truncate(30000).ok());
  ASSERT_TRUE(file->truncate(19000).ok());
  EXPECT_EQ(text_of(*mapping), std::string(19000, 'x') + std::string(1000, '\0'));
  EXPECT_FALSE(mapping->failed());
  ASSERT_TRUE(file->truncate(4100).ok());
  EXPECT_EQ(text_of(*mapping), std::string(4100, 'x') + std::string(15900, '\0'));
  EXPECT_TRUE(mapping->failed());
}

INSTANTIATE_TEST_SUITE_P(Implementations, FileSystemConformance,
                         ::testing::Values(GroundRow{"Real", &make_ground<RealGround>},
                                           GroundRow{"Memory", &make_ground<MemoryGround>},
                                           GroundRow{"Faulty", &make_ground<FaultyGround>}),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace jade::io
