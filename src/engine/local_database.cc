#include "engine/local_database.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/crockford.h"
#include "base/logging.h"
#include "engine/routing.h"
#include "engine/scatter.h"
#include "engine/token.h"
#include "engine/validation.h"
#include "storage/manifest.h"

namespace jade::engine {
namespace {

// How many full growing segments the log may have room for: a start replays it.
constexpr std::uint64_t kLogFlushes = 4;

std::string manifest_path(const std::string& directory) { return io::join_path(directory, "manifest"); }
std::string log_directory(const std::string& directory) { return io::join_path(directory, "log"); }
std::string segments_directory(const std::string& directory) { return io::join_path(directory, "segments"); }

}  // namespace

LocalDatabase::LocalDatabase(const DatabaseEnvironment& environment, std::string directory, std::string name,
                             storage::Manifest manifest, std::unique_ptr<storage::Log> log,
                             storage::LogRecovery recovery)
    : environment_(environment),
      directory_(std::move(directory)),
      name_(std::move(name)),
      definition_(manifest.definition),
      recovery_(std::move(recovery)),
      manifest_(environment.files, manifest_path(directory_), std::move(manifest), environment.random),
      log_(std::move(log)) {
  const ShardEnvironment shard_environment{.clock = environment_.clock,
                                           .compute = environment_.compute,
                                           .background = environment_.background,
                                           .budget = environment_.budget,
                                           .log = *log_,
                                           .files = {.files = environment_.files,
                                                     .directory = segments_directory(directory_),
                                                     .definition = definition_,
                                                     .manifest = manifest_,
                                                     .random = environment_.random},
                                           .flush_bytes = environment_.flush_bytes,
                                           .first_needed = [this](ShardId flushing) { return first_needed(flushing); },
                                           .flushed = [this] { trim_log(); }};
  for (std::uint32_t i = 0; i < definition_.num_shards; ++i) {
    shards_.push_back(std::make_unique<LocalShard>(ShardId(i), definition_, shard_environment));
    if (environment_.decorate_shard) {
      decorators_.push_back(environment_.decorate_shard(*shards_.back()));
      services_.push_back(decorators_.back().get());
    } else {
      services_.push_back(shards_.back().get());
    }
  }
}

Result<std::shared_ptr<LocalDatabase>> LocalDatabase::create(const DatabaseEnvironment& environment,
                                                             std::string directory, std::string name,
                                                             storage::Definition definition) {
  io::FileSystem& files = environment.files;
  JADE_RETURN_IF_ERROR(files.create_directories(directory));
  JADE_RETURN_IF_ERROR(files.sync_directory(io::parent_path(directory)));
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<storage::Log> log,
                        storage::FileLog::create(files, log_directory(directory), definition.database,
                                                 environment.log_writer, environment.random));
  JADE_RETURN_IF_ERROR(files.create_directories(segments_directory(directory)));
  JADE_RETURN_IF_ERROR(files.sync_directory(directory));
  // The manifest comes last: a directory that has one is a whole database.
  storage::Manifest manifest{.definition = std::move(definition)};
  JADE_RETURN_IF_ERROR(storage::write_manifest(files, manifest_path(directory), manifest, environment.random));
  return std::shared_ptr<LocalDatabase>(
      new LocalDatabase(environment, std::move(directory), std::move(name), std::move(manifest), std::move(log), {}));
}

Result<std::shared_ptr<LocalDatabase>> LocalDatabase::open(const DatabaseEnvironment& environment,
                                                           std::string directory, std::string name,
                                                           const DatabaseKey& key, const ReplayProgress& progress) {
  JADE_ASSIGN_OR_RETURN(std::optional<storage::Manifest> manifest,
                        storage::read_manifest(environment.files, manifest_path(directory)));
  if (!manifest) return Error(ErrorCode::kDataCorrupted, "the manifest in " + directory + " is missing");
  if (manifest->definition.database != key) {
    return Error(ErrorCode::kDataCorrupted, "the manifest in " + directory + " is another database's");
  }
  JADE_ASSIGN_OR_RETURN(storage::OpenedLog log, storage::FileLog::open(environment.files, log_directory(directory), key,
                                                                       environment.log_writer, environment.random,
                                                                       {.first_sequence = manifest->log_first_sequence,
                                                                        .epoch = manifest->epoch}));
  std::shared_ptr<LocalDatabase> database(new LocalDatabase(environment, std::move(directory), std::move(name),
                                                            *std::move(manifest), std::move(log.log),
                                                            std::move(log.recovery)));
  JADE_RETURN_IF_ERROR(remove_leftover_segments(environment.files, segments_directory(database->directory_),
                                                database->manifest_.current()));
  for (const auto& shard : database->shards_) JADE_RETURN_IF_ERROR(shard->open_segments());
  JADE_RETURN_IF_ERROR(database->replay(progress));
  for (const auto& shard : database->shards_) shard->start();
  return database;
}

Result<void> LocalDatabase::replay(const ReplayProgress& progress) {
  // Telling the progress for every record would cost more than applying small ones.
  constexpr std::uint64_t kRecordsBetweenReports = 64;
  constexpr std::uint64_t kBytesBetweenReports = std::uint64_t{1} << 20;
  std::uint64_t replayed = 0;
  std::uint64_t bytes = 0;
  return log_->read(manifest_.current().log_first_sequence, [&](const storage::LogRecord& record) -> Result<void> {
    if (record.type != storage::RecordType::kWriteBatch || record.shard.value() >= shards_.size()) {
      return Error(ErrorCode::kDataCorrupted,
                   "log record " + std::to_string(record.sequence.value()) + " is not for this database's shards");
    }
    bytes += record.payload.size();
    if (++replayed % kRecordsBetweenReports == 0 || bytes >= kBytesBetweenReports) {
      bytes = 0;
      JADE_RETURN_IF_ERROR(
          progress(static_cast<double>(replayed) / static_cast<double>(std::max<std::uint64_t>(recovery_.records, 1))));
    }
    return shards_[record.shard.value()]->replay(record);
  });
}

Result<Sequence> LocalDatabase::first_needed(ShardId flushing) const {
  // What is in files must not be in doubt in the log: its records up to there may be given up, and their numbers with
  // them.
  JADE_RETURN_IF_ERROR(log_->wait_until_durable());
  Sequence needed(std::numeric_limits<std::uint64_t>::max());
  for (const auto& shard : shards_) needed = std::min(needed, shard->first_needed(shard->id() == flushing));
  return needed;
}

void LocalDatabase::trim_log() {
  const Sequence first = manifest_.current().log_first_sequence;
  const Result<void> trimmed = log_->trim(Sequence(first.value() - 1));
  if (!trimmed.ok()) log_warn("log_not_trimmed", {{"database", name_}, {"reason", trimmed.error().message()}});
  if (log_->size_bytes() <= kLogFlushes * environment_.flush_bytes) return;
  // Some shard with few rows holds it back.
  for (const auto& shard : shards_) {
    if (shard->first_needed(false) <= first) shard->write_soon();
  }
}

LocalDatabase::~LocalDatabase() { (void)close().ok(); }

Result<void> LocalDatabase::close() {
  const MutexLock lock(close_mutex_);
  if (closed_) return *closed_;
  // The background work reads and trims the log.
  for (const auto& shard : shards_) shard->stop_background();
  // Once the log is closed every accepted write was handed back; the shards answer those, then stop.
  closed_ = log_->close();
  std::uint64_t reserved = 0;
  for (const auto& shard : shards_) {
    shard->stop();
    reserved += shard->reserved_bytes();
  }
  environment_.budget.release(reserved);
  return *closed_;
}

DatabaseInfo LocalDatabase::info() const {
  DatabaseInfo info{
      .id = "db:" + crockford_encode(definition_.database),
      .name = name_,
      .options = {.description = definition_.description, .vectors = {}, .num_shards = definition_.num_shards},
      .created_at_us = definition_.created_at_us,
      .updated_at_us = definition_.updated_at_us};
  for (const storage::VectorFieldDefinition& field : definition_.vectors) {
    info.options.vectors.push_back({field.name, {field.dimension, field.metric, field.element_type, field.index}});
  }
  return info;
}

std::optional<std::string> LocalDatabase::read_only_reason() const {
  for (const auto& shard : shards_) {
    if (auto reason = shard->failure()) return reason;
  }
  return std::nullopt;
}

void LocalDatabase::status(const RequestContext& context, Callback<DatabaseStatus> done) {
  scatter<StatsResponse>(
      environment_.compute, services_.size(),
      [this, context](std::size_t i, Callback<StatsResponse> answer) {
        services_[i]->stats(context, {}, std::move(answer));
      },
      [this, done = std::move(done)](Result<std::vector<StatsResponse>> all) mutable {
        if (!all.ok()) return done(std::move(all).error());
        DatabaseStatus status;
        for (const storage::VectorFieldDefinition& field : definition_.vectors) {
          status.indexes.push_back({.vector_name = field.name, .type = field.index.type});
        }
        for (const StatsResponse& shard : *all) {
          status.live_records += shard.live_rows;
          status.deleted_rows += shard.deleted_rows;
          status.memory_records_bytes += shard.record_bytes;
          status.memory_id_map_bytes += shard.id_map_bytes;
          status.sealed_segments += shard.sealed_segments;
          status.disk_segments_bytes += shard.segment_file_bytes;
          for (std::size_t i = 0; i < std::min(shard.fields.size(), status.indexes.size()); ++i) {
            status.memory_vectors_bytes += shard.fields[i].vector_bytes;
            status.memory_graph_bytes += shard.fields[i].graph_bytes;
            status.indexes[i].slots += shard.fields[i].slots;
            status.indexes[i].indexed += shard.fields[i].indexed;
            status.indexes[i].pending += shard.fields[i].pending;
            status.indexes[i].rows_per_second += shard.fields[i].indexed_per_second;
          }
        }
        status.disk_log_bytes = log_->size_bytes();
        status.disk_manifest_bytes = manifest_.size_bytes();
        status.writes_per_second = writes_.per_second(environment_.clock);
        status.searches_per_second = searches_.per_second(environment_.clock);
        if (auto reason = read_only_reason()) {
          status.read_only = true;
          status.read_only_reason = *std::move(reason);
        }
        done(std::move(status));
      });
}

ShardId LocalDatabase::shard_of_id(std::string_view id) const { return shard_of(id, definition_.num_shards); }

Result<void> LocalDatabase::check_token(std::string_view text) const {
  if (text.empty()) return {};
  JADE_ASSIGN_OR_RETURN(const Token token, decode_token(text));
  if (token.database != definition_.database) {
    return Error(ErrorCode::kInvalidToken, "the token is another database's");
  }
  // Answers are given after the write was applied, so every token that was given out is seen by now.
  if (token.sequence > log_->tail()) return Error(ErrorCode::kInvalidToken, "the token names a write that is not here");
  return {};
}

std::string LocalDatabase::token_for(Sequence sequence) const {
  return encode_token({.database = definition_.database, .sequence = sequence});
}

std::vector<NamedVector> LocalDatabase::to_vectors(const std::vector<storage::VectorValue>& stored) const {
  std::vector<NamedVector> vectors;
  for (const storage::VectorValue& value : stored) {
    const auto field = std::ranges::find(definition_.vectors, value.field, &storage::VectorFieldDefinition::id);
    if (field != definition_.vectors.end()) vectors.push_back({field->name, vector_data(*field, value.bytes)});
  }
  return vectors;
}

Record LocalDatabase::to_record(StoredRecord stored) const {
  return {.id = std::move(stored.id),
          .vectors = to_vectors(stored.vectors),
          .metadata = std::move(stored.metadata),
          .version = stored.version.value(),
          .created_at_us = stored.created_at_us,
          .updated_at_us = stored.updated_at_us};
}

}  // namespace jade::engine
