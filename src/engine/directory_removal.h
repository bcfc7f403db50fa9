// Removing a whole directory.
#pragma once

#include <string>

#include "io/file_system.h"

namespace jade::engine {

/// Removes everything under `directory`, then itself; its absence survives power loss when this returns.
Result<void> remove_directory(io::FileSystem& files, const std::string& directory);

}  // namespace jade::engine
