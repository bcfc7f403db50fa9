#include "storage/log_format.h"

#include <algorithm>
#include <charconv>

#include "storage/byte_layout.h"

namespace jade::storage {
namespace {

// File header, `extra`.
constexpr std::size_t kFirstSequence = 0;
constexpr std::size_t kStartPosition = 1;
constexpr std::size_t kPreviousChecksum = 2;
constexpr std::size_t kEpoch = 3;

// Both checksums cover what follows them.
constexpr std::uint64_t kBatchMagic = 0x0a48435441424c4aULL;  // "JLBATCH\n"
constexpr std::size_t kBatchChecksumAt = 8;
constexpr std::size_t kBatchCoveredAt = 16;
constexpr std::size_t kBatchBodyBytesAt = 16;
constexpr std::size_t kBatchRecordCountAt = 20;
constexpr std::size_t kBatchDurableAt = 24;
constexpr std::size_t kBatchSequenceAt = 32;
constexpr std::size_t kBatchPreviousAt = 40;

constexpr std::size_t kRecordChecksumAt = 0;
constexpr std::size_t kRecordCoveredAt = 8;
constexpr std::size_t kRecordPreviousAt = 8;
constexpr std::size_t kRecordPayloadBytesAt = 16;
constexpr std::size_t kRecordKeyBytesAt = 20;
constexpr std::size_t kRecordTypeAt = 22;
constexpr std::size_t kRecordSequenceAt = 24;
constexpr std::size_t kRecordEpochAt = 32;
constexpr std::size_t kRecordDatabaseAt = 40;
constexpr std::size_t kRecordShardAt = 56;
constexpr std::size_t kRecordDefinitionAt = 64;
constexpr std::size_t kRecordCommitTimeAt = 72;
constexpr std::size_t kRecordTransactionAt = 80;

constexpr std::string_view kNamePrefix = "log-";
constexpr std::string_view kNameSuffix = ".jlog";
constexpr std::size_t kNameDigits = 16;

bool is_record_type(std::uint8_t type) {
  return type == static_cast<std::uint8_t>(RecordType::kWriteBatch) ||
         type == static_cast<std::uint8_t>(RecordType::kDefinition);
}

std::uint64_t key_end(std::size_t key_bytes) { return round_up(kLogRecordHeaderBytes + key_bytes, kLogAlignment); }

LogRecord read_fields(std::span<const std::byte> bytes) {
  LogRecord record;
  record.sequence = Sequence{load<std::uint64_t>(bytes, kRecordSequenceAt)};
  record.epoch = load<std::uint64_t>(bytes, kRecordEpochAt);
  record.type = static_cast<RecordType>(load<std::uint8_t>(bytes, kRecordTypeAt));
  record.shard = ShardId{load<std::uint32_t>(bytes, kRecordShardAt)};
  record.definition_version = load<std::uint64_t>(bytes, kRecordDefinitionAt);
  record.commit_time_us = load<std::int64_t>(bytes, kRecordCommitTimeAt);
  record.transaction_id = load<std::uint64_t>(bytes, kRecordTransactionAt);
  return record;
}

}  // namespace

std::array<std::byte, FileHeader::kBytes> encode_log_file_header(const LogFileHeader& header) {
  FileHeader file;
  file.magic = kLogMagic;
  file.features = header.features;
  file.file_id = header.file_id;
  file.database = header.database;
  file.extra[kFirstSequence] = header.first_sequence.value();
  file.extra[kStartPosition] = header.start_position;
  file.extra[kPreviousChecksum] = header.previous_checksum;
  file.extra[kEpoch] = header.epoch;
  return encode_file_header(file);
}

Result<LogFileHeader> decode_log_file_header(std::span<const std::byte> bytes) {
  JADE_ASSIGN_OR_RETURN(const FileHeader file, decode_file_header(bytes, kLogMagic));
  LogFileHeader header;
  header.features = file.features;
  header.file_id = file.file_id;
  header.database = file.database;
  header.first_sequence = Sequence{file.extra[kFirstSequence]};
  header.start_position = file.extra[kStartPosition];
  header.previous_checksum = file.extra[kPreviousChecksum];
  header.epoch = file.extra[kEpoch];
  return header;
}

std::optional<LogBatchHeader> decode_log_batch_header(const LogFileHeader& file, std::uint64_t offset,
                                                      std::span<const std::byte> bytes) {
  if (bytes.size() < LogBatchHeader::kBytes || load<std::uint64_t>(bytes, 0) != kBatchMagic) return std::nullopt;
  const auto covered = bytes.subspan(kBatchCoveredAt, LogBatchHeader::kBytes - kBatchCoveredAt);
  const std::uint64_t checksum = bound_checksum(file.file_id, offset, covered);
  if (load<std::uint64_t>(bytes, kBatchChecksumAt) != checksum) return std::nullopt;
  LogBatchHeader header;
  header.body_bytes = load<std::uint32_t>(bytes, kBatchBodyBytesAt);
  header.record_count = load<std::uint32_t>(bytes, kBatchRecordCountAt);
  header.durable_upto = load<std::uint64_t>(bytes, kBatchDurableAt);
  header.first_sequence = load<std::uint64_t>(bytes, kBatchSequenceAt);
  header.previous_checksum = load<std::uint64_t>(bytes, kBatchPreviousAt);
  // Nothing can be known durable before it was written.
  if (header.durable_upto > file.position_of(offset)) return std::nullopt;
  return header;
}

std::uint64_t log_record_bytes(std::size_t payload_bytes, std::size_t idempotency_key_bytes) {
  return key_end(idempotency_key_bytes) + round_up(payload_bytes, kLogAlignment);
}

std::optional<DecodedLogRecord> decode_log_record(const LogFileHeader& file, std::uint64_t offset,
                                                  std::uint64_t previous_checksum, std::span<const std::byte> bytes) {
  if (bytes.size() < kLogRecordHeaderBytes) return std::nullopt;
  const std::size_t payload_bytes = load<std::uint32_t>(bytes, kRecordPayloadBytesAt);
  const std::size_t key_bytes = load<std::uint16_t>(bytes, kRecordKeyBytesAt);
  DecodedLogRecord decoded;
  decoded.bytes = log_record_bytes(payload_bytes, key_bytes);
  if (bytes.size() < decoded.bytes) return std::nullopt;
  decoded.checksum = load<std::uint64_t>(bytes, kRecordChecksumAt);
  const auto covered = bytes.subspan(kRecordCoveredAt, decoded.bytes - kRecordCoveredAt);
  if (decoded.checksum != bound_checksum(file.file_id, offset, covered)) return std::nullopt;
  const bool follows = load<std::uint64_t>(bytes, kRecordPreviousAt) == previous_checksum;
  const bool ours = std::ranges::equal(bytes.subspan(kRecordDatabaseAt, file.database.size()), file.database);
  if (!follows || !ours || !is_record_type(load<std::uint8_t>(bytes, kRecordTypeAt))) return std::nullopt;
  decoded.record = read_fields(bytes);
  decoded.record.idempotency_key = bytes.subspan(kLogRecordHeaderBytes, key_bytes);
  decoded.record.payload = bytes.subspan(key_end(key_bytes), payload_bytes);
  return decoded;
}

LogBatchEncoder::LogBatchEncoder(const LogFileHeader& file, std::uint64_t offset, const LogBatchHeader& header)
    : file_(file),
      offset_(offset),
      header_(header),
      last_checksum_(header.previous_checksum),
      bytes_(LogBatchHeader::kBytes) {
  header_.body_bytes = 0;
  header_.record_count = 0;
}

void LogBatchEncoder::add(const LogRecord& record) {
  const std::size_t start = bytes_.size();
  bytes_.resize(start + log_record_bytes(record.payload.size(), record.idempotency_key.size()));
  const std::span<std::byte> out = std::span(bytes_).subspan(start);
  store(out, kRecordPreviousAt, last_checksum_);
  store(out, kRecordPayloadBytesAt, static_cast<std::uint32_t>(record.payload.size()));
  store(out, kRecordKeyBytesAt, static_cast<std::uint16_t>(record.idempotency_key.size()));
  store(out, kRecordTypeAt, static_cast<std::uint8_t>(record.type));
  store(out, kRecordSequenceAt, record.sequence.value());
  store(out, kRecordEpochAt, record.epoch);
  store_bytes(out, kRecordDatabaseAt, file_.database);
  store(out, kRecordShardAt, record.shard.value());
  store(out, kRecordDefinitionAt, record.definition_version);
  store(out, kRecordCommitTimeAt, record.commit_time_us);
  store(out, kRecordTransactionAt, record.transaction_id);
  store_bytes(out, kLogRecordHeaderBytes, record.idempotency_key);
  store_bytes(out, key_end(record.idempotency_key.size()), record.payload);
  last_checksum_ = bound_checksum(file_.file_id, offset_ + start, out.subspan(kRecordCoveredAt));
  store(out, kRecordChecksumAt, last_checksum_);
  ++header_.record_count;
}

std::span<const std::byte> LogBatchEncoder::finish() {
  const std::span<std::byte> out = std::span(bytes_).first(LogBatchHeader::kBytes);
  store(out, 0, kBatchMagic);
  store(out, kBatchBodyBytesAt, static_cast<std::uint32_t>(bytes_.size() - LogBatchHeader::kBytes));
  store(out, kBatchRecordCountAt, header_.record_count);
  store(out, kBatchDurableAt, header_.durable_upto);
  store(out, kBatchSequenceAt, header_.first_sequence);
  store(out, kBatchPreviousAt, header_.previous_checksum);
  store(out, kBatchChecksumAt, bound_checksum(file_.file_id, offset_, out.subspan(kBatchCoveredAt)));
  return bytes_;
}

std::string log_file_name(Sequence first_sequence) {
  std::string digits(kNameDigits, '0');
  std::uint64_t rest = first_sequence.value();
  for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit, rest /= 16) {
    *digit = "0123456789abcdef"[rest % 16];
  }
  return std::string(kNamePrefix) + digits + std::string(kNameSuffix);
}

std::optional<Sequence> sequence_of_log_file_name(std::string_view name) {
  if (name.size() != kNamePrefix.size() + kNameDigits + kNameSuffix.size()) return std::nullopt;
  const std::string_view digits = name.substr(kNamePrefix.size(), kNameDigits);
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  // The spelling is unique: what does not come back is another name.
  if (log_file_name(Sequence{value}) != name) return std::nullopt;
  return Sequence{value};
}

}  // namespace jade::storage
