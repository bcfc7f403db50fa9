#include "engine/local_shard.h"

#include <algorithm>
#include <utility>

#include "base/crockford.h"
#include "base/logging.h"
#include "engine/row_store.h"

namespace jade::engine {
namespace {

// What a row costs beside its id, metadata and vectors: the row itself, its id's place in the map.
constexpr std::uint64_t kRowBytes = sizeof(Row) + 32;

using Fields = std::vector<storage::VectorFieldDefinition>;

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

std::uint64_t graph_bytes_of(const storage::VectorFieldDefinition& field) {
  return field.index.type == IndexType::kFlat ? 0 : (2 * field.index.m + 4) * sizeof(std::uint32_t);
}

/// Memory that a row will take, graph included: counted the same when it is accepted and when it is replayed.
std::uint64_t row_bytes(const Fields& fields, std::size_t id_bytes, std::size_t metadata_bytes, std::size_t vectors,
                        std::size_t vector_bytes) {
  std::uint64_t graph_bytes = 0;
  for (const auto& field : fields) graph_bytes = std::max(graph_bytes, graph_bytes_of(field));
  return kRowBytes + id_bytes + metadata_bytes + vector_bytes + vectors * (graph_bytes + 16);
}

std::uint64_t write_bytes(const Fields& fields, const storage::WriteBatch& batch) {
  std::uint64_t total = 0;
  for (const storage::RowWrite& row : batch.rows) {
    if (row.kind == storage::WriteKind::kDelete) continue;
    std::size_t vector_bytes = 0;
    for (const storage::VectorValue& vector : row.vectors) vector_bytes += vector.bytes.size();
    total +=
        row_bytes(fields, row.id.size(), row.metadata ? row.metadata->size() : 0, row.vectors.size(), vector_bytes);
  }
  return total;
}

std::uint64_t write_bytes(const Fields& fields, const storage::WriteBatchView& batch) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const storage::RowWriteView row = batch.row(i);
    if (row.kind == storage::WriteKind::kDelete) continue;
    std::size_t vector_bytes = 0;
    for (const auto& vector : row.vectors) vector_bytes += vector.bytes.size();
    total +=
        row_bytes(fields, row.id.size(), row.metadata ? row.metadata->size() : 0, row.vectors.size(), vector_bytes);
  }
  return total;
}

}  // namespace

LocalShard::LocalShard(ShardId id, const storage::Definition& definition, const ShardEnvironment& environment)
    : id_(id),
      definition_version_(definition.version),
      database_id_("db:" + crockford_encode(definition.database)),
      environment_(environment),
      fields_(definition.vectors),
      state_(definition),
      files_(id, environment.files),
      indexer_(state_, environment.clock),
      worker_([this] { return has_work(); }, [this] { return work_a_while(); }, environment.background) {}

LocalShard::~LocalShard() { stop(); }

Result<void> LocalShard::replay(const storage::LogRecord& record) {
  {
    const MutexLock lock(mutex_);
    last_commit_time_us_ = std::max(last_commit_time_us_, record.commit_time_us);
  }
  if (record.sequence <= flushed_upto_) return {};
  JADE_RETURN_IF_ERROR(state_.apply(record.sequence, record.commit_time_us, record.payload));
  JADE_ASSIGN_OR_RETURN(const storage::WriteBatchView batch, storage::WriteBatchView::parse(record.payload));
  const std::uint64_t bytes = write_bytes(fields_, batch);
  hold(bytes);
  {
    const MutexLock lock(mutex_);
    count({record.sequence, bytes, record.payload.size()});
  }
  if (growing_is_full()) freeze();
  return {};
}

std::optional<std::string> LocalShard::failure() const {
  const MutexLock lock(mutex_);
  return failed_ ? std::optional(failed_->message()) : std::nullopt;
}

void LocalShard::start() { worker_.notify(); }

void LocalShard::stop() {
  const auto wait_until_idle = [this] {
    MutexLock lock(mutex_);
    while (applying_ || !pending_.empty()) idle_.wait(lock);
  };
  wait_until_idle();
  worker_.stop();
  // What the worker's last piece left to be done between records.
  wait_until_idle();
}

void LocalShard::apply(const RequestContext& context, ApplyRequest request, Callback<ApplyResponse> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  if (request.definition_version != definition_version_) {
    return done(Error(ErrorCode::kInternal, "the rows were validated against another definition"));
  }
  std::optional<Result<ApplyResponse>> refused;
  {
    const MutexLock lock(mutex_);
    refused = take(std::move(request), done);
  }
  if (!refused) return;
  // What it was refused for may be work that stopped at an error.
  worker_.notify();
  done(*std::move(refused));
}

std::optional<Result<ApplyResponse>> LocalShard::take(ApplyRequest request, Callback<ApplyResponse>& done) {
  const bool atomic = request.atomic;
  Result<Decision> decision = decide(std::move(request));
  if (!decision.ok()) return std::move(decision).error();
  if (decision->accepted.rows.empty() || (atomic && decision->any_refused)) {
    for (RowResult& row : decision->rows) row.outcome = RowOutcome::kRefused;
    return ApplyResponse{Sequence(0), std::move(decision->rows)};
  }
  if (Result<void> accepted = accept(*std::move(decision), done); !accepted.ok()) return std::move(accepted).error();
  return std::nullopt;
}

bool LocalShard::exists(const std::string& id, const Decision& decision, const ShardView& applied) const {
  if (const auto here = decision.exists.find(id); here != decision.exists.end()) return here->second;
  if (const auto waiting = expected_.find(id); waiting != expected_.end()) return waiting->second.back().exists;
  return applied.find(id).exists();
}

Result<LocalShard::Decision> LocalShard::decide(ApplyRequest request) {
  // A write that is applied while this decides is still expected: forgetting it needs the mutex.
  const std::shared_ptr<const ShardView> applied = state_.view();
  Decision decision;
  decision.rows.reserve(request.rows.size());
  decision.accepted.rows.reserve(request.rows.size());
  for (RowApply& row : request.rows) {
    const bool before = exists(row.write.id, decision, *applied);
    if (before && row.precondition == Precondition::kMustNotExist) {
      decision.rows.push_back({RowOutcome::kRefused, ErrorCode::kAlreadyExists});
      decision.any_refused = true;
      continue;
    }
    if (!before && row.precondition == Precondition::kMustExist) {
      decision.rows.push_back({RowOutcome::kRefused, ErrorCode::kVectorNotFound});
      decision.any_refused = true;
      continue;
    }
    const bool deletes = row.write.kind == storage::WriteKind::kDelete;
    decision.rows.push_back({deletes  ? RowOutcome::kDeleted
                             : before ? RowOutcome::kUpdated
                                      : RowOutcome::kCreated,
                             {}});
    decision.exists[row.write.id] = !deletes;
    decision.accepted.rows.push_back(std::move(row.write));
  }
  // What was not found in a damaged segment may be there.
  JADE_RETURN_IF_ERROR(applied->whole());
  return decision;
}

Result<void> LocalShard::accept(Decision decision, Callback<ApplyResponse>& done) {
  if (failed_) return *failed_;
  auto pending = std::make_shared<Pending>();
  pending->payload = storage::encode_write_batch(decision.accepted);
  pending->response.rows = std::move(decision.rows);
  const std::uint64_t bytes = write_bytes(fields_, decision.accepted);
  if (Result<void> room = environment_.budget.reserve(bytes); !room.ok()) {
    if (flush_queue_.empty()) return room;
    return Error(ErrorCode::kOverloaded, "the memory budget is used up until earlier rows are in files");
  }
  reserved_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  pending->reserved_bytes = bytes;
  // Commit times never go back, whatever the clock does.
  last_commit_time_us_ = std::max(last_commit_time_us_ + 1, micros(environment_.clock.wall_now()));
  pending->commit_time_us = last_commit_time_us_;
  const bool only_deletes = std::ranges::all_of(
      decision.accepted.rows, [](const storage::RowWrite& row) { return row.kind == storage::WriteKind::kDelete; });
  // What the log has taken must be pending, so that nothing here takes memory after it has.
  Result<Sequence> sequence = Sequence(0);
  try {
    announce(pending, decision);
    sequence = append(pending, only_deletes);
  } catch (...) {
    withdraw(*pending);
    throw;
  }
  if (!sequence.ok()) {
    withdraw(*pending);
    return std::move(sequence).error();
  }
  pending->sequence = pending->response.version = *sequence;
  pending->done = std::move(done);
  return {};
}

void LocalShard::announce(const std::shared_ptr<Pending>& pending, const Decision& decision) {
  pending_.push_back(pending);
  for (const auto& [id, exists_after] : decision.exists) {
    pending->ids.push_back(id);
    expected_[id].push_back({.commit_time_us = pending->commit_time_us, .exists = exists_after});
  }
}

void LocalShard::withdraw(Pending& pending) {
  if (!pending_.empty() && pending_.back().get() == &pending) pending_.pop_back();
  forget(pending);
  give_back(pending.reserved_bytes);
}

Result<Sequence> LocalShard::append(const std::shared_ptr<Pending>& pending, bool only_deletes) {
  return environment_.log.append({.type = storage::RecordType::kWriteBatch,
                                  .shard = id_,
                                  .definition_version = definition_version_,
                                  .commit_time_us = pending->commit_time_us,
                                  .payload = pending->payload,
                                  .may_use_reserve = only_deletes},
                                 [this, pending](Result<void> result) { on_durable(pending, std::move(result)); });
}

void LocalShard::on_durable(const std::shared_ptr<Pending>& pending, Result<void> result) {
  {
    const MutexLock lock(mutex_);
    // Its position will be another record's: nothing may be decided from it from here on.
    if (!result.ok() && result.error().code() == ErrorCode::kStorageFull) forget(*pending);
    pending->durable = std::move(result);
  }
  start_applying();
}

void LocalShard::between_records(std::move_only_function<void()> task) {
  {
    const MutexLock lock(mutex_);
    between_records_.push_back(std::move(task));
  }
  start_applying();
}

void LocalShard::start_applying() {
  {
    const MutexLock lock(mutex_);
    if (applying_) return;
    applying_ = true;
  }
  // What is durable must be applied: with nobody to hand it to, this thread does it.
  if (!environment_.compute.submit([this] { apply_durable(); }, Priority::kHigh).ok()) apply_durable();
}

void LocalShard::apply_durable() {
  while (true) {
    std::shared_ptr<Pending> next;
    std::move_only_function<void()> task;
    {
      const MutexLock lock(mutex_);
      if (!between_records_.empty()) {
        task = std::move(between_records_.front());
        between_records_.pop_front();
      } else if (!pending_.empty() && pending_.front()->durable) {
        next = pending_.front();
      } else {
        applying_ = false;
        idle_.notify_all();
        return;
      }
    }
    if (task) {
      task();
    } else {
      answer(*next);
    }
  }
}

void LocalShard::answer(Pending& pending) {
  Result<void> outcome = *pending.durable;
  // Without room it is not in the log, and all goes on; after any other failure it may be.
  bool fatal = !outcome.ok() && outcome.error().code() != ErrorCode::kStorageFull;
  if (outcome.ok()) {
    outcome = state_.apply(pending.sequence, pending.commit_time_us, pending.payload);
    fatal = !outcome.ok();
    // It is durable and will be there after a restart, whatever was missing now.
    if (fatal) {
      outcome = Error(ErrorCode::kStoreReadOnly, "a durable write could not be applied: " + outcome.error().message());
    }
  }
  if (fatal) fail(outcome.error());
  {
    const MutexLock lock(mutex_);
    pending_.pop_front();
    forget(pending);
    if (outcome.ok()) count({pending.sequence, pending.reserved_bytes, pending.payload.size()});
  }
  if (!outcome.ok()) {
    give_back(pending.reserved_bytes);
    return pending.done(std::move(outcome).error());
  }
  if (growing_is_full()) freeze();
  worker_.notify();
  pending.done(std::move(pending.response));
}

void LocalShard::fail(const Error& reason) {
  const MutexLock lock(mutex_);
  if (failed_) return;
  failed_ = Error(ErrorCode::kStoreReadOnly, "an earlier write failed: " + reason.message());
  log_error(
      "database_read_only",
      {{"database_id", database_id_}, {"shard", static_cast<std::int64_t>(id_.value())}, {"reason", reason.message()}});
}

void LocalShard::forget(Pending& pending) {
  for (const std::string& id : std::exchange(pending.ids, {})) {
    const auto found = expected_.find(id);
    // Where there was no memory for it, it was not noted, or in part.
    if (found == expected_.end()) continue;
    std::erase_if(found->second, [&](const Expected& one) { return one.commit_time_us == pending.commit_time_us; });
    if (found->second.empty()) expected_.erase(found);
  }
}

void LocalShard::count(const Applied& applied) {
  if (growing_first_ == 0) growing_first_ = applied.sequence.value();
  growing_bytes_ += applied.memory_bytes;
  growing_log_bytes_ += applied.log_bytes;
}

void LocalShard::hold(std::uint64_t bytes) {
  environment_.budget.add(bytes);
  reserved_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void LocalShard::give_back(std::uint64_t bytes) {
  environment_.budget.release(bytes);
  reserved_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
}

Result<StoredRecord> LocalShard::stored_record(const ShardView& view, RowRef ref, bool with_vectors,
                                               bool with_metadata) const {
  const Segment& segment = view.segment(ref.segment);
  const RowInfo row = segment.row(ref.row);
  StoredRecord record{.id = std::string(row.id),
                      .version = Sequence(row.begin),
                      .created_at_us = row.created_at_us,
                      .updated_at_us = row.updated_at_us,
                      .vectors = {},
                      .metadata = {}};
  if (with_metadata) {
    JADE_ASSIGN_OR_RETURN(std::string metadata, segment.metadata(ref.row));
    if (!metadata.empty()) record.metadata = std::move(metadata);
  }
  if (with_vectors) {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const SlotId slot = segment.slot(ref.row, i);
      if (slot == kNoSlot) continue;
      const index::VectorArena& arena = segment.field(i).arena();
      arena.touch(slot, 1);
      const std::byte* bytes = arena.vector(slot);
      record.vectors.push_back({fields_[i].id, {bytes, bytes + arena.vector_bytes()}});
    }
  }
  JADE_RETURN_IF_ERROR(segment.whole());
  return record;
}

void LocalShard::get(const RequestContext& context, GetRequest request, Callback<GetResponse> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  done(get_from(*state_.view(), request));
}

Result<GetResponse> LocalShard::get_from(const ShardView& view, const GetRequest& request) const {
  GetResponse response;
  response.records.resize(request.ids.size());
  for (std::size_t i = 0; i < request.ids.size(); ++i) {
    const RowRef row = view.find(request.ids[i]);
    if (!row.exists()) continue;
    JADE_ASSIGN_OR_RETURN(response.records[i],
                          stored_record(view, row, request.include_vectors, request.include_metadata));
  }
  JADE_RETURN_IF_ERROR(view.whole());
  return response;
}

void LocalShard::search(const RequestContext& context, SearchRequest request, Callback<SearchResponse> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  const std::shared_ptr<const ShardView> view = state_.view();
  done(search_view(*view, request, *context.cancellation));
}

void LocalShard::stats(const RequestContext& context, StatsRequest, Callback<StatsResponse> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  const std::shared_ptr<const ShardView> pinned = state_.view();
  const ShardView& view = *pinned;
  StatsResponse response{.live_rows = view.live_rows, .deleted_rows = view.rows() - view.live_rows, .fields = {}};
  for (const storage::VectorFieldDefinition& field : fields_) {
    response.fields.push_back({.field = field.id, .indexed_per_second = indexer_.rows_per_second()});
  }
  for (std::size_t at = 0; at < view.segments(); ++at) {
    const Segment& segment = view.segment(at);
    response.record_bytes += segment.record_bytes();
    response.id_map_bytes += segment.id_map_bytes();
    response.segment_file_bytes += segment.file_bytes();
    response.sealed_segments += segment.file_bytes() > 0 ? 1 : 0;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
      const VectorField& field = segment.field(i);
      FieldStats& stats = response.fields[i];
      stats.slots += view.slots(at, i);
      stats.indexed += std::min(field.indexed(), view.slots(at, i));
      stats.pending += field.pending();
      stats.vector_bytes += field.arena().memory_bytes();
      stats.graph_bytes += field.graph_bytes();
    }
  }
  done(std::move(response));
}

}  // namespace jade::engine
