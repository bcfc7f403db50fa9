// A full disk: what finds no room is refused for good, and the log goes on.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <latch>
#include <semaphore>
#include <set>

#include "base/test_env.h"
#include "base/thread.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/publish_file.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "db/log";
constexpr std::uint64_t kPlenty = std::uint64_t{1} << 30;

/// A record whose sequence nobody knows before: the number is its key.
NewRecord keyed_record(std::uint64_t number, std::size_t payload_bytes = 100) {
  NewRecord record;
  record.payload.resize(payload_bytes, std::byte(static_cast<std::uint8_t>(number)));
  const auto key = std::as_bytes(std::span(&number, 1));
  record.idempotency_key.assign(key.begin(), key.end());
  return record;
}

NewRecord removal(std::uint64_t number, std::size_t payload_bytes = 100) {
  NewRecord record = keyed_record(number, payload_bytes);
  record.may_use_reserve = true;
  return record;
}

class FullDiskTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("db").ok());
    ASSERT_TRUE(memory_.sync_directory("/").ok());
  }

  void start_writer(Idle idle = Idle::kNever) {
    LogWriterOptions options{.reserve = &reserve_, .restore_interval = restore_interval_};
    options.idle = idle == Idle::kAtOnce ? std::chrono::milliseconds(0) : std::chrono::hours(1);
    writer_ = LogWriter::start(system_clock(), options).value();
  }
  std::unique_ptr<Log> create(const FileLogOptions& options = {}) {
    return FileLog::create(files_, kDirectory, test_database(), *writer_, random_, options).value();
  }
  Result<OpenedLog> open(io::FileSystem& files) {
    return FileLog::open(files, kDirectory, test_database(), *writer_, random_);
  }

  /// Everything that is there may grow by this much.
  void leave_room(std::uint64_t bytes) {
    memory_.set_capacity_bytes(kPlenty);
    memory_.set_capacity_bytes(kPlenty - memory_.space("/")->available_bytes + bytes);
  }

  /// Appends and waits; nullopt is success.
  static std::optional<ErrorCode> append(Log& log, NewRecord record) {
    Acks acks;
    const Result<Sequence> sequence = log.append(std::move(record), acks.done());
    if (!sequence.ok()) return sequence.error().code();
    acks.wait_for(1);
    const std::optional<Error> outcome = acks.outcomes()[0];
    return outcome ? std::optional(outcome->code()) : std::nullopt;
  }

  /// Appends until it is not refused: for a moment after a refusal everything is.
  static std::optional<ErrorCode> append_at_last(Log& log, const NewRecord& record) {
    for (;;) {
      const std::optional<ErrorCode> outcome = append(log, record);
      if (outcome != ErrorCode::kStorageFull) return outcome;
    }
  }

  /// The numbers of the records that a log has.
  static std::vector<std::uint64_t> numbers(Log& log) {
    std::vector<std::uint64_t> found;
    EXPECT_TRUE(log.read(Sequence{1},
                         [&](const LogRecord& record) {
                           EXPECT_EQ(record.sequence.value(), found.size() + 1);
                           std::uint64_t number = 0;
                           std::ranges::copy(record.idempotency_key,
                                             std::as_writable_bytes(std::span(&number, 1)).begin());
                           found.push_back(number);
                           return Result<void>();
                         })
                    .ok());
    return found;
  }
  /// Those that a power cut now would leave.
  std::vector<std::uint64_t> numbers_on_disk(const io::CrashOptions& crash = {.bytes = io::CrashFate::kDropped,
                                                                              .entries = io::CrashFate::kDropped}) {
    const auto copy = memory_.clone();
    copy->set_capacity_bytes(kPlenty);
    copy->crash(crash_random_, crash);
    const auto opened = open(*copy);
    EXPECT_TRUE(opened.ok());
    return opened.ok() ? numbers(*opened->log) : std::vector<std::uint64_t>();
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem files_{memory_};
  TestRandom random_;
  SeededRandom crash_random_{test_seed(52)};
  std::chrono::milliseconds restore_interval_{1};
  DiskReserve reserve_{files_, "db/reserve", 4000};
  std::unique_ptr<LogWriter> writer_ = test_writer();
};

using Numbers = std::vector<std::uint64_t>;

TEST_F(FullDiskTest, RefusesWhatFindsNoRoomAndGoesOnWhenThereIsSome) {
  auto log = create();
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  leave_room(150);
  for (std::uint64_t number = 2; number <= 5; ++number) {
    EXPECT_EQ(append(*log, keyed_record(number)), ErrorCode::kStorageFull);
    EXPECT_EQ(log->tail(), Sequence{1});
  }
  EXPECT_EQ(numbers_on_disk(), (Numbers{1}));
  const LogFileInfo file = log->files()[0];
  EXPECT_EQ(memory_.stat(file.path).value()->size, file.bytes) << "what was written in part is still there";
  // A smaller one has room.
  EXPECT_EQ(append(*log, keyed_record(6, 0)), ErrorCode::kStorageFull);
  leave_room(1000);
  EXPECT_EQ(append_at_last(*log, keyed_record(7)), std::nullopt);
  EXPECT_EQ(log->tail(), Sequence{2});
  EXPECT_EQ(numbers_on_disk(), (Numbers{1, 7}));
  EXPECT_TRUE(log->close().ok());
  log.reset();
  EXPECT_EQ(numbers(*open(memory_)->log), (Numbers{1, 7}));
}

/// Holds the writer's thread inside its next call of a kind.
class CallGate {
 public:
  CallGate(io::FaultyFileSystem& files, io::CallKind kind) {
    files.set_hook([state = state_, kind](const io::Call& call) {
      if (call.kind != kind || state->entered.exchange(true)) return;
      state->reached.count_down();
      state->open.wait();
    });
  }
  void wait_until_reached() { state_->reached.wait(); }
  void open() { state_->open.count_down(); }

 private:
  struct State {
    std::atomic<bool> entered{false};
    std::latch reached{1};
    std::latch open{1};
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

TEST_F(FullDiskTest, WhatWaitsFailsInOrderBeforeASequenceIsGivenAgain) {
  const auto log = create();
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  leave_room(50);
  CallGate gate(files_, io::CallKind::kWrite);
  std::vector<std::uint64_t> failed;
  Acks acks;
  const auto send = [&](std::uint64_t number) {
    auto done = [&, number, ack = acks.done()](const Result<void>& outcome) mutable {
      EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFull);
      failed.push_back(number);
      EXPECT_EQ(log->tail(), Sequence{1});
      // While anything is being refused so is what comes: it may have been decided from it.
      const auto late = log->append(keyed_record(99), [](const Result<void>&) { ADD_FAILURE(); });
      EXPECT_EQ(late.error().code(), ErrorCode::kStorageFull);
      ack(outcome);
    };
    return log->append(keyed_record(number), std::move(done)).value();
  };
  EXPECT_EQ(send(2), Sequence{2});
  gate.wait_until_reached();
  EXPECT_EQ(send(3), Sequence{3});
  EXPECT_EQ(send(4), Sequence{4});
  gate.open();
  acks.wait_for(3);
  EXPECT_EQ(failed, (Numbers{2, 3, 4}));
  leave_room(1000);
  EXPECT_EQ(append_at_last(*log, keyed_record(5)), std::nullopt);
  EXPECT_EQ(log->tail(), Sequence{2});
  EXPECT_EQ(numbers_on_disk(), (Numbers{1, 5}));
}

TEST_F(FullDiskTest, RelaxedAnswersBeforeItStayTrue) {
  const auto log = create();
  NewRecord relaxed = keyed_record(1);
  relaxed.durability = Durability::kRelaxed;
  EXPECT_EQ(append(*log, relaxed), std::nullopt);
  leave_room(50);
  EXPECT_EQ(append(*log, keyed_record(2)), ErrorCode::kStorageFull);
  ASSERT_TRUE(log->wait_until_durable().ok());
  EXPECT_EQ(log->durable(), Sequence{1});
  EXPECT_EQ(numbers_on_disk(), (Numbers{1}));
}

TEST_F(FullDiskTest, WhoWaitsForDurabilityIsNotLeftWaiting) {
  const auto log = create();
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  leave_room(50);
  CallGate gate(files_, io::CallKind::kWrite);
  Acks acks;
  ASSERT_TRUE(log->append(keyed_record(2), acks.done()).ok());
  gate.wait_until_reached();
  {
    const Thread waiter = Thread::start(ThreadKind::kCompute, "waiter", [&] {
                            // All that is left is durable.
                            EXPECT_TRUE(log->wait_until_durable().ok());
                          }).value();
    gate.open();
  }
  acks.wait_for(1);
}

TEST_F(FullDiskTest, StaysInTheOldFileWhenThereIsNoRoomForANewOne) {
  const auto log = create({.max_file_bytes = 500});
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  leave_room(100);
  EXPECT_EQ(append(*log, keyed_record(2)), ErrorCode::kStorageFull);
  EXPECT_EQ(log->rotate().error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(log->files().size(), 1u);
  leave_room(5000);
  EXPECT_EQ(append_at_last(*log, keyed_record(3)), std::nullopt);
  EXPECT_EQ(log->files().size(), 2u);
  EXPECT_EQ(numbers_on_disk(), (Numbers{1, 3}));
}

TEST_F(FullDiskTest, AMissingWatermarkIsNoFailure) {
  writer_ = test_writer(Idle::kAtOnce);
  auto log = create();
  leave_room(log_record_bytes(100, 8) + LogBatchHeader::kBytes);
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  EXPECT_EQ(append(*log, keyed_record(2)), ErrorCode::kStorageFull);
  ASSERT_TRUE(log->close().ok());
  log.reset();
  memory_.set_capacity_bytes(kPlenty);
  EXPECT_EQ(numbers(*open(memory_)->log), (Numbers{1}));
}

TEST_F(FullDiskTest, DeletesUseTheReserveAndOthersWaitUntilItIsBack) {
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer();
  const auto log = create();
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  leave_room(100);
  EXPECT_EQ(append(*log, keyed_record(2)), ErrorCode::kStorageFull);
  EXPECT_FALSE(reserve_.in_use()) << "it is not for everybody";
  EXPECT_EQ(append_at_last(*log, removal(3)), std::nullopt);
  EXPECT_TRUE(reserve_.in_use());
  EXPECT_EQ(append(*log, removal(4)), std::nullopt);
  // There would be room, but not for this.
  const auto refused = log->append(keyed_record(5), [](const Result<void>&) { ADD_FAILURE(); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(append(*log, removal(6, 5000)), ErrorCode::kStorageFull) << "more than the reserve has";
  EXPECT_EQ(append_at_last(*log, removal(7)), std::nullopt);
  leave_room(5000);
  EXPECT_EQ(append_at_last(*log, keyed_record(8)), std::nullopt);
  EXPECT_FALSE(reserve_.in_use());
  EXPECT_EQ(numbers_on_disk(), (Numbers{1, 3, 4, 7, 8}));
}

TEST_F(FullDiskTest, TrimmingMakesRoomOnAFullDisk) {
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer();
  const auto log = create({.max_file_bytes = 500});
  for (std::uint64_t number = 1; number <= 5; ++number) EXPECT_EQ(append(*log, keyed_record(number)), std::nullopt);
  leave_room(0);
  // The newest file goes too: a new one may use the reserve.
  ASSERT_TRUE(log->trim(Sequence{5}).ok());
  EXPECT_EQ(log->files().size(), 1u);
  EXPECT_EQ(log->size_bytes(), FileHeader::kBytes);
  EXPECT_EQ(append_at_last(*log, keyed_record(6)), std::nullopt);
  EXPECT_FALSE(reserve_.in_use());
}

TEST_F(FullDiskTest, TrimmingRemovesWhatItCanWithoutRoomForANewFile) {
  const auto log = create({.max_file_bytes = 500});
  for (std::uint64_t number = 1; number <= 5; ++number) EXPECT_EQ(append(*log, keyed_record(number)), std::nullopt);
  files_.set_fault({.kind = io::CallKind::kWrite, .errno_value = ENOSPC});
  EXPECT_EQ(log->trim(Sequence{5}).error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(log->files().size(), 1u);
  EXPECT_EQ(append(*log, keyed_record(6)), std::nullopt);
}

TEST_F(FullDiskTest, WhatWaitedBeforeTheReserveWasNeededDoesNotUseItUp) {
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer();
  const auto log = create();
  EXPECT_EQ(append(*log, keyed_record(1)), std::nullopt);
  leave_room(100);
  CallGate gate(files_, io::CallKind::kWrite);
  Acks acks;
  ASSERT_TRUE(log->append(removal(2), acks.done()).ok());
  gate.wait_until_reached();
  ASSERT_TRUE(log->append(keyed_record(3), acks.done()).ok());
  gate.open();
  acks.wait_for(2);
  EXPECT_FALSE(acks.outcomes()[0].has_value());
  ASSERT_TRUE(acks.outcomes()[1].has_value());
  EXPECT_EQ(acks.outcomes()[1]->code(), ErrorCode::kStorageFull);
  EXPECT_EQ(numbers_on_disk(), (Numbers{1, 2}));
}

TEST_F(FullDiskTest, AReserveThatSomebodyElseReleasedIsMadeAgain) {
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer(Idle::kAtOnce);
  const auto log = create();
  leave_room(0);
  EXPECT_TRUE(reserve_.release());
  std::optional<ErrorCode> outcome;
  while ((outcome = append(*log, keyed_record(1))) == ErrorCode::kStorageFull) leave_room(10000);
  EXPECT_EQ(outcome, std::nullopt);
}

/// G20: the disk is full at times; what was acknowledged is there, what was refused is not, at every moment.
TEST_F(FullDiskTest, KeepsItsPromisesWhateverRoomThereIs) {
  const std::uint64_t seed = test_seed(51);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer(Idle::kAtOnce);
  const auto log = create({.max_file_bytes = 3000});
  std::vector<std::uint64_t> there;
  std::size_t refused = 0;
  for (std::uint64_t number = 1; number <= test_scale(400) && !HasFailure(); ++number) {
    if (random.next_below(6) == 0) leave_room(random.next_below(2) == 0 ? 0 : random.next_below(6000));
    const bool removes = random.next_below(3) == 0;
    const std::size_t bytes = random.next_below(300);
    NewRecord record = removes ? removal(number, bytes) : keyed_record(number, bytes);
    record.durability = random.next_below(2) == 0 ? Durability::kRelaxed : Durability::kDurable;
    const std::optional<ErrorCode> outcome = append(*log, std::move(record));
    if (outcome) {
      EXPECT_EQ(outcome, ErrorCode::kStorageFull);
      ++refused;
    } else {
      there.push_back(number);
    }
    if (random.next_below(20) == 0) {
      ASSERT_TRUE(log->wait_until_durable().ok());
      EXPECT_EQ(numbers_on_disk(), there);
      // What was refused has left nothing that could come back.
      EXPECT_EQ(numbers_on_disk({}), there);
      EXPECT_EQ(numbers_on_disk({.foreign_bytes = true}), there);
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_FALSE(there.empty());
  ASSERT_TRUE(log->wait_until_durable().ok());
  EXPECT_EQ(numbers_on_disk(), there);
}

/// A log that was not closed, with a tail that is torn.
class FullRecoveryTest : public FullDiskTest {
 protected:
  static constexpr std::size_t kTornBytes = 300;

  void SetUp() override {
    FullDiskTest::SetUp();
    // What has used the reserve is to be seen, so it is not made again.
    restore_interval_ = std::chrono::hours(1);
    {
      const auto log = create();
      for (std::uint64_t number = 1; number <= 3; ++number) append(*log, keyed_record(number));
      ASSERT_TRUE(log->close().ok());
    }
    tear();
  }

  void tear() {
    path_ = list_log_files(memory_, kDirectory).value().back();
    const std::vector<std::byte> torn(kTornBytes, std::byte{0xee});
    const auto file = memory_.open(path_, io::OpenMode::kReadWrite).value();
    ASSERT_TRUE(file->write_at(file->size().value(), torn).ok());
  }

  std::string path_;
};

TEST_F(FullRecoveryTest, UsesTheReserve) {
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer();
  leave_room(0);
  const auto opened = open(files_);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_TRUE(reserve_.in_use());
  EXPECT_EQ(opened->recovery.torn_bytes, kTornBytes);
  EXPECT_EQ(opened->recovery.quarantined.size(), 1u);
  EXPECT_FALSE(opened->recovery.torn_bytes_left);
}

TEST_F(FullRecoveryTest, UsesTheReserveForANewFileToo) {
  ASSERT_TRUE(memory_.remove(path_).ok());
  create().reset();
  ASSERT_TRUE(reserve_.restore().ok());
  start_writer();
  leave_room(0);
  files_.set_fault({.kind = io::CallKind::kRemove, .path_contains = "reserve"});
  EXPECT_EQ(open(files_).error().code(), ErrorCode::kStorageFull);
  EXPECT_FALSE(reserve_.in_use());
  files_.clear_fault();
  EXPECT_TRUE(open(files_).ok());
  EXPECT_TRUE(reserve_.in_use());
}

TEST_F(FullRecoveryTest, LeavesWhatIsTornWhereItIsUntilThereIsRoom) {
  const std::uint64_t size = memory_.stat(path_).value()->size;
  // Enough for a new file, and for one in its place.
  leave_room(kTornBytes - 10);
  for (int i = 0; i < 2; ++i) {
    const auto opened = open(files_);
    ASSERT_TRUE(opened.ok()) << opened.error().message();
    EXPECT_TRUE(opened->recovery.torn_bytes_left);
    EXPECT_EQ(opened->recovery.torn_bytes, kTornBytes);
    EXPECT_TRUE(opened->recovery.quarantined.empty());
    EXPECT_EQ(numbers(*opened->log), (Numbers{1, 2, 3}));
    EXPECT_EQ(memory_.stat(path_).value()->size, size);
  }
  leave_room(10000);
  auto opened = open(files_);
  ASSERT_TRUE(opened.ok());
  EXPECT_FALSE(opened->recovery.torn_bytes_left);
  ASSERT_EQ(opened->recovery.quarantined.size(), 1u);
  EXPECT_EQ(read_whole_file(memory_, opened->recovery.quarantined[0]).value(),
            std::vector<std::byte>(kTornBytes, std::byte{0xee}));
  EXPECT_LT(memory_.stat(path_).value()->size, size);
  EXPECT_EQ(append(*opened->log, keyed_record(4)), std::nullopt);
  ASSERT_TRUE(opened->log->close().ok());
  EXPECT_EQ(numbers(*open(files_)->log), (Numbers{1, 2, 3, 4}));
}

TEST_F(FullRecoveryTest, WithoutAnyRoomNothingIsChanged) {
  const std::vector<std::byte> before = read_whole_file(memory_, path_).value();
  leave_room(0);
  const auto closed = open(files_);
  ASSERT_FALSE(closed.ok());
  EXPECT_EQ(closed.error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(read_whole_file(memory_, path_).value(), before);
  leave_room(10000);
  EXPECT_EQ(numbers(*open(files_)->log), (Numbers{1, 2, 3}));
}

TEST_F(FullRecoveryTest, ATornFileThatWouldBeReplacedWaitsForRoom) {
  ASSERT_TRUE(memory_.remove(path_).ok());
  create().reset();
  tear();
  const std::vector<std::byte> before = read_whole_file(memory_, path_).value();
  leave_room(200);
  EXPECT_EQ(open(files_).error().code(), ErrorCode::kStorageFull);
  EXPECT_EQ(read_whole_file(memory_, path_).value(), before);
  leave_room(10000);
  EXPECT_TRUE(open(files_).ok());
}

}  // namespace
}  // namespace jade::storage
