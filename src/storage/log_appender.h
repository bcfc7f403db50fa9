// Writes the end of a log: batches, watermarks, new files.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/log_files.h"
#include "storage/log_format.h"
#include "storage/log_recovery.h"

namespace jade::storage {

/// One thread only. Every function fails with kStorageFull: what it was to write is not in the log and never will be;
/// or with kStoreReadOnly: nobody knows. `broken` says whether it can be used after that.
class LogAppender {
 public:
  /// `files`, `random` and `list` outlive this. Goes on where `log` ends, and tells `list`.
  LogAppender(io::FileSystem& files, std::string directory, Random& random, std::uint64_t max_file_bytes,
              const RecoveredLog& log, LogFiles& list);

  /// Writes the records, whose sequences continue the log, as one batch. When it returns, the operating system has it.
  Result<void> write(std::span<const LogRecord> records);

  /// Makes durable what was written.
  Result<void> sync();

  /// Goes on in a new file, if there are records in this one, and makes durable what was written.
  Result<void> rotate();

  /// Makes durable what was written, writes down, durably, that it is, and closes the file; the next batch opens it
  /// again. Does nothing that was done before. Where there is no room for a watermark, there is none.
  Result<void> rest();

  /// The log has to be opened again.
  bool broken() const { return broken_; }
  /// The last record that was written, and that is durable.
  Sequence written() const { return Sequence{next_sequence_ - 1}; }
  Sequence durable() const { return durable_sequence_; }

 private:
  Result<void> open_file();
  Result<void> start_new_file();
  Result<void> put(std::span<const std::byte> batch);
  Error refused(Error error, std::string_view doing);
  Error unknown(const Error& error, std::string_view doing);
  LogBatchHeader batch_header() const;

  io::FileSystem& files_;
  const std::string directory_;
  Random& random_;
  const std::uint64_t max_file_bytes_;
  LogFiles& list_;

  LogFileHeader header_;
  /// Null while resting.
  std::unique_ptr<io::File> file_;
  /// Where the next batch goes.
  std::uint64_t offset_;
  /// All below it is durable.
  std::uint64_t durable_offset_;
  std::uint64_t next_sequence_;
  Sequence durable_sequence_;
  std::uint64_t last_checksum_;
  bool needs_watermark_;
  bool broken_ = false;
};

}  // namespace jade::storage
