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

std::int64_t micros(WallTime time) { return time.time_since_epoch().count(); }

/// Memory that a row will take, graph included: counted the same when it is accepted and when it is replayed.
std::uint64_t row_bytes(const ShardData& data, std::size_t id_bytes, std::size_t metadata_bytes, std::size_t vectors,
                        std::size_t vector_bytes) {
  std::uint64_t graph_bytes = 0;
  for (const auto& field : data.fields) {
    const IndexOptions& index = field->definition().index;
    if (index.type != IndexType::kFlat) graph_bytes = std::max<std::uint64_t>(graph_bytes, (2 * index.m + 4) * 4);
  }
  return kRowBytes + id_bytes + metadata_bytes + vector_bytes + vectors * (graph_bytes + 16);
}

std::uint64_t write_bytes(const ShardData& data, const storage::WriteBatch& batch) {
  std::uint64_t total = 0;
  for (const storage::RowWrite& row : batch.rows) {
    if (row.kind == storage::WriteKind::kDelete) continue;
    std::size_t vector_bytes = 0;
    for (const storage::VectorValue& vector : row.vectors) vector_bytes += vector.bytes.size();
    total += row_bytes(data, row.id.size(), row.metadata ? row.metadata->size() : 0, row.vectors.size(), vector_bytes);
  }
  return total;
}

std::uint64_t write_bytes(const ShardData& data, const storage::WriteBatchView& batch) {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const storage::RowWriteView row = batch.row(i);
    if (row.kind == storage::WriteKind::kDelete) continue;
    std::size_t vector_bytes = 0;
    for (const auto& vector : row.vectors) vector_bytes += vector.bytes.size();
    total += row_bytes(data, row.id.size(), row.metadata ? row.metadata->size() : 0, row.vectors.size(), vector_bytes);
  }
  return total;
}

}  // namespace

LocalShard::LocalShard(ShardId id, const storage::Definition& definition, const ShardEnvironment& environment)
    : id_(id),
      definition_version_(definition.version),
      database_id_("db:" + crockford_encode(definition.database)),
      environment_(environment),
      state_(definition),
      indexer_(state_.data(), environment.background, environment.clock) {}

LocalShard::~LocalShard() { stop(); }

Result<void> LocalShard::replay(const storage::LogRecord& record) {
  {
    const MutexLock lock(mutex_);
    last_commit_time_us_ = std::max(last_commit_time_us_, record.commit_time_us);
  }
  JADE_RETURN_IF_ERROR(state_.apply(record.sequence, record.commit_time_us, record.payload));
  JADE_ASSIGN_OR_RETURN(const storage::WriteBatchView batch, storage::WriteBatchView::parse(record.payload));
  const std::uint64_t bytes = write_bytes(state_.data(), batch);
  environment_.budget.add(bytes);
  reserved_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return {};
}

std::optional<std::string> LocalShard::failure() const {
  const MutexLock lock(mutex_);
  return failed_ ? std::optional(failed_->message()) : std::nullopt;
}

void LocalShard::start() { indexer_.notify(); }

void LocalShard::stop() {
  {
    MutexLock lock(mutex_);
    while (applying_ || !pending_.empty()) idle_.wait(lock);
  }
  indexer_.stop();
}

void LocalShard::apply(const RequestContext& context, ApplyRequest request, Callback<ApplyResponse> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  if (request.definition_version != definition_version_) {
    return done(Error(ErrorCode::kInternal, "the rows were validated against another definition"));
  }
  const bool atomic = request.atomic;
  std::optional<Result<ApplyResponse>> refused;
  {
    const MutexLock lock(mutex_);
    Decision decision = decide(std::move(request));
    if (decision.accepted.rows.empty() || (atomic && decision.any_refused)) {
      for (RowResult& row : decision.rows) row.outcome = RowOutcome::kRefused;
      refused = ApplyResponse{Sequence(0), std::move(decision.rows)};
    } else if (Result<void> accepted = accept(std::move(decision), done); !accepted.ok()) {
      refused = std::move(accepted).error();
    }
  }
  if (refused) done(*std::move(refused));
}

bool LocalShard::exists(const std::string& id, const Decision& decision, const ShardView& applied) const {
  if (const auto here = decision.exists.find(id); here != decision.exists.end()) return here->second;
  if (const auto waiting = expected_.find(id); waiting != expected_.end()) return waiting->second.exists;
  return applied.find(id) != kNoRow;
}

LocalShard::Decision LocalShard::decide(ApplyRequest request) {
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
  return decision;
}

Result<void> LocalShard::accept(Decision decision, Callback<ApplyResponse>& done) {
  if (failed_) return *failed_;
  const std::uint64_t bytes = write_bytes(state_.data(), decision.accepted);
  JADE_RETURN_IF_ERROR(environment_.budget.reserve(bytes));
  auto pending = std::make_shared<Pending>();
  // Commit times never go back, whatever the clock does.
  last_commit_time_us_ = std::max(last_commit_time_us_ + 1, micros(environment_.clock.wall_now()));
  pending->commit_time_us = last_commit_time_us_;
  pending->payload = storage::encode_write_batch(decision.accepted);
  Result<Sequence> sequence =
      environment_.log.append({.type = storage::RecordType::kWriteBatch,
                               .shard = id_,
                               .definition_version = definition_version_,
                               .commit_time_us = pending->commit_time_us,
                               .payload = pending->payload},
                              [this, pending](Result<void> result) { on_durable(pending, std::move(result)); });
  if (!sequence.ok()) {
    environment_.budget.release(bytes);
    return std::move(sequence).error();
  }
  reserved_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  pending->sequence = *sequence;
  pending->response = {*sequence, std::move(decision.rows)};
  pending->done = std::move(done);
  for (auto& [id, exists_after] : decision.exists) {
    Expected& expected = expected_[id];
    expected.exists = exists_after;
    ++expected.pending;
    pending->ids.push_back(id);
  }
  pending_.push_back(std::move(pending));
  return {};
}

void LocalShard::on_durable(const std::shared_ptr<Pending>& pending, Result<void> result) {
  {
    const MutexLock lock(mutex_);
    pending->durable = std::move(result);
    if (applying_) return;
    applying_ = true;
  }
  // What is durable must be applied: with nobody to hand it to, this thread does it.
  if (!environment_.compute.submit([this] { apply_durable(); }, Priority::kHigh).ok()) apply_durable();
}

void LocalShard::apply_durable() {
  while (true) {
    std::shared_ptr<Pending> next;
    {
      const MutexLock lock(mutex_);
      if (pending_.empty() || !pending_.front()->durable) {
        applying_ = false;
        idle_.notify_all();
        return;
      }
      next = std::move(pending_.front());
      pending_.pop_front();
    }
    answer(*next);
  }
}

void LocalShard::answer(Pending& pending) {
  Result<void> outcome = *std::move(pending.durable);
  if (outcome.ok()) {
    outcome = state_.apply(pending.sequence, pending.commit_time_us, pending.payload);
  }
  if (!outcome.ok()) {
    const MutexLock lock(mutex_);
    if (!failed_) {
      failed_ = Error(ErrorCode::kStoreReadOnly, "an earlier write failed: " + outcome.error().message());
      log_error("database_read_only", {{"database_id", database_id_},
                                       {"shard", static_cast<std::int64_t>(id_.value())},
                                       {"reason", outcome.error().message()}});
    }
  }
  forget(pending);
  if (!outcome.ok()) return pending.done(std::move(outcome).error());
  indexer_.notify();
  pending.done(std::move(pending.response));
}

void LocalShard::forget(const Pending& pending) {
  const MutexLock lock(mutex_);
  for (const std::string& id : pending.ids) {
    const auto expected = expected_.find(id);
    if (--expected->second.pending == 0) expected_.erase(expected);
  }
}

StoredRecord LocalShard::stored_record(const ShardView& view, RowId row_id, bool with_vectors,
                                       bool with_metadata) const {
  const Row& row = view.row(row_id);
  StoredRecord record{.id = std::string(row.id),
                      .version = Sequence(row.begin),
                      .created_at_us = row.created_at_us,
                      .updated_at_us = row.updated_at_us,
                      .vectors = {},
                      .metadata = {}};
  if (with_metadata && !row.metadata.empty()) record.metadata = std::string(row.metadata);
  if (with_vectors) {
    for (std::size_t i = 0; i < view.data->fields.size(); ++i) {
      if (row.slots[i] == kNoSlot) continue;
      const VectorField& field = *view.data->fields[i];
      const std::byte* bytes = field.arena().vector(row.slots[i]);
      record.vectors.push_back({field.definition().id, {bytes, bytes + field.arena().vector_bytes()}});
    }
  }
  return record;
}

void LocalShard::get(const RequestContext& context, GetRequest request, Callback<GetResponse> done) {
  if (Result<void> go_on = context.cancellation->check(); !go_on.ok()) return done(std::move(go_on).error());
  const std::shared_ptr<const ShardView> pinned = state_.view();
  const ShardView& view = *pinned;
  GetResponse response;
  response.records.reserve(request.ids.size());
  for (const std::string& id : request.ids) {
    const RowId row = view.find(id);
    response.records.push_back(
        row == kNoRow ? std::nullopt
                      : std::optional(stored_record(view, row, request.include_vectors, request.include_metadata)));
  }
  done(std::move(response));
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
  StatsResponse response{.live_rows = view.live_rows,
                         .deleted_rows = view.rows - view.live_rows,
                         .record_bytes = view.data->rows.memory_bytes(),
                         .id_map_bytes = view.ids->memory_bytes(),
                         .fields = {}};
  for (std::size_t i = 0; i < view.data->fields.size(); ++i) {
    const VectorField& field = *view.data->fields[i];
    response.fields.push_back({.field = field.definition().id,
                               .slots = view.slots[i],
                               .indexed = std::min(field.indexed(), view.slots[i]),
                               .pending = field.pending(),
                               .vector_bytes = field.arena().memory_bytes(),
                               .graph_bytes = field.graph_bytes(),
                               .indexed_per_second = indexer_.rows_per_second()});
  }
  done(std::move(response));
}

}  // namespace jade::engine
