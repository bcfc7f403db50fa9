#include "io/io_error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace jade::io {
namespace {

TEST(IoError, TellsAFullDiskFromABrokenOne) {
  EXPECT_EQ(io_error(ENOSPC, "writing", "/a").code(), ErrorCode::kStorageFull);
  EXPECT_EQ(io_error(EDQUOT, "writing", "/a").code(), ErrorCode::kStorageFull);
  EXPECT_EQ(io_error(EIO, "writing", "/a").code(), ErrorCode::kIo);
}

TEST(IoError, SaysWhatWasDoneToWhichPathAndWhy) {
  const Error error = io_error(ENOENT, "opening", "/data/log");
  EXPECT_EQ(error.message(), "opening /data/log: No such file or directory");
  EXPECT_EQ(errno_of(error), ENOENT);
}

TEST(ErrnoOf, IsZeroWithoutANumber) {
  EXPECT_EQ(errno_of(Error(ErrorCode::kIo, "x")), 0);
  EXPECT_EQ(errno_of(Error(ErrorCode::kIo, "x").with("errno", std::string("EIO"))), 0);
}

TEST(LockHeldError, NamesTheHolder) {
  const Error error = lock_held_error("/data/LOCK", "pid 7");
  EXPECT_EQ(error.code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(error.message(), "locking /data/LOCK: held by pid 7");
}

}  // namespace
}  // namespace jade::io
