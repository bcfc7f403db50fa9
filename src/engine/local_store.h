// A data directory and the databases in it.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "base/random.h"
#include "engine/local_database.h"
#include "engine/memory_budget.h"
#include "engine/router.h"
#include "io/file_system.h"
#include "meta/catalog.h"
#include "storage/disk_reserve.h"
#include "storage/log_writer.h"

namespace jade::engine {

/// What a store works with. Everything outlives it; the executors run until the store is closed.
struct StoreEnvironment {
  io::FileSystem& files;
  Clock& clock;
  Random& random;
  Executor& compute;
  Executor& background;
};

struct LocalStoreOptions {
  /// 0: default_memory_budget().
  std::uint64_t memory_budget_bytes = 0;
  /// See ShardEnvironment; at most an eighth of the memory budget.
  std::uint64_t flush_bytes = std::uint64_t{256} << 20;
  /// Kept free on the disk for what must go on when it is full; 0: nothing is.
  std::uint64_t disk_reserve_bytes = storage::DiskReserve::kDefaultBytes;
  /// For tests: something between each database and its shards.
  ShardDecorator decorate_shard;
};

/// The router of a single process. Safe from any thread.
///
/// Layout of the directory: LOCK, reserve (room for when the disk is full), meta.sqlite (names; the MetaStore),
/// databases/<26 characters of the id>/{manifest, log/, segments/}. A directory under databases/ that the MetaStore
/// does not know is reported and kept; a database that cannot be opened answers with the reason and stops nobody else.
class LocalStore final : public Router {
 public:
  /// Takes the directory's lock, creating it when absent, and opens the MetaStore. Databases are there after `load`.
  /// kAlreadyExists, naming the holder, if another process has it.
  static Result<std::unique_ptr<LocalStore>> open(const StoreEnvironment& environment, std::string directory,
                                                  LocalStoreOptions options);
  ~LocalStore() override;

  /// Opens every database and replays its log; may take long. `health` tells how far it is. Called once.
  Result<void> load();
  /// Makes a `load` that runs in another thread end soon, with kCancelled; it may then be closed. Safe from any thread.
  void stop_loading() { closing_.store(true, std::memory_order_release); }
  /// Finishes what was accepted and releases the directory. Idempotent.
  Result<void> close();

  MemoryBudget& budget() { return budget_; }
  /// 32 bytes that only this store knows, made with it: for signing what clients carry.
  const std::vector<std::byte>& signing_key() const { return signing_key_; }

  StoreHealth health() const override;
  void create_database(const RequestContext& context, std::string name, DatabaseOptions options,
                       Callback<DatabaseInfo> done) override;
  void delete_database(const RequestContext& context, std::string_view database, Callback<void> done) override;
  Result<DatabaseInfo> describe_database(const RequestContext& context, std::string_view database) const override;
  Result<std::vector<DatabaseInfo>> list_databases(const RequestContext& context, std::string_view after,
                                                   std::size_t limit) const override;
  void status(const RequestContext& context, std::string_view database, Callback<DatabaseStatus> done) override;
  void write(const RequestContext& context, std::string_view database, RecordInput record, WriteMode mode,
             Callback<WriteReceipt> done) override;
  void write_batch(const RequestContext& context, std::string_view database, std::vector<RecordInput> records,
                   BatchOptions options, Callback<BatchReceipt> done) override;
  void remove(const RequestContext& context, std::string_view database, std::string id,
              Callback<WriteReceipt> done) override;
  void get(const RequestContext& context, std::string_view database, std::vector<std::string> ids, ReadOptions options,
           Callback<std::vector<std::optional<Record>>> done) override;
  void count(const RequestContext& context, std::string_view database, Callback<std::uint64_t> done) override;
  void search(const RequestContext& context, std::string_view database, Query query,
              Callback<SearchResult> done) override;

 private:
  /// A row of the MetaStore: an open database, or why it could not be opened.
  struct Entry {
    DatabaseKey key{};
    std::shared_ptr<LocalDatabase> database;
    std::optional<Error> failure;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  /// The log writer, and the reserve that it uses and that outlives it (null: none).
  struct LogService {
    std::unique_ptr<storage::DiskReserve> reserve;
    std::unique_ptr<storage::LogWriter> writer;
  };

  LocalStore(const StoreEnvironment& environment, std::string directory, LocalStoreOptions options,
             std::unique_ptr<io::FileLock> lock, std::unique_ptr<meta::MetaStore> meta_store, LogService log_service,
             std::vector<std::byte> signing_key);
  static Result<LogService> start_log_service(const StoreEnvironment& environment, const std::string& directory,
                                              std::uint64_t reserve_bytes);

  DatabaseEnvironment database_environment();
  std::string databases_directory() const;
  std::string directory_of(const DatabaseKey& key) const;
  Entry open_entry(const meta::DatabaseRow& row, double done_before, double share);
  void report_unlisted(const std::vector<meta::DatabaseRow>& rows);
  /// kCancelled once the store is told to close.
  Result<void> check_going_on() const;
  void set_progress(double fraction);

  Result<std::shared_ptr<LocalDatabase>> find(std::string_view database) const JADE_EXCLUDES(entries_mutex_);
  Entries::const_iterator locate(std::string_view database) const JADE_REQUIRES(entries_mutex_);
  Result<DatabaseInfo> create_now(const std::string& name, const DatabaseOptions& options) JADE_EXCLUDES(admin_mutex_);
  Result<void> delete_now(const std::string& database) JADE_EXCLUDES(admin_mutex_);
  /// Runs `work` on a background thread and hands its result to `done`.
  template <class T>
  void in_background(const RequestContext& context, std::move_only_function<Result<T>()> work, Callback<T> done);

  const StoreEnvironment environment_;
  const std::string directory_;
  const LocalStoreOptions options_;
  MemoryBudget budget_;
  const std::vector<std::byte> signing_key_;
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<meta::MetaStore> meta_store_;
  std::unique_ptr<meta::Catalog> catalog_;
  LogService log_service_;
  std::atomic<bool> ready_{false};
  std::atomic<bool> closing_{false};
  std::atomic<int> percent_{0};

  /// Creating and deleting, one at a time; held while waiting for the disk. Taken before entries_mutex_.
  Mutex admin_mutex_;
  mutable Mutex entries_mutex_;
  Entries entries_ JADE_GUARDED_BY(entries_mutex_);
  bool closed_ JADE_GUARDED_BY(admin_mutex_) = false;
};

}  // namespace jade::engine
