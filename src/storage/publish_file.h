// A whole file, there or not.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/file_system.h"
#include "jade/result.h"

namespace jade::storage {

/// What names of unfinished files end with. They may be removed at any time.
constexpr std::string_view kTemporarySuffix = ".tmp";

/// Writes `bytes` to a temporary name, syncs, renames to `path` and syncs the directory. When it returns, the file
/// survives power loss; when it fails, `path` is what it was or, if only the directory's sync failed, new.
/// kStorageFull: there was no room, and `path` is what it was; a failed sync is never that. Returns the file, open for
/// reading and writing. One thread at a time for a path.
Result<std::unique_ptr<io::File>> publish_file(io::FileSystem& files, const std::string& path,
                                               std::span<const std::byte> bytes);

/// The whole file.
Result<std::vector<std::byte>> read_whole_file(io::FileSystem& files, const std::string& path);

/// Fills `out` from `offset`; kIo when the file ends before.
Result<void> read_exactly(io::File& file, std::uint64_t offset, std::span<std::byte> out);

}  // namespace jade::storage
