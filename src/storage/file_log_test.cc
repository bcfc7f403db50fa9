#include "storage/file_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <memory>

#include "base/thread.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

using ::testing::ElementsAre;

constexpr char kDirectory[] = "db/log";

class FileLogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Log> create(const FileLogOptions& options = {}) {
    return FileLog::create(files_, kDirectory, test_database(), *writer_, random_, options).value();
  }
  Result<OpenedLog> open(const FileLogOptions& options = {}) {
    return FileLog::open(files_, kDirectory, test_database(), *writer_, random_, options);
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem files_{memory_};
  TestRandom random_;
  std::unique_ptr<LogWriter> writer_ = test_writer();
};

TEST_F(FileLogTest, GivesBackWhatWasAppended) {
  auto log = create();
  EXPECT_EQ(log->tail(), Sequence{0});
  append_each(*log, 1, 20);
  EXPECT_EQ(log->tail(), Sequence{20});
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const auto opened = open();
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(read_test_records(*opened->log).value(), 20u);
  EXPECT_EQ(opened->recovery.records, 20u);
  EXPECT_EQ(opened->recovery.torn_bytes, 0u);
}

TEST_F(FileLogTest, GoesOnWhereItStopped) {
  create().reset();
  for (std::uint64_t i = 0; i < 6; ++i) {
    const auto opened = open();
    ASSERT_TRUE(opened.ok());
    ASSERT_EQ(read_test_records(*opened->log).value(), i * 3);
    append_each(*opened->log, i * 3 + 1, i * 3 + 3);
    ASSERT_TRUE(opened->log->close().ok());
  }
  EXPECT_EQ(memory_.list(kDirectory).value().size(), 1u);
}

TEST_F(FileLogTest, ReadsFromASequenceOnAndStopsAtTheVisitorsError) {
  auto log = create({.max_file_bytes = 1500});
  append_each(*log, 1, 20);
  log.reset();
  const auto opened = open();
  std::uint64_t expected = 13;
  ASSERT_TRUE(opened->log
                  ->read(Sequence{13},
                         [&](const LogRecord& record) {
                           EXPECT_EQ(record.sequence.value(), expected++);
                           EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.payload.data()) % 16, 0u);
                           return Result<void>();
                         })
                  .ok());
  EXPECT_EQ(expected, 21u);
  const auto stopped = opened->log->read(Sequence{1}, [](const LogRecord& record) {
    return record.sequence == Sequence{3} ? Result<void>(Error(ErrorCode::kCancelled, "enough")) : Result<void>();
  });
  ASSERT_FALSE(stopped.ok());
  EXPECT_EQ(stopped.error().code(), ErrorCode::kCancelled);
}

TEST_F(FileLogTest, BeginsNewFilesAndCountsTheirBytes) {
  auto log = create({.max_file_bytes = 1000});
  append_each(*log, 1, 30);
  ASSERT_TRUE(log->close().ok());
  const std::vector<std::string> names = memory_.list(kDirectory).value();
  EXPECT_GT(names.size(), 5u);
  std::uint64_t bytes = 0;
  for (const std::string& name : names) {
    const std::uint64_t size = memory_.stat(io::join_path(kDirectory, name)).value()->size;
    EXPECT_LE(size, 1000u + 48);
    bytes += size;
  }
  EXPECT_EQ(log->size_bytes(), bytes);
  log.reset();
  const auto opened = open({.max_file_bytes = 1000});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(read_test_records(*opened->log).value(), 30u);
  append_each(*opened->log, 31, 40);
}

TEST_F(FileLogTest, WritesARecordLargerThanAFile) {
  auto log = create({.max_file_bytes = 200});
  append_each(*log, 1, 4);
  ASSERT_TRUE(log->close().ok());
  EXPECT_EQ(memory_.list(kDirectory).value().size(), 4u);
}

TEST_F(FileLogTest, RefusesToReplaceALog) {
  create().reset();
  const auto again = FileLog::create(files_, kDirectory, test_database(), *writer_, random_);
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
}

TEST_F(FileLogTest, NeverMakesAMissingLogAnew) {
  ASSERT_EQ(open().error().code(), ErrorCode::kDataCorrupted);
  ASSERT_TRUE(memory_.create_directories(kDirectory).ok());
  ASSERT_EQ(open().error().code(), ErrorCode::kDataCorrupted);
  EXPECT_TRUE(memory_.list(kDirectory).value().empty());
}

TEST_F(FileLogTest, BeginsAtTheSequenceThatItIsTold) {
  auto log = create({.first_sequence = Sequence{100}, .epoch = 7});
  EXPECT_EQ(log->tail(), Sequence{99});
  append_each(*log, 100, 102);
  ASSERT_TRUE(log->close().ok());
  log.reset();
  EXPECT_EQ(open().error().code(), ErrorCode::kDataCorrupted);
  const auto opened = open({.first_sequence = Sequence{101}});
  ASSERT_TRUE(opened.ok());
  EXPECT_TRUE(opened->log
                  ->read(Sequence{0},
                         [](const LogRecord& record) {
                           EXPECT_EQ(record.epoch, 7u);
                           return Result<void>();
                         })
                  .ok());
}

TEST_F(FileLogTest, RefusesWhatComesAfterClose) {
  const auto log = create();
  ASSERT_TRUE(log->close().ok());
  const auto late = log->append(test_record(1), [](const Result<void>&) { ADD_FAILURE(); });
  ASSERT_FALSE(late.ok());
  EXPECT_EQ(late.error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(log->tail(), Sequence{0});
}

TEST_F(FileLogTest, RefusesAPayloadThatNoRecordHolds) {
  const auto log = create();
  NewRecord record;
  record.payload.resize(FileLog::kMaxPayloadBytes + 1);
  const auto refused = log->append(std::move(record), [](const Result<void>&) { ADD_FAILURE(); });
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kPayloadTooLarge);
}

/// Holds the writer's thread inside its next sync until it is opened.
class Gate {
 public:
  explicit Gate(io::FaultyFileSystem& files) {
    // The hook outlives the gate: logs sync when they are closed.
    files.set_hook([state = state_](const io::Call& call) {
      if (call.kind != io::CallKind::kSync || state->entered.exchange(true)) return;
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

TEST_F(FileLogTest, RefusesMoreThanItsQueueHolds) {
  const auto log = create({.max_pending_bytes = 1000});
  Gate gate(files_);
  Acks acks;
  NewRecord large;
  large.payload.resize(600);
  // The first goes to the disk, the second waits, the third is too much.
  ASSERT_TRUE(log->append(large, acks.done()).ok());
  gate.wait_until_reached();
  ASSERT_TRUE(log->append(large, acks.done()).ok());
  const auto refused = log->append(large, acks.done());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  EXPECT_EQ(log->tail(), Sequence{2});
  gate.open();
  acks.wait_for(2);
  EXPECT_EQ(acks.succeeded(), 2u);
  EXPECT_TRUE(log->append(large, acks.done()).ok());
  acks.wait_for(3);
}

TEST_F(FileLogTest, RefusesMoreThanTheWritersQueueHolds) {
  writer_ = LogWriter::start(system_clock(), {.max_pending_bytes = 1000, .idle = std::chrono::hours(1)}).value();
  const auto log = create();
  Gate gate(files_);
  Acks acks;
  NewRecord large;
  large.payload.resize(600);
  ASSERT_TRUE(log->append(large, acks.done()).ok());
  gate.wait_until_reached();
  // What is being written still takes memory.
  const auto refused = log->append(large, acks.done());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ErrorCode::kOverloaded);
  gate.open();
  acks.wait_for(1);
}

TEST_F(FileLogTest, SharesOneSyncAmongAllThatWaits) {
  const auto log = create();
  files_.clear_calls();
  Gate gate(files_);
  Acks acks;
  ASSERT_TRUE(log->append(test_record(1), acks.done()).ok());
  gate.wait_until_reached();
  for (std::uint64_t i = 2; i <= 101; ++i) ASSERT_TRUE(log->append(test_record(i), acks.done()).ok());
  gate.open();
  acks.wait_for(101);
  EXPECT_EQ(files_.count(io::CallKind::kSync), 2u);
  EXPECT_EQ(files_.count(io::CallKind::kWrite), 2u);
}

TEST_F(FileLogTest, SyncsBeforeItAnswersAndAnswersInOrder) {
  const auto log = create();
  files_.clear_calls();
  std::vector<std::uint64_t> answered;
  Acks acks;
  const auto append = [&](std::uint64_t i) {
    auto done = [&, i, ack = acks.done()](const Result<void>& outcome) mutable {
      // On the writer's thread: what it asked of the files last was a sync.
      EXPECT_EQ(files_.calls().back().kind, io::CallKind::kSync);
      answered.push_back(i);
      ack(outcome);
    };
    ASSERT_TRUE(log->append(test_record(i), std::move(done)).ok());
  };
  for (std::uint64_t i = 1; i <= 200; ++i) append(i);
  acks.wait_for(200);
  for (std::uint64_t i = 0; i < 200; ++i) ASSERT_EQ(answered[i], i + 1);
}

TEST_F(FileLogTest, ManyThreadsGetTheirOwnPositions) {
  auto log = create({.max_file_bytes = 20000});
  constexpr std::size_t kThreads = 8;
  constexpr std::size_t kEach = 100;
  std::vector<std::vector<std::uint64_t>> sequences(kThreads);
  Acks acks;
  {
    std::vector<Thread> threads;
    for (std::size_t t = 0; t < kThreads; ++t) {
      threads.push_back(Thread::start(ThreadKind::kCompute, "appender", [&, t] {
                          for (std::size_t i = 0; i < kEach; ++i) {
                            NewRecord record;
                            record.payload.resize(8 + t, std::byte(t));
                            sequences[t].push_back(log->append(std::move(record), acks.done()).value().value());
                          }
                        }).value());
    }
  }
  acks.wait_for(kThreads * kEach);
  EXPECT_EQ(acks.succeeded(), kThreads * kEach);
  ASSERT_TRUE(log->close().ok());
  log.reset();
  std::vector<std::uint64_t> owner(kThreads * kEach + 1, kThreads);
  for (std::size_t t = 0; t < kThreads; ++t) {
    EXPECT_TRUE(std::ranges::is_sorted(sequences[t]));
    for (const std::uint64_t sequence : sequences[t]) owner[sequence] = t;
  }
  const auto opened = open();
  ASSERT_TRUE(opened->log
                  ->read(Sequence{1},
                         [&](const LogRecord& record) {
                           EXPECT_EQ(record.payload.size(), 8 + owner[record.sequence.value()]);
                           return Result<void>();
                         })
                  .ok());
  EXPECT_EQ(opened->recovery.records, kThreads * kEach);
}

TEST_F(FileLogTest, LogsOfOneWriterDoNotMix) {
  std::vector<std::unique_ptr<Log>> logs;
  Acks acks;
  for (int i = 0; i < 5; ++i) {
    logs.push_back(FileLog::create(files_, "many/" + std::to_string(i), test_database(), *writer_, random_).value());
  }
  for (std::uint64_t sequence = 1; sequence <= 50; ++sequence) {
    for (const auto& log : logs) ASSERT_TRUE(log->append(test_record(sequence), acks.done()).ok());
  }
  acks.wait_for(250);
  logs.clear();
  for (int i = 0; i < 5; ++i) {
    const auto opened = FileLog::open(files_, "many/" + std::to_string(i), test_database(), *writer_, random_);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(read_test_records(*opened->log).value(), 50u);
  }
}

TEST_F(FileLogTest, ASplitGroupKeepsItsOrder) {
  const auto log = create();
  Gate gate(files_);
  Acks acks;
  ASSERT_TRUE(log->append(test_record(1), acks.done()).ok());
  gate.wait_until_reached();
  files_.clear_calls();
  // More than one group's bytes.
  for (int i = 0; i < 5; ++i) {
    NewRecord record;
    record.payload.resize(std::size_t{8} * 1024 * 1024);
    ASSERT_TRUE(log->append(std::move(record), acks.done()).ok());
  }
  gate.open();
  acks.wait_for(6);
  EXPECT_EQ(acks.succeeded(), 6u);
  EXPECT_EQ(files_.count(io::CallKind::kWrite), 3u);
}

TEST_F(FileLogTest, WritesOneWatermarkWhenIdleAndNoneWhenNothingIsNew) {
  writer_ = test_writer(Idle::kAtOnce);
  auto log = create();
  append_each(*log, 1, 1);
  // The watermark is the second sync; after it the file is closed, and no third one comes.
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const std::string path = io::join_path(kDirectory, log_file_name(Sequence{1}));
  const std::uint64_t size = memory_.stat(path).value()->size;
  files_.clear_calls();
  open()->log->close().ok();
  EXPECT_EQ(files_.count(io::CallKind::kSync), 0u);
  EXPECT_EQ(memory_.stat(path).value()->size, size);
}

TEST_F(FileLogTest, ReportsWhatItCut) {
  auto log = create();
  append_each(*log, 1, 5);
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const std::string path = io::join_path(kDirectory, log_file_name(Sequence{1}));
  const std::uint64_t size = memory_.stat(path).value()->size;
  const std::vector<std::byte> torn(77, std::byte{0xee});
  ASSERT_TRUE(memory_.open(path, io::OpenMode::kReadWrite).value()->write_at(size, torn).ok());
  {
    const auto opened = open();
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->recovery.torn_bytes, 77u);
    ASSERT_EQ(opened->recovery.quarantined.size(), 1u);
    EXPECT_EQ(memory_.stat(opened->recovery.quarantined[0]).value()->size, 77u);
    EXPECT_EQ(read_test_records(*opened->log).value(), 5u);
    EXPECT_EQ(memory_.stat(path).value()->size, size);
    append_each(*opened->log, 6, 7);
  }
  const auto opened = open();
  EXPECT_EQ(opened->recovery.torn_bytes, 0u);
  EXPECT_EQ(read_test_records(*opened->log).value(), 7u);
}

struct FailureRow {
  const char* name;
  std::optional<io::CallKind> kind;
  int errno_value;
  ErrorCode expected;
};

TEST_F(FileLogTest, AFailureIsFinalUntilTheLogIsOpenedAgain) {
  const FailureRow rows[] = {
      {"write, full, and cannot be cut", std::nullopt, ENOSPC, ErrorCode::kStorageFull},
      {"write", io::CallKind::kWrite, EIO, ErrorCode::kStoreReadOnly},
      {"sync", io::CallKind::kSync, EIO, ErrorCode::kStoreReadOnly},
      {"sync, full", io::CallKind::kSync, ENOSPC, ErrorCode::kStoreReadOnly},
  };
  for (const FailureRow& row : rows) {
    SCOPED_TRACE(row.name);
    const std::string directory = std::string("failing/") + row.name;
    auto log = FileLog::create(files_, directory, test_database(), *writer_, random_).value();
    append_each(*log, 1, 3);
    files_.set_fault({.kind = row.kind, .errno_value = row.errno_value, .for_good = !row.kind});
    Gate gate(files_);
    Acks acks;
    ASSERT_TRUE(log->append(test_record(4), acks.done()).ok());
    if (row.kind == io::CallKind::kSync) {
      gate.wait_until_reached();
      // Waits behind the one that fails.
      ASSERT_TRUE(log->append(test_record(5), acks.done()).ok());
      gate.open();
      acks.wait_for(2);
    } else {
      gate.open();
      acks.wait_for(1);
    }
    for (const auto& outcome : acks.outcomes()) {
      ASSERT_TRUE(outcome.has_value());
      EXPECT_EQ(outcome->code(), row.expected) << outcome->message();
    }
    files_.clear_fault();
    files_.clear_calls();
    const Result<Sequence> refused = log->append(test_record(6), [](const Result<void>&) { ADD_FAILURE(); });
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ErrorCode::kStoreReadOnly);
    EXPECT_EQ(log->close().error().code(), ErrorCode::kStoreReadOnly);
    EXPECT_EQ(files_.count(io::CallKind::kSync), 0u) << "a sync was tried again";
    files_.set_hook({});
    log.reset();
    const auto opened = FileLog::open(files_, directory, test_database(), *writer_, random_);
    ASSERT_TRUE(opened.ok());
    EXPECT_GE(read_test_records(*opened->log).value(), 3u);
  }
}

}  // namespace
}  // namespace jade::storage
