// The log of a database: what was acknowledged, in the order in which it happened.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"
#include "jade/types.h"

namespace jade::storage {

using jade::DatabaseKey;

enum class RecordType : std::uint8_t {
  kWriteBatch = 1,  ///< Payload: an encoded WriteBatch (storage/write_batch.h), for one shard.
  kDefinition = 2,  ///< Payload: an encoded Definition (storage/definition.h); applies to every shard.
};

/// What the caller says of a record; the log adds position, chain and checksum.
struct NewRecord {
  RecordType type = RecordType::kWriteBatch;
  ShardId shard;
  std::uint64_t definition_version = 0;
  /// Microseconds since 1970 UTC: the time that applying this record sees.
  std::int64_t commit_time_us = 0;
  std::vector<std::byte> payload;
  /// Given back with the record; at most `kMaxIdempotencyKeyBytes`.
  std::vector<std::byte> idempotency_key = {};
  /// When `done` is called: when the record was synced, or when the operating system has it.
  Durability durability = Durability::kDurable;
  /// What makes room in the end, a delete for instance, goes on when the disk is full: it may use the DiskReserve.
  bool may_use_reserve = false;
};

constexpr std::size_t kMaxIdempotencyKeyBytes = 65535;

/// A record as it is read back. What it refers to is valid during the visitor's call only; `payload` lies at a multiple
/// of 16.
struct LogRecord {
  Sequence sequence;
  std::uint64_t epoch = 0;
  RecordType type = RecordType::kWriteBatch;
  ShardId shard;
  std::uint64_t definition_version = 0;
  std::int64_t commit_time_us = 0;
  std::uint64_t transaction_id = 0;
  /// Empty when the writer gave none.
  std::span<const std::byte> idempotency_key;
  std::span<const std::byte> payload;
};

/// Called once: when the record is as durable as was asked, or with the reason why it may not be. Runs on the log
/// writer's thread: it must be short, must not wait and must not touch files.
///
/// After kStorageFull the record is not in the log and never will be, and the log goes on: its sequence and those of
/// all that was appended behind it (they fail too) will be given to other records. So that no later record is decided
/// from one that failed, `done` has undone, before it returns, what the caller remembers of the failed one. No sequence
/// is given twice before every `done` of its first round has returned; `append` refuses with kStorageFull until then.
///
/// After kStoreReadOnly the record may or may not be there when the log is opened again.
using AppendDone = std::move_only_function<void(Result<void>)>;

using RecordVisitor = std::function<Result<void>(const LogRecord&)>;

/// A file of a log.
struct LogFileInfo {
  std::string path;
  Sequence first_sequence;
  /// One less than the first when the file has no record.
  Sequence last_sequence;
  std::uint64_t bytes = 0;
  /// Nothing is written to it any more, and all of it is durable.
  bool complete = false;

  friend bool operator==(const LogFileInfo&, const LogFileInfo&) = default;
};

/// Safe from any thread.
class Log {
 public:
  virtual ~Log() = default;

  /// Gives the record the next position and hands it to the writer. Never waits for the disk. Positions follow the
  /// order of the calls, and `done` is called in that order. Refused at once, with nothing written and `done` not
  /// called: kOverloaded (the writer's queue is full), kPayloadTooLarge, kStorageFull (what waits is being failed for
  /// want of room, or only the reserve is left and the record may not use it), kStoreReadOnly (an earlier write or sync
  /// failed; only opening the log again helps), kCancelled (closed).
  virtual Result<Sequence> append(NewRecord record, AppendDone done) = 0;

  /// Waits until everything appended so far is durable, relaxed records too, or was refused for want of room. To be
  /// called before a manifest says that the log is no longer needed up to somewhere. kStoreReadOnly, kCancelled.
  virtual Result<void> wait_until_durable() = 0;

  /// Calls `visit` for every record from `from` on that was durable when the log was opened, in order; stops at its
  /// first error and returns it. Records that the manifest no longer needs may be left out. For replay, before the
  /// first append.
  virtual Result<void> read(Sequence from, const RecordVisitor& visit) = 0;

  /// The position of the last record handed out by `append` or found on open; 0 when there is none. Goes back when
  /// records fail for want of room.
  virtual Sequence tail() const = 0;

  /// Everything up to it survives power loss.
  virtual Sequence durable() const = 0;

  /// Bytes of log files on disk.
  virtual std::uint64_t size_bytes() const = 0;

  /// In order; all but the last are complete.
  virtual std::vector<LogFileInfo> files() const = 0;

  /// Files that have a record at `floor` or behind stay, whatever `trim` is told: those that an archive has yet to
  /// copy.
  virtual void retain_from(Sequence floor) = 0;

  /// Begins a new file if the newest one has records, so that `trim` can remove it. Waits for the disk.
  virtual Result<void> rotate() = 0;

  /// Removes the complete files that have only records up to `upto`, the oldest first, and begins a new file when the
  /// newest has only such records and is large. The caller has made durable, before, that it needs none of them (a
  /// manifest with `upto` + 1 as the first record). Waits for the disk. Fails as files do; then some may be left, for
  /// the next call or for ever, without harm.
  virtual Result<void> trim(Sequence upto) = 0;

  /// Waits until everything appended is durable (or failed), writes a watermark, closes the files. Later appends are
  /// refused with kCancelled. Called once, from one thread, while no other call waits. Fails if the log had failed
  /// before.
  virtual Result<void> close() = 0;
};

/// What opening a log found.
struct LogRecovery {
  std::uint64_t records = 0;
  /// Bytes of a torn tail: copied to quarantine, then cut.
  std::uint64_t torn_bytes = 0;
  /// There was no room for the copy: the bytes stay where they are, behind all that counts, until the log is opened
  /// with room.
  bool torn_bytes_left = false;
  /// Paths of the copies.
  std::vector<std::string> quarantined;
};

}  // namespace jade::storage
