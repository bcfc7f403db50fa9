#include "engine/local_store.h"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/crockford.h"
#include "base/logging.h"
#include "engine/directory_removal.h"
#include "engine/machine.h"
#include "engine/validation.h"
#include "meta/sqlite_meta_store.h"

namespace jade::engine {
namespace {

constexpr std::string_view kIdPrefix = "db:";

Error not_found(std::string_view database) {
  return Error(ErrorCode::kDatabaseNotFound, "there is no database '" + std::string(database) + "'");
}

DatabaseKey new_key(Random& random) {
  DatabaseKey key;
  random.fill(key);
  return key;
}

}  // namespace

LocalStore::LocalStore(const StoreEnvironment& environment, std::string directory, LocalStoreOptions options,
                       std::unique_ptr<io::FileLock> lock, std::unique_ptr<meta::MetaStore> meta_store,
                       LogService log_service, std::vector<std::byte> signing_key)
    : environment_(environment),
      directory_(std::move(directory)),
      options_(std::move(options)),
      budget_(options_.memory_budget_bytes == 0 ? default_memory_budget(environment.files)
                                                : options_.memory_budget_bytes),
      signing_key_(std::move(signing_key)),
      lock_(std::move(lock)),
      meta_store_(std::move(meta_store)),
      catalog_(std::make_unique<meta::Catalog>(*meta_store_, environment.random)),
      log_service_(std::move(log_service)) {}

LocalStore::~LocalStore() { (void)close().ok(); }

Result<LocalStore::LogService> LocalStore::start_log_service(const StoreEnvironment& environment,
                                                             const std::string& directory,
                                                             std::uint64_t reserve_bytes) {
  LogService service;
  if (reserve_bytes > 0) {
    service.reserve =
        std::make_unique<storage::DiskReserve>(environment.files, io::join_path(directory, "reserve"), reserve_bytes);
    // Without room for it only what makes room is written; any other failure leaves the store without a reserve.
    if (const Result<void> made = service.reserve->restore(); !made.ok()) {
      log_warn("no_disk_reserve", {{"directory", directory}, {"reason", made.error().message()}});
    }
  }
  JADE_ASSIGN_OR_RETURN(service.writer,
                        storage::LogWriter::start(environment.clock, {.reserve = service.reserve.get()}));
  return service;
}

Result<std::unique_ptr<LocalStore>> LocalStore::open(const StoreEnvironment& environment, std::string directory,
                                                     LocalStoreOptions options) {
  io::FileSystem& files = environment.files;
  const std::string databases = io::join_path(directory, "databases");
  JADE_RETURN_IF_ERROR(files.create_directories(directory));
  Result<std::unique_ptr<io::FileLock>> lock =
      files.lock(io::join_path(directory, "LOCK"), "pid " + std::to_string(::getpid()));
  if (!lock.ok()) {
    return std::move(lock).error().in_context("the data directory '" + directory + "' is in use by another process");
  }
  JADE_RETURN_IF_ERROR(files.create_directories(databases));
  JADE_RETURN_IF_ERROR(files.sync_directory(directory));
  JADE_RETURN_IF_ERROR(files.sync_directory(io::parent_path(directory)));

  const std::string meta_path = io::join_path(directory, "meta.sqlite");
  JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> meta_file, files.stat(meta_path));
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> found, files.list(databases));
  if (!meta_file && !found.empty()) {
    // Missing is not empty: a new MetaStore would hide the databases that are there.
    return Error(ErrorCode::kDataCorrupted,
                 meta_path + " is missing although " + databases + " holds databases; restore it from a backup");
  }
  const meta::SqliteMetaStore::Environment meta_environment{
      .file_system = files, .clock = environment.clock, .random = environment.random};
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<meta::MetaStore> meta_store,
                        meta_file ? meta::SqliteMetaStore::open(meta_environment, meta_path)
                                  : meta::SqliteMetaStore::create(meta_environment, meta_path));
  JADE_ASSIGN_OR_RETURN(const meta::SigningKey signing_key,
                        meta::Catalog(*meta_store, environment.random).signing_key());
  JADE_ASSIGN_OR_RETURN(LogService log_service, start_log_service(environment, directory, options.disk_reserve_bytes));
  return std::unique_ptr<LocalStore>(new LocalStore(environment, std::move(directory), std::move(options),
                                                    *std::move(lock), std::move(meta_store), std::move(log_service),
                                                    {signing_key.begin(), signing_key.end()}));
}

DatabaseEnvironment LocalStore::database_environment() {
  return {.files = environment_.files,
          .clock = environment_.clock,
          .random = environment_.random,
          .compute = environment_.compute,
          .background = environment_.background,
          .log_writer = *log_service_.writer,
          .budget = budget_,
          .flush_bytes = std::min(options_.flush_bytes, std::max<std::uint64_t>(budget_.limit_bytes() / 8, 1)),
          .decorate_shard = options_.decorate_shard};
}

std::string LocalStore::databases_directory() const { return io::join_path(directory_, "databases"); }

std::string LocalStore::directory_of(const DatabaseKey& key) const {
  return io::join_path(databases_directory(), crockford_encode(key));
}

Result<void> LocalStore::check_going_on() const {
  if (closing_.load(std::memory_order_acquire)) return Error(ErrorCode::kCancelled, "the store is being closed");
  return {};
}

void LocalStore::set_progress(double fraction) {
  percent_.store(static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100), std::memory_order_relaxed);
}

LocalStore::Entry LocalStore::open_entry(const meta::DatabaseRow& row, double done_before, double share) {
  Entry entry{.key = row.key, .database = nullptr, .failure = std::nullopt};
  Result<std::shared_ptr<LocalDatabase>> database =
      LocalDatabase::open(database_environment(), directory_of(row.key), row.name, row.key, [&](double fraction) {
        set_progress(done_before + share * fraction);
        return check_going_on();
      });
  if (!database.ok()) {
    entry.failure = std::move(database).error().in_context("the database '" + row.name + "' could not be opened");
    return entry;
  }
  entry.database = *std::move(database);
  const storage::LogRecovery& recovery = entry.database->recovery();
  if (recovery.torn_bytes > 0) {
    log_warn("log_tail_cut", {{"database", row.name},
                              {"torn_bytes", static_cast<std::int64_t>(recovery.torn_bytes)},
                              {"kept_in", recovery.quarantined.empty() ? "" : recovery.quarantined.front()}});
  }
  log_info("database_opened", {{"database", row.name}, {"records", static_cast<std::int64_t>(recovery.records)}});
  return entry;
}

void LocalStore::report_unlisted(const std::vector<meta::DatabaseRow>& rows) {
  std::set<std::string> listed;
  for (const meta::DatabaseRow& row : rows) listed.insert(crockford_encode(row.key));
  const Result<std::vector<std::string>> found = environment_.files.list(databases_directory());
  if (!found.ok()) return;
  for (const std::string& name : *found) {
    if (!listed.contains(name)) {
      log_warn("unlisted_directory", {{"path", io::join_path(databases_directory(), name)},
                                      {"meaning", "left by an unfinished create or delete; kept, not used"}});
    }
  }
}

Result<void> LocalStore::load() {
  JADE_ASSIGN_OR_RETURN(const meta::DatabaseList list, catalog_->list("", 0));
  const std::vector<meta::DatabaseRow>& rows = list.rows;
  report_unlisted(rows);
  const double share = 1.0 / static_cast<double>(std::max<std::size_t>(rows.size(), 1));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    JADE_RETURN_IF_ERROR(check_going_on());
    Entry entry = open_entry(rows[i], share * static_cast<double>(i), share);
    // Told to stop: that is no fault of the database.
    JADE_RETURN_IF_ERROR(check_going_on());
    if (entry.failure) {
      log_error("database_not_opened", {{"database", rows[i].name}, {"reason", entry.failure->message()}});
    }
    const MutexLock lock(entries_mutex_);
    entries_.insert_or_assign(rows[i].name, std::move(entry));
  }
  set_progress(1.0);
  ready_.store(true, std::memory_order_release);
  return {};
}

Result<void> LocalStore::close() {
  const MutexLock admin(admin_mutex_);
  if (closed_) return {};
  closed_ = true;
  stop_loading();
  ready_.store(false, std::memory_order_release);
  Entries entries;
  {
    const MutexLock lock(entries_mutex_);
    entries.swap(entries_);
  }
  Result<void> first_failure;
  for (auto& [name, entry] : entries) {
    if (entry.database == nullptr) continue;
    Result<void> closed = entry.database->close();
    if (!closed.ok() && first_failure.ok()) first_failure = std::move(closed).error().in_context("closing " + name);
  }
  catalog_.reset();
  meta_store_.reset();
  lock_.reset();
  return first_failure;
}

StoreHealth LocalStore::health() const {
  StoreHealth health{.ready = ready_.load(std::memory_order_acquire),
                     .phase = "replay",
                     .percent = percent_.load(std::memory_order_relaxed),
                     .reasons = {}};
  if (!health.ready) return health;
  health.phase = "ready";
  const MutexLock lock(entries_mutex_);
  for (const auto& [name, entry] : entries_) {
    if (entry.failure) {
      health.reasons.push_back(entry.failure->message());
    } else if (const auto reason = entry.database->read_only_reason()) {
      health.reasons.push_back("the database '" + name + "' takes no writes: " + *reason);
    }
  }
  return health;
}

LocalStore::Entries::const_iterator LocalStore::locate(std::string_view database) const {
  if (!database.starts_with(kIdPrefix)) return entries_.find(database);
  const Result<DatabaseKey> key = crockford_decode(database.substr(kIdPrefix.size()));
  if (!key.ok()) return entries_.end();
  return std::ranges::find_if(entries_, [&](const auto& entry) { return entry.second.key == *key; });
}

Result<std::shared_ptr<LocalDatabase>> LocalStore::find(std::string_view database) const {
  if (!ready_.load(std::memory_order_acquire)) {
    if (closing_.load(std::memory_order_acquire)) return Error(ErrorCode::kNotReady, "the store is closed");
    return Error(ErrorCode::kNotReady, "the store is replaying its log")
        .with("phase", "replay")
        .with("percent", std::int64_t{percent_.load(std::memory_order_relaxed)});
  }
  const MutexLock lock(entries_mutex_);
  const auto entry = locate(database);
  if (entry == entries_.end()) return not_found(database);
  if (entry->second.failure) return *entry->second.failure;
  return entry->second.database;
}

template <class T>
void LocalStore::in_background(const RequestContext& context, std::move_only_function<Result<T>()> work,
                               Callback<T> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  // Shared, so that a refused task leaves the callback to be told.
  auto shared_done = std::make_shared<Callback<T>>(std::move(done));
  Result<void> queued = environment_.background.submit(
      [work = std::move(work), shared_done]() mutable { (*shared_done)(work()); }, Priority::kHigh);
  if (!queued.ok()) (*shared_done)(std::move(queued).error());
}

void LocalStore::create_database(const RequestContext& context, std::string name, DatabaseOptions options,
                                 Callback<DatabaseInfo> done) {
  in_background<DatabaseInfo>(
      context, [this, name = std::move(name), options = std::move(options)] { return create_now(name, options); },
      std::move(done));
}

Result<DatabaseInfo> LocalStore::create_now(const std::string& name, const DatabaseOptions& options) {
  JADE_RETURN_IF_ERROR(validate_database_name(name));
  JADE_ASSIGN_OR_RETURN(storage::Definition definition, validate_options(options));
  const MutexLock admin(admin_mutex_);
  if (const auto taken = find(name); taken.ok() || taken.error().code() != ErrorCode::kDatabaseNotFound) {
    if (!taken.ok() && taken.error().code() == ErrorCode::kNotReady) return taken.error();
    return Error(ErrorCode::kAlreadyExists, "there is already a database '" + name + "'");
  }
  definition.database = new_key(environment_.random);
  definition.created_at_us = environment_.clock.wall_now().time_since_epoch().count();
  definition.updated_at_us = definition.created_at_us;
  const std::string directory = directory_of(definition.database);
  // The directory first and durable, then the row: a row never names what is not there.
  Result<std::shared_ptr<LocalDatabase>> database =
      LocalDatabase::create(database_environment(), directory, name, definition);
  if (!database.ok()) {
    (void)remove_directory(environment_.files, directory).ok();
    return std::move(database).error();
  }
  Result<void> row =
      catalog_->create_database({.name = name, .key = definition.database, .created_at_us = definition.created_at_us});
  if (!row.ok()) {
    (void)(*database)->close().ok();
    // Whatever else failed, the row may be there at the next start: then the database is, too. A directory without a
    // row is reported at that start.
    if (row.error().code() == ErrorCode::kAlreadyExists) (void)remove_directory(environment_.files, directory).ok();
    return std::move(row).error();
  }
  log_info("database_created", {{"database", name}, {"id", (*database)->info().id}});
  const MutexLock lock(entries_mutex_);
  entries_.insert_or_assign(name, Entry{definition.database, *database, std::nullopt});
  return (*database)->info();
}

void LocalStore::delete_database(const RequestContext& context, std::string_view database, Callback<void> done) {
  in_background<void>(context, [this, name = std::string(database)] { return delete_now(name); }, std::move(done));
}

Result<void> LocalStore::delete_now(const std::string& database) {
  const MutexLock admin(admin_mutex_);
  if (!ready_.load(std::memory_order_acquire)) return find(database).error();
  std::string name;
  Entry entry;
  {
    const MutexLock lock(entries_mutex_);
    const auto found = locate(database);
    if (found == entries_.end()) return not_found(database);
    name = found->first;
    entry = found->second;
  }
  // The row first: if the files outlive a crash, they are reported, not served.
  JADE_RETURN_IF_ERROR(catalog_->remove_database(entry.key));
  {
    const MutexLock lock(entries_mutex_);
    entries_.erase(name);
  }
  if (entry.database != nullptr) (void)entry.database->close().ok();
  log_info("database_deleted", {{"database", name}});
  return remove_directory(environment_.files, directory_of(entry.key));
}

Result<DatabaseInfo> LocalStore::describe_database(const RequestContext& context, std::string_view database) const {
  JADE_RETURN_IF_ERROR(context.cancellation->check());
  JADE_ASSIGN_OR_RETURN(const std::shared_ptr<LocalDatabase> found, find(database));
  return found->info();
}

Result<std::vector<DatabaseInfo>> LocalStore::list_databases(const RequestContext& context, std::string_view after,
                                                             std::size_t limit) const {
  JADE_RETURN_IF_ERROR(context.cancellation->check());
  if (!ready_.load(std::memory_order_acquire)) return find("").error();
  std::vector<DatabaseInfo> list;
  const MutexLock lock(entries_mutex_);
  for (auto entry = entries_.upper_bound(after); entry != entries_.end() && list.size() < limit; ++entry) {
    if (entry->second.database != nullptr) {
      list.push_back(entry->second.database->info());
    } else {
      list.push_back({.id = std::string(kIdPrefix) + crockford_encode(entry->second.key),
                      .name = entry->first,
                      .options = {},
                      .failure = entry->second.failure->message()});
    }
  }
  return list;
}

}  // namespace jade::engine
