#include "storage/file_log.h"

#include <algorithm>
#include <span>
#include <utility>

namespace jade::storage {
namespace {

// What goes into one write and one sync: enough that the sync's cost vanishes, little enough that the first to wait
// does not wait long (16 MiB at 500 MB/s is 32 ms).
constexpr std::size_t kGroupBytes = std::size_t{16} * 1024 * 1024;

// A newest file of less than this part of the largest is not worth a new one, just to remove it.
constexpr std::uint64_t kTrimmedPart = 16;

LogRecord as_log_record(const NewRecord& record, Sequence sequence, std::uint64_t epoch) {
  LogRecord out;
  out.sequence = sequence;
  out.epoch = epoch;
  out.type = record.type;
  out.shard = record.shard;
  out.definition_version = record.definition_version;
  out.commit_time_us = record.commit_time_us;
  out.idempotency_key = record.idempotency_key;
  out.payload = record.payload;
  return out;
}

Error read_only(const Error& reason) {
  return Error(ErrorCode::kStoreReadOnly, "the log takes no writes until it is opened again: " + reason.message());
}

Error no_room() { return Error(ErrorCode::kStorageFull, "the disk is full"); }

std::vector<LogFileInfo> infos_of(const RecoveredLog& log) {
  std::vector<LogFileInfo> infos = log.unread;
  for (const LogFileExtent& file : log.files) {
    infos.push_back({.path = file.path,
                     .first_sequence = file.header.first_sequence,
                     .last_sequence = file.last_sequence,
                     .bytes = file.end,
                     .complete = true});
  }
  infos.back().complete = false;
  return infos;
}

}  // namespace

FileLog::FileLog(io::FileSystem& files, const std::string& directory, LogWriter& writer, Random& random,
                 const FileLogOptions& options, RecoveredLog recovered)
    : files_(files),
      writer_(writer),
      options_(options),
      directory_(directory),
      database_(recovered.files.back().header.database),
      recovered_(recovered.files),
      list_(infos_of(recovered)),
      appender_(files, directory, random, options.max_file_bytes, recovered, list_),
      tail_(appender_.written()),
      durable_(tail_) {}

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
  const LogRecoveryOptions recovery{.database = database,
                                    .first_sequence = options.first_sequence,
                                    .epoch = options.epoch,
                                    .reserve = writer.options().reserve};
  JADE_ASSIGN_OR_RETURN(RecoveredLog log, recover_log(files, directory, recovery, random));
  OpenedLog opened;
  opened.recovery = std::move(log.report);
  JADE_ASSIGN_OR_RETURN(opened.log, make(files, directory, writer, random, options, std::move(log)));
  return opened;
}

Result<std::unique_ptr<FileLog>> FileLog::make(io::FileSystem& files, const std::string& directory, LogWriter& writer,
                                               Random& random, const FileLogOptions& options, RecoveredLog recovered) {
  const bool needs_watermark = recovered.needs_watermark;
  std::unique_ptr<FileLog> log(new FileLog(files, directory, writer, random, options, std::move(recovered)));
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

Result<void> FileLog::check_open() const {
  if (closing_) return Error(ErrorCode::kCancelled, "the log is closed");
  if (failure_) return read_only(*failure_);
  return {};
}

Result<void> FileLog::make_room(const NewRecord& record, std::size_t bytes) {
  JADE_RETURN_IF_ERROR(check_open());
  if (record.payload.size() > kMaxPayloadBytes || record.idempotency_key.size() > kMaxIdempotencyKeyBytes)
    return Error(ErrorCode::kPayloadTooLarge, "the write is too large for one log record");
  if (refusing_ || (!record.may_use_reserve && writer_.reserve_in_use())) return no_room();
  const bool fits = waiting_bytes_ == 0 || waiting_bytes_ + bytes <= options_.max_pending_bytes;
  if (!fits || !writer_.reserve(bytes)) {
    return Error(ErrorCode::kOverloaded, "too many writes wait for the disk");
  }
  return {};
}

Result<Sequence> FileLog::append(NewRecord record, AppendDone done) {
  const std::size_t bytes = log_record_bytes(record.payload.size(), record.idempotency_key.size());
  const MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(make_room(record, bytes));
  const Sequence sequence{tail_.value() + 1};
  // Where memory runs out here, the position was not given out: a gap would make the log unreadable.
  waiting_.push_back({std::move(record), sequence, std::move(done), bytes});
  tail_ = sequence;
  waiting_bytes_ += bytes;
  wake_writer();
  return sequence;
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

Sequence FileLog::durable() const {
  const MutexLock lock(mutex_);
  return durable_;
}

Result<void> FileLog::wait_until_durable() {
  MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(check_open());
  const Sequence wanted = tail_;
  if (durable_ < wanted) {
    sync_upto_ = wanted;
    wake_writer();
  }
  // The tail goes back when there is no room.
  while (!failure_ && durable_ < std::min(wanted, tail_)) progress_.wait(lock);
  return failure_ ? Result<void>(read_only(*failure_)) : Result<void>();
}

Result<void> FileLog::rotate() {
  MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(check_open());
  const std::uint64_t turn = ++rotations_asked_;
  wake_writer();
  while (!failure_ && rotations_done_ < turn) progress_.wait(lock);
  return failure_ ? Result<void>(read_only(*failure_)) : rotation_;
}

Result<void> FileLog::trim(Sequence upto) {
  const MutexLock lock(trim_mutex_);
  // First what can go without room for anything new.
  JADE_RETURN_IF_ERROR(remove_files(upto));
  const LogFileInfo newest = list_.newest();
  const bool has_records = newest.first_sequence <= newest.last_sequence;
  const bool large = newest.bytes >= options_.max_file_bytes / kTrimmedPart;
  if (newest.last_sequence > upto || !has_records || !large) return {};
  JADE_RETURN_IF_ERROR(rotate());
  return remove_files(upto);
}

Result<void> FileLog::remove_files(Sequence upto) {
  while (const std::optional<LogFileInfo> file = list_.removable(upto)) {
    JADE_RETURN_IF_ERROR(files_.remove(file->path));
    list_.remove_oldest();
    // Each for itself: on no disk is the row of files ever broken.
    JADE_RETURN_IF_ERROR(files_.sync_directory(directory_));
  }
  return {};
}

Result<void> FileLog::close() {
  MutexLock lock(mutex_);
  if (!closing_) {
    closing_ = true;
    wake_writer();
  }
  while (!closed_) progress_.wait(lock);
  return failure_ ? Result<void>(read_only(*failure_)) : Result<void>();
}

LogWriter::Client::Next FileLog::flush() {
  Turn turn = take_turn();
  // One that is broken has nothing waiting, and is only closed.
  if (!appender_.broken()) {
    if (const Result<void> written = write(turn); written.ok()) {
      note_progress();
      finish(turn.group, written);
    } else {
      fail(written.error(), turn.group);
    }
  }
  return next_turn();
}

FileLog::Turn FileLog::take_turn() {
  Turn turn;
  const MutexLock lock(mutex_);
  scheduled_ = false;
  turn.rotate = rotations_done_ < rotations_asked_;
  turn.sync = durable_ < sync_upto_;
  for (std::size_t bytes = 0; !waiting_.empty() && bytes < kGroupBytes; waiting_.pop_front()) {
    bytes += waiting_.front().bytes;
    waiting_bytes_ -= waiting_.front().bytes;
    turn.group.push_back(std::move(waiting_.front()));
  }
  return turn;
}

/// Calls once more when there was no room, and the reserve may be used and gives some.
template <class Call>
Result<void> FileLog::with_reserve(bool may_use, Call call) {
  Result<void> outcome = call();
  const bool retry = !outcome.ok() && !appender_.broken() && may_use && writer_.release_reserve();
  return retry ? call() : std::move(outcome);
}

Result<void> FileLog::write(const Turn& turn) {
  if (turn.rotate) {
    const Result<void> rotated = with_reserve(true, [this] { return appender_.rotate(); });
    if (appender_.broken()) return rotated;
    answer_rotation(rotated);
  }
  if (appender_.durable() == appender_.written()) unsynced_since_ = writer_.now();
  const Result<void> written = turn.group.empty() ? Result<void>() : write_group(turn.group);
  // What was written before a group that finds no room is synced all the same.
  if (!appender_.broken() && sync_is_due(turn)) JADE_RETURN_IF_ERROR(appender_.sync());
  return written;
}

void FileLog::answer_rotation(const Result<void>& outcome) {
  const MutexLock lock(mutex_);
  rotations_done_ = rotations_asked_;
  rotation_ = outcome;
  progress_.notify_all();
}

Result<void> FileLog::write_group(const std::vector<Waiting>& group) {
  const auto may_use_reserve = [](const Waiting& waiting) { return waiting.record.may_use_reserve; };
  // Some may have been waiting since before the reserve was needed.
  if (!std::ranges::all_of(group, may_use_reserve) && writer_.reserve_in_use()) return no_room();
  std::vector<LogRecord> records;
  records.reserve(group.size());
  for (const Waiting& waiting : group) {
    records.push_back(as_log_record(waiting.record, waiting.sequence, options_.epoch));
  }
  return with_reserve(std::ranges::any_of(group, may_use_reserve), [&] { return appender_.write(records); });
}

/// Relaxed records wait for a sync at most as long as a log that rests.
bool FileLog::sync_is_due(const Turn& turn) {
  if (turn.sync || writer_.now() - unsynced_since_ >= writer_.options().idle) return true;
  return std::ranges::any_of(turn.group,
                             [](const Waiting& waiting) { return waiting.record.durability == Durability::kDurable; });
}

void FileLog::note_progress() {
  const MutexLock lock(mutex_);
  durable_ = appender_.durable();
  progress_.notify_all();
}

void FileLog::finish(std::span<Waiting> group, const Result<void>& outcome) {
  for (Waiting& waiting : group) {
    writer_.release(waiting.bytes);
    waiting.done(outcome);
  }
}

/// What waits fails with what failed: it was decided from it, perhaps, and its sequences follow. What comes meanwhile
/// is refused, also when those bring it who were told of the failure first. A log that is broken refuses for good.
void FileLog::fail(const Error& error, std::span<Waiting> group) {
  std::deque<Waiting> rest;
  {
    const MutexLock lock(mutex_);
    if (appender_.broken()) failure_ = error;
    refusing_ = true;
    tail_ = appender_.written();
    durable_ = appender_.durable();
    sync_upto_ = std::min(sync_upto_, tail_);
    rest.swap(waiting_);
    waiting_bytes_ = 0;
    progress_.notify_all();
  }
  finish(group, error);
  for (Waiting& waiting : rest) finish(std::span(&waiting, 1), error);
  const MutexLock lock(mutex_);
  refusing_ = false;
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
  if (!last) return appender_.durable() < appender_.written() ? Next::kUnsynced : Next::kWatermark;
  idle();
  const MutexLock lock(mutex_);
  closed_ = true;
  progress_.notify_all();
  return Next::kNothing;
}

void FileLog::idle() {
  if (appender_.broken()) return;
  if (const Result<void> rested = appender_.rest(); rested.ok()) {
    note_progress();
  } else {
    fail(rested.error(), {});
  }
}

}  // namespace jade::storage
