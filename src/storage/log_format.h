// The bytes of a log file: file header, sync batches, records. docs/formats/log.md is the description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"
#include "storage/file_header.h"
#include "storage/log.h"

namespace jade::storage {

constexpr FileMagic kLogMagic = {'J', 'A', 'D', 'E', 'L', 'O', 'G', '\n'};

/// Batches and records begin at multiples of this, and so does every payload: a scan past damage looks only there.
constexpr std::size_t kLogAlignment = 16;

/// A log is one row of batch bytes through all of its files; a place in that row is a position. The offset in a file
/// is the position less the file's start, plus the file header.
struct LogFileHeader {
  FeatureBits features;
  FileId file_id{};
  DatabaseKey database{};
  /// Of the first record in this file.
  Sequence first_sequence{1};
  /// Everything below it was durable when the file was made.
  std::uint64_t start_position = 0;
  /// The checksum of the record before the first, 0 when there was none.
  std::uint64_t previous_checksum = 0;
  std::uint64_t epoch = 0;

  std::uint64_t position_of(std::uint64_t offset) const { return start_position + offset - FileHeader::kBytes; }
  std::uint64_t offset_of(std::uint64_t position) const { return position - start_position + FileHeader::kBytes; }

  friend bool operator==(const LogFileHeader&, const LogFileHeader&) = default;
};

std::array<std::byte, FileHeader::kBytes> encode_log_file_header(const LogFileHeader& header);
/// As `decode_file_header`.
Result<LogFileHeader> decode_log_file_header(std::span<const std::byte> bytes);

/// Comes before the records that were written and synced together.
struct LogBatchHeader {
  static constexpr std::size_t kBytes = 48;

  /// Of the records that follow, 0 in a watermark.
  std::uint32_t body_bytes = 0;
  std::uint32_t record_count = 0;
  /// The position up to which the log was known to be durable when this was written.
  std::uint64_t durable_upto = 0;
  /// Of the first record, or of the next one to come.
  std::uint64_t first_sequence = 0;
  /// The checksum of the record before, 0 when there was none.
  std::uint64_t previous_checksum = 0;
};

/// The header that lies at `offset` of `file`, or nullopt if `bytes` do not begin with one.
std::optional<LogBatchHeader> decode_log_batch_header(const LogFileHeader& file, std::uint64_t offset,
                                                      std::span<const std::byte> bytes);

constexpr std::size_t kLogRecordHeaderBytes = 96;

/// Bytes that a record takes in a batch.
std::uint64_t log_record_bytes(std::size_t payload_bytes, std::size_t idempotency_key_bytes = 0);

struct DecodedLogRecord {
  /// Refers to the bytes that were decoded.
  LogRecord record;
  std::uint64_t checksum = 0;
  std::uint64_t bytes = 0;
};

/// The record that lies at `offset` of `file` and follows the one with `previous_checksum`, or nullopt.
std::optional<DecodedLogRecord> decode_log_record(const LogFileHeader& file, std::uint64_t offset,
                                                  std::uint64_t previous_checksum, std::span<const std::byte> bytes);

/// Writes one sync batch. One thread only.
class LogBatchEncoder {
 public:
  /// For `offset` of `file`, which outlives this. Of `header`, sizes and counts are filled in.
  LogBatchEncoder(const LogFileHeader& file, std::uint64_t offset, const LogBatchHeader& header);

  /// All but the database, which is the file's, is taken from `record`.
  void add(const LogRecord& record);
  /// The whole batch. Nothing is added after it.
  std::span<const std::byte> finish();

  /// Of the last record that was added; that of the record before the batch when there is none.
  std::uint64_t last_checksum() const { return last_checksum_; }
  std::uint32_t record_count() const { return header_.record_count; }

 private:
  const LogFileHeader& file_;
  const std::uint64_t offset_;
  LogBatchHeader header_;
  std::uint64_t last_checksum_;
  std::vector<std::byte> bytes_;
};

/// "log-" and the sequence in 16 hexadecimal digits and ".jlog".
std::string log_file_name(Sequence first_sequence);
/// The reverse; nullopt for any other name.
std::optional<Sequence> sequence_of_log_file_name(std::string_view name);

}  // namespace jade::storage
