// Tests of the tests: logs that are broken on purpose, each in one way, and the checks that have to notice.
#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "io/passing_file_system.h"
#include "storage/byte_layout.h"
#include "storage/publish_file.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "db/log";
constexpr FileLogOptions kOptions{.max_file_bytes = 6000};

using Bend = std::function<std::unique_ptr<io::FileSystem>(io::FileSystem&)>;

std::unique_ptr<io::FileSystem> honest(io::FileSystem& files) { return std::make_unique<io::PassingFileSystem>(files); }

/// Says that a file was synced, and did not sync it. As good as an answer before the sync.
class NoFileSync final : public io::PassingFileSystem {
 public:
  NoFileSync(io::FileSystem& base, std::string suffix) : io::PassingFileSystem(base), suffix_(std::move(suffix)) {}

 private:
  class Unsynced final : public io::PassingFile {
   public:
    using io::PassingFile::PassingFile;
    Result<void> sync() override { return {}; }
  };
  std::unique_ptr<io::File> wrap(const std::string& path, std::unique_ptr<io::File> file) override {
    if (!path.ends_with(suffix_)) return file;
    return std::make_unique<Unsynced>(std::move(file));
  }

  const std::string suffix_;
};

class NoDirectorySync final : public io::PassingFileSystem {
 public:
  using io::PassingFileSystem::PassingFileSystem;
  Result<void> sync_directory(const std::string&) override { return {}; }
};

/// Every batch says that all before it is durable, synced or not.
class WatermarkTooHigh final : public io::PassingFileSystem {
 public:
  using io::PassingFileSystem::PassingFileSystem;

 private:
  class Boasting final : public io::PassingFile {
   public:
    using io::PassingFile::PassingFile;
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      std::array<std::byte, FileHeader::kBytes> head{};
      JADE_RETURN_IF_ERROR(read_at(0, head));
      const Result<LogFileHeader> file = decode_log_file_header(head);
      if (offset == 0 || !file.ok()) return io::PassingFile::write_at(offset, bytes);
      LogBatchHeader batch = *decode_log_batch_header(*file, offset, bytes);
      batch.durable_upto = file->position_of(offset);
      LogBatchEncoder encoder(*file, offset, batch);
      for (std::uint64_t at = LogBatchHeader::kBytes; at < bytes.size();) {
        const auto record = *decode_log_record(*file, offset + at, encoder.last_checksum(), bytes.subspan(at));
        encoder.add(record.record);
        at += record.bytes;
      }
      return io::PassingFile::write_at(offset, encoder.finish());
    }
  };
  std::unique_ptr<io::File> wrap(const std::string&, std::unique_ptr<io::File> file) override {
    return std::make_unique<Boasting>(std::move(file));
  }
};

/// Shows the files of a log with the checksums that their bytes should have: what a reader sees that ignores them.
class ChecksumsIgnored final : public io::PassingFileSystem {
 public:
  using io::PassingFileSystem::PassingFileSystem;

 private:
  class Healed final : public io::PassingFile {
   public:
    using io::PassingFile::PassingFile;
    Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) override {
      JADE_ASSIGN_OR_RETURN(const std::size_t read, io::PassingFile::read_at(offset, out));
      const Result<LogFileHeader> file = decode_log_file_header(out.first(std::min(read, FileHeader::kBytes)));
      if (offset == 0 && file.ok()) heal(*file, out.first(read));
      return read;
    }

   private:
    static void heal(const LogFileHeader& file, std::span<std::byte> bytes) {
      std::uint64_t checksum = file.previous_checksum;
      std::uint64_t at = FileHeader::kBytes;
      while (at + LogBatchHeader::kBytes <= bytes.size()) {
        const std::uint64_t end = at + LogBatchHeader::kBytes + load<std::uint32_t>(bytes, at + 16);
        if (end > bytes.size()) return;
        LogBatchEncoder encoder(file, at,
                                {.durable_upto = load<std::uint64_t>(bytes, at + 24),
                                 .first_sequence = load<std::uint64_t>(bytes, at + 32),
                                 .previous_checksum = checksum});
        for (std::uint64_t record = at + LogBatchHeader::kBytes; record + kLogRecordHeaderBytes <= end;) {
          const std::size_t payload_bytes = load<std::uint32_t>(bytes, record + 16);
          if (record + log_record_bytes(payload_bytes) > end) return;
          LogRecord read;
          read.type = static_cast<RecordType>(load<std::uint8_t>(bytes, record + 22));
          read.sequence = Sequence{load<std::uint64_t>(bytes, record + 24)};
          read.epoch = load<std::uint64_t>(bytes, record + 32);
          read.shard = ShardId{load<std::uint32_t>(bytes, record + 56)};
          read.definition_version = load<std::uint64_t>(bytes, record + 64);
          read.commit_time_us = load<std::int64_t>(bytes, record + 72);
          read.payload = bytes.subspan(record + kLogRecordHeaderBytes, payload_bytes);
          encoder.add(read);
          record += log_record_bytes(payload_bytes);
        }
        checksum = encoder.last_checksum();
        const std::span<const std::byte> healed = encoder.finish();
        if (healed.size() == end - at) std::ranges::copy(healed, bytes.subspan(at).begin());
        at = end;
      }
    }
  };
  std::unique_ptr<io::File> wrap(const std::string&, std::unique_ptr<io::File> file) override {
    return std::make_unique<Healed>(std::move(file));
  }
};

/// The disk before one call, and what had been promised by then.
struct Moment {
  std::unique_ptr<io::MemoryFileSystem> disk;
  std::uint64_t durable = 0;
  std::uint64_t sent = 0;
};

class BrokenLogTest : public ::testing::Test {
 protected:
  BrokenLogTest() : seed_(test_seed(61)), crash_random_(seed_) {}

  /// Durable and relaxed records through several files, and two lives.
  std::vector<Moment> play(const Bend& bend) {
    io::MemoryFileSystem memory;
    EXPECT_TRUE(memory.create_directories("db").ok());
    EXPECT_TRUE(memory.sync_directory("/").ok());
    io::FaultyFileSystem recorder(memory);
    const auto files = bend(recorder);
    std::vector<Moment> moments;
    std::atomic<std::uint64_t> durable{0};
    std::atomic<std::uint64_t> sent{0};
    auto log = FileLog::create(*files, kDirectory, test_database(), *writer_, random_, kOptions).value();
    const auto watch = [&] {
      recorder.set_hook([&](const io::Call&) { moments.push_back({memory.clone(), durable, sent}); });
    };
    watch();
    for (std::uint64_t i = 1; i <= 60; ++i) {
      Acks acks;
      NewRecord record = test_record(i);
      const bool relaxed = i % 10 != 0;
      record.durability = relaxed ? Durability::kRelaxed : Durability::kDurable;
      sent = i;
      auto done = [&, ack = acks.done()](const Result<void>& outcome) mutable {
        if (outcome.ok() && !relaxed) durable = i;
        ack(outcome);
      };
      EXPECT_TRUE(log->append(std::move(record), std::move(done)).ok());
      acks.wait_for(1);
      if (i != 25) continue;
      EXPECT_TRUE(log->close().ok());
      recorder.set_hook({});
      log = FileLog::open(*files, kDirectory, test_database(), *writer_, random_, kOptions).value().log;
      watch();
    }
    EXPECT_TRUE(log->close().ok());
    recorder.set_hook({});
    return moments;
  }

  /// What a power cut brings to light, or nullopt: the check of the crash tests.
  std::optional<std::string> lost_in_a_crash(const Bend& bend) {
    for (const Moment& moment : play(bend)) {
      for (int round = 0; round < 8; ++round) {
        const auto disk = moment.disk->clone();
        disk->crash(crash_random_);
        const auto opened = FileLog::open(*disk, kDirectory, test_database(), *writer_, random_, kOptions);
        if (!opened.ok()) return opened.error().message();
        const Result<std::uint64_t> records = read_test_records(*opened->log);
        if (!records.ok()) return records.error().message();
        if (*records < moment.durable) return "an acknowledged record is lost";
        if (*records > moment.sent) return "a record was invented";
      }
    }
    return std::nullopt;
  }

  /// What damaged bytes bring to light when a log is read through `bend`, or nullopt: the check of the rot tests.
  std::optional<std::string> believed_of_rot(const Bend& bend) {
    io::MemoryFileSystem memory;
    {
      const auto log = FileLog::create(memory, kDirectory, test_database(), *writer_, random_).value();
      append_each(*log, 1, 8);
    }
    const std::string path = list_log_files(memory, kDirectory).value().front();
    const std::size_t size = read_whole_file(memory, path).value().size();
    for (std::uint64_t at = FileHeader::kBytes; at < size; ++at) {
      const auto rotten = memory.clone();
      const auto file = rotten->open(path, io::OpenMode::kReadWrite).value();
      std::byte byte{};
      EXPECT_TRUE(file->read_at(at, std::span(&byte, 1)).ok());
      byte ^= std::byte{0x10};
      EXPECT_TRUE(file->write_at(at, std::span(&byte, 1)).ok());
      const auto files = bend(*rotten);
      const auto opened = FileLog::open(*files, kDirectory, test_database(), *writer_, random_);
      if (!opened.ok()) continue;
      const Result<std::uint64_t> records = read_test_records(*opened->log);
      if (!records.ok()) return records.error().message();
      if (*records != 8) return "records are missing and nobody said so";
    }
    return std::nullopt;
  }

  const std::uint64_t seed_;
  SeededRandom crash_random_;
  TestRandom random_;
  std::unique_ptr<LogWriter> writer_ = test_writer();
};

TEST_F(BrokenLogTest, AnHonestOnePasses) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  EXPECT_EQ(lost_in_a_crash(honest), std::nullopt);
  EXPECT_EQ(believed_of_rot(honest), std::nullopt);
}

TEST_F(BrokenLogTest, AnAnswerBeforeTheSyncIsCaught) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  EXPECT_NE(lost_in_a_crash([](io::FileSystem& files) { return std::make_unique<NoFileSync>(files, ".jlog"); }),
            std::nullopt);
}

TEST_F(BrokenLogTest, ANewFileThatIsRenamedBeforeItsSyncIsCaught) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  EXPECT_NE(lost_in_a_crash([](io::FileSystem& files) { return std::make_unique<NoFileSync>(files, ".tmp"); }),
            std::nullopt);
}

TEST_F(BrokenLogTest, ANewFileWithoutASyncOfItsDirectoryIsCaught) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  EXPECT_NE(lost_in_a_crash([](io::FileSystem& files) { return std::make_unique<NoDirectorySync>(files); }),
            std::nullopt);
}

TEST_F(BrokenLogTest, AWatermarkAboveWhatIsSyncedIsCaught) {
  SCOPED_TRACE("seed " + std::to_string(seed_));
  EXPECT_NE(lost_in_a_crash([](io::FileSystem& files) { return std::make_unique<WatermarkTooHigh>(files); }),
            std::nullopt);
}

TEST_F(BrokenLogTest, AReaderThatIgnoresChecksumsIsCaught) {
  EXPECT_NE(believed_of_rot([](io::FileSystem& files) { return std::make_unique<ChecksumsIgnored>(files); }),
            std::nullopt);
}

}  // namespace
}  // namespace jade::storage
