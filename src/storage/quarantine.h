// Where damaged bytes are kept for a person to look at.
#pragma once

#include <cstdint>
#include <string>

#include "io/file_system.h"
#include "jade/result.h"

namespace jade::storage {

/// A part of a file, [begin, end).
struct FileRange {
  std::string path;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Copies the range into the folder "quarantine" beside the file and returns the copy's path. When it returns, the copy
/// survives power loss. The copy's name tells file, place and content, so that a range is not copied twice.
Result<std::string> copy_to_quarantine(io::FileSystem& files, const FileRange& range);

}  // namespace jade::storage
