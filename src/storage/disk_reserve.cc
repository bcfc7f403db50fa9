#include "storage/disk_reserve.h"

#include <memory>
#include <utility>

namespace jade::storage {

DiskReserve::DiskReserve(io::FileSystem& files, std::string path, std::uint64_t bytes)
    : files_(files), path_(std::move(path)), bytes_(bytes) {}

Result<void> DiskReserve::restore() {
  const MutexLock lock(mutex_);
  if (held_) return {};
  Result<void> made = make_file();
  held_ = made.ok();
  in_use_.store(!made.ok() && made.error().code() == ErrorCode::kStorageFull, std::memory_order_relaxed);
  // What there was room for would only be missing elsewhere. If this fails too, it is tried again with the next file.
  if (!made.ok()) static_cast<void>(files_.remove(path_).ok());
  return made;
}

/// Not synced: after a crash it is made anew.
Result<void> DiskReserve::make_file() {
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, files_.open(path_, io::OpenMode::kCreate));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size > bytes_) JADE_RETURN_IF_ERROR(file->truncate(bytes_));
  return file->allocate(bytes_);
}

bool DiskReserve::release() {
  const MutexLock lock(mutex_);
  if (!held_) return in_use();
  if (!files_.remove(path_).ok()) return false;
  held_ = false;
  in_use_.store(true, std::memory_order_relaxed);
  // Some file systems give the room back only when the removal is on the disk.
  static_cast<void>(files_.sync_directory(io::parent_path(path_)).ok());
  return true;
}

}  // namespace jade::storage
