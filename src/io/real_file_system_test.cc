// Failures that only the operating system can produce; the promises themselves are in file_system_test.cc.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cerrno>
#include <fstream>
#include <string>

#include "io/file_system.h"
#include "io/io_error.h"
#include "io/temporary_directory.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

template <class T>
int errno_in(const Result<T>& result) {
  return result.ok() ? 0 : errno_of(result.error());
}

TEST(RealFileSystem, ReportsAFullDevice) {
  const auto file = real_file_system().open("/dev/full", OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  const auto written = (*file)->write_at(0, as_bytes("x"));
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(errno_in(written), ENOSPC);
}

TEST(RealFileSystem, ReportsWhatCannotBeSynced) {
  const auto file = real_file_system().open("/dev/full", OpenMode::kReadWrite);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(errno_in((*file)->sync()), EINVAL);
  EXPECT_EQ(errno_in(real_file_system().sync_directory("/proc")), EINVAL);
}

TEST(RealFileSystem, ReportsAFailedRead) {
  // The first page of a process is never mapped.
  const auto file = real_file_system().open("/proc/self/mem", OpenMode::kRead);
  ASSERT_TRUE(file.ok());
  std::byte byte{};
  EXPECT_EQ(errno_in((*file)->read_at(0, std::span(&byte, 1))), EIO);
}

TEST(RealFileSystem, ReportsWhatCannotBeMapped) {
  const TemporaryDirectory directory;
  const auto file = real_file_system().open(join_path(directory.path(), "large"), OpenMode::kCreate).value();
  constexpr std::uint64_t kBytes = std::uint64_t{1} << 31;
  ASSERT_TRUE(file->truncate(kBytes).ok());
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  struct rlimit before = {};
  ::getrlimit(RLIMIT_AS, &before);
  const struct rlimit limit = {pages * 4096 + kBytes / 2, before.rlim_max};
  ::setrlimit(RLIMIT_AS, &limit);
  const auto mapping = file->map();
  ::setrlimit(RLIMIT_AS, &before);
  EXPECT_EQ(errno_in(mapping), ENOMEM);
}

TEST(RealFileSystem, ReportsALockFileThatTakesNoText) {
  EXPECT_EQ(errno_in(real_file_system().lock("/dev/full", "pid 1")), EINVAL);
}

TEST(RealFileSystem, ReportsPathsThatCannotBe) {
  const std::string path = "/" + std::string(300, 'x');
  EXPECT_EQ(errno_in(real_file_system().stat(path)), ENAMETOOLONG);
  EXPECT_EQ(errno_in(real_file_system().open(path, OpenMode::kCreateNew)), ENAMETOOLONG);
}

TEST(TemporaryDirectory, IsEmptyAndGoesWithAllThatIsInIt) {
  std::string path;
  {
    const TemporaryDirectory directory;
    path = directory.path();
    EXPECT_TRUE(real_file_system().list(path).value().empty());
    ASSERT_TRUE(real_file_system().create_directories(join_path(path, "a/b")).ok());
    ASSERT_TRUE(write_file(real_file_system(), join_path(path, "a/b/c"), "x").ok());
  }
  EXPECT_FALSE(real_file_system().stat(path).value().has_value());
}

}  // namespace
}  // namespace jade::io
