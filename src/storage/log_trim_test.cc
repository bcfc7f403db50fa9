// Removing what a manifest no longer needs: whole files, oldest first, whatever happens on the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "base/test_env.h"
#include "base/thread.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/publish_file.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kDirectory[] = "db/log";
constexpr std::uint64_t kSmallFile = 900;

class TrimTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("db").ok());
    ASSERT_TRUE(memory_.sync_directory("/").ok());
  }

  std::unique_ptr<Log> create(std::uint64_t max_file_bytes = kSmallFile) {
    return FileLog::create(files_, kDirectory, test_database(), *writer_, random_, {.max_file_bytes = max_file_bytes})
        .value();
  }
  Result<OpenedLog> open(io::FileSystem& files, Sequence first) {
    return FileLog::open(files, kDirectory, test_database(), *writer_, random_,
                         {.max_file_bytes = kSmallFile, .first_sequence = first});
  }

  /// The sequences of a log from `from` on, all of which have to be the test's records.
  static std::vector<std::uint64_t> sequences(Log& log, std::uint64_t from) {
    std::vector<std::uint64_t> found;
    EXPECT_TRUE(log.read(Sequence{from},
                         [&](const LogRecord& record) {
                           EXPECT_TRUE(is_test_record(record));
                           found.push_back(record.sequence.value());
                           return Result<void>();
                         })
                    .ok());
    return found;
  }
  static std::vector<std::uint64_t> range(std::uint64_t first, std::uint64_t last) {
    std::vector<std::uint64_t> all;
    for (std::uint64_t i = first; i <= last; ++i) all.push_back(i);
    return all;
  }

  /// What a log says of its files is what is there.
  void expect_files_are_those_on_disk(const Log& log) {
    std::vector<std::string> paths;
    std::uint64_t bytes = 0;
    for (const LogFileInfo& file : log.files()) {
      paths.push_back(file.path);
      EXPECT_EQ(memory_.stat(file.path).value()->size, file.bytes) << file.path;
      bytes += file.bytes;
    }
    EXPECT_EQ(paths, list_log_files(memory_, kDirectory).value());
    EXPECT_EQ(log.size_bytes(), bytes);
  }

  io::MemoryFileSystem memory_;
  io::FaultyFileSystem files_{memory_};
  TestRandom random_;
  std::unique_ptr<LogWriter> writer_ = test_writer();
};

TEST_F(TrimTest, RemovesTheFilesThatHaveOnlyOlderRecords) {
  const auto log = create();
  append_each(*log, 1, 30);
  expect_files_are_those_on_disk(*log);
  const std::vector<LogFileInfo> before = log->files();
  ASSERT_GT(before.size(), 6u);
  ASSERT_TRUE(log->trim(before[2].last_sequence).ok());
  EXPECT_EQ(log->files(), std::vector(before.begin() + 3, before.end()));
  // A file with one record that is needed stays.
  ASSERT_TRUE(log->trim(Sequence{before[4].last_sequence.value() - 1}).ok());
  EXPECT_EQ(log->files(), std::vector(before.begin() + 4, before.end()));
  expect_files_are_those_on_disk(*log);
  for (std::size_t i = 0; i + 1 < log->files().size(); ++i) EXPECT_TRUE(log->files()[i].complete);
  EXPECT_FALSE(log->files().back().complete);
  ASSERT_TRUE(log->close().ok());
  expect_files_are_those_on_disk(*log);
}

TEST_F(TrimTest, GoesOnInANewFileWhenNothingOfALargeOneIsNeeded) {
  auto log = create();
  append_each(*log, 1, 30);
  ASSERT_TRUE(log->trim(Sequence{30}).ok());
  ASSERT_EQ(log->files().size(), 1u);
  EXPECT_EQ(log->files()[0].first_sequence, Sequence{31});
  EXPECT_EQ(log->files()[0].last_sequence, Sequence{30});
  EXPECT_EQ(log->size_bytes(), FileHeader::kBytes);
  append_each(*log, 31, 33);
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const auto opened = open(memory_, Sequence{31});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(sequences(*opened->log, 1), range(31, 33));
}

TEST_F(TrimTest, ASmallNewestFileStaysUntilItIsToldToRotate) {
  const auto log = create(1 << 20);
  append_each(*log, 1, 3);
  ASSERT_TRUE(log->trim(Sequence{3}).ok());
  ASSERT_EQ(log->files().size(), 1u);
  EXPECT_EQ(log->files()[0].last_sequence, Sequence{3});
  ASSERT_TRUE(log->rotate().ok());
  EXPECT_EQ(log->files().size(), 2u);
  // One without records is as new as can be.
  ASSERT_TRUE(log->rotate().ok());
  EXPECT_EQ(log->files().size(), 2u);
  ASSERT_TRUE(log->trim(Sequence{3}).ok());
  ASSERT_EQ(log->files().size(), 1u);
  EXPECT_EQ(log->files()[0].first_sequence, Sequence{4});
  append_each(*log, 4, 4);
}

TEST_F(TrimTest, KeepsWhatAnArchiveHasYetToCopy) {
  const auto log = create();
  append_each(*log, 1, 30);
  const std::vector<LogFileInfo> before = log->files();
  log->retain_from(before[2].last_sequence);
  ASSERT_TRUE(log->trim(Sequence{30}).ok());
  EXPECT_EQ(log->files().front(), before[2]);
  log->retain_from(Sequence{31});
  ASSERT_TRUE(log->trim(Sequence{30}).ok());
  EXPECT_EQ(log->files().size(), 1u);
}

TEST_F(TrimTest, OpeningLeavesOlderFilesUnreadForTheNextTrim) {
  auto log = create();
  append_each(*log, 1, 30);
  ASSERT_TRUE(log->close().ok());
  const std::vector<LogFileInfo> before = log->files();
  log.reset();
  // Whatever is wrong with what nobody needs is nobody's trouble.
  const std::vector<std::byte> rot(200, std::byte{0x77});
  ASSERT_TRUE(memory_.open(before[1].path, io::OpenMode::kReadWrite).value()->write_at(0, rot).ok());
  ASSERT_TRUE(memory_.remove(before[0].path).ok());
  const Sequence first = Sequence{before[4].first_sequence.value() + 1};
  const auto opened = open(memory_, first);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  EXPECT_EQ(opened->log->files().size(), before.size() - 1);
  EXPECT_EQ(opened->log->files()[0].first_sequence, before[1].first_sequence);
  EXPECT_EQ(opened->log->files()[0].last_sequence, before[1].last_sequence);
  EXPECT_TRUE(opened->log->files()[0].complete);
  EXPECT_EQ(sequences(*opened->log, 1), range(before[4].first_sequence.value(), 30));
  EXPECT_EQ(sequences(*opened->log, first.value()), range(first.value(), 30));
  ASSERT_TRUE(opened->log->trim(Sequence{first.value() - 1}).ok());
  EXPECT_EQ(opened->log->files()[0].path, before[4].path);
  EXPECT_EQ(opened->recovery.records, 30 - before[4].first_sequence.value() + 1);
}

TEST_F(TrimTest, ALogThatEndsBeforeWhatIsNeededIsDamaged) {
  {
    const auto log = create();
    append_each(*log, 1, 10);
  }
  EXPECT_TRUE(open(memory_, Sequence{11}).ok());
  const auto lost = open(memory_, Sequence{12});
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(lost.error().code(), ErrorCode::kDataCorrupted);
}

TEST_F(TrimTest, SurvivesAPowerCutAtEveryCall) {
  const std::uint64_t seed = test_seed(31);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (const std::uint64_t upto : {7, 20, 29, 30}) {
    SCOPED_TRACE("up to " + std::to_string(upto));
    io::MemoryFileSystem memory;
    ASSERT_TRUE(memory.create_directories("db").ok());
    ASSERT_TRUE(memory.sync_directory("/").ok());
    io::FaultyFileSystem files(memory);
    const auto log =
        FileLog::create(files, kDirectory, test_database(), *writer_, random_, {.max_file_bytes = kSmallFile}).value();
    append_each(*log, 1, 30);
    std::vector<std::unique_ptr<io::MemoryFileSystem>> moments;
    files.set_hook([&](const io::Call&) { moments.push_back(memory.clone()); });
    ASSERT_TRUE(log->trim(Sequence{upto}).ok());
    files.set_hook({});
    moments.push_back(memory.clone());
    ASSERT_GT(moments.size(), 2u);
    for (std::size_t at = 0; at < moments.size() && !HasFailure(); ++at) {
      SCOPED_TRACE("before call " + std::to_string(at));
      for (std::size_t round = 0; round < test_scale(10) && !HasFailure(); ++round) {
        const auto disk = moments[at]->clone();
        disk->crash(random, {.foreign_bytes = round % 2 == 0});
        // Also without the manifest's help: what is left is an unbroken row.
        const auto paths = list_log_files(*disk, kDirectory).value();
        const Sequence oldest = *sequence_of_log_file_name(paths[0].substr(paths[0].rfind('/') + 1));
        const auto copy = disk->clone();
        const auto whole = open(*copy, std::min(oldest, Sequence{upto + 1}));
        ASSERT_TRUE(whole.ok()) << whole.error().message();
        const auto opened = open(*disk, Sequence{upto + 1});
        ASSERT_TRUE(opened.ok()) << opened.error().message();
        EXPECT_EQ(opened->log->tail(), Sequence{30});
        EXPECT_EQ(sequences(*opened->log, upto + 1), range(upto + 1, 30));
        append_each(*opened->log, 31, 33);
        EXPECT_TRUE(opened->log->trim(Sequence{upto}).ok());
      }
    }
  }
}

TEST_F(TrimTest, AFailureLeavesALogThatGoesOnAndIsTrimmedLater) {
  bool failed = true;
  for (std::uint64_t nth = 1; failed && !HasFailure(); ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    const std::string directory = "db/" + std::to_string(nth);
    const FileLogOptions options{.max_file_bytes = kSmallFile};
    const auto log = FileLog::create(files_, directory, test_database(), *writer_, random_, options).value();
    append_each(*log, 1, 20);
    const std::uint64_t before = files_.failures();
    files_.set_fault({.nth = nth, .path_contains = directory, .errno_value = ENOSPC});
    const Result<void> trimmed = log->trim(Sequence{20});
    failed = files_.failures() != before;
    files_.clear_fault();
    EXPECT_NE(trimmed.ok(), failed);
    if (!trimmed.ok() && trimmed.error().code() == ErrorCode::kStoreReadOnly) {
      // A failed sync of the new file.
      EXPECT_FALSE(log->append(test_record(21), [](const Result<void>&) {}).ok());
      continue;
    }
    append_each(*log, 21, 23);
    EXPECT_TRUE(log->trim(Sequence{20}).ok());
    EXPECT_EQ(log->files().front().first_sequence, Sequence{21});
  }
}

TEST_F(TrimTest, AFailedSyncOfANewFileIsFinal) {
  const auto log = create();
  append_each(*log, 1, 3);
  files_.set_fault({.kind = io::CallKind::kSyncDirectory, .errno_value = ENOSPC});
  EXPECT_EQ(log->rotate().error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(log->rotate().error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(log->wait_until_durable().error().code(), ErrorCode::kStoreReadOnly);
  EXPECT_EQ(log->close().error().code(), ErrorCode::kStoreReadOnly);
}

TEST_F(TrimTest, NothingIsDoneOnceClosed) {
  const auto log = create();
  append_each(*log, 1, 30);
  ASSERT_TRUE(log->close().ok());
  EXPECT_EQ(log->rotate().error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(log->wait_until_durable().error().code(), ErrorCode::kCancelled);
  EXPECT_EQ(log->trim(Sequence{30}).error().code(), ErrorCode::kCancelled);
}

TEST_F(TrimTest, RunsWhileOthersAppend) {
  auto log = create();
  constexpr std::uint64_t kRecords = 600;
  Acks acks;
  {
    const Thread appender = Thread::start(ThreadKind::kCompute, "appender", [&] {
                              for (std::uint64_t i = 1; i <= kRecords; ++i) {
                                EXPECT_TRUE(log->append(test_record(i), acks.done()).ok());
                                if (i % 10 == 0) acks.wait_for(i);
                              }
                            }).value();
    for (std::uint64_t upto = 0; upto < kRecords / 2;) {
      upto = std::min(log->durable().value(), kRecords / 2);
      EXPECT_TRUE(log->trim(Sequence{upto}).ok());
    }
  }
  ASSERT_TRUE(log->close().ok());
  log.reset();
  const auto opened = open(memory_, Sequence{kRecords / 2 + 1});
  ASSERT_TRUE(opened.ok());
  EXPECT_EQ(sequences(*opened->log, kRecords / 2 + 1), range(kRecords / 2 + 1, kRecords));
}

}  // namespace
}  // namespace jade::storage
