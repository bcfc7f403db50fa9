#include "storage/file_log.h"

#include <span>
#include <utility>

namespace jade::storage {
namespace {

// What goes into one write and one sync: enough that the sync's cost vanishes, little enough that the first to wait
// does not wait long (16 MiB at 500 MB/s is 32 ms).
constexpr std::size_t kGroupBytes = std::size_t{16} * 1024 * 1024;

LogRecord as_log_record(const NewRecord& record, Sequence sequence, std::uint64_t epoch) {
  LogRecord out;
  out.sequence = sequence;
  out.epoch = epoch;
  out.type = record.type;
  out.shard = record.shard;
  out.definition_version = record.definition_version;
  out.commit_time_us = record.commit_time_us;
  out.payload = record.payload;
  return out;
}

Error read_only(const Error& reason) {
  return Error(ErrorCode::kStoreReadOnly, "the log takes no writes until it is opened again: " + reason.message());
}

}  // namespace

FileLog::FileLog(io::FileSystem& files, const std::string& directory, LogWriter& writer, Random& random,
                 const FileLogOptions& options, RecoveredLog recovered, std::uint64_t size_bytes)
    : files_(files),
      writer_(writer),
      options_(options),
      database_(recovered.files.back().header.database),
      recovered_(recovered.files),
      appender_(files, directory, random, options.max_file_bytes, recovered, size_bytes),
      tail_(recovered.files.back().last_sequence) {}

Result<std::unique_ptr<Log>> FileLog::create(io::FileSystem& files, const std::string& directory,
                                             const DatabaseKey& database, LogWriter& writer, Random& random,
                                             const FileLogOptions& options) {
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> existing, list_log_files(files, directory));
  if (!existing.empty()) return Error(ErrorCode::kAlreadyExists, "log: there is one in " + directory);
  JADE_RETURN_IF_ERROR(files.create_directories(directory));
  JADE_RETURN_IF_ERROR(files.sync_directory(io::parent_path(directory)));
  LogFileHeader header;
  header.database = database;
  header.epoch = options.epoch;
  header.first_sequence = options.first_sequence;
  random.fill(header.file_id);
  JADE_RETURN_IF_ERROR(create_log_file(files, directory, header, {}));
  RecoveredLog log;
  log.files.push_back({io::join_path(directory, log_file_name(header.first_sequence)), header, FileHeader::kBytes,
                       Sequence{header.first_sequence.value() - 1}});
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<Log> made, make(files, directory, writer, random, options, std::move(log)));
  return made;
}

Result<OpenedLog> FileLog::open(io::FileSystem& files, const std::string& directory, const DatabaseKey& database,
                                LogWriter& writer, Random& random, const FileLogOptions& options) {
  const LogRecoveryOptions recovery{
      .database = database, .first_sequence = options.first_sequence, .epoch = options.epoch};
  JADE_ASSIGN_OR_RETURN(RecoveredLog log, recover_log(files, directory, recovery, random));
  OpenedLog opened;
  opened.recovery = std::move(log.report);
  JADE_ASSIGN_OR_RETURN(opened.log, make(files, directory, writer, random, options, std::move(log)));
  return opened;
}

Result<std::unique_ptr<FileLog>> FileLog::make(io::FileSystem& files, const std::string& directory, LogWriter& writer,
                                               Random& random, const FileLogOptions& options, RecoveredLog recovered) {
  std::uint64_t size_bytes = 0;
  for (const LogFileExtent& file : recovered.files) size_bytes += file.end;
  const bool needs_watermark = recovered.needs_watermark;
  std::unique_ptr<FileLog> log(
      new FileLog(files, directory, writer, random, options, std::move(recovered), size_bytes));
  if (needs_watermark) {
    const MutexLock lock(log->mutex_);
    log->wake_writer();
  }
  return log;
}

FileLog::~FileLog() {
  // Whoever wants to know how it went has called it before.
  static_cast<void>(close().ok());
}

Result<void> FileLog::make_room(std::size_t payload_bytes, std::size_t bytes) {
  if (closing_) return Error(ErrorCode::kCancelled, "the log is closed");
  if (failure_) return read_only(*failure_);
  if (payload_bytes > kMaxPayloadBytes)
    return Error(ErrorCode::kPayloadTooLarge, "the write is too large for one log record");
  const bool fits = waiting_bytes_ == 0 || waiting_bytes_ + bytes <= options_.max_pending_bytes;
  if (!fits || !writer_.reserve(bytes)) {
    return Error(ErrorCode::kOverloaded, "too many writes wait for the disk");
  }
  return {};
}

Result<Sequence> FileLog::append(NewRecord record, AppendDone done) {
  const std::size_t bytes = log_record_bytes(record.payload.size());
  const MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(make_room(record.payload.size(), bytes));
  tail_ = Sequence{tail_.value() + 1};
  waiting_bytes_ += bytes;
  waiting_.push_back({std::move(record), tail_, std::move(done), bytes});
  wake_writer();
  return tail_;
}

void FileLog::wake_writer() {
  if (scheduled_) return;
  scheduled_ = true;
  writer_.schedule(*this);
}

Result<void> FileLog::read(Sequence from, const RecordVisitor& visit) {
  const RecordVisitor wanted = [&](const LogRecord& record) {
    return record.sequence < from ? Result<void>() : visit(record);
  };
  for (const LogFileExtent& file : recovered_) {
    if (file.last_sequence < from) continue;
    JADE_ASSIGN_OR_RETURN(LogFileReader reader, LogFileReader::open(files_, file.path, database_));
    JADE_ASSIGN_OR_RETURN(const LogCursor cursor, reader.scan(file.end, wanted));
    if (cursor.offset != file.end) return reader.damaged(cursor.offset, "damaged since it was opened");
  }
  return {};
}

Sequence FileLog::tail() const {
  const MutexLock lock(mutex_);
  return tail_;
}

Result<void> FileLog::close() {
  MutexLock lock(mutex_);
  if (!closing_) {
    closing_ = true;
    wake_writer();
  }
  while (!closed_) closed_condition_.wait(lock);
  return failure_ ? Result<void>(read_only(*failure_)) : Result<void>();
}

LogWriter::Client::Next FileLog::flush() {
  std::vector<Waiting> group = take_group();
  if (!group.empty()) {
    const Result<void> outcome = write(group);
    if (outcome.ok()) {
      finish(group, outcome);
    } else {
      fail(outcome.error(), group);
    }
  }
  return next_turn();
}

std::vector<FileLog::Waiting> FileLog::take_group() {
  std::vector<Waiting> group;
  const MutexLock lock(mutex_);
  scheduled_ = false;
  for (std::size_t bytes = 0; !waiting_.empty() && bytes < kGroupBytes; waiting_.pop_front()) {
    bytes += waiting_.front().bytes;
    waiting_bytes_ -= waiting_.front().bytes;
    group.push_back(std::move(waiting_.front()));
  }
  return group;
}

Result<void> FileLog::write(const std::vector<Waiting>& group) {
  std::vector<LogRecord> records;
  records.reserve(group.size());
  for (const Waiting& waiting : group) {
    records.push_back(as_log_record(waiting.record, waiting.sequence, options_.epoch));
  }
  return appender_.append(records);
}

void FileLog::finish(std::span<Waiting> group, const Result<void>& outcome) {
  for (Waiting& waiting : group) {
    writer_.release(waiting.bytes);
    waiting.done(outcome);
  }
}

/// Nothing is ever written behind a failure: what waits fails with it, and what comes is refused, also by those who
/// were told of the failure first.
void FileLog::fail(const Error& error, std::span<Waiting> group) {
  std::deque<Waiting> rest;
  {
    const MutexLock lock(mutex_);
    failure_ = error;
    rest.swap(waiting_);
    waiting_bytes_ = 0;
  }
  finish(group, error);
  for (Waiting& waiting : rest) finish(std::span(&waiting, 1), error);
}

LogWriter::Client::Next FileLog::next_turn() {
  bool last = false;
  {
    const MutexLock lock(mutex_);
    // Scheduled again in the meantime, by `append` or `close`: that turn decides.
    if (scheduled_) return Next::kNothing;
    if (!waiting_.empty()) {
      scheduled_ = true;
      return Next::kAgain;
    }
    if (failure_ && !closing_) return Next::kNothing;
    last = closing_;
  }
  if (!last) return Next::kWatermark;
  idle();
  const MutexLock lock(mutex_);
  closed_ = true;
  closed_condition_.notify_all();
  return Next::kNothing;
}

void FileLog::idle() {
  {
    const MutexLock lock(mutex_);
    if (failure_) return;
  }
  if (const Result<void> rested = appender_.rest(); !rested.ok()) fail(rested.error(), {});
}

}  // namespace jade::storage
