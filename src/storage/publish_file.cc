#include "storage/publish_file.h"

namespace jade::storage {

namespace {

/// A failed sync is one whatever the reason: who finds no room may go on, who lost bytes may not.
Error not_synced(const Error& error) { return Error(ErrorCode::kIo, error.message()); }

}  // namespace

Result<std::unique_ptr<io::File>> publish_file(io::FileSystem& files, const std::string& path,
                                               std::span<const std::byte> bytes) {
  const std::string temporary = path + std::string(kTemporarySuffix);
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, files.open(temporary, io::OpenMode::kCreate));
  JADE_RETURN_IF_ERROR(file->truncate(0));
  if (Result<void> written = file->write_at(0, bytes); !written.ok()) {
    // What there was room for would only be missing elsewhere.
    static_cast<void>(files.remove(temporary).ok());
    return std::move(written).error();
  }
  if (const Result<void> synced = file->sync(); !synced.ok()) return not_synced(synced.error());
  JADE_RETURN_IF_ERROR(files.rename(temporary, path));
  if (const Result<void> synced = files.sync_directory(io::parent_path(path)); !synced.ok()) {
    return not_synced(synced.error());
  }
  return file;
}

Result<std::vector<std::byte>> read_whole_file(io::FileSystem& files, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, files.open(path, io::OpenMode::kRead));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  std::vector<std::byte> bytes(size);
  JADE_RETURN_IF_ERROR(read_exactly(*file, 0, bytes));
  return bytes;
}

Result<void> read_exactly(io::File& file, std::uint64_t offset, std::span<std::byte> out) {
  JADE_ASSIGN_OR_RETURN(const std::size_t read, file.read_at(offset, out));
  if (read != out.size()) return Error(ErrorCode::kIo, "the file ended while it was read");
  return {};
}

}  // namespace jade::storage
