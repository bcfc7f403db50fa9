// What an answer promises: that a sync came before it, that one sync serves many, and what relaxed writes do without.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <semaphore>

#include "base/test_env.h"
#include "base/thread.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "io/passing_file_system.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "db/log";

NewRecord relaxed_record(std::uint64_t sequence) {
  NewRecord record = test_record(sequence);
  record.durability = Durability::kRelaxed;
  return record;
}

/// Knows how much of what was written to files is not synced, and counts syncs, each of which takes a while.
class CountingFileSystem final : public io::PassingFileSystem {
 public:
  CountingFileSystem(io::FileSystem& base, std::chrono::microseconds sync_time)
      : io::PassingFileSystem(base), sync_time_(sync_time) {}

  /// Bytes that were written since the last sync, in all files: one thread writes, and syncs the file that it wrote to.
  std::atomic<std::uint64_t> unsynced_bytes{0};
  std::atomic<std::uint64_t> syncs{0};

 private:
  class CountingFile final : public io::PassingFile {
   public:
    CountingFile(CountingFileSystem& owner, std::unique_ptr<io::File> base)
        : io::PassingFile(std::move(base)), owner_(owner) {}
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      owner_.unsynced_bytes += bytes.size();
      unsynced_bytes_ += bytes.size();
      return io::PassingFile::write_at(offset, bytes);
    }
    Result<void> sync() override {
      std::counting_semaphore<1> never(0);
      static_cast<void>(never.try_acquire_for(owner_.sync_time_));
      JADE_RETURN_IF_ERROR(io::PassingFile::sync());
      owner_.unsynced_bytes -= std::exchange(unsynced_bytes_, 0);
      ++owner_.syncs;
      return {};
    }

   private:
    CountingFileSystem& owner_;
    std::uint64_t unsynced_bytes_ = 0;
  };

  std::unique_ptr<io::File> wrap(const std::string&, std::unique_ptr<io::File> file) override {
    return std::make_unique<CountingFile>(*this, std::move(file));
  }

  const std::chrono::microseconds sync_time_;
};

class DurabilityTest : public ::testing::Test {
 protected:
  std::unique_ptr<Log> create(io::FileSystem& files, const FileLogOptions& options = {}) {
    return FileLog::create(files, kDirectory, test_database(), *writer_, random_, options).value();
  }
  Result<OpenedLog> open(io::FileSystem& files, const FileLogOptions& options = {}) {
    return FileLog::open(files, kDirectory, test_database(), *writer_, random_, options);
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem files_{memory_};
  TestRandom random_;
  std::unique_ptr<LogWriter> writer_ = test_writer();
};

TEST_F(DurabilityTest, ARelaxedRecordIsAnsweredWithoutASync) {
  const auto log = create(files_);
  files_.clear_calls();
  Acks acks;
  for (std::uint64_t i = 1; i <= 10; ++i) {
    ASSERT_TRUE(log->append(relaxed_record(i), acks.done()).ok());
    acks.wait_for(i);
  }
  EXPECT_EQ(acks.succeeded(), 10u);
  EXPECT_EQ(files_.count(io::CallKind::kSync), 0u);
  EXPECT_EQ(log->tail(), Sequence{10});
  EXPECT_EQ(log->durable(), Sequence{0});
  ASSERT_TRUE(log->wait_until_durable().ok());
  EXPECT_EQ(log->durable(), Sequence{10});
  EXPECT_EQ(files_.count(io::CallKind::kSync), 1u);
  // There is nothing left to wait for.
  ASSERT_TRUE(log->wait_until_durable().ok());
  EXPECT_EQ(files_.count(io::CallKind::kSync), 1u);
}

TEST_F(DurabilityTest, TheNextDurableRecordSyncsRelaxedOnesToo) {
  const auto log = create(files_);
  files_.clear_calls();
  Acks acks;
  ASSERT_TRUE(log->append(relaxed_record(1), acks.done()).ok());
  acks.wait_for(1);
  ASSERT_TRUE(log->append(test_record(2), acks.done()).ok());
  acks.wait_for(2);
  EXPECT_EQ(log->durable(), Sequence{2});
  EXPECT_EQ(files_.count(io::CallKind::kSync), 1u);
}

TEST_F(DurabilityTest, RelaxedRecordsAreSyncedWhenTheLogRests) {
  writer_ = LogWriter::start(system_clock(), {.idle = std::chrono::milliseconds(5)}).value();
  const auto log = create(files_);
  Acks acks;
  ASSERT_TRUE(log->append(relaxed_record(1), acks.done()).ok());
  std::counting_semaphore<1> never(0);
  while (log->durable() != Sequence{1}) static_cast<void>(never.try_acquire_for(std::chrono::milliseconds(1)));
}

TEST_F(DurabilityTest, RelaxedRecordsAreSyncedNowAndThenWhileMoreCome) {
  writer_ = LogWriter::start(system_clock(), {.idle = std::chrono::milliseconds(5)}).value();
  const auto log = create(files_);
  Acks acks;
  // It never rests: each record is followed by the next at once.
  for (std::uint64_t i = 1; log->durable() == Sequence{0}; ++i) {
    ASSERT_TRUE(log->append(relaxed_record(i), acks.done()).ok());
    acks.wait_for(i);
  }
}

TEST_F(DurabilityTest, AFailedSyncBehindRelaxedAnswersIsFinal) {
  const auto log = create(files_);
  Acks acks;
  ASSERT_TRUE(log->append(relaxed_record(1), acks.done()).ok());
  acks.wait_for(1);
  files_.set_fault({.kind = io::CallKind::kSync});
  EXPECT_EQ(log->wait_until_durable().error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(log->durable(), Sequence{0});
  EXPECT_EQ(log->append(relaxed_record(2), acks.done()).error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(acks.succeeded(), 1u);
}

TEST_F(DurabilityTest, IdempotencyKeysComeBack) {
  auto log = create(files_);
  Acks acks;
  const std::vector<std::size_t> sizes = {0, 1, 16, 17, kMaxIdempotencyKeyBytes};
  for (const std::size_t size : sizes) {
    NewRecord record;
    record.payload.resize(40, std::byte{1});
    record.idempotency_key.resize(size, std::byte{0xab});
    ASSERT_TRUE(log->append(std::move(record), acks.done()).ok());
  }
  NewRecord large;
  large.idempotency_key.resize(kMaxIdempotencyKeyBytes + 1);
  EXPECT_EQ(log->append(std::move(large), acks.done()).error().code(), ErrorCode::kPayloadTooLarge);
  acks.wait_for(sizes.size());
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const auto opened = open(files_);
  std::size_t at = 0;
  ASSERT_TRUE(opened->log
                  ->read(Sequence{1},
                         [&](const LogRecord& record) {
                           const std::vector<std::byte> expected(sizes[at++], std::byte{0xab});
                           EXPECT_TRUE(std::ranges::equal(record.idempotency_key, expected));
                           EXPECT_EQ(record.payload.size(), 40u);
                           return Result<void>();
                         })
                  .ok());
  EXPECT_EQ(at, sizes.size());
}

/// Appends `records` from each of 64 threads, each waiting for its own.
void append_from_many(Log& log, std::size_t records, Durability durability,
                      const std::function<void()>& before_answer) {
  std::vector<Thread> threads;
  for (int t = 0; t < 64; ++t) {
    threads.push_back(Thread::start(ThreadKind::kCompute, "appender", [&] {
                        std::binary_semaphore answered(0);
                        for (std::size_t i = 0; i < records; ++i) {
                          NewRecord record;
                          record.payload.resize(200);
                          record.durability = durability;
                          const auto sequence = log.append(std::move(record), [&](const Result<void>& outcome) {
                            EXPECT_TRUE(outcome.ok());
                            before_answer();
                            answered.release();
                          });
                          ASSERT_TRUE(sequence.ok());
                          answered.acquire();
                        }
                      }).value());
  }
}

TEST_F(DurabilityTest, ASyncComesBeforeEachAnswerAndServesMany) {
  CountingFileSystem counting(memory_, std::chrono::milliseconds(1));
  const auto log = create(counting, {.max_file_bytes = 200000});
  const std::uint64_t before = counting.syncs;
  constexpr std::size_t kEach = 30;
  append_from_many(*log, kEach, Durability::kDurable, [&] { EXPECT_EQ(counting.unsynced_bytes, 0u); });
  const std::uint64_t syncs = counting.syncs - before;
  // As many as there are writers share one; a busy machine may bring them in smaller crowds.
  EXPECT_LE(syncs, 64 * kEach / 8);
  EXPECT_EQ(log->durable(), Sequence{64 * kEach});
}

TEST_F(DurabilityTest, RelaxedAnswersCostNoSync) {
  CountingFileSystem counting(memory_, std::chrono::milliseconds(1));
  const auto log = create(counting);
  const std::uint64_t before = counting.syncs;
  append_from_many(*log, 30, Durability::kRelaxed, [] {});
  EXPECT_EQ(counting.syncs, before);
}

/// The disk before one call, and what had been promised by then.
struct Moment {
  std::unique_ptr<io::MemoryFileSystem> disk;
  std::uint64_t durable = 0;
  std::uint64_t sent = 0;
};

TEST_F(DurabilityTest, APowerCutLosesOnlyTheLastRelaxedRecords) {
  const std::uint64_t seed = test_seed(41);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  const FileLogOptions options{.max_file_bytes = 4000};
  std::uint64_t lost = 0;
  for (std::size_t play = 0; play < test_scale(6) && !HasFailure(); ++play) {
    io::MemoryFileSystem memory;
    ASSERT_TRUE(memory.create_directories("db").ok());
    ASSERT_TRUE(memory.sync_directory("/").ok());
    io::FaultyFileSystem files(memory);
    const auto log = create(files, options);
    std::vector<Moment> moments;
    std::atomic<std::uint64_t> durable{0};
    std::atomic<std::uint64_t> sent{0};
    files.set_hook([&](const io::Call&) { moments.push_back({memory.clone(), durable, sent}); });
    for (std::uint64_t next = 1; next <= 40;) {
      Acks acks;
      const std::uint64_t group = 1 + random.next_below(4);
      for (std::uint64_t i = 0; i < group; ++i, ++next) {
        const bool relaxed = random.next_below(4) != 0;
        sent = next;
        auto done = [&, next, relaxed, ack = acks.done()](const Result<void>& outcome) mutable {
          if (outcome.ok() && !relaxed) durable = next;
          ack(outcome);
        };
        ASSERT_TRUE(log->append(relaxed ? relaxed_record(next) : test_record(next), std::move(done)).ok());
      }
      acks.wait_for(group);
      if (random.next_below(8) == 0) {
        ASSERT_TRUE(log->wait_until_durable().ok());
        durable = log->tail().value();
      }
      EXPECT_GE(log->durable().value(), durable);
    }
    ASSERT_TRUE(log->close().ok());
    files.set_hook({});
    for (const Moment& moment : moments) {
      for (std::size_t round = 0; round < test_scale(4) && !HasFailure(); ++round) {
        const auto disk = moment.disk->clone();
        disk->crash(random, {.foreign_bytes = round % 2 == 0});
        const auto opened = open(*disk, options);
        ASSERT_TRUE(opened.ok()) << opened.error().message();
        const auto records = read_test_records(*opened->log);
        ASSERT_TRUE(records.ok()) << "a hole: " << records.error().message();
        EXPECT_GE(*records, moment.durable);
        EXPECT_LE(*records, moment.sent);
        lost += moment.sent - *records;
      }
    }
  }
  EXPECT_GT(lost, 0u) << "the test cut where nothing could be lost";
}

}  // namespace
}  // namespace jade::storage
