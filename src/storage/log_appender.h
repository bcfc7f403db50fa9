// Writes the end of a log: batches, watermarks, new files.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/log_format.h"
#include "storage/log_recovery.h"

namespace jade::storage {

/// One thread only, but for `size_bytes`. After a failure it is not to be used again.
class LogAppender {
 public:
  /// `files` and `random` outlive this. Goes on where `log` ends.
  LogAppender(io::FileSystem& files, std::string directory, Random& random, std::uint64_t max_file_bytes,
              const RecoveredLog& log, std::uint64_t size_bytes);

  /// Writes the records, whose sequences continue the log, as one batch. When it returns, they are durable. Fails with
  /// kStorageFull: they are not in the log and never will be; kStoreReadOnly: nobody knows.
  Result<void> append(std::span<const LogRecord> records);

  /// Writes down, durably, that all before is durable, and closes the file; the next batch opens it again. Does
  /// nothing that was done before.
  Result<void> rest();

  bool needs_watermark() const { return needs_watermark_; }
  /// Bytes of all files of the log, but for a watermark that the next batch goes over. From any thread.
  std::uint64_t size_bytes() const { return size_bytes_.load(std::memory_order_relaxed); }

 private:
  Result<void> open_file();
  Result<void> start_new_file(Sequence first_sequence);
  Result<void> write_synced(std::span<const std::byte> batch);
  LogBatchHeader batch_header(std::uint64_t first_sequence) const;

  io::FileSystem& files_;
  const std::string directory_;
  Random& random_;
  const std::uint64_t max_file_bytes_;

  LogFileHeader header_;
  /// Null while resting.
  std::unique_ptr<io::File> file_;
  /// Where the next batch goes; all before is durable.
  std::uint64_t offset_;
  std::uint64_t next_sequence_;
  std::uint64_t last_checksum_;
  bool needs_watermark_;
  std::atomic<std::uint64_t> size_bytes_;
};

}  // namespace jade::storage
