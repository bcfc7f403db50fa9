#include "storage/log_recovery.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "storage/publish_file.h"
#include "storage/quarantine.h"

namespace jade::storage {
namespace {

/// The newest file, read to its end.
struct Newest {
  /// Where the first batch that is not whole would begin.
  std::uint64_t scanned_to = 0;
  /// Where the part that is known durable ends.
  LogCursor durable;
  /// Of what can be read.
  Sequence last_sequence;
};

template <class T>
bool is_full(const Result<T>& result) {
  return !result.ok() && result.error().code() == ErrorCode::kStorageFull;
}

class Recovery {
 public:
  Recovery(io::FileSystem& files, const std::string& directory, const LogRecoveryOptions& options, Random& random)
      : files_(files), directory_(directory), options_(options), random_(random) {}

  Result<RecoveredLog> run() {
    JADE_RETURN_IF_ERROR(open_files());
    JADE_RETURN_IF_ERROR(check_older_files());
    JADE_RETURN_IF_ERROR(check_newest_file());
    JADE_RETURN_IF_ERROR(remove_unfinished_files());
    JADE_RETURN_IF_ERROR(cut_replaced_tails());
    JADE_RETURN_IF_ERROR(mend_newest_file());
    return std::move(log_);
  }

 private:
  Result<void> open_files();
  Result<std::vector<std::string>> needed_files();
  Result<void> check_older_files();
  Result<void> check_newest_file();
  Result<void> find_durable_end();
  Result<void> remove_unfinished_files();
  Result<void> cut_replaced_tails();
  Result<void> mend_newest_file();
  Result<void> move_tail_to_new_file(bool may_cut);
  bool only_a_watermark_follows() const;

  Error rotten(const LogFileReader& reader, std::uint64_t offset, const std::string& what);
  Result<bool> keep_torn_bytes(const FileRange& range);
  Result<void> cut(const std::string& path, std::uint64_t end);

  /// Tries again with the reserve's room.
  template <class Call>
  auto with_room(Call call) {
    auto result = call();
    const bool retry = is_full(result) && options_.reserve != nullptr && options_.reserve->release();
    return retry ? call() : std::move(result);
  }

  io::FileSystem& files_;
  const std::string& directory_;
  const LogRecoveryOptions& options_;
  Random& random_;
  std::vector<LogFileReader> readers_;
  Newest newest_;
  RecoveredLog log_;
};

/// Sets aside what has only records before the first that is needed: whoever made it needless may have been interrupted
/// while it was removed, or keeps it.
Result<std::vector<std::string>> Recovery::needed_files() {
  JADE_ASSIGN_OR_RETURN(std::vector<std::string> paths, list_log_files(files_, directory_));
  if (paths.empty()) return Error(ErrorCode::kDataCorrupted, "log: there is none in " + directory_);
  const auto first_of = [](const std::string& path) {
    return *sequence_of_log_file_name(std::string_view(path).substr(path.rfind('/') + 1));
  };
  std::size_t first = 0;
  for (; first + 1 < paths.size() && first_of(paths[first + 1]) <= options_.first_sequence; ++first) {
    JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> stat, files_.stat(paths[first]));
    log_.unread.push_back({.path = paths[first],
                           .first_sequence = first_of(paths[first]),
                           .last_sequence = Sequence{first_of(paths[first + 1]).value() - 1},
                           .bytes = stat.value_or(io::FileStat{}).size,
                           .complete = true});
  }
  paths.erase(paths.begin(), paths.begin() + static_cast<std::ptrdiff_t>(first));
  return paths;
}

Result<void> Recovery::open_files() {
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> paths, needed_files());
  for (const std::string& path : paths) {
    Result<LogFileReader> reader = LogFileReader::open(files_, path, options_.database);
    if (!reader.ok()) {
      // Only bytes that can be read but mean nothing are worth keeping.
      if (reader.error().code() != ErrorCode::kDataCorrupted) return std::move(reader).error();
      JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> stat, files_.stat(path));
      const Result<std::string> copy = copy_to_quarantine(files_, {path, 0, stat.value_or(io::FileStat{}).size});
      return copy.ok() ? std::move(reader).error().with("quarantined", *copy) : std::move(reader).error();
    }
    readers_.push_back(std::move(reader).value());
  }
  if (readers_.front().header().first_sequence > options_.first_sequence) {
    return readers_.front().damaged(0, "the files before it are missing");
  }
  return {};
}

/// An older file is complete up to where the next one begins: that was synced before the next one was made.
Result<void> Recovery::check_older_files() {
  for (std::size_t i = 0; i + 1 < readers_.size(); ++i) {
    LogFileReader& reader = readers_[i];
    const LogFileHeader& next = readers_[i + 1].header();
    if (next.start_position < reader.header().start_position) return readers_[i + 1].damaged(0, "begins too early");
    const std::uint64_t end = reader.header().offset_of(next.start_position);
    JADE_ASSIGN_OR_RETURN(const LogCursor cursor, reader.scan(end, {}));
    if (cursor.offset != end) return rotten(reader, cursor.offset, "damaged");
    const bool goes_on = cursor.last_sequence.value() + 1 == next.first_sequence.value() &&
                         cursor.last_checksum == next.previous_checksum;
    if (!goes_on) return readers_[i + 1].damaged(0, "does not continue the file before it");
    log_.files.push_back({reader.path(), reader.header(), end, cursor.last_sequence});
    log_.report.records += cursor.records;
  }
  return {};
}

Result<void> Recovery::check_newest_file() {
  LogFileReader& reader = readers_.back();
  JADE_RETURN_IF_ERROR(find_durable_end());
  if (newest_.last_sequence.value() + 1 < options_.first_sequence.value()) {
    return reader.damaged(newest_.scanned_to, "ends before the first record that is needed");
  }
  log_.files.push_back({reader.path(), reader.header(), newest_.durable.offset, newest_.durable.last_sequence});
  log_.last_checksum = newest_.durable.last_checksum;
  log_.report.records += newest_.durable.records;
  return {};
}

Result<void> Recovery::find_durable_end() {
  LogFileReader& reader = readers_.back();
  const LogFileHeader& header = reader.header();
  std::uint64_t durable = header.start_position;
  const auto raise = [&](std::uint64_t position) { durable = std::max(durable, position); };
  LogCursor cursor = reader.start();
  for (bool more = true; more;) {
    // Every valid header counts, also that of a batch which is not whole.
    JADE_ASSIGN_OR_RETURN(const std::optional<LogBatchHeader> batch, reader.header_at(cursor.offset));
    if (batch) raise(batch->durable_upto);
    JADE_ASSIGN_OR_RETURN(more, reader.next(cursor, reader.size(), {}));
  }
  newest_.scanned_to = cursor.offset;
  newest_.last_sequence = cursor.last_sequence;
  JADE_ASSIGN_OR_RETURN(const std::uint64_t past_damage, reader.durable_upto_past(cursor.offset));
  raise(past_damage);

  const std::uint64_t end = header.offset_of(durable);
  if (cursor.offset < end) return rotten(reader, cursor.offset, "damaged");
  JADE_ASSIGN_OR_RETURN(newest_.durable, reader.scan(end, {}));
  if (newest_.durable.offset != end) return rotten(reader, end, "no batch begins where one was said to end");
  return {};
}

Error Recovery::rotten(const LogFileReader& reader, std::uint64_t offset, const std::string& what) {
  Error error = reader.damaged(offset, what);
  const Result<std::string> copy = copy_to_quarantine(files_, {reader.path(), 0, reader.size()});
  if (copy.ok()) error.with("quarantined", *copy);
  return error;
}

Result<void> Recovery::remove_unfinished_files() {
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files_.list(directory_));
  for (const std::string& name : names) {
    if (!name.ends_with(kTemporarySuffix)) continue;
    const std::string_view whole = std::string_view(name).substr(0, name.size() - kTemporarySuffix.size());
    if (!sequence_of_log_file_name(whole)) continue;
    JADE_RETURN_IF_ERROR(files_.remove(io::join_path(directory_, name)));
  }
  return {};
}

/// Finishes a mending that a crash, or a full disk, interrupted: the next file holds, durable, what lies whole behind
/// an older file's end.
Result<void> Recovery::cut_replaced_tails() {
  for (std::size_t i = 0; i + 1 < readers_.size(); ++i) {
    LogFileReader& reader = readers_[i];
    if (reader.size() == log_.files[i].end) continue;
    JADE_ASSIGN_OR_RETURN(const LogCursor whole, reader.scan(reader.size(), {}));
    JADE_ASSIGN_OR_RETURN(const bool may_cut, keep_torn_bytes({reader.path(), whole.offset, reader.size()}));
    if (may_cut) JADE_RETURN_IF_ERROR(cut(reader.path(), log_.files[i].end));
  }
  return {};
}

Result<void> Recovery::mend_newest_file() {
  const LogFileReader& reader = readers_.back();
  const FileRange torn{reader.path(), newest_.scanned_to, reader.size()};
  JADE_ASSIGN_OR_RETURN(const bool may_cut, keep_torn_bytes(torn));
  if (!may_cut || !only_a_watermark_follows()) return move_tail_to_new_file(may_cut);
  return torn.begin == torn.end ? Result<void>() : cut(torn.path, torn.begin);
}

/// Copies the range to quarantine. False when there is no room: then nothing may be cut.
Result<bool> Recovery::keep_torn_bytes(const FileRange& range) {
  if (range.begin == range.end) return true;
  log_.report.torn_bytes += range.end - range.begin;
  Result<std::string> copy = with_room([&] { return copy_to_quarantine(files_, range); });
  if (is_full(copy)) {
    log_.report.torn_bytes_left = true;
    return false;
  }
  if (!copy.ok()) return std::move(copy).error();
  log_.report.quarantined.push_back(std::move(copy).value());
  return true;
}

/// True where the file can be continued at the end of its durable part. A file that has none cannot: nothing proves
/// that its name is durable.
bool Recovery::only_a_watermark_follows() const {
  const std::uint64_t behind = newest_.scanned_to - newest_.durable.offset;
  return newest_.durable.offset > FileHeader::kBytes && behind == LogBatchHeader::kBytes;
}

/// The page cache may show bytes that the disk does not have, and syncing them again would not bring them there: what
/// is not known durable is written anew.
Result<void> Recovery::move_tail_to_new_file(bool may_cut) {
  LogFileReader& reader = readers_.back();
  LogFileExtent& old_file = log_.files.back();
  const LogCursor& durable = newest_.durable;
  LogFileHeader header;
  header.database = options_.database;
  header.epoch = options_.epoch;
  header.first_sequence = Sequence{durable.last_sequence.value() + 1};
  header.previous_checksum = durable.last_checksum;
  random_.fill(header.file_id);
  // Without a durable record the old file has the name that the new one takes, and the new one takes its place.
  const bool replaces = header.first_sequence == old_file.header.first_sequence;
  if (replaces && !may_cut)
    return Error(ErrorCode::kStorageFull, "log: no room to keep what is torn of " + reader.path());
  header.start_position = replaces ? old_file.header.start_position : old_file.header.position_of(durable.offset);

  LogBatchEncoder encoder(header, FileHeader::kBytes,
                          {.durable_upto = header.start_position,
                           .first_sequence = header.first_sequence.value(),
                           .previous_checksum = header.previous_checksum});
  LogCursor tail = durable;
  for (bool more = true; more;) {
    JADE_ASSIGN_OR_RETURN(more, reader.next(tail, newest_.scanned_to, [&](const LogRecord& record) {
      encoder.add(record);
      return Result<void>();
    }));
  }
  std::span<const std::byte> batch;
  if (encoder.record_count() != 0) batch = encoder.finish();
  JADE_RETURN_IF_ERROR(with_room([&] { return create_log_file(files_, directory_, header, batch); }));
  if (!replaces && may_cut) JADE_RETURN_IF_ERROR(cut(old_file.path, durable.offset));

  log_.report.records += encoder.record_count();
  log_.last_checksum = encoder.last_checksum();
  log_.needs_watermark = encoder.record_count() != 0;
  if (replaces) log_.files.pop_back();
  log_.files.push_back({io::join_path(directory_, log_file_name(header.first_sequence)), header,
                        FileHeader::kBytes + batch.size(), tail.last_sequence});
  return {};
}

Result<void> Recovery::cut(const std::string& path, std::uint64_t end) {
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, files_.open(path, io::OpenMode::kReadWrite));
  JADE_RETURN_IF_ERROR(file->truncate(end));
  return file->sync();
}

}  // namespace

Result<RecoveredLog> recover_log(io::FileSystem& files, const std::string& directory, const LogRecoveryOptions& options,
                                 Random& random) {
  return Recovery(files, directory, options, random).run();
}

Result<std::unique_ptr<io::File>> create_log_file(io::FileSystem& files, const std::string& directory,
                                                  const LogFileHeader& header, std::span<const std::byte> batches) {
  const auto head = encode_log_file_header(header);
  std::vector<std::byte> bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), batches.begin(), batches.end());
  return publish_file(files, io::join_path(directory, log_file_name(header.first_sequence)), bytes);
}

Result<std::vector<std::string>> list_log_files(io::FileSystem& files, const std::string& directory) {
  std::vector<std::string> paths;
  JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> stat, files.stat(directory));
  if (!stat) return paths;
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(directory));
  for (const std::string& name : names) {
    if (sequence_of_log_file_name(name)) paths.push_back(io::join_path(directory, name));
  }
  return paths;
}

}  // namespace jade::storage
