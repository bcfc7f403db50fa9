#include "engine/directory_removal.h"

namespace jade::engine {
namespace {

Result<void> remove_contents(io::FileSystem& files, const std::string& directory) {
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(directory));
  for (const std::string& name : names) {
    const std::string path = io::join_path(directory, name);
    JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> stat, files.stat(path));
    if (stat && stat->is_directory) JADE_RETURN_IF_ERROR(remove_contents(files, path));
    JADE_RETURN_IF_ERROR(files.remove(path));
  }
  return {};
}

}  // namespace

Result<void> remove_directory(io::FileSystem& files, const std::string& directory) {
  JADE_RETURN_IF_ERROR(remove_contents(files, directory));
  JADE_RETURN_IF_ERROR(files.remove(directory));
  return files.sync_directory(io::parent_path(directory));
}

}  // namespace jade::engine
