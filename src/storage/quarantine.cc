#include "storage/quarantine.h"

#include <xxhash.h>

#include <array>
#include <cstdio>
#include <string_view>
#include <vector>

#include "storage/publish_file.h"

namespace jade::storage {
namespace {

std::string hexadecimal(std::uint64_t value) {
  std::array<char, 17> text;
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(value));
  return text.data();
}

}  // namespace

Result<std::string> copy_to_quarantine(io::FileSystem& files, const FileRange& range) {
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, files.open(range.path, io::OpenMode::kRead));
  std::vector<std::byte> bytes(range.end - range.begin);
  JADE_RETURN_IF_ERROR(read_exactly(*file, range.begin, bytes));

  const std::string folder = io::parent_path(range.path);
  const std::string quarantine = io::join_path(folder, "quarantine");
  const std::string_view name = std::string_view(range.path).substr(range.path.rfind('/') + 1);
  const std::string copy = io::join_path(quarantine, std::string(name) + "-" + hexadecimal(range.begin) + "-" +
                                                         hexadecimal(XXH3_64bits(bytes.data(), bytes.size())));
  JADE_RETURN_IF_ERROR(files.create_directories(quarantine));
  JADE_RETURN_IF_ERROR(files.sync_directory(folder));
  JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> existing, files.stat(copy));
  if (!existing) JADE_RETURN_IF_ERROR(publish_file(files, copy, bytes));
  return copy;
}

}  // namespace jade::storage
