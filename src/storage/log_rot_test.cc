// Damages the files of a log: never a wrong record, never a silent loss of what was known durable.
#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/publish_file.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "db/log";
constexpr FileLogOptions kOptions{.max_file_bytes = 1200};

class RotTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto log = FileLog::create(disk_, kDirectory, test_database(), *writer_, random_, kOptions).value();
    append_each(*log, 1, kRecords);
    unclean_ = disk_.clone();
    ASSERT_TRUE(log->close().ok());
    paths_ = list_log_files(disk_, kDirectory).value();
    ASSERT_GE(paths_.size(), 3u);
  }

  Result<OpenedLog> open(io::FileSystem& files) {
    return FileLog::open(files, kDirectory, test_database(), *writer_, random_, kOptions);
  }

  static std::uint64_t size_of(io::FileSystem& files, const std::string& path) {
    return files.stat(path).value()->size;
  }

  using Damage = std::function<void(std::vector<std::byte>&)>;

  /// A copy of `files` with one file damaged.
  static std::unique_ptr<io::MemoryFileSystem> damaged(const io::MemoryFileSystem& files, const std::string& path,
                                                       const Damage& damage) {
    auto copy = files.clone();
    std::vector<std::byte> bytes = read_whole_file(*copy, path).value();
    damage(bytes);
    const auto file = copy->open(path, io::OpenMode::kReadWrite).value();
    EXPECT_TRUE(file->truncate(bytes.size()).ok());
    EXPECT_TRUE(file->write_at(0, bytes).ok());
    return copy;
  }

  /// Opens: all records, or an error. A log that was not closed may lose its last batch, and says so.
  void check(io::MemoryFileSystem& files, const std::string& path, std::uint64_t may_lose) {
    const std::vector<std::byte> before = read_whole_file(files, path).value();
    const auto opened = open(files);
    if (!opened.ok()) {
      ASSERT_EQ(opened.error().code(), ErrorCode::kDataCorrupted) << opened.error().message();
      ASSERT_EQ(read_whole_file(files, path).value(), before) << "a damaged file was changed";
      return;
    }
    const auto records = read_test_records(*opened->log);
    ASSERT_TRUE(records.ok()) << records.error().message();
    ASSERT_GE(*records, kRecords - may_lose);
    if (*records < kRecords) {
      ASSERT_GT(opened->recovery.torn_bytes, 0u);
      ASSERT_FALSE(opened->recovery.quarantined.empty());
    }
  }

  static constexpr std::uint64_t kRecords = 17;

  TestRandom random_;
  std::unique_ptr<LogWriter> writer_ = test_writer();
  io::MemoryFileSystem disk_;
  /// Its last batch is durable, but no header says so.
  std::unique_ptr<io::MemoryFileSystem> unclean_;
  std::vector<std::string> paths_;
};

TEST_F(RotTest, EveryFlippedByteIsNoticed) {
  for (const std::string& path : paths_) {
    const std::uint64_t size = size_of(disk_, path);
    for (std::uint64_t at = 0; at < size && !HasFailure(); ++at) {
      SCOPED_TRACE(path + " at " + std::to_string(at));
      const auto flip = [&](std::vector<std::byte>& bytes) { bytes[at] ^= std::byte{0x10}; };
      check(*damaged(disk_, path, flip), path, 0);
    }
  }
}

TEST_F(RotTest, AnUncleanLogLosesAtMostItsLastBatchAndSaysSo) {
  for (const std::string& path : paths_) {
    const std::uint64_t size = size_of(*unclean_, path);
    for (std::uint64_t at = 0; at < size && !HasFailure(); ++at) {
      SCOPED_TRACE(path + " at " + std::to_string(at));
      const auto flip = [&](std::vector<std::byte>& bytes) { bytes[at] ^= std::byte{1}; };
      check(*damaged(*unclean_, path, flip), path, 1);
    }
  }
}

TEST_F(RotTest, ZeroedAndSwappedBlocksAreNoticed) {
  const std::uint64_t seed = test_seed(14);
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(400) && !HasFailure(); ++round) {
    const std::string& path = paths_[random.next_below(paths_.size())];
    const std::uint64_t block = std::uint64_t{16} << random.next_below(5);
    const auto damage = [&](std::vector<std::byte>& bytes) {
      if (bytes.size() < 2 * block) return;
      const std::uint64_t a = random.next_below(bytes.size() / block) * block;
      const std::uint64_t b = random.next_below(bytes.size() / block) * block;
      if (random.next_below(2) == 0) {
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(a), block, std::byte{0});
      } else {
        std::swap_ranges(bytes.begin() + static_cast<std::ptrdiff_t>(a),
                         bytes.begin() + static_cast<std::ptrdiff_t>(a + block),
                         bytes.begin() + static_cast<std::ptrdiff_t>(b));
      }
    };
    // Swapping ranges that overlap only by being the same does nothing. A block that has the watermark and what lies
    // before it, up to two batches, looks torn: it is copied and reported.
    check(*damaged(disk_, path, damage), path, 2);
  }
}

TEST_F(RotTest, ACutOlderFileIsNoticed) {
  for (std::size_t i = 0; i + 1 < paths_.size(); ++i) {
    const std::uint64_t size = size_of(disk_, paths_[i]);
    for (std::uint64_t cut = 0; cut < size && !HasFailure(); cut += 5) {
      const auto files = damaged(disk_, paths_[i], [&](std::vector<std::byte>& bytes) { bytes.resize(cut); });
      const auto opened = open(*files);
      ASSERT_FALSE(opened.ok());
      EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
    }
  }
}

/// A file that ends between two batches looks like one that was never longer: nothing in it can tell. All other cuts
/// are refused or reported.
TEST_F(RotTest, ACutNewestFileIsAPrefixOrAnError) {
  const std::string& path = paths_.back();
  std::size_t unnoticed = 0;
  for (std::uint64_t cut = 0; cut < size_of(disk_, path) && !HasFailure(); ++cut) {
    SCOPED_TRACE(cut);
    const auto files = damaged(disk_, path, [&](std::vector<std::byte>& bytes) { bytes.resize(cut); });
    const auto opened = open(*files);
    if (!opened.ok()) {
      ASSERT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
      continue;
    }
    const auto records = read_test_records(*opened->log);
    ASSERT_TRUE(records.ok()) << records.error().message();
    if (*records < kRecords && opened->recovery.torn_bytes == 0) ++unnoticed;
  }
  // Behind the file header and behind each batch but the last.
  EXPECT_LE(unnoticed, kRecords);
}

TEST_F(RotTest, DamageNamesFileAndPlaceAndIsKept) {
  const std::string& path = paths_[1];
  const auto files = damaged(disk_, path, [](std::vector<std::byte>& bytes) { bytes[200] ^= std::byte{1}; });
  for (int round = 0; round < 2; ++round) {
    const auto opened = open(*files);
    ASSERT_FALSE(opened.ok());
    const Error& error = opened.error();
    EXPECT_EQ(std::get<std::string>(error.detail("file")->value), path);
    EXPECT_EQ(std::get<std::int64_t>(error.detail("offset")->value), 128);
    const std::string copy = std::get<std::string>(error.detail("quarantined")->value);
    EXPECT_EQ(read_whole_file(*files, copy).value(), read_whole_file(*files, path).value());
    // Opening again keeps no second copy.
    EXPECT_EQ(files->list(io::join_path(kDirectory, "quarantine")).value().size(), 1u);
  }
}

TEST_F(RotTest, DamageIsReportedEvenIfItCannotBeKept) {
  for (const std::uint64_t at : {20, 200}) {
    const auto disk = damaged(disk_, paths_[1], [&](std::vector<std::byte>& bytes) { bytes[at] ^= std::byte{1}; });
    io::FaultyFileSystem files(*disk);
    files.set_fault({.kind = io::CallKind::kWrite, .errno_value = ENOSPC, .for_good = true});
    const auto opened = open(files);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_EQ(opened.error().detail("quarantined"), nullptr);
  }
}

/// The header of a later batch proves that what lies before it was durable, however far away it is.
TEST_F(RotTest, DurabilityIsProvedFromBehindMuchDamage) {
  for (const std::size_t garbage : {16, 4096, 128 * 1024 - 32, 128 * 1024 - 16, 128 * 1024, 300 * 1024}) {
    SCOPED_TRACE(garbage);
    io::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories(kDirectory).ok());
    LogFileHeader header;
    header.database = test_database();
    std::vector<std::byte> bytes(garbage, std::byte{0x33});
    const std::uint64_t offset = FileHeader::kBytes + garbage;
    LogBatchEncoder encoder(header, offset,
                            {.durable_upto = header.position_of(offset), .first_sequence = 9, .previous_checksum = 9});
    const auto batch = encoder.finish();
    bytes.insert(bytes.end(), batch.begin(), batch.end());
    ASSERT_TRUE(create_log_file(files, kDirectory, header, bytes).ok());
    EXPECT_EQ(open(files).error().code(), ErrorCode::kDataCorrupted);
  }
}

TEST_F(RotTest, FilesOfOthersAreLeftAlone) {
  for (const char* name : {"notes.tmp", "log-1.jlog", "README"}) {
    ASSERT_TRUE(publish_file(disk_, io::join_path(kDirectory, name), {}).ok());
  }
  const std::size_t before = disk_.list(kDirectory).value().size();
  ASSERT_TRUE(open(disk_).ok());
  EXPECT_EQ(disk_.list(kDirectory).value().size(), before);
}

/// Batches that are valid, each for itself.
TEST_F(RotTest, ABatchThatDoesNotContinueTheOneBeforeIsTorn) {
  for (const bool wrong_sequence : {false, true}) {
    io::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories(kDirectory).ok());
    LogFileHeader header;
    header.database = test_database();
    LogBatchEncoder encoder(header, FileHeader::kBytes,
                            {.durable_upto = 0,
                             .first_sequence = wrong_sequence ? std::uint64_t{2} : std::uint64_t{1},
                             .previous_checksum = wrong_sequence ? std::uint64_t{0} : std::uint64_t{7}});
    ASSERT_TRUE(create_log_file(files, kDirectory, header, encoder.finish()).ok());
    const auto opened = open(files);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->recovery.torn_bytes, LogBatchHeader::kBytes);
  }
}

TEST_F(RotTest, MissingFilesAreNoticed) {
  for (std::size_t i = 0; i + 1 < paths_.size(); ++i) {
    const auto files = disk_.clone();
    ASSERT_TRUE(files->remove(paths_[i]).ok());
    const auto opened = open(*files);
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
  }
}

TEST_F(RotTest, ForeignFilesAreRefused) {
  DatabaseKey other = test_database();
  other[0] = std::byte{0};
  const auto opened = FileLog::open(disk_, kDirectory, other, *writer_, random_, kOptions);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
  // A file under another's name.
  const auto files = disk_.clone();
  ASSERT_TRUE(files->rename(paths_[0], io::join_path(kDirectory, log_file_name(Sequence{2}))).ok());
  EXPECT_EQ(open(*files).error().code(), ErrorCode::kDataCorrupted);
}

TEST_F(RotTest, DamageSinceTheLogWasOpenedIsNoticedByRead) {
  const auto opened = open(disk_);
  ASSERT_TRUE(opened.ok());
  const auto file = disk_.open(paths_[0], io::OpenMode::kReadWrite).value();
  const std::byte wrong[8] = {};
  ASSERT_TRUE(file->write_at(FileHeader::kBytes + 60, wrong).ok());
  EXPECT_EQ(read_test_records(*opened->log).error().code(), ErrorCode::kDataCorrupted);
}

TEST_F(RotTest, AFileOfANewerReleaseIsLeftUntouched) {
  struct Row {
    FeatureBits features;
    bool opens;
  };
  for (const Row& row :
       {Row{{.compatible = 2}, true}, Row{{.read_only_compatible = 2}, false}, Row{{.incompatible = 2}, false}}) {
    io::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories(kDirectory).ok());
    LogFileHeader header;
    header.features = row.features;
    header.database = test_database();
    LogBatchEncoder encoder(header, FileHeader::kBytes,
                            {.durable_upto = 0, .first_sequence = 1, .previous_checksum = 0});
    const NewRecord record = test_record(1);
    LogRecord in;
    in.sequence = Sequence{1};
    in.type = record.type;
    in.shard = record.shard;
    in.commit_time_us = record.commit_time_us;
    in.payload = record.payload;
    encoder.add(in);
    ASSERT_TRUE(create_log_file(files, kDirectory, header, encoder.finish()).ok());
    const std::string path = io::join_path(kDirectory, log_file_name(Sequence{1}));
    const std::vector<std::byte> before = read_whole_file(files, path).value();
    const auto opened = open(files);
    ASSERT_EQ(opened.ok(), row.opens);
    if (row.opens) {
      EXPECT_EQ(read_test_records(*opened->log).value(), 1u);
    } else {
      EXPECT_EQ(opened.error().code(), ErrorCode::kNotSupported);
      EXPECT_EQ(read_whole_file(files, path).value(), before);
      EXPECT_EQ(files.list(kDirectory).value().size(), 1u);
    }
  }
}

/// Files that are valid, each for itself, but no log together.
TEST_F(RotTest, FilesThatDoNotContinueEachOtherAreRefused) {
  struct Row {
    const char* name;
    Sequence first_sequence;
    std::uint64_t start_position;
    std::uint64_t previous_checksum;
    bool opens;
  };
  for (const Row& row : {Row{"sequence", Sequence{6}, 100, 7, false}, Row{"position", Sequence{5}, 99, 7, false},
                         Row{"gap", Sequence{5}, 101, 7, false}, Row{"chain", Sequence{5}, 100, 8, false},
                         Row{"all right", Sequence{5}, 100, 7, true}}) {
    SCOPED_TRACE(row.name);
    io::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories(kDirectory).ok());
    LogFileHeader header;
    header.database = test_database();
    header.start_position = 100;
    header.previous_checksum = 7;
    // The older one is empty, so that the newer has to begin where it does; only one name is possible for both.
    header.first_sequence = Sequence{1};
    LogBatchEncoder encoder(header, FileHeader::kBytes,
                            {.durable_upto = 100, .first_sequence = 1, .previous_checksum = 7});
    LogRecord record;
    for (std::uint64_t i = 1; i <= 4; ++i) {
      record.sequence = Sequence{i};
      encoder.add(record);
    }
    const auto batch = encoder.finish();
    ASSERT_TRUE(create_log_file(files, kDirectory, header, batch).ok());
    LogFileHeader next = header;
    next.first_sequence = row.first_sequence;
    next.start_position = row.start_position == 100 ? 100 + batch.size() : row.start_position;
    next.previous_checksum = row.previous_checksum == 7 ? encoder.last_checksum() : row.previous_checksum;
    ASSERT_TRUE(create_log_file(files, kDirectory, next, {}).ok());
    const auto opened = open(files);
    ASSERT_EQ(opened.ok(), row.opens);
    if (!opened.ok()) {
      EXPECT_EQ(opened.error().code(), ErrorCode::kDataCorrupted);
    }
  }
}

/// Valid headers that no writer wrote.
TEST_F(RotTest, ADurableEndBetweenBatchesIsRefused) {
  io::MemoryFileSystem files;
  ASSERT_TRUE(files.create_directories(kDirectory).ok());
  LogFileHeader header;
  header.database = test_database();
  LogBatchEncoder first(header, FileHeader::kBytes, {.durable_upto = 0, .first_sequence = 1, .previous_checksum = 0});
  const auto one = first.finish();
  LogBatchEncoder second(header, FileHeader::kBytes + one.size(),
                         {.durable_upto = 16, .first_sequence = 1, .previous_checksum = 0});
  const auto two = second.finish();
  std::vector<std::byte> bytes(one.begin(), one.end());
  bytes.insert(bytes.end(), two.begin(), two.end());
  ASSERT_TRUE(create_log_file(files, kDirectory, header, bytes).ok());
  EXPECT_EQ(open(files).error().code(), ErrorCode::kDataCorrupted);
}

TEST_F(RotTest, ABatchWhoseRecordsAreNotWhatItSaysIsTorn) {
  for (const std::uint64_t second_sequence : {2, 3}) {
    io::MemoryFileSystem files;
    ASSERT_TRUE(files.create_directories(kDirectory).ok());
    LogFileHeader header;
    header.database = test_database();
    LogBatchEncoder encoder(header, FileHeader::kBytes,
                            {.durable_upto = 0, .first_sequence = 1, .previous_checksum = 0});
    LogRecord record;
    record.sequence = Sequence{1};
    encoder.add(record);
    record.sequence = Sequence{second_sequence};
    encoder.add(record);
    ASSERT_TRUE(create_log_file(files, kDirectory, header, encoder.finish()).ok());
    const auto opened = open(files);
    ASSERT_TRUE(opened.ok());
    EXPECT_EQ(opened->recovery.records, second_sequence == 2 ? 2u : 0u);
    EXPECT_EQ(opened->recovery.torn_bytes == 0, second_sequence == 2);
  }
}

}  // namespace
}  // namespace jade::storage
