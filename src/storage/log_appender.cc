#include "storage/log_appender.h"

#include <utility>

namespace jade::storage {
namespace {

/// Nothing reached the log; but only a full disk is something that the caller can do without.
Error never_there(Error error, std::string_view doing) {
  if (error.code() == ErrorCode::kStorageFull) return std::move(error).in_context(doing);
  return Error(ErrorCode::kStoreReadOnly, error.message()).in_context(doing);
}

Error nobody_knows(const Error& error, std::string_view doing) {
  return Error(ErrorCode::kStoreReadOnly, error.message()).in_context(doing);
}

}  // namespace

LogAppender::LogAppender(io::FileSystem& files, std::string directory, Random& random, std::uint64_t max_file_bytes,
                         const RecoveredLog& log, std::uint64_t size_bytes)
    : files_(files),
      directory_(std::move(directory)),
      random_(random),
      max_file_bytes_(max_file_bytes),
      header_(log.files.back().header),
      offset_(log.files.back().end),
      next_sequence_(log.files.back().last_sequence.value() + 1),
      last_checksum_(log.last_checksum),
      needs_watermark_(log.needs_watermark),
      size_bytes_(size_bytes) {}

LogBatchHeader LogAppender::batch_header(std::uint64_t first_sequence) const {
  return {.body_bytes = 0,
          .record_count = 0,
          .durable_upto = header_.position_of(offset_),
          .first_sequence = first_sequence,
          .previous_checksum = last_checksum_};
}

Result<void> LogAppender::append(std::span<const LogRecord> records) {
  std::uint64_t bytes = LogBatchHeader::kBytes;
  for (const LogRecord& record : records) {
    bytes += log_record_bytes(record.payload.size(), record.idempotency_key.size());
  }
  const bool has_records = header_.first_sequence.value() < next_sequence_;
  if (has_records && offset_ + bytes > max_file_bytes_) {
    JADE_RETURN_IF_ERROR(start_new_file(Sequence{next_sequence_}));
  }
  LogBatchEncoder encoder(header_, offset_, batch_header(next_sequence_));
  for (const LogRecord& record : records) encoder.add(record);
  JADE_RETURN_IF_ERROR(write_synced(encoder.finish()));
  next_sequence_ += records.size();
  last_checksum_ = encoder.last_checksum();
  needs_watermark_ = true;
  return {};
}

Result<void> LogAppender::rest() {
  if (needs_watermark_) {
    LogBatchEncoder encoder(header_, offset_, batch_header(next_sequence_));
    JADE_RETURN_IF_ERROR(write_synced(encoder.finish()));
    needs_watermark_ = false;
  }
  file_.reset();
  return {};
}

Result<void> LogAppender::open_file() {
  const std::string path = io::join_path(directory_, log_file_name(header_.first_sequence));
  Result<std::unique_ptr<io::File>> file = files_.open(path, io::OpenMode::kReadWrite);
  if (!file.ok()) return never_there(std::move(file).error(), "opening the log");
  file_ = std::move(file).value();
  return {};
}

/// The old file is durable to its last byte, which is why the new one's header may say so.
Result<void> LogAppender::start_new_file(Sequence first_sequence) {
  LogFileHeader header = header_;
  random_.fill(header.file_id);
  header.features = {};
  header.first_sequence = first_sequence;
  header.start_position = header_.position_of(offset_);
  header.previous_checksum = last_checksum_;
  Result<std::unique_ptr<io::File>> file = create_log_file(files_, directory_, header, {});
  if (!file.ok()) return never_there(std::move(file).error(), "starting a new log file");
  file_ = std::move(file).value();
  header_ = header;
  offset_ = FileHeader::kBytes;
  size_bytes_.fetch_add(FileHeader::kBytes, std::memory_order_relaxed);
  return {};
}

Result<void> LogAppender::write_synced(std::span<const std::byte> batch) {
  if (file_ == nullptr) JADE_RETURN_IF_ERROR(open_file());
  // A batch that was not written whole is never read back, and a full disk leaves its end unwritten.
  if (Result<void> written = file_->write_at(offset_, batch); !written.ok()) {
    return never_there(std::move(written).error(), "writing the log");
  }
  if (const Result<void> synced = file_->sync(); !synced.ok()) return nobody_knows(synced.error(), "syncing the log");
  offset_ += batch.size();
  size_bytes_.fetch_add(batch.size(), std::memory_order_relaxed);
  return {};
}

}  // namespace jade::storage
