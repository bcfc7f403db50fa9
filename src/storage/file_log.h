// A log in a directory of files, synced before it answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/log.h"
#include "storage/log_appender.h"
#include "storage/log_files.h"
#include "storage/log_recovery.h"
#include "storage/log_writer.h"

namespace jade::storage {

struct FileLogOptions {
  /// A file that has records and would become larger is followed by a new one.
  std::uint64_t max_file_bytes = std::uint64_t{64} * 1024 * 1024;
  /// Bytes of records that wait in this log.
  std::size_t max_pending_bytes = std::size_t{64} * 1024 * 1024;
  /// The first record that is still needed (the manifest says). A log that begins later, or ends before, has lost
  /// files; files with only older records may be there and are not read.
  Sequence first_sequence{1};
  std::uint64_t epoch = 1;
};

struct OpenedLog {
  std::unique_ptr<Log> log;
  LogRecovery recovery;
};

/// Keeps no file open while it rests. Safe from any thread.
class FileLog final : public Log, private LogWriter::Client {
 public:
  static constexpr std::size_t kMaxPayloadBytes = std::size_t{256} * 1024 * 1024;

  /// Makes a new, empty log. When it returns, the log survives power loss, if the directory's parents do.
  /// kAlreadyExists if there is one in `directory`. What is passed by reference outlives the log.
  static Result<std::unique_ptr<Log>> create(io::FileSystem& files, const std::string& directory,
                                             const DatabaseKey& database, LogWriter& writer, Random& random,
                                             const FileLogOptions& options = {});

  /// Opens what `create` made and mends what a crash left, as `recover_log` says. When it returns, all that the log
  /// has is durable. kDataCorrupted also when there is no log: it is never made anew.
  static Result<OpenedLog> open(io::FileSystem& files, const std::string& directory, const DatabaseKey& database,
                                LogWriter& writer, Random& random, const FileLogOptions& options = {});

  /// Closes, if that was not done.
  ~FileLog() override;

  Result<Sequence> append(NewRecord record, AppendDone done) override JADE_EXCLUDES(mutex_);
  Result<void> wait_until_durable() override JADE_EXCLUDES(mutex_);
  Result<void> read(Sequence from, const RecordVisitor& visit) override;
  Sequence tail() const override JADE_EXCLUDES(mutex_);
  Sequence durable() const override JADE_EXCLUDES(mutex_);
  std::uint64_t size_bytes() const override { return list_.size_bytes(); }
  std::vector<LogFileInfo> files() const override { return list_.list(); }
  void retain_from(Sequence floor) override { list_.retain_from(floor); }
  Result<void> rotate() override JADE_EXCLUDES(mutex_);
  Result<void> trim(Sequence upto) override JADE_EXCLUDES(mutex_, trim_mutex_);
  Result<void> close() override JADE_EXCLUDES(mutex_);

 private:
  struct Waiting {
    NewRecord record;
    Sequence sequence;
    AppendDone done;
    std::size_t bytes = 0;
  };

  /// What one call of `flush` has to do.
  struct Turn {
    std::vector<Waiting> group;
    bool rotate = false;
    /// Somebody waits for everything to be synced.
    bool sync = false;
  };

  FileLog(io::FileSystem& files, const std::string& directory, LogWriter& writer, Random& random,
          const FileLogOptions& options, RecoveredLog recovered);

  static Result<std::unique_ptr<FileLog>> make(io::FileSystem& files, const std::string& directory, LogWriter& writer,
                                               Random& random, const FileLogOptions& options, RecoveredLog recovered);

  Next flush() override JADE_EXCLUDES(mutex_);
  void idle() override JADE_EXCLUDES(mutex_);

  /// Why nothing is taken any more, if that is so.
  Result<void> check_open() const JADE_REQUIRES(mutex_);
  /// Sets `bytes` aside in the writer's queue, or says why the record is refused.
  Result<void> make_room(const NewRecord& record, std::size_t bytes) JADE_REQUIRES(mutex_);
  void wake_writer() JADE_REQUIRES(mutex_);

  Result<void> remove_files(Sequence upto) JADE_REQUIRES(trim_mutex_);

  Turn take_turn() JADE_EXCLUDES(mutex_);
  template <class Call>
  Result<void> with_reserve(bool may_use, Call call);
  void answer_rotation(const Result<void>& outcome) JADE_EXCLUDES(mutex_);
  Result<void> write(const Turn& turn);
  Result<void> write_group(const std::vector<Waiting>& group);
  bool sync_is_due(const Turn& turn);
  void note_progress() JADE_EXCLUDES(mutex_);
  void fail(const Error& error, std::span<Waiting> group) JADE_EXCLUDES(mutex_);
  Next next_turn() JADE_EXCLUDES(mutex_);
  void finish(std::span<Waiting> group, const Result<void>& outcome);

  io::FileSystem& files_;
  LogWriter& writer_;
  const FileLogOptions options_;
  const std::string directory_;
  const DatabaseKey database_;
  /// What `read` reads.
  const std::vector<LogFileExtent> recovered_;
  LogFiles list_;
  /// The writer's thread only.
  LogAppender appender_;
  /// When the first record was written that is not synced yet. The writer's thread only.
  SteadyTime unsynced_since_;

  /// One `trim` at a time.
  Mutex trim_mutex_;

  mutable Mutex mutex_;
  /// Something was synced, rotated, failed or closed.
  CondVar progress_;
  std::deque<Waiting> waiting_ JADE_GUARDED_BY(mutex_);
  std::size_t waiting_bytes_ JADE_GUARDED_BY(mutex_) = 0;
  Sequence tail_ JADE_GUARDED_BY(mutex_);
  Sequence durable_ JADE_GUARDED_BY(mutex_);
  /// What `wait_until_durable` last waited for.
  Sequence sync_upto_ JADE_GUARDED_BY(mutex_);
  std::uint64_t rotations_asked_ JADE_GUARDED_BY(mutex_) = 0;
  std::uint64_t rotations_done_ JADE_GUARDED_BY(mutex_) = 0;
  Result<void> rotation_ JADE_GUARDED_BY(mutex_);
  /// `flush` is due.
  bool scheduled_ JADE_GUARDED_BY(mutex_) = false;
  /// What waited is being told that there is no room for it.
  bool refusing_ JADE_GUARDED_BY(mutex_) = false;
  bool closing_ JADE_GUARDED_BY(mutex_) = false;
  bool closed_ JADE_GUARDED_BY(mutex_) = false;
  /// Why nothing can be written any more.
  std::optional<Error> failure_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade::storage
