// Opens what a crash left of a log: tells torn from rotten, and mends what is torn.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/disk_reserve.h"
#include "storage/log.h"
#include "storage/log_file_reader.h"
#include "storage/log_format.h"

namespace jade::storage {

/// A file of a log and where its durable part ends.
struct LogFileExtent {
  std::string path;
  LogFileHeader header;
  std::uint64_t end = 0;
  Sequence last_sequence;
};

struct RecoveredLog {
  /// Files that have only records before the first that is needed. What is said of them comes from their names.
  std::vector<LogFileInfo> unread;
  /// In order, at least one. Appending goes on at the end of the last one. What may lie behind it is one watermark.
  std::vector<LogFileExtent> files;
  /// Of the last record.
  std::uint64_t last_checksum = 0;
  /// No header on disk says yet that everything up to the end is durable.
  bool needs_watermark = false;
  LogRecovery report;
};

struct LogRecoveryOptions {
  DatabaseKey database{};
  /// The first record that is still needed: a log that begins later has lost files.
  Sequence first_sequence{1};
  /// Of a file that is written to mend the log.
  std::uint64_t epoch = 1;
  /// Released when mending finds the disk full. May be null.
  DiskReserve* reserve = nullptr;
};

/// Reads all of the log in `directory` and mends it. When it returns, everything in it is durable.
///
/// Fails with nothing changed: kDataCorrupted for damage below the end that is known to have been durable (the file
/// that has it is copied to quarantine), missing files, foreign files; kNotSupported for files of a newer release.
Result<RecoveredLog> recover_log(io::FileSystem& files, const std::string& directory, const LogRecoveryOptions& options,
                                 Random& random);

/// Writes a new log file that holds `header` and `batches`, durable when this returns.
Result<std::unique_ptr<io::File>> create_log_file(io::FileSystem& files, const std::string& directory,
                                                  const LogFileHeader& header, std::span<const std::byte> batches);

/// The paths of the log files in a directory, in order; none when it is absent.
Result<std::vector<std::string>> list_log_files(io::FileSystem& files, const std::string& directory);

}  // namespace jade::storage
