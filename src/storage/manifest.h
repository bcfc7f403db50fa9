// The manifest of a database: alone enough to open it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/definition.h"

namespace jade::storage {

struct Manifest {
  Definition definition;
  /// The log record that made `definition` what it is; 0 when it is as created.
  Sequence definition_sequence{0};
  /// The first log record that is still needed.
  Sequence log_first_sequence{1};
  std::uint64_t epoch = 1;

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
