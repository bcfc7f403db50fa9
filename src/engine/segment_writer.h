// Writes the files of a sealed segment.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "engine/segment_source.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/definition.h"
#include "storage/manifest.h"

namespace jade::engine {

/// Where a segment's files go, and what they are of. All that is referred to outlives the writing.
struct SegmentTarget {
  io::FileSystem& files;
  /// Of all segments of the database.
  const std::string& directory;
  const storage::Definition& definition;
  Random& random;
  ShardId shard;
};

/// Writes every component but graphs. When it returns, the files have their names, but those are durable only after the
/// directory was synced. What a failed attempt left is replaced by the next and removed when the database is opened.
/// `upto`: the log position up to which the source's tombstones reach.
Result<storage::SegmentEntry> write_segment(const SegmentTarget& target, std::uint64_t number,
                                            const SegmentSource& source, std::uint64_t upto);

/// What a tombstone file is called and what it holds.
struct TombstoneFile {
  /// Of the segment.
  std::uint64_t number = 0;
  /// Never used before for this segment, also not by an attempt that failed: the manifest on the disk may name that.
  std::uint64_t generation = 0;
  std::vector<Tombstone> tombstones;
  /// The log position up to which they reach.
  std::uint64_t upto = 0;
};

/// Writes a tombstone file, ordered by row.
Result<storage::SegmentComponent> write_tombstones(const SegmentTarget& target, TombstoneFile file);

/// Writes a field's graph, which is complete. `vectors` is the component that it was built over.
Result<storage::SegmentComponent> write_graph(const SegmentTarget& target, std::uint64_t number,
                                              const index::HnswIndex& graph, const storage::ComponentRef& vectors);

}  // namespace jade::engine
