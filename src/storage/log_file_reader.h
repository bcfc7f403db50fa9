// Reads one file of a log, and says where it stops being a log.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "jade/result.h"
#include "storage/log_format.h"
#include "storage/read_window.h"

namespace jade::storage {

/// A place between two batches, and what the next one has to continue.
struct LogCursor {
  std::uint64_t offset = 0;
  /// Of the last record before, or one less than the first to come.
  Sequence last_sequence;
  std::uint64_t last_checksum = 0;
  /// Records passed.
  std::uint64_t records = 0;
};

/// One thread only.
class LogFileReader {
 public:
  /// Errors as `decode_log_file_header`; kDataCorrupted also for a file of another database or with a name that does
  /// not fit. They carry the details "file" and, where there is one, "offset".
  static Result<LogFileReader> open(io::FileSystem& files, const std::string& path, const DatabaseKey& database);

  const std::string& path() const { return path_; }
  const LogFileHeader& header() const { return header_; }
  std::uint64_t size() const { return window_.size(); }

  /// Before the first batch.
  LogCursor start() const;

  /// The batch header at `offset`, if there is a valid one.
  Result<std::optional<LogBatchHeader>> header_at(std::uint64_t offset);

  /// Passes the batch at `cursor` if it is whole, continues what came before and ends at `limit` or below; then calls
  /// `visit` (which may be empty) for its records. False, with the cursor unmoved, if it is not: there is the end of
  /// the file, or damage. A batch that is not whole gives no record. Fails if the file cannot be read or `visit` fails.
  Result<bool> next(LogCursor& cursor, std::uint64_t limit, const RecordVisitor& visit);

  /// Passes batches up to `limit`.
  Result<LogCursor> scan(std::uint64_t limit, const RecordVisitor& visit);

  /// The largest `durable_upto` in any valid batch header from `offset` on, whatever lies between; 0 if there is none.
  Result<std::uint64_t> durable_upto_past(std::uint64_t offset);

  /// kDataCorrupted naming the file and `offset`.
  Error damaged(std::uint64_t offset, const std::string& what) const;

 private:
  LogFileReader(std::string path, LogFileHeader header, ReadWindow window)
      : path_(std::move(path)), header_(header), window_(std::move(window)) {}

  /// The records of a batch, or false if they are not what its header says.
  bool decode_body(const LogBatchHeader& batch, std::uint64_t offset, std::span<const std::byte> body);

  std::string path_;
  LogFileHeader header_;
  ReadWindow window_;
  /// Of the batch that was decoded last.
  std::vector<LogRecord> records_;
  std::uint64_t checksum_ = 0;
};

}  // namespace jade::storage
