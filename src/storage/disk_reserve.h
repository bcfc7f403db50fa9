// Room on the disk that is kept for what must go on when it is full.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/mutex.h"
#include "io/file_system.h"
#include "jade/result.h"

namespace jade::storage {

/// A file of a fixed size that is removed when the disk is full, so that deletes, flushes and merges can go on, and
/// made again when there is room. One for a store. Safe from any thread.
class DiskReserve {
 public:
  static constexpr std::uint64_t kDefaultBytes = std::uint64_t{64} * 1024 * 1024;

  /// Makes nothing yet. `files` outlives this; `bytes` is not 0; the folder of `path` exists.
  DiskReserve(io::FileSystem& files, std::string path, std::uint64_t bytes = kDefaultBytes);

  /// Makes the file if it is not there. kStorageFull: there is no room for it, and only what may use the reserve is to
  /// be written. After any other failure writes go on without a reserve.
  Result<void> restore() JADE_EXCLUDES(mutex_);

  /// Gives the room to the disk. True if a write that found none may be tried again.
  bool release() JADE_EXCLUDES(mutex_);

  /// There is no room for the file.
  bool in_use() const { return in_use_.load(std::memory_order_relaxed); }

 private:
  Result<void> make_file() JADE_REQUIRES(mutex_);

  io::FileSystem& files_;
  const std::string path_;
  const std::uint64_t bytes_;
  std::atomic<bool> in_use_{false};

  Mutex mutex_;
  /// The file is there, as large as it is to be.
  bool held_ JADE_GUARDED_BY(mutex_) = false;
};

}  // namespace jade::storage
