// Cuts the power at every call that the log makes of its files, and looks at what is left.
#include <gtest/gtest.h>

#include <atomic>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "db/log";

/// The disk before one call, and what the program had promised by then.
struct Moment {
  std::unique_ptr<io::MemoryFileSystem> disk;
  std::uint64_t acknowledged = 0;
  std::uint64_t sent = 0;
  bool created = false;
};

/// Keeps a moment for every call.
class Recorder {
 public:
  Recorder(io::MemoryFileSystem& memory, io::FaultyFileSystem& files) {
    files.set_hook([this, &memory](const io::Call&) {
      const MutexLock lock(mutex_);
      moments_.push_back({memory.clone(), acknowledged.load(), sent.load(), created.load()});
    });
  }

  std::vector<Moment> take() {
    const MutexLock lock(mutex_);
    return std::move(moments_);
  }

  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> sent{0};
  std::atomic<bool> created{false};

 private:
  Mutex mutex_;
  std::vector<Moment> moments_ JADE_GUARDED_BY(mutex_);
};

struct Script {
  const char* name;
  Idle idle;
  std::uint64_t max_file_bytes;
  /// Records that are appended before the next waits for all of them.
  std::uint64_t group;
  std::uint64_t records;
  /// Times that the log is opened.
  std::uint64_t lives;
};

class CrashTest : public ::testing::TestWithParam<Script> {
 protected:
  FileLogOptions options() const { return {.max_file_bytes = GetParam().max_file_bytes}; }

  void append(Log& log, Recorder& recorder, std::uint64_t first, std::uint64_t last) {
    Acks acks;
    for (std::uint64_t i = first; i <= last; ++i) {
      recorder.sent = i;
      auto done = [&recorder, i, ack = acks.done()](const Result<void>& outcome) mutable {
        if (outcome.ok()) recorder.acknowledged = i;
        ack(outcome);
      };
      ASSERT_TRUE(log.append(test_record(i), std::move(done)).ok());
      if ((i - first + 1) % GetParam().group == 0) acks.wait_for(i - first + 1);
    }
    acks.wait_for(last - first + 1);
    ASSERT_EQ(acks.succeeded(), last - first + 1);
  }

  std::vector<Moment> play() {
    const Script& script = GetParam();
    io::MemoryFileSystem memory;
    EXPECT_TRUE(memory.create_directories("db").ok());
    EXPECT_TRUE(memory.sync_directory("/").ok());
    io::FaultyFileSystem files(memory);
    TestRandom random;
    const auto writer = test_writer(script.idle);
    Recorder recorder(memory, files);
    std::uint64_t next = 1;
    for (std::uint64_t life = 0; life < script.lives; ++life) {
      std::unique_ptr<Log> log;
      if (life == 0) {
        log = FileLog::create(files, kDirectory, test_database(), *writer, random, options()).value();
        recorder.created = true;
      } else {
        log = FileLog::open(files, kDirectory, test_database(), *writer, random, options()).value().log;
      }
      append(*log, recorder, next, next + script.records - 1);
      next += script.records;
      EXPECT_TRUE(log->close().ok());
    }
    std::vector<Moment> moments = recorder.take();
    moments.push_back({memory.clone(), next - 1, next - 1, true});
    return moments;
  }

  /// Opens what is left of the disk, checks the promises, writes more, and cuts the power once again. Returns the
  /// moments of the recovery.
  std::vector<Moment> survive(io::MemoryFileSystem& disk, const Moment& moment, SeededRandom& random, bool record) {
    TestRandom ids(random.next_u64());
    io::FaultyFileSystem files(disk);
    std::optional<Recorder> recorder;
    if (record) {
      recorder.emplace(disk, files);
      recorder->acknowledged = moment.acknowledged;
      recorder->sent = moment.sent;
      recorder->created = true;
    }
    std::uint64_t last = 0;
    {
      const auto opened = FileLog::open(files, kDirectory, test_database(), *writer_, ids, options());
      if (!opened.ok()) {
        // Only a log whose making was interrupted may be missing.
        EXPECT_FALSE(moment.created) << opened.error().message();
        return {};
      }
      const auto records = read_test_records(*opened->log);
      EXPECT_TRUE(records.ok()) << records.error().message();
      if (!records.ok()) return {};
      EXPECT_GE(*records, moment.acknowledged);
      EXPECT_LE(*records, moment.sent);
      last = *records + 2;
      append_each(*opened->log, *records + 1, last);
      // The power goes while the log is open: what was acknowledged just now has to be on the disk.
      const auto cut = disk.clone();
      cut->crash(random, {.bytes = io::CrashFate::kDropped, .entries = io::CrashFate::kDropped});
      const auto again = FileLog::open(*cut, kDirectory, test_database(), *writer_, ids, options());
      EXPECT_TRUE(again.ok()) << again.error().message();
      if (!again.ok()) return {};
      const auto reread = read_test_records(*again->log);
      EXPECT_TRUE(reread.ok()) << reread.error().message();
      if (!reread.ok()) return {};
      EXPECT_EQ(*reread, last);
    }
    return recorder ? recorder->take() : std::vector<Moment>();
  }

  std::unique_ptr<LogWriter> writer_ = test_writer();
};

TEST_P(CrashTest, KeepsWhatWasAcknowledgedAndInventsNothing) {
  const std::uint64_t seed = test_seed(11);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  const std::vector<Moment> moments = play();
  ASSERT_GT(moments.size(), 10u);
  for (std::size_t at = 0; at < moments.size() && !HasFailure(); ++at) {
    SCOPED_TRACE("before call " + std::to_string(at));
    for (std::size_t round = 0; round < test_scale(6) && !HasFailure(); ++round) {
      const auto disk = moments[at].disk->clone();
      disk->crash(random, {.foreign_bytes = round % 2 == 0});
      survive(*disk, moments[at], random, false);
    }
  }
}

TEST_P(CrashTest, SurvivesAPowerCutDuringRecovery) {
  const std::uint64_t seed = test_seed(12);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  const std::vector<Moment> moments = play();
  for (std::size_t round = 0; round < test_scale(8) && !HasFailure(); ++round) {
    const Moment& first = moments[random.next_below(moments.size())];
    const auto disk = first.disk->clone();
    disk->crash(random);
    // The moments include the appends after recovery, which go beyond what `first` had sent.
    std::vector<Moment> later = survive(*disk, first, random, true);
    for (std::size_t at = 0; at < later.size() && !HasFailure(); ++at) {
      SCOPED_TRACE("call " + std::to_string(at) + " of the recovery");
      later[at].sent += 2;
      later[at].disk->crash(random);
      survive(*later[at].disk, later[at], random, false);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scripts, CrashTest,
                         ::testing::Values(Script{"OneByOne", Idle::kNever, 1 << 20, 1, 12, 1},
                                           Script{"Groups", Idle::kNever, 1 << 20, 5, 15, 2},
                                           Script{"Watermarks", Idle::kAtOnce, 1 << 20, 1, 6, 2},
                                           Script{"SmallFiles", Idle::kNever, 900, 2, 12, 2},
                                           Script{"SmallFilesWatermarks", Idle::kAtOnce, 900, 3, 9, 2},
                                           Script{"OneRecordALife", Idle::kNever, 1 << 20, 1, 1, 6},
                                           Script{"NoRecords", Idle::kNever, 1 << 20, 1, 0, 4}),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace jade::storage
