// Records, queries and what comes back: plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "jade/error.h"
#include "jade/types.h"

namespace jade {

/// The elements of a bit vector: element i is bit i % 8 (least significant first) of byte i / 8. Unused bits are zero.
struct PackedBits {
  std::vector<std::byte> bytes;

  friend bool operator==(const PackedBits&, const PackedBits&) = default;
};

/// A vector's elements. Bit vectors may be given as floats that are 0 or 1, and come back packed.
using VectorData = std::variant<std::vector<float>, PackedBits>;

/// A vector under its field's name; "" is the database's default field.
struct NamedVector {
  std::string name;
  VectorData data;

  friend bool operator==(const NamedVector&, const NamedVector&) = default;
};

/// A record as it is written. Fields that are absent stay absent (put) or stay as they are (update).
struct RecordInput {
  /// UTF-8, 1..512 bytes, no control characters.
  std::string id;
  std::vector<NamedVector> vectors;
  /// A JSON object, at most 64 KiB and 16 levels deep.
  std::optional<std::string> metadata;
};

/// A record as it is read.
struct Record {
  std::string id;
  std::vector<NamedVector> vectors;
  std::optional<std::string> metadata;
  /// Larger after every write; never reused in a database.
  std::uint64_t version = 0;
  /// Microseconds since 1970 UTC.
  std::int64_t created_at_us = 0;
  std::int64_t updated_at_us = 0;

  friend bool operator==(const Record&, const Record&) = default;
};

/// What a single write did. When it is returned, the write survives power loss.
struct WriteReceipt {
  std::uint64_t version = 0;
  /// The record did not exist before.
  bool created = false;
  /// Names this write: a read that is given it sees at least this state.
  std::string token;
};

/// One refused row of a batch.
struct RowError {
  std::size_t index = 0;
  std::string id;
  Error error;
};

struct BatchReceipt {
  std::size_t inserted = 0;
  std::size_t updated = 0;
  std::vector<RowError> errors;
  std::string token;
};

struct BatchOptions {
  /// Replace records that exist; otherwise they are refused with kAlreadyExists.
  bool upsert = false;
  /// Apply nothing if any row is refused. All rows must belong to one shard.
  bool atomic = false;
};

/// What to search for. Exactly one of `vector` and `id` is given.
struct Query {
  std::string vector_name;
  std::optional<VectorData> vector;
  /// Search near this record's vector; the record itself is left out.
  std::optional<std::string> id;
  std::size_t top_k = 10;
  /// Leave out hits less similar than this.
  std::optional<double> threshold;
  /// Leave out hits farther than this. Not together with `threshold`.
  std::optional<double> max_distance;
  bool include_metadata = false;
  bool include_vector = false;
  /// Score every vector instead of asking the index.
  bool exact = false;
  /// Graph only: candidates kept while searching; default: the field's IndexOptions::ef_search.
  std::optional<std::uint32_t> ef_search;
  /// See at least the write that this token names.
  std::string token;
};

struct SearchHit {
  std::string id;
  double similarity = 0;
  double distance = 0;
  std::uint64_t version = 0;
  std::optional<std::string> metadata;
  std::vector<NamedVector> vectors;
};

struct SearchResult {
  /// Ordered by distance, then id bytes.
  std::vector<SearchHit> hits;
  /// kFlat when every vector was scored, kHnsw when a graph answered (with the rows newer than it scored exactly).
  IndexType index_used = IndexType::kFlat;
  std::int64_t query_time_us = 0;
  /// Vectors whose distance was computed.
  std::uint64_t distances_computed = 0;
};

/// A vector field of a database.
struct VectorOptions {
  std::uint32_t dimension = 0;
  Metric metric = Metric::kCosine;
  ElementType element_type = ElementType::kF32;
  IndexOptions index = {};

  friend bool operator==(const VectorOptions&, const VectorOptions&) = default;
};

struct NamedVectorOptions {
  std::string name;
  VectorOptions options;

  friend bool operator==(const NamedVectorOptions&, const NamedVectorOptions&) = default;
};

struct DatabaseOptions {
  std::string description;
  /// At least one. The name "" is the default field.
  std::vector<NamedVectorOptions> vectors;
  /// 1..64; records are spread by a hash of their id.
  std::uint32_t num_shards = 1;
};

struct DatabaseInfo {
  /// "db:" and 26 characters. Never changes and is never reused.
  std::string id;
  std::string name;
  DatabaseOptions options;
  std::int64_t created_at_us = 0;
  std::int64_t updated_at_us = 0;
  /// Why the database cannot be used; empty when it can. Then the options are empty.
  std::string failure = {};
};

/// The state of one field's index.
struct IndexStatus {
  std::string vector_name;
  IndexType type = IndexType::kFlat;
  std::uint64_t slots = 0;
  /// Slots that the graph holds; the others are searched exactly.
  std::uint64_t indexed = 0;
  /// Slots that wait for the graph; none while there is to be no graph.
  std::uint64_t pending = 0;
  double rows_per_second = 0;
};

struct DatabaseStatus {
  std::uint64_t live_records = 0;
  /// Rows that were deleted or superseded and still take room.
  std::uint64_t deleted_rows = 0;
  std::uint64_t memory_vectors_bytes = 0;
  std::uint64_t memory_graph_bytes = 0;
  std::uint64_t memory_records_bytes = 0;
  std::uint64_t memory_id_map_bytes = 0;
  /// Parts of the data that lie in files, each searched on its own.
  std::uint64_t sealed_segments = 0;
  std::uint64_t disk_log_bytes = 0;
  std::uint64_t disk_segments_bytes = 0;
  std::uint64_t disk_manifest_bytes = 0;
  std::vector<IndexStatus> indexes;
  /// Averages over the last minute.
  double writes_per_second = 0;
  double searches_per_second = 0;
  bool read_only = false;
  std::string read_only_reason;
};

}  // namespace jade
