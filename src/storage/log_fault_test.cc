// Fails every call that the log makes of its files, in every way, and looks at what was promised.
#include <gtest/gtest.h>

#include <set>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "db/log";
constexpr FileLogOptions kOptions{.max_file_bytes = 900};

/// What the program was told.
struct Told {
  bool created = false;
  std::uint64_t acknowledged = 0;
  std::uint64_t sent = 0;
  /// Counts what was sent; the idempotency key of each.
  std::uint64_t attempts = 0;
  /// Of these attempts it was said that they will never be there.
  std::set<std::uint64_t> refused;
};

/// The test's record at `sequence`, with a key that no other attempt has.
NewRecord attempt_record(std::uint64_t sequence, std::uint64_t attempt) {
  NewRecord record = test_record(sequence);
  const auto key = std::as_bytes(std::span(&attempt, 1));
  record.idempotency_key.assign(key.begin(), key.end());
  return record;
}

std::uint64_t attempt_of(const LogRecord& record) {
  std::uint64_t attempt = 0;
  EXPECT_EQ(record.idempotency_key.size(), sizeof(attempt));
  std::ranges::copy(record.idempotency_key, std::as_writable_bytes(std::span(&attempt, 1)).begin());
  return attempt;
}

class FaultTest : public ::testing::Test {
 protected:
  /// Appends until something fails; opens the log twice on the way.
  Told play(io::FileSystem& files) {
    Told told;
    const auto log = FileLog::create(files, kDirectory, test_database(), *writer_, random_, kOptions);
    if (!log.ok()) return told;
    told.created = true;
    append(**log, told);
    if (!(*log)->close().ok()) return told;
    const auto opened = FileLog::open(files, kDirectory, test_database(), *writer_, random_, kOptions);
    if (opened.ok()) append(*opened->log, told);
    return told;
  }

  static void append(Log& log, Told& told) {
    for (int i = 0; i < 6; ++i) {
      Acks acks;
      ++told.attempts;
      const Result<Sequence> sequence = log.append(attempt_record(told.sent + 1, told.attempts), acks.done());
      if (!sequence.ok() && sequence.error().code() == ErrorCode::kStorageFull) {
        // At once, because a watermark has just found no room.
        told.refused.insert(told.attempts);
        continue;
      }
      if (!sequence.ok()) return;
      ASSERT_EQ(sequence->value(), told.sent + 1);
      acks.wait_for(1);
      const std::optional<Error> outcome = acks.outcomes()[0];
      if (outcome && outcome->code() == ErrorCode::kStorageFull) {
        // Another may take its place.
        told.refused.insert(told.attempts);
        continue;
      }
      ++told.sent;
      if (!outcome) {
        ASSERT_EQ(told.acknowledged, told.sent - 1) << "acknowledged behind a failure";
        told.acknowledged = told.sent;
      } else {
        ASSERT_EQ(outcome->code(), ErrorCode::kStoreReadOnly);
      }
    }
  }

  /// The log keeps its promises, and goes on.
  void check(io::MemoryFileSystem& disk, const Told& told) {
    const auto opened = FileLog::open(disk, kDirectory, test_database(), *writer_, random_, kOptions);
    if (!told.created && !opened.ok()) return;
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    const auto records = read_test_records(*opened->log);
    ASSERT_TRUE(records.ok()) << records.error().message();
    EXPECT_GE(*records, told.acknowledged);
    EXPECT_LE(*records, told.sent);
    ASSERT_TRUE(opened->log
                    ->read(Sequence{1},
                           [&](const LogRecord& record) {
                             EXPECT_FALSE(told.refused.contains(attempt_of(record))) << "a refused record is there";
                             return Result<void>();
                           })
                    .ok());
    append_each(*opened->log, *records + 1, *records + 4);
    // What the page cache shows is not to be relied on: only what is on the disk counts.
    SeededRandom random(1);
    const auto cut = disk.clone();
    cut->crash(random, {.bytes = io::CrashFate::kDropped, .entries = io::CrashFate::kDropped});
    const auto again = FileLog::open(*cut, kDirectory, test_database(), *writer_, random_, kOptions);
    ASSERT_TRUE(again.ok()) << again.error().message();
    const auto reread = read_test_records(*again->log);
    ASSERT_TRUE(reread.ok()) << reread.error().message();
    EXPECT_EQ(*reread, *records + 4);
  }

  static std::unique_ptr<io::MemoryFileSystem> new_disk() {
    auto disk = std::make_unique<io::MemoryFileSystem>();
    EXPECT_TRUE(disk->create_directories("db").ok());
    EXPECT_TRUE(disk->sync_directory("/").ok());
    return disk;
  }

  TestRandom random_;
  std::unique_ptr<LogWriter> writer_ = test_writer(Idle::kAtOnce);
};

struct FaultRow {
  const char* name;
  int errno_value;
  bool for_good;
  std::uint64_t short_bytes;
};

class EveryFaultTest : public FaultTest, public ::testing::WithParamInterface<FaultRow> {};

TEST_P(EveryFaultTest, NeverAcknowledgesFalselyAndRecovers) {
  const std::uint64_t seed = test_seed(13);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  bool failed = true;
  for (std::uint64_t nth = 1; failed && !HasFailure(); ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    const auto disk = new_disk();
    io::FaultyFileSystem files(*disk);
    files.set_fault({.nth = nth,
                     .errno_value = GetParam().errno_value,
                     .for_good = GetParam().for_good,
                     .short_bytes = GetParam().short_bytes});
    const Told told = play(files);
    failed = files.failures() != 0;
    for (std::size_t round = 0; round < test_scale(2) && !HasFailure(); ++round) {
      const auto crashed = disk->clone();
      crashed->crash(random);
      check(*crashed, told);
    }
    // The process lives on and opens the log again, over the page cache that the failure left.
    check(*disk, told);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, EveryFaultTest,
    ::testing::Values(FaultRow{"InputOutputOnce", EIO, false, 0}, FaultRow{"InputOutputForGood", EIO, true, 0},
                      FaultRow{"FullOnce", ENOSPC, false, 0}, FaultRow{"FullForGood", ENOSPC, true, 0},
                      FaultRow{"ShortWrite", ENOSPC, false, 100}, FaultRow{"ShorterWrite", EIO, false, 7}),
    [](const auto& instance) { return instance.param.name; });

/// A failure during recovery leaves the log as good as it was.
TEST_F(FaultTest, RecoveryFailsWithoutHarm) {
  const auto disk = new_disk();
  Told told;
  std::unique_ptr<io::MemoryFileSystem> torn;
  {
    const auto log = FileLog::create(*disk, kDirectory, test_database(), *writer_, random_, kOptions).value();
    append(*log, told);
    append(*log, told);
    torn = disk->clone();
  }
  // A tail that is not whole, behind one that is.
  const std::string newest = io::join_path(kDirectory, torn->list(kDirectory).value().back());
  const auto file = torn->open(newest, io::OpenMode::kReadWrite).value();
  const std::vector<std::byte> garbage(100, std::byte{0x55});
  ASSERT_TRUE(file->write_at(file->size().value(), garbage).ok());
  ASSERT_TRUE(torn->open(newest + ".tmp", io::OpenMode::kCreate).ok());
  // One that writes nothing of its own while the faults are counted.
  const auto patient = test_writer(Idle::kNever);
  for (const bool for_good : {false, true}) {
    bool failed = true;
    for (std::uint64_t nth = 1; failed && !HasFailure(); ++nth) {
      SCOPED_TRACE("call " + std::to_string(nth));
      const auto copy = torn->clone();
      io::FaultyFileSystem files(*copy);
      files.set_fault({.nth = nth, .for_good = for_good});
      const auto opened = FileLog::open(files, kDirectory, test_database(), *patient, random_, kOptions);
      failed = files.failures() != 0;
      EXPECT_NE(opened.ok(), failed);
      if (!opened.ok()) check(*copy, told);
    }
  }
}

TEST_F(FaultTest, ReadingFailsWhenFilesDo) {
  const auto disk = new_disk();
  io::FaultyFileSystem files(*disk);
  Told told;
  append(*FileLog::create(files, kDirectory, test_database(), *writer_, random_, kOptions).value(), told);
  const auto opened = FileLog::open(files, kDirectory, test_database(), *writer_, random_, kOptions);
  ASSERT_TRUE(opened.ok());
  bool failed = true;
  for (std::uint64_t nth = 1; failed; ++nth) {
    const std::uint64_t before = files.failures();
    files.set_fault({.nth = nth});
    const auto records = read_test_records(*opened->log);
    failed = files.failures() != before;
    EXPECT_NE(records.ok(), failed);
  }
}

TEST_F(FaultTest, AFullDiskRefusesAndKeepsWhatItHas) {
  const auto disk = new_disk();
  // Less than six records take, however few watermarks come between them.
  disk->set_capacity_bytes(1500);
  const Told told = play(*disk);
  EXPECT_FALSE(told.refused.empty());
  disk->set_capacity_bytes(1 << 20);
  check(*disk, told);
}

}  // namespace
}  // namespace jade::storage
