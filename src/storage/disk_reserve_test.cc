#include "storage/disk_reserve.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"

namespace jade::storage {
namespace {

constexpr char kPath[] = "data/reserve";
constexpr std::uint64_t kBytes = 1000;

class DiskReserveTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("data").ok());
    memory_.set_capacity_bytes(10000);
  }
  std::uint64_t available() { return memory_.space("/")->available_bytes; }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem files_{memory_};
  DiskReserve reserve_{files_, kPath, kBytes};
};

TEST_F(DiskReserveTest, TakesRoomAndGivesIt) {
  EXPECT_FALSE(reserve_.release()) << "there was none yet";
  EXPECT_EQ(available(), 10000u);
  ASSERT_TRUE(reserve_.restore().ok());
  EXPECT_EQ(available(), 10000u - kBytes);
  EXPECT_FALSE(reserve_.in_use());
  EXPECT_TRUE(reserve_.release());
  EXPECT_EQ(available(), 10000u);
  EXPECT_TRUE(reserve_.in_use());
  EXPECT_TRUE(reserve_.release()) << "whoever comes second may try again too";
  ASSERT_TRUE(reserve_.restore().ok());
  EXPECT_FALSE(reserve_.in_use());
}

TEST_F(DiskReserveTest, IsMadeOnce) {
  ASSERT_TRUE(reserve_.restore().ok());
  files_.clear_calls();
  ASSERT_TRUE(reserve_.restore().ok());
  EXPECT_TRUE(files_.calls().empty());
}

TEST_F(DiskReserveTest, TakesOverWhatAnEarlierProcessLeft) {
  {
    DiskReserve larger(files_, kPath, 3 * kBytes);
    ASSERT_TRUE(larger.restore().ok());
  }
  ASSERT_TRUE(reserve_.restore().ok());
  EXPECT_EQ(memory_.stat(kPath).value()->size, kBytes);
}

TEST_F(DiskReserveTest, WithoutRoomItIsInUseAndLeavesNothing) {
  memory_.set_capacity_bytes(kBytes - 1);
  EXPECT_EQ(reserve_.restore().error().code(), ErrorCode::kStorageFull);
  EXPECT_TRUE(reserve_.in_use());
  EXPECT_FALSE(memory_.stat(kPath).value().has_value());
  memory_.set_capacity_bytes(kBytes);
  EXPECT_TRUE(reserve_.restore().ok());
  EXPECT_FALSE(reserve_.in_use());
}

TEST_F(DiskReserveTest, EveryFailureLeavesItUsable) {
  for (const int errno_value : {EIO, ENOSPC}) {
    bool failed = true;
    for (std::uint64_t nth = 1; failed; ++nth) {
      DiskReserve reserve(files_, kPath, kBytes);
      // One that has to be made smaller.
      ASSERT_TRUE(memory_.open(kPath, io::OpenMode::kCreate).value()->truncate(2 * kBytes).ok());
      const std::uint64_t before = files_.failures();
      files_.set_fault({.nth = nth, .errno_value = errno_value});
      const Result<void> restored = reserve.restore();
      failed = files_.failures() != before;
      files_.clear_fault();
      EXPECT_NE(restored.ok(), failed);
      EXPECT_EQ(reserve.in_use(), failed && errno_value == ENOSPC);
      EXPECT_TRUE(reserve.restore().ok());
      EXPECT_TRUE(reserve.release());
    }
  }
}

TEST_F(DiskReserveTest, StaysWhenItCannotBeRemoved) {
  ASSERT_TRUE(reserve_.restore().ok());
  files_.set_fault({.kind = io::CallKind::kRemove});
  EXPECT_FALSE(reserve_.release());
  EXPECT_FALSE(reserve_.in_use());
  EXPECT_TRUE(reserve_.release());
}

}  // namespace
}  // namespace jade::storage
