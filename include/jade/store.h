// The embedded database: open a directory, create databases in it, write, read and search.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jade/record.h"
#include "jade/result.h"

namespace jade {

struct StoreOptions {
  /// Memory that graphs and rows which are in no file yet may take together. A write that would go beyond it is
  /// refused: with kOverloaded while rows are being written to files (try again), else with kStorageFull. 0: 70% of
  /// what the machine or the control group allows.
  std::uint64_t memory_budget_bytes = 0;
  /// Threads that build indexes. 0: one for every two cores, at least one.
  std::uint32_t background_threads = 0;
};

class Store;

/// A database of an open store. Cheap to copy. Safe from any thread. Calls after the database was deleted fail with
/// kDatabaseNotFound, after the store was closed with kNotReady.
class Database {
 public:
  DatabaseInfo info() const;

  /// Writes a whole record, new or not. When it returns, the write survives power loss and every search sees it.
  Result<WriteReceipt> upsert(RecordInput record);
  /// The same for many: refused rows are listed, the others are applied together for each shard. Rows are checked in
  /// order; a later row with the same id wins under `upsert`.
  Result<BatchReceipt> write_batch(std::vector<RecordInput> records, BatchOptions options = {.upsert = true});
  /// Replaces the parts that `record` names; kVectorNotFound if there is no such record.
  Result<WriteReceipt> update(RecordInput record);
  /// kVectorNotFound if there is no such record.
  Result<WriteReceipt> remove(std::string_view id);

  /// The record, or nullopt.
  Result<std::optional<Record>> get(std::string_view id) const;
  Result<std::uint64_t> count() const;
  Result<SearchResult> search(const Query& query) const;
  Result<DatabaseStatus> status() const;

 private:
  friend class Store;
  struct Impl;
  explicit Database(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

/// An open data directory. One process at a time holds it. Safe from any thread; movable.
class Store {
 public:
  /// Opens the directory, creating it when absent, and replays what was acknowledged. A database that cannot be read
  /// does not stop the others: it answers with its own error.
  /// Fails with kAlreadyExists when another process holds the directory, naming it.
  static Result<Store> open(const std::string& directory, StoreOptions options = {});

  Store(Store&&) noexcept;
  Store& operator=(Store&&) noexcept;
  /// Closes if that was not done.
  ~Store();

  /// `name`: 1..255 of A-Z a-z 0-9 . _ -, starting with a letter or digit. kAlreadyExists if it is taken.
  Result<Database> create_database(const std::string& name, DatabaseOptions options);
  /// By name or by id ("db:…"). kDatabaseNotFound if there is none.
  Result<Database> database(const std::string& name_or_id) const;
  /// Removes the database and all of its files.
  Result<void> delete_database(const std::string& name_or_id);
  /// Ordered by name.
  Result<std::vector<DatabaseInfo>> list_databases() const;

  /// Finishes what was accepted, makes it durable and releases the directory. Idempotent.
  Result<void> close();

 private:
  struct Impl;
  explicit Store(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace jade
