// The control data of a single process, in an SQLite file.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "io/file_system.h"
#include "meta/meta_store.h"

struct sqlite3;

namespace jade::meta {

class SqliteVfs;

/// Safe from any thread: one call at a time. The caller holds the data directory's lock: two stores on one path would
/// destroy each other's files.
///
/// Entries carry checksums and the store a digest of them all, so that rot which SQLite cannot see is kDataCorrupted:
/// all is verified on open, an entry again whenever it is read. Every transaction is brought from SQLite's log into the
/// file before the next, because a damaged log looks to SQLite like a shorter one.
class SqliteMetaStore final : public MetaStore {
 public:
  /// Everything that the store uses and that has to outlive it.
  struct Environment {
    io::FileSystem& file_system;
    Clock& clock;
    Random& random;
  };

  /// Creates an empty store at `path`; its directory exists. It appears whole or, after a crash, not at all.
  /// kAlreadyExists when there is one.
  static Result<std::unique_ptr<SqliteMetaStore>> create(const Environment& environment, const std::string& path);

  /// Opens the store at `path`. Absent: kIo with errno ENOENT; damaged: kDataCorrupted; written by a newer release:
  /// kNotSupported. After any of these the store's bytes are as they were.
  static Result<std::unique_ptr<SqliteMetaStore>> open(const Environment& environment, const std::string& path);

  ~SqliteMetaStore() override;

  Result<RangeResult> range(const RangeRequest& request) override JADE_EXCLUDES(mutex_);
  Result<TxnResult> txn(std::span<const Compare> compares, std::span<const Operation> operations) override
      JADE_EXCLUDES(mutex_);
  std::uint64_t revision() const override JADE_EXCLUDES(mutex_);

 private:
  /// The row that describes all others.
  struct State {
    std::uint64_t revision = 0;
    std::uint64_t entries = 0;
    /// The sum of the entries' checksums.
    std::uint64_t digest = 0;
  };

  SqliteMetaStore(const Environment& environment, const std::string& path);

  Result<void> connect(bool may_create) JADE_EXCLUDES(mutex_);
  Result<void> initialise() JADE_EXCLUDES(mutex_);
  Result<void> verify() JADE_EXCLUDES(mutex_);

  Result<TxnResult> run_txn(std::span<const Compare> compares, std::span<const Operation> operations)
      JADE_REQUIRES(mutex_);
  /// Undoes what a failed transaction left open.
  Result<void> end_transaction() JADE_REQUIRES(mutex_);
  Result<void> execute(const char* sql) JADE_REQUIRES(mutex_);
  Result<std::uint64_t> pragma(const char* sql) JADE_REQUIRES(mutex_);
  Result<void> check_structure() JADE_REQUIRES(mutex_);
  Result<State> read_state() JADE_REQUIRES(mutex_);
  Result<State> sum_entries() JADE_REQUIRES(mutex_);
  Result<void> write_state(const State& state) JADE_REQUIRES(mutex_);
  Result<std::optional<Entry>> find(const std::string& key) JADE_REQUIRES(mutex_);
  Result<bool> holds(const Compare& compare) JADE_REQUIRES(mutex_);
  Result<bool> all_hold(std::span<const Compare> compares) JADE_REQUIRES(mutex_);
  Result<void> put(const Operation& operation, State& state) JADE_REQUIRES(mutex_);
  Result<void> remove(const std::string& key, State& state) JADE_REQUIRES(mutex_);
  Result<void> apply(std::span<const Operation> operations, State& state) JADE_REQUIRES(mutex_);
  void empty_log() JADE_REQUIRES(mutex_);
  Error failure(int sqlite_code, const char* doing) JADE_REQUIRES(mutex_);

  const std::string path_;
  mutable Mutex mutex_;
  const std::unique_ptr<SqliteVfs> vfs_;
  sqlite3* connection_ JADE_GUARDED_BY(mutex_) = nullptr;
  State state_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade::meta
