// A shard's sealed segments in their directory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/memory_segment.h"
#include "engine/sealed_segment.h"
#include "engine/segment_writer.h"
#include "io/file_system.h"
#include "storage/definition.h"
#include "storage/manifest_file.h"

namespace jade::engine {

/// A frozen segment that is to be written, with everything that its shard applied up to then and that no file has.
struct FlushJob {
  std::shared_ptr<MemorySegment> frozen;
  /// The first and the last log position that it covers.
  std::uint64_t first = 0;
  std::uint64_t upto = 0;
  /// Memory that was reserved for its rows.
  std::uint64_t reserved_bytes = 0;
  /// Rows of earlier segments that ended meanwhile.
  std::vector<std::pair<std::shared_ptr<Segment>, std::vector<Tombstone>>> ends;
};

/// What shards do with files. All outlive them.
struct ShardFilesEnvironment {
  io::FileSystem& files;
  /// Of all segments of the database.
  std::string directory;
  const storage::Definition& definition;
  storage::ManifestFile& manifest;
  Random& random;
};

/// One thread at a time.
class ShardFiles {
 public:
  ShardFiles(ShardId shard, ShardFilesEnvironment environment);

  /// Opens the segments that the manifest names, the newest first.
  Result<std::vector<std::shared_ptr<SealedSegment>>> open() const;

  /// Writes a job's files, and an edit of the manifest that names them. `first_needed` is asked, just before, which log
  /// record is the first that will still be needed. Jobs come in the order of their freezing. Returns the sealed
  /// segment; null when there were no rows. After a failure the job is to be done again.
  Result<std::shared_ptr<SealedSegment>> flush(const FlushJob& job,
                                               const std::function<Result<Sequence>()>& first_needed);

  /// Writes the graphs of a segment that are complete and that no file has.
  Result<void> write_graphs(SealedSegment& segment);

 private:
  using NewTombstones = std::vector<std::pair<std::uint64_t, storage::SegmentComponent>>;

  SegmentTarget target() const;
  SealedPlace place() const;
  Result<NewTombstones> write_ends(const FlushJob& job) const;

  const ShardId shard_;
  const ShardFilesEnvironment environment_;
};

/// Removes what unfinished writes left in a directory of segments: files of segments that the manifest does not name.
/// Files with other names stay.
Result<void> remove_leftover_segments(io::FileSystem& files, const std::string& directory,
                                      const storage::Manifest& manifest);

}  // namespace jade::engine
