// What shards are asked and what they answer: plain values that can cross a wire (message_codec.h).
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "index/search.h"
#include "jade/error.h"
#include "jade/types.h"
#include "storage/write_batch.h"

namespace jade::engine {

/// What must hold of a record before a write to it.
enum class Precondition : std::uint8_t { kNone, kMustExist, kMustNotExist };

/// One row to write. It was validated against the definition before it came here.
struct RowApply {
  Precondition precondition = Precondition::kNone;
  storage::RowWrite write;
};

struct ApplyRequest {
  /// The definition that the rows were validated against.
  std::uint64_t definition_version = 0;
  /// Refuse all rows if one is refused.
  bool atomic = false;
  std::vector<RowApply> rows;
};

enum class RowOutcome : std::uint8_t { kCreated, kUpdated, kDeleted, kRefused };

struct RowResult {
  RowOutcome outcome = RowOutcome::kRefused;
  /// Why it was refused: kAlreadyExists or kVectorNotFound. Absent for a row that only shares an atomic batch's fate.
  std::optional<ErrorCode> refusal;
};

struct ApplyResponse {
  /// The version of every row that was written; 0 when none was.
  Sequence version;
  /// As many as there were rows, in their order.
  std::vector<RowResult> rows;
};

struct GetRequest {
  std::vector<std::string> ids;
  bool include_vectors = false;
  bool include_metadata = false;
};

/// A record as a shard stores it. `metadata` is canonical JSON.
struct StoredRecord {
  std::string id;
  Sequence version;
  std::int64_t created_at_us = 0;
  std::int64_t updated_at_us = 0;
  std::vector<storage::VectorValue> vectors;
  std::optional<std::string> metadata;
};

struct GetResponse {
  /// As many as there were ids, in their order.
  std::vector<std::optional<StoredRecord>> records;
};

struct SearchRequest {
  VectorFieldId field;
  /// The query's bytes, as the field stores vectors.
  std::vector<std::byte> query = {};
  std::uint32_t k = 10;
  /// 0: the field's own.
  std::uint32_t ef = 0;
  bool exact = false;
  double max_distance = std::numeric_limits<double>::infinity();
  /// Left out of the result; empty: nothing is.
  std::string excluded_id = {};
  bool include_vectors = false;
  bool include_metadata = false;
};

struct ShardHit {
  float rank_distance = 0;
  StoredRecord record;
};

struct SearchResponse {
  /// Ordered by rank_distance, then id bytes.
  std::vector<ShardHit> hits;
  /// kFlat or kHnsw.
  IndexType index_used = IndexType::kFlat;
  std::uint64_t distances = 0;
};

struct StatsRequest {};

struct FieldStats {
  VectorFieldId field;
  std::uint64_t slots = 0;
  std::uint64_t indexed = 0;
  /// Slots that wait for the graph.
  std::uint64_t pending = 0;
  std::uint64_t vector_bytes = 0;
  std::uint64_t graph_bytes = 0;
  double indexed_per_second = 0;
};

struct StatsResponse {
  std::uint64_t live_rows = 0;
  std::uint64_t deleted_rows = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t id_map_bytes = 0;
  /// Sealed segments, and their files.
  std::uint64_t sealed_segments = 0;
  std::uint64_t segment_file_bytes = 0;
  std::vector<FieldStats> fields;
};

}  // namespace jade::engine
