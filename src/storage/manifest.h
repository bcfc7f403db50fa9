// The manifest of a database: alone enough to open it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/component_format.h"
#include "storage/definition.h"

namespace jade::storage {

/// A file of a segment.
struct SegmentComponent {
  ComponentRef file;
  /// 0, but for tombstones: tells the files of one segment apart; never used again.
  std::uint64_t generation = 0;

  friend bool operator==(const SegmentComponent&, const SegmentComponent&) = default;
};

/// A sealed segment.
struct SegmentEntry {
  /// Names its files; never used again in this database.
  std::uint64_t number = 0;
  ShardId shard{0};
  std::uint32_t rows = 0;
  /// The log positions at which its rows began.
  Sequence first_sequence{0};
  Sequence last_sequence{0};
  std::vector<SegmentComponent> components;

  friend bool operator==(const SegmentEntry&, const SegmentEntry&) = default;
};

/// The name of a component's file: the segment's number, what the component is, and what tells it from others.
std::string segment_file_name(std::uint64_t number, const SegmentComponent& component);
/// The number of the segment that a file of this name belongs to; nullopt for any other name. Names of unfinished files
/// count.
std::optional<std::uint64_t> segment_of_file_name(std::string_view name);

struct Manifest {
  Definition definition;
  /// The log record that made `definition` what it is; 0 when it is as created.
  Sequence definition_sequence{0};
  /// The first log record that is still needed.
  Sequence log_first_sequence{1};
  std::uint64_t epoch = 1;
  /// By shard: every record of the shard up to this position is in its segments. Empty: 0 for each.
  std::vector<Sequence> flushed_upto = {};
  /// Of each shard, the newest first.
  std::vector<SegmentEntry> segments = {};
  std::uint64_t next_segment = 1;

  Sequence flushed(ShardId shard) const { return flushed_upto.empty() ? Sequence{0} : flushed_upto[shard.value()]; }

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

/// Replaces the manifest at `path`. When it returns, the new one survives power loss; a crash before leaves the old one
/// or the new one, whole.
Result<void> write_manifest(io::FileSystem& files, const std::string& path, const Manifest& manifest, Random& random);

/// Nullopt when there is no file; kDataCorrupted for a file that `write_manifest` cannot have written; kNotSupported
/// for one of a newer release. A damaged manifest is never replaced or removed.
Result<std::optional<Manifest>> read_manifest(io::FileSystem& files, const std::string& path);

/// The whole file. Used by `write_manifest`; apart from it for tests.
std::vector<std::byte> encode_manifest(const Manifest& manifest, Random& random);
Result<Manifest> decode_manifest(std::span<const std::byte> bytes);

}  // namespace jade::storage
