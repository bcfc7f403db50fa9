// The log of a database: what was acknowledged, in the order in which it happened.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"

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
};

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

/// Called once: when the record is durable, or with the reason why it may not be. After kStorageFull it is not in the
/// log and never will be; after kStoreReadOnly it may or may not be there when the log is opened again. Runs on the log
/// writer's thread: it must be short, must not wait and must not touch files.
using AppendDone = std::move_only_function<void(Result<void>)>;

using RecordVisitor = std::function<Result<void>(const LogRecord&)>;

/// Safe from any thread.
class Log {
 public:
  virtual ~Log() = default;

  /// Gives the record the next position and hands it to the writer. Never waits for the disk. Positions follow the
  /// order of the calls, and `done` is called in that order. Refused at once, with nothing written and `done` not
  /// called: kOverloaded (the writer's queue is full), kPayloadTooLarge, kStoreReadOnly (an earlier write or sync
  /// failed; only opening the log again helps), kCancelled (closed).
  virtual Result<Sequence> append(NewRecord record, AppendDone done) = 0;

  /// Calls `visit` for every record from `from` on that was durable when the log was opened, in order; stops at its
  /// first error and returns it. For replay, before the first append.
  virtual Result<void> read(Sequence from, const RecordVisitor& visit) = 0;

  /// The position of the last record handed out by `append` or found on open; 0 when there is none.
  virtual Sequence tail() const = 0;

  /// Bytes of log files on disk.
  virtual std::uint64_t size_bytes() const = 0;

  /// Waits until everything appended is durable (or failed), writes a watermark, closes the files. Later appends are
  /// refused with kCancelled. Called once, from one thread. Fails if the log had failed before.
  virtual Result<void> close() = 0;
};

/// What opening a log found.
struct LogRecovery {
  std::uint64_t records = 0;
  /// Bytes of a torn tail: copied to quarantine, then cut.
  std::uint64_t torn_bytes = 0;
  /// Paths of the copies.
  std::vector<std::string> quarantined;
};

}  // namespace jade::storage
