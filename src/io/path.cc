#include "io/file_system.h"

namespace jade::io {

std::string join_path(std::string_view directory, std::string_view name) {
  while (directory.ends_with('/')) directory.remove_suffix(1);
  while (name.starts_with('/')) name.remove_prefix(1);
  std::string path(directory);
  path += '/';
  path += name;
  return path;
}

std::string parent_path(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  // The root is its own parent.
  return std::string(slash == 0 ? "/" : path.substr(0, slash));
}

}  // namespace jade::io
