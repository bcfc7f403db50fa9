// A database whose shards are in this process.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/random.h"
#include "engine/local_shard.h"
#include "engine/memory_budget.h"
#include "engine/rate_meter.h"
#include "engine/router.h"
#include "engine/shard_service.h"
#include "io/file_system.h"
#include "storage/definition.h"
#include "storage/file_log.h"
#include "storage/log_writer.h"
#include "storage/manifest_file.h"

namespace jade::engine {

/// Puts something between a database and each of its shards, for instance a wire. The shard outlives what is returned.
using ShardDecorator = std::function<std::unique_ptr<ShardService>(ShardService&)>;

/// What databases work with. Everything outlives them.
struct DatabaseEnvironment {
  io::FileSystem& files;
  const Clock& clock;
  Random& random;
  Executor& compute;
  Executor& background;
  storage::LogWriter& log_writer;
  MemoryBudget& budget;
  /// See ShardEnvironment.
  std::uint64_t flush_bytes = std::uint64_t{256} << 20;
  /// Empty: requests go straight to the shards.
  ShardDecorator decorate_shard;
};

/// Called with the fraction, 0..1, of a database's log that was replayed.
using ReplayProgress = std::function<Result<void>(double)>;

/// Routes to its shards, merges what they answer, and checks everything that comes in. Safe from any thread.
class LocalDatabase {
 public:
  /// Makes the directory with its manifest and an empty log, durable when it returns. May wait for the disk.
  static Result<std::shared_ptr<LocalDatabase>> create(const DatabaseEnvironment& environment, std::string directory,
                                                       std::string name, storage::Definition definition);
  /// Opens a directory and replays its log. May wait for the disk.
  static Result<std::shared_ptr<LocalDatabase>> open(const DatabaseEnvironment& environment, std::string directory,
                                                     std::string name, const DatabaseKey& key,
                                                     const ReplayProgress& progress);
  ~LocalDatabase();

  const std::string& name() const { return name_; }
  const DatabaseKey& key() const { return definition_.database; }
  const std::string& directory() const { return directory_; }
  /// What opening the log found.
  const storage::LogRecovery& recovery() const { return recovery_; }
  DatabaseInfo info() const;
  /// Why the database takes no writes, or nothing.
  std::optional<std::string> read_only_reason() const;

  void status(const RequestContext& context, Callback<DatabaseStatus> done);
  void write(const RequestContext& context, RecordInput record, WriteMode mode, Callback<WriteReceipt> done);
  void write_batch(const RequestContext& context, std::vector<RecordInput> records, BatchOptions options,
                   Callback<BatchReceipt> done);
  void remove(const RequestContext& context, std::string id, Callback<WriteReceipt> done);
  void get(const RequestContext& context, std::vector<std::string> ids, ReadOptions options,
           Callback<std::vector<std::optional<Record>>> done);
  void count(const RequestContext& context, Callback<std::uint64_t> done);
  void search(const RequestContext& context, Query query, Callback<SearchResult> done);

  /// Makes everything accepted durable and answers it; later writes fail. May wait for the disk. Idempotent.
  Result<void> close();

 private:
  LocalDatabase(const DatabaseEnvironment& environment, std::string directory, std::string name,
                storage::Manifest manifest, std::unique_ptr<storage::Log> log, storage::LogRecovery recovery);
  Result<void> replay(const ReplayProgress& progress);
  /// The first log record that any shard will still need, when what `flushing` has written is in the manifest.
  Result<Sequence> first_needed(ShardId flushing) const;
  void trim_log();

  ShardService& service(ShardId shard) { return *services_[shard.value()]; }
  ShardId shard_of_id(std::string_view id) const;
  void write_row(const RequestContext& context, RowApply row, Callback<WriteReceipt> done);
  void search_near(const RequestContext& context, Query query, const storage::VectorFieldDefinition& field,
                   std::vector<std::byte> vector, Callback<SearchResult> done);
  Result<void> check_token(std::string_view token) const;
  std::string token_for(Sequence sequence) const;
  Record to_record(StoredRecord stored) const;
  std::vector<NamedVector> to_vectors(const std::vector<storage::VectorValue>& stored) const;

  const DatabaseEnvironment environment_;
  const std::string directory_;
  const std::string name_;
  const storage::Definition definition_;
  const storage::LogRecovery recovery_;
  storage::ManifestFile manifest_;
  std::unique_ptr<storage::Log> log_;
  std::vector<std::unique_ptr<LocalShard>> shards_;
  std::vector<std::unique_ptr<ShardService>> decorators_;
  std::vector<ShardService*> services_;
  RateMeter writes_;
  RateMeter searches_;

  Mutex close_mutex_;
  std::optional<Result<void>> closed_ JADE_GUARDED_BY(close_mutex_);
};

}  // namespace jade::engine
