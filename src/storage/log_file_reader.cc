#include "storage/log_file_reader.h"

#include <algorithm>

namespace jade::storage {
namespace {

// Room for the bytes of headers that `durable_upto_past` looks at in one go.
constexpr std::uint64_t kScanBytes = 128 * 1024;

Error damaged_at(const std::string& path, std::uint64_t offset, const std::string& what) {
  return Error(ErrorCode::kDataCorrupted, "log file " + path + " at " + std::to_string(offset) + ": " + what)
      .with("file", path)
      .with("offset", static_cast<std::int64_t>(offset));
}

}  // namespace

Result<LogFileReader> LogFileReader::open(io::FileSystem& files, const std::string& path, const DatabaseKey& database) {
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, files.open(path, io::OpenMode::kRead));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  ReadWindow window(std::move(file), size);
  JADE_ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, window.bytes(0, FileHeader::kBytes));
  const Result<LogFileHeader> header = decode_log_file_header(bytes);
  if (!header.ok()) return Error(header.error()).in_context(path).with("file", path);
  if (header->database != database) return damaged_at(path, 0, "belongs to another database");
  const std::string name = path.substr(path.rfind('/') + 1);
  if (name != log_file_name(header->first_sequence)) return damaged_at(path, 0, "does not fit its name");
  return LogFileReader(path, *header, std::move(window));
}

LogCursor LogFileReader::start() const {
  return {.offset = FileHeader::kBytes,
          .last_sequence = Sequence{header_.first_sequence.value() - 1},
          .last_checksum = header_.previous_checksum,
          .records = 0};
}

Result<std::optional<LogBatchHeader>> LogFileReader::header_at(std::uint64_t offset) {
  JADE_ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, window_.bytes(offset, LogBatchHeader::kBytes));
  return decode_log_batch_header(header_, offset, bytes);
}

Result<bool> LogFileReader::next(LogCursor& cursor, std::uint64_t limit, const RecordVisitor& visit) {
  JADE_ASSIGN_OR_RETURN(const std::optional<LogBatchHeader> batch, header_at(cursor.offset));
  if (!batch || batch->previous_checksum != cursor.last_checksum ||
      batch->first_sequence != cursor.last_sequence.value() + 1) {
    return false;
  }
  const std::uint64_t body_at = cursor.offset + LogBatchHeader::kBytes;
  const std::uint64_t end = body_at + batch->body_bytes;
  if (end > std::min(limit, size())) return false;
  JADE_ASSIGN_OR_RETURN(const std::span<const std::byte> body, window_.bytes(body_at, batch->body_bytes));
  if (!decode_body(*batch, body_at, body)) return false;
  cursor.offset = end;
  cursor.last_sequence = Sequence{cursor.last_sequence.value() + records_.size()};
  cursor.last_checksum = checksum_;
  cursor.records += records_.size();
  if (visit) {
    for (const LogRecord& record : records_) JADE_RETURN_IF_ERROR(visit(record));
  }
  return true;
}

bool LogFileReader::decode_body(const LogBatchHeader& batch, std::uint64_t offset, std::span<const std::byte> body) {
  records_.clear();
  checksum_ = batch.previous_checksum;
  while (!body.empty()) {
    const std::optional<DecodedLogRecord> decoded = decode_log_record(header_, offset, checksum_, body);
    if (!decoded || decoded->record.sequence.value() != batch.first_sequence + records_.size()) return false;
    checksum_ = decoded->checksum;
    records_.push_back(decoded->record);
    offset += decoded->bytes;
    body = body.subspan(decoded->bytes);
  }
  return records_.size() == batch.record_count;
}

Result<LogCursor> LogFileReader::scan(std::uint64_t limit, const RecordVisitor& visit) {
  LogCursor cursor = start();
  for (bool more = true; more;) {
    JADE_ASSIGN_OR_RETURN(more, next(cursor, limit, visit));
  }
  return cursor;
}

Result<std::uint64_t> LogFileReader::durable_upto_past(std::uint64_t offset) {
  std::uint64_t highest = 0;
  while (offset < size()) {
    JADE_ASSIGN_OR_RETURN(const std::span<const std::byte> bytes, window_.bytes(offset, kScanBytes));
    // The last header of a stretch may reach into the next one, which then begins with it.
    for (std::size_t at = 0; at < bytes.size(); at += kLogAlignment, offset += kLogAlignment) {
      const bool cut = bytes.size() - at < LogBatchHeader::kBytes && offset + LogBatchHeader::kBytes <= size();
      if (cut) break;
      const auto header = decode_log_batch_header(header_, offset, bytes.subspan(at));
      if (header) highest = std::max(highest, header->durable_upto);
    }
  }
  return highest;
}

Error LogFileReader::damaged(std::uint64_t offset, const std::string& what) const {
  return damaged_at(path_, offset, what);
}

}  // namespace jade::storage
