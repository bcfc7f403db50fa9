#include "storage/log_appender.h"

#include <utility>

namespace jade::storage {

LogAppender::LogAppender(io::FileSystem& files, std::string directory, Random& random, std::uint64_t max_file_bytes,
                         const RecoveredLog& log, LogFiles& list)
    : files_(files),
      directory_(std::move(directory)),
      random_(random),
      max_file_bytes_(max_file_bytes),
      list_(list),
      header_(log.files.back().header),
      offset_(log.files.back().end),
      durable_offset_(offset_),
      next_sequence_(log.files.back().last_sequence.value() + 1),
      durable_sequence_(log.files.back().last_sequence),
      last_checksum_(log.last_checksum),
      needs_watermark_(log.needs_watermark) {}

/// Nothing reached the log; but only a full disk is something that the caller can do without.
Error LogAppender::refused(Error error, std::string_view doing) {
  if (error.code() == ErrorCode::kStorageFull) return std::move(error).in_context(doing);
  return unknown(error, doing);
}

Error LogAppender::unknown(const Error& error, std::string_view doing) {
  broken_ = true;
  return Error(ErrorCode::kStoreReadOnly, error.message()).in_context(doing);
}

LogBatchHeader LogAppender::batch_header() const {
  return {.body_bytes = 0,
          .record_count = 0,
          .durable_upto = header_.position_of(durable_offset_),
          .first_sequence = next_sequence_,
          .previous_checksum = last_checksum_};
}

Result<void> LogAppender::write(std::span<const LogRecord> records) {
  std::uint64_t bytes = LogBatchHeader::kBytes;
  for (const LogRecord& record : records) {
    bytes += log_record_bytes(record.payload.size(), record.idempotency_key.size());
  }
  if (offset_ + bytes > max_file_bytes_) JADE_RETURN_IF_ERROR(rotate());
  LogBatchEncoder encoder(header_, offset_, batch_header());
  for (const LogRecord& record : records) encoder.add(record);
  JADE_RETURN_IF_ERROR(put(encoder.finish()));
  next_sequence_ += records.size();
  last_checksum_ = encoder.last_checksum();
  needs_watermark_ = true;
  list_.extend(offset_, written());
  return {};
}

Result<void> LogAppender::sync() {
  if (durable_offset_ == offset_) return {};
  if (const Result<void> synced = file_->sync(); !synced.ok()) return unknown(synced.error(), "syncing the log");
  durable_offset_ = offset_;
  durable_sequence_ = written();
  return {};
}

Result<void> LogAppender::rotate() {
  JADE_RETURN_IF_ERROR(sync());
  return header_.first_sequence.value() < next_sequence_ ? start_new_file() : Result<void>();
}

Result<void> LogAppender::rest() {
  JADE_RETURN_IF_ERROR(sync());
  if (needs_watermark_) {
    LogBatchEncoder encoder(header_, offset_, batch_header());
    if (Result<void> put_down = put(encoder.finish()); !put_down.ok()) {
      if (broken_) return put_down;
    } else {
      JADE_RETURN_IF_ERROR(sync());
      needs_watermark_ = false;
      list_.extend(offset_, written());
    }
  }
  file_.reset();
  return {};
}

Result<void> LogAppender::open_file() {
  const std::string path = io::join_path(directory_, log_file_name(header_.first_sequence));
  Result<std::unique_ptr<io::File>> file = files_.open(path, io::OpenMode::kReadWrite);
  if (!file.ok()) return refused(std::move(file).error(), "opening the log");
  file_ = std::move(file).value();
  return {};
}

/// The old file is durable to its last byte, which is why the new one's header may say so.
Result<void> LogAppender::start_new_file() {
  LogFileHeader header = header_;
  random_.fill(header.file_id);
  header.features = {};
  header.first_sequence = Sequence{next_sequence_};
  header.start_position = header_.position_of(offset_);
  header.previous_checksum = last_checksum_;
  // Where there is no room the new name is not there, and the old file can go on.
  Result<std::unique_ptr<io::File>> file = create_log_file(files_, directory_, header, {});
  if (!file.ok()) return refused(std::move(file).error(), "starting a new log file");
  file_ = std::move(file).value();
  header_ = header;
  offset_ = durable_offset_ = FileHeader::kBytes;
  list_.add({.path = io::join_path(directory_, log_file_name(header.first_sequence)),
             .first_sequence = header.first_sequence,
             .last_sequence = written(),
             .bytes = offset_});
  return {};
}

Result<void> LogAppender::put(std::span<const std::byte> batch) {
  if (file_ == nullptr) JADE_RETURN_IF_ERROR(open_file());
  if (Result<void> written = file_->write_at(offset_, batch); !written.ok()) {
    Error error = refused(std::move(written).error(), "writing the log");
    // A batch that was not written whole is never read back, and a full disk leaves its end unwritten: this is only
    // tidying, but a file that cannot be cut is not one to go on with. A watermark may have been there.
    needs_watermark_ = true;
    if (!broken_ && !file_->truncate(offset_).ok()) broken_ = true;
    return error;
  }
  offset_ += batch.size();
  return {};
}

}  // namespace jade::storage
