// How a database takes writes: check, route to shards, gather what they decided.

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/local_database.h"
#include "engine/routing.h"
#include "engine/scatter.h"
#include "engine/validation.h"

namespace jade::engine {
namespace {

// A shard's part of a batch is one log record; the rest of its limit is for the record's own tables.
constexpr std::size_t kBatchBytesMax = storage::FileLog::kMaxPayloadBytes / 4 * 3;

Precondition precondition_of(WriteMode mode) {
  switch (mode) {
    case WriteMode::kInsert:
      return Precondition::kMustNotExist;
    case WriteMode::kUpsert:
      return Precondition::kNone;
    case WriteMode::kUpdate:
      return Precondition::kMustExist;
  }
  return Precondition::kNone;
}

Error refusal(ErrorCode code, const std::string& id) {
  if (code == ErrorCode::kAlreadyExists) return Error(code, "there is already a record '" + id + "'");
  return Error(code, "there is no record '" + id + "'");
}

std::size_t row_bytes(const storage::RowWrite& row) {
  std::size_t bytes = row.id.size() + (row.metadata ? row.metadata->size() : 0) + 64;
  for (const storage::VectorValue& vector : row.vectors) bytes += vector.bytes.size() + 32;
  return bytes;
}

/// A shard's part of a batch, and where its rows stood.
struct ShardPart {
  ShardId shard;
  ApplyRequest request;
  std::vector<std::size_t> positions;
  std::vector<std::string> ids;
};

/// A batch on its way: what was refused before it was routed, and the parts for the shards.
struct SplitBatch {
  std::vector<ShardPart> parts;
  BatchReceipt receipt;
};

void add_up(BatchReceipt& receipt, const ShardPart& part, const ApplyResponse& response) {
  for (std::size_t i = 0; i < response.rows.size(); ++i) {
    const RowResult& row = response.rows[i];
    if (row.refusal) {
      receipt.errors.push_back({part.positions[i], part.ids[i], refusal(*row.refusal, part.ids[i])});
    } else if (row.outcome == RowOutcome::kCreated) {
      ++receipt.inserted;
    } else if (row.outcome == RowOutcome::kUpdated) {
      ++receipt.updated;
    }
  }
}

Result<SplitBatch> split(const storage::Definition& definition, std::vector<RecordInput> records,
                         const BatchOptions& options) {
  SplitBatch batch;
  std::vector<std::size_t> part_of_shard(definition.num_shards, SIZE_MAX);
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < records.size(); ++i) {
    std::string id = records[i].id;
    Result<storage::RowWrite> row = validate_record(definition, std::move(records[i]), storage::WriteKind::kPut);
    if (!row.ok()) {
      batch.receipt.errors.push_back({i, std::move(id), std::move(row).error()});
      continue;
    }
    bytes += row_bytes(*row);
    if (bytes > kBatchBytesMax) {
      return Error(ErrorCode::kPayloadTooLarge, "the batch is too large; send it in parts")
          .with("limitBytes", static_cast<std::int64_t>(kBatchBytesMax));
    }
    const ShardId shard = shard_of(id, definition.num_shards);
    if (part_of_shard[shard.value()] == SIZE_MAX) {
      part_of_shard[shard.value()] = batch.parts.size();
      batch.parts.push_back({shard, {definition.version, options.atomic, {}}, {}, {}});
    }
    ShardPart& part = batch.parts[part_of_shard[shard.value()]];
    part.request.rows.push_back({options.upsert ? Precondition::kNone : Precondition::kMustNotExist, *std::move(row)});
    part.positions.push_back(i);
    part.ids.push_back(std::move(id));
  }
  if (options.atomic && batch.parts.size() > 1) {
    return Error(ErrorCode::kUnsupportedCombination,
                 "an atomic batch is for one shard; its rows belong to " + std::to_string(batch.parts.size()))
        .with("allowed", std::vector<std::string>{"atomic × one shard"});
  }
  return batch;
}

}  // namespace

void LocalDatabase::write(const RequestContext& context, RecordInput record, WriteMode mode,
                          Callback<WriteReceipt> done) {
  const storage::WriteKind kind = mode == WriteMode::kUpdate ? storage::WriteKind::kUpdate : storage::WriteKind::kPut;
  Result<storage::RowWrite> row = validate_record(definition_, std::move(record), kind);
  if (!row.ok()) return done(std::move(row).error());
  write_row(context, {precondition_of(mode), *std::move(row)}, std::move(done));
}

void LocalDatabase::remove(const RequestContext& context, std::string id, Callback<WriteReceipt> done) {
  if (Result<void> valid = validate_id(id); !valid.ok()) return done(std::move(valid).error());
  storage::RowWrite row{.kind = storage::WriteKind::kDelete, .id = std::move(id), .vectors = {}, .metadata = {}};
  write_row(context, {Precondition::kMustExist, std::move(row)}, std::move(done));
}

void LocalDatabase::write_row(const RequestContext& context, RowApply row, Callback<WriteReceipt> done) {
  writes_.add(environment_.clock, 1);
  std::string id = row.write.id;
  const ShardId shard = shard_of_id(id);
  ApplyRequest request{.definition_version = definition_.version, .atomic = true, .rows = {}};
  request.rows.push_back(std::move(row));
  service(shard).apply(context, std::move(request),
                       [this, id = std::move(id), done = std::move(done)](Result<ApplyResponse> response) mutable {
                         if (!response.ok()) return done(std::move(response).error());
                         const RowResult& result = response->rows.front();
                         if (result.refusal) return done(refusal(*result.refusal, id));
                         done(WriteReceipt{.version = response->version.value(),
                                           .created = result.outcome == RowOutcome::kCreated,
                                           .token = token_for(response->version)});
                       });
}

void LocalDatabase::write_batch(const RequestContext& context, std::vector<RecordInput> records, BatchOptions options,
                                Callback<BatchReceipt> done) {
  writes_.add(environment_.clock, records.size());
  Result<SplitBatch> divided = split(definition_, std::move(records), options);
  if (!divided.ok()) return done(std::move(divided).error());
  auto batch = std::make_shared<SplitBatch>(*std::move(divided));
  // A row that was refused here refuses an atomic batch as one that a shard refuses would.
  if (options.atomic && !batch->receipt.errors.empty()) batch->parts.clear();
  scatter<ApplyResponse>(
      environment_.compute, batch->parts.size(),
      [this, context, batch](std::size_t i, Callback<ApplyResponse> answer) {
        ShardPart& part = batch->parts[i];
        service(part.shard).apply(context, std::move(part.request), std::move(answer));
      },
      [this, batch, done = std::move(done)](Result<std::vector<ApplyResponse>> responses) mutable {
        if (!responses.ok()) return done(std::move(responses).error());
        BatchReceipt& receipt = batch->receipt;
        Sequence last;
        for (std::size_t i = 0; i < responses->size(); ++i) {
          add_up(receipt, batch->parts[i], (*responses)[i]);
          last = std::max(last, (*responses)[i].version);
        }
        std::ranges::sort(receipt.errors, {}, &RowError::index);
        receipt.token = token_for(last);
        done(std::move(receipt));
      });
}

}  // namespace jade::engine
