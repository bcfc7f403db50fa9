#include "meta/sqlite_meta_store.h"

#include <sqlite3.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "io/io_error.h"
#include "meta/sqlite_statement.h"
#include "meta/sqlite_vfs.h"

namespace jade::meta {
namespace {

// "JADE" in the file's header, and the version of the tables.
constexpr std::uint64_t kApplicationId = 0x4a414445;
constexpr std::uint64_t kTablesVersion = 1;
/// The smallest page of SQLite: what is shorter is no store.
constexpr std::uint64_t kFileBytesMin = 512;

constexpr const char* kTables =
    "PRAGMA application_id = 0x4a414445;"
    "PRAGMA user_version = 1;"
    "CREATE TABLE entries(key BLOB NOT NULL PRIMARY KEY, value BLOB NOT NULL, create_revision INTEGER NOT NULL,"
    " mod_revision INTEGER NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE state(id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1), revision INTEGER NOT NULL,"
    " entries INTEGER NOT NULL, digest INTEGER NOT NULL, checksum INTEGER NOT NULL);";

std::string log_path(const std::string& path) { return path + "-wal"; }

// Checksums are over numbers as they lie in memory.
static_assert(std::endian::native == std::endian::little);

void append(std::string& bytes, std::uint64_t number) {
  const auto raw = std::bit_cast<std::array<char, sizeof(number)>>(number);
  bytes.append(raw.data(), raw.size());
}

std::uint64_t checksum_of(const Entry& entry) {
  std::string bytes;
  append(bytes, entry.key.size());
  bytes += entry.key;
  append(bytes, entry.create_revision);
  append(bytes, entry.mod_revision);
  bytes += entry.value;
  return XXH3_64bits(bytes.data(), bytes.size());
}

/// A row of "key, value, create_revision, mod_revision, checksum", once its checksum has been verified.
Result<Entry> entry_of(const SqliteStatement& row) {
  Entry entry{
      .key = row.bytes(0), .value = row.bytes(1), .create_revision = row.number(2), .mod_revision = row.number(3)};
  if (checksum_of(entry) != row.number(4)) {
    return Error(ErrorCode::kDataCorrupted, "an entry of the control store does not match its checksum");
  }
  return entry;
}

Error read_only_error(std::string_view why) {
  return Error(ErrorCode::kStoreReadOnly,
               "the control store is read-only until it is opened again: " + std::string(why));
}

Result<void> check_operations(std::span<const Operation> operations) {
  std::set<std::string_view> keys;
  for (const Operation& operation : operations) {
    if (operation.key.empty() || operation.key.size() > kKeyBytesMax) {
      return Error(ErrorCode::kInvalidArgument, "a key has 1 to 4096 bytes");
    }
    if (operation.value.size() > kValueBytesMax) {
      return Error(ErrorCode::kInvalidArgument, "a value has at most 1 MiB");
    }
    if (!keys.insert(operation.key).second) {
      return Error(ErrorCode::kInvalidArgument, "a transaction changes a key only once");
    }
  }
  return {};
}

Result<void> remove_if_present(io::FileSystem& file_system, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const auto present, file_system.stat(path));
  if (!present) return {};
  return file_system.remove(path);
}

/// Replaces SQLite's log by a synced copy of itself. After a failed sync the page cache may show bytes that the disk
/// does not have; SQLite would build on them.
Result<void> rewrite_log(io::FileSystem& file_system, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const auto present, file_system.stat(path));
  if (!present || present->size == 0) return {};
  std::vector<std::byte> bytes(present->size);
  JADE_ASSIGN_OR_RETURN(const auto log, file_system.open(path, io::OpenMode::kRead));
  JADE_RETURN_IF_ERROR(log->read_at(0, bytes));
  const std::string copy_path = path + ".new";
  JADE_ASSIGN_OR_RETURN(const auto copy, file_system.open(copy_path, io::OpenMode::kCreate));
  JADE_RETURN_IF_ERROR(copy->truncate(0));
  JADE_RETURN_IF_ERROR(copy->write_at(0, bytes));
  JADE_RETURN_IF_ERROR(copy->sync());
  JADE_RETURN_IF_ERROR(file_system.rename(copy_path, path));
  return file_system.sync_directory(io::parent_path(path));
}

Result<void> sync_file(io::FileSystem& file_system, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const auto file, file_system.open(path, io::OpenMode::kReadWrite));
  return file->sync();
}

/// Larger than every key that begins with `prefix`. No key is longer than kKeyBytesMax.
std::string end_of_prefix(std::string prefix) {
  prefix.resize(std::max(prefix.size(), kKeyBytesMax) + 1, '\xff');
  return prefix;
}

}  // namespace

SqliteMetaStore::SqliteMetaStore(const Environment& environment, const std::string& path)
    : path_(path), vfs_(std::make_unique<SqliteVfs>(environment.file_system, environment.clock, environment.random)) {}

SqliteMetaStore::~SqliteMetaStore() { sqlite3_close(connection_); }

Result<std::unique_ptr<SqliteMetaStore>> SqliteMetaStore::create(const Environment& environment,
                                                                 const std::string& path) {
  io::FileSystem& fs = environment.file_system;
  JADE_ASSIGN_OR_RETURN(const auto present, fs.stat(path));
  if (present) return Error(ErrorCode::kAlreadyExists, "there is already a control store at " + path);
  JADE_ASSIGN_OR_RETURN(const auto log, fs.stat(log_path(path)));
  if (log) return Error(ErrorCode::kDataCorrupted, "the control store's log is there but not the store: " + path);

  const std::string temporary = path + ".new";
  JADE_RETURN_IF_ERROR(remove_if_present(fs, temporary));
  JADE_RETURN_IF_ERROR(remove_if_present(fs, log_path(temporary)));
  {
    SqliteMetaStore store(environment, temporary);
    JADE_RETURN_IF_ERROR(store.connect(true));
    JADE_RETURN_IF_ERROR(store.initialise());
  }
  JADE_RETURN_IF_ERROR(remove_if_present(fs, log_path(temporary)));
  JADE_RETURN_IF_ERROR(sync_file(fs, temporary));
  JADE_RETURN_IF_ERROR(fs.rename(temporary, path));
  JADE_RETURN_IF_ERROR(fs.sync_directory(io::parent_path(path)));
  return open(environment, path);
}

Result<std::unique_ptr<SqliteMetaStore>> SqliteMetaStore::open(const Environment& environment,
                                                               const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const auto present, environment.file_system.stat(path));
  if (!present) return io::io_error(ENOENT, "opening the control store", path);
  // SQLite would take an empty file for a new store and remove its log.
  if (present->size < kFileBytesMin) return Error(ErrorCode::kDataCorrupted, "the control store is cut off: " + path);
  JADE_RETURN_IF_ERROR(rewrite_log(environment.file_system, log_path(path)));
  std::unique_ptr<SqliteMetaStore> store(new SqliteMetaStore(environment, path));
  JADE_RETURN_IF_ERROR(store->connect(false));
  JADE_RETURN_IF_ERROR(store->verify());
  return store;
}

Result<void> SqliteMetaStore::connect(bool may_create) {
  const MutexLock lock(mutex_);
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (may_create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path_.c_str(), &connection_, flags, vfs_->name());
  if (code != SQLITE_OK) return failure(code, "opening");
  // Closing must not touch the files: they may be damaged, or the disk may have failed.
  sqlite3_db_config(connection_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // Exclusive before the first read, so that no shared-memory file is wanted.
  return execute(
      "PRAGMA locking_mode = EXCLUSIVE; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;");
}

Result<void> SqliteMetaStore::initialise() {
  const MutexLock lock(mutex_);
  // The file becomes the store by a rename after it was synced: until then it needs no journal on disk.
  JADE_RETURN_IF_ERROR(execute("PRAGMA journal_mode = MEMORY; BEGIN;"));
  JADE_RETURN_IF_ERROR(execute(kTables));
  JADE_RETURN_IF_ERROR(write_state(State()));
  JADE_RETURN_IF_ERROR(execute("COMMIT; PRAGMA journal_mode = WAL;"));
  const int code = sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, "creating");
  return {};
}

Result<void> SqliteMetaStore::verify() {
  const MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(check_structure());
  JADE_ASSIGN_OR_RETURN(state_, read_state());
  JADE_ASSIGN_OR_RETURN(const State sum, sum_entries());
  if (sum.entries != state_.entries || sum.digest != state_.digest) {
    return Error(ErrorCode::kDataCorrupted, "entries of the control store are missing or outdated");
  }
  empty_log();
  return {};
}

Result<void> SqliteMetaStore::check_structure() {
  JADE_ASSIGN_OR_RETURN(const std::uint64_t application, pragma("PRAGMA application_id"));
  if (application != kApplicationId) return Error(ErrorCode::kDataCorrupted, "this is no control store: " + path_);
  JADE_ASSIGN_OR_RETURN(const std::uint64_t version, pragma("PRAGMA user_version"));
  if (version > kTablesVersion) {
    return Error(ErrorCode::kNotSupported, "the control store was written by a newer release: " + path_);
  }
  SqliteStatement check(connection_, "PRAGMA quick_check(1)");
  if (check.step()) {
    const std::string report = check.bytes(0);
    // A page that could not be read is not a damaged one.
    if (auto error = vfs_->take_error()) return std::move(*error).in_context("checking the control store " + path_);
    // The check reports a page for which it had no memory as damage, with SQLite's code.
    if (report.contains("error code=" + std::to_string(SQLITE_NOMEM))) return failure(SQLITE_NOMEM, "checking");
    if (report != "ok") return Error(ErrorCode::kDataCorrupted, "the control store is damaged: " + report);
  }
  if (check.code() != SQLITE_OK) return failure(check.code(), "checking");
  return {};
}

Result<SqliteMetaStore::State> SqliteMetaStore::read_state() {
  SqliteStatement row(connection_, "SELECT revision, entries, digest, checksum FROM state WHERE id = 1");
  const bool found = row.step();
  if (row.code() != SQLITE_OK) return failure(row.code(), "reading");
  if (found) {
    const State state{.revision = row.number(0), .entries = row.number(1), .digest = row.number(2)};
    if (XXH3_64bits(&state, sizeof(state)) == row.number(3)) return state;
  }
  return Error(ErrorCode::kDataCorrupted, "the control store's state does not match its checksum");
}

Result<void> SqliteMetaStore::write_state(const State& state) {
  SqliteStatement row(connection_, "REPLACE INTO state VALUES (1, ?, ?, ?, ?)");
  row.bind(state.revision).bind(state.entries).bind(state.digest).bind(XXH3_64bits(&state, sizeof(state)));
  if (row.run() != SQLITE_OK) return failure(row.code(), "writing");
  return {};
}

Result<SqliteMetaStore::State> SqliteMetaStore::sum_entries() {
  State sum;
  SqliteStatement rows(connection_, "SELECT key, value, create_revision, mod_revision, checksum FROM entries");
  while (rows.step()) {
    JADE_RETURN_IF_ERROR(entry_of(rows));
    ++sum.entries;
    sum.digest += rows.number(4);
  }
  if (rows.code() != SQLITE_OK) return failure(rows.code(), "checking");
  return sum;
}

Result<void> SqliteMetaStore::execute(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return failure(code, "running");
  return {};
}

Result<std::uint64_t> SqliteMetaStore::pragma(const char* sql) {
  SqliteStatement row(connection_, sql);
  const std::uint64_t value = row.step() ? row.number(0) : 0;
  if (row.code() != SQLITE_OK) return failure(row.code(), "opening");
  return value;
}

Result<std::optional<Entry>> SqliteMetaStore::find(const std::string& key) {
  SqliteStatement row(connection_,
                      "SELECT key, value, create_revision, mod_revision, checksum FROM entries WHERE key = ?");
  const bool found = row.bind(key).step();
  if (row.code() != SQLITE_OK) return failure(row.code(), "reading");
  if (!found) return std::optional<Entry>();
  JADE_ASSIGN_OR_RETURN(Entry entry, entry_of(row));
  return std::optional(std::move(entry));
}

Result<RangeResult> SqliteMetaStore::range(const RangeRequest& request) {
  const MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(end_transaction());
  RangeResult result{.entries = {}, .more = false, .revision = state_.revision};
  if (!request.is_prefix) {
    JADE_ASSIGN_OR_RETURN(std::optional<Entry> entry, find(request.key));
    if (entry) result.entries.push_back(*std::move(entry));
    return result;
  }
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 62;
  const std::uint64_t limit = request.limit == 0 ? kUnlimited : std::min(request.limit, kUnlimited);
  const std::string end = end_of_prefix(request.key);
  const std::string after = request.after.value_or("");
  SqliteStatement rows(connection_,
                       "SELECT key, value, create_revision, mod_revision, checksum FROM entries"
                       " WHERE key >= ? AND key < ? AND key > ? ORDER BY key LIMIT ?");
  rows.bind(request.key).bind(end).bind(after).bind(limit + 1);
  while (rows.step()) {
    if (result.entries.size() == limit) {
      result.more = true;
      break;
    }
    JADE_ASSIGN_OR_RETURN(Entry entry, entry_of(rows));
    result.entries.push_back(std::move(entry));
  }
  if (rows.code() != SQLITE_OK) return failure(rows.code(), "reading");
  return result;
}

Result<TxnResult> SqliteMetaStore::txn(std::span<const Compare> compares, std::span<const Operation> operations) {
  const MutexLock lock(mutex_);
  JADE_RETURN_IF_ERROR(check_operations(operations));
  if (vfs_->broken()) return read_only_error("an earlier write failed");
  auto result = run_txn(compares, operations);
  // Where this fails, for want of memory, the next call does it.
  [[maybe_unused]] const auto ended = end_transaction();
  if (!result.ok()) return vfs_->broken() ? read_only_error(result.error().message()) : std::move(result).error();
  if (result->succeeded) empty_log();
  return result;
}

Result<TxnResult> SqliteMetaStore::run_txn(std::span<const Compare> compares, std::span<const Operation> operations) {
  JADE_RETURN_IF_ERROR(end_transaction());
  JADE_RETURN_IF_ERROR(execute("BEGIN IMMEDIATE"));
  JADE_ASSIGN_OR_RETURN(const bool holds, all_hold(compares));
  if (!holds) return TxnResult{.succeeded = false, .revision = state_.revision};
  State next = state_;
  JADE_RETURN_IF_ERROR(apply(operations, next));
  if (next.revision != state_.revision) {
    JADE_RETURN_IF_ERROR(write_state(next));
    JADE_RETURN_IF_ERROR(execute("COMMIT"));
    state_ = next;
  }
  return TxnResult{.succeeded = true, .revision = state_.revision};
}

Result<void> SqliteMetaStore::end_transaction() {
  if (sqlite3_get_autocommit(connection_) != 0) return {};
  return execute("ROLLBACK");
}

Result<bool> SqliteMetaStore::holds(const Compare& compare) {
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> entry, find(compare.key));
  if (compare.kind == Compare::Kind::kExists) return entry.has_value();
  if (compare.kind == Compare::Kind::kAbsent) return !entry.has_value();
  return entry.has_value() && entry->mod_revision == compare.mod_revision;
}

Result<bool> SqliteMetaStore::all_hold(std::span<const Compare> compares) {
  for (const Compare& compare : compares) {
    JADE_ASSIGN_OR_RETURN(const bool held, holds(compare));
    if (!held) return false;
  }
  return true;
}

Result<void> SqliteMetaStore::apply(std::span<const Operation> operations, State& state) {
  for (const Operation& operation : operations) {
    if (operation.kind == Operation::Kind::kPut) {
      JADE_RETURN_IF_ERROR(put(operation, state));
    } else {
      JADE_RETURN_IF_ERROR(remove(operation.key, state));
    }
  }
  return {};
}

Result<void> SqliteMetaStore::put(const Operation& operation, State& state) {
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> old, find(operation.key));
  state.revision = state_.revision + 1;
  const Entry entry{.key = operation.key,
                    .value = operation.value,
                    .create_revision = old ? old->create_revision : state.revision,
                    .mod_revision = state.revision};
  if (old) {
    state.digest -= checksum_of(*old);
  } else {
    ++state.entries;
  }
  const std::uint64_t checksum = checksum_of(entry);
  state.digest += checksum;
  SqliteStatement row(connection_, "REPLACE INTO entries VALUES (?, ?, ?, ?, ?)");
  row.bind(entry.key).bind(entry.value).bind(entry.create_revision).bind(entry.mod_revision).bind(checksum);
  if (row.run() != SQLITE_OK) return failure(row.code(), "writing");
  return {};
}

Result<void> SqliteMetaStore::remove(const std::string& key, State& state) {
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> old, find(key));
  if (!old) return {};
  state.revision = state_.revision + 1;
  --state.entries;
  state.digest -= checksum_of(*old);
  SqliteStatement row(connection_, "DELETE FROM entries WHERE key = ?");
  if (row.bind(key).run() != SQLITE_OK) return failure(row.code(), "writing");
  return {};
}

std::uint64_t SqliteMetaStore::revision() const {
  const MutexLock lock(mutex_);
  return state_.revision;
}

void SqliteMetaStore::empty_log() {
  // What is committed is durable in the log already. If this fails the log stays, and either the next call empties it
  // or the files are broken and the store is read-only.
  sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
  vfs_->take_error();
}

Error SqliteMetaStore::failure(int sqlite_code, const char* doing) {
  const std::string context = std::string(doing) + " the control store " + path_;
  auto file_error = vfs_->take_error();
  if (file_error) return std::move(*file_error).in_context(context);
  if (sqlite_code == SQLITE_NOMEM) return Error(ErrorCode::kInternal, context + ": out of memory");
  // Our statements are right, so what they are run on is not.
  return Error(ErrorCode::kDataCorrupted, context + ": " + sqlite3_errmsg(connection_));
}

}  // namespace jade::meta
