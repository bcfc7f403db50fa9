// The manifest of an open database, and the one way to change it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "base/mutex.h"
#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/manifest.h"

namespace jade::storage {

/// Safe from any thread.
class ManifestFile {
 public:
  /// `manifest` is what the file at `path` holds, or is to hold after the first edit. The others outlive this.
  ManifestFile(io::FileSystem& files, std::string path, Manifest manifest, Random& random);

  Manifest current() const JADE_EXCLUDES(mutex_);

  /// Changes the manifest, one edit at a time. When it returns, the new one survives power loss. After a failure the
  /// file holds the old one or the new one, and `current` the old one: nothing that either names may be removed. Waits
  /// for the disk.
  Result<void> edit(const std::function<void(Manifest&)>& change) JADE_EXCLUDES(edit_mutex_);

  /// A number for a segment's files, not given out before, whatever became of earlier edits.
  std::uint64_t take_segment_number() { return next_segment_.fetch_add(1, std::memory_order_relaxed); }

  /// Of the file.
  std::uint64_t size_bytes() const { return size_bytes_.load(std::memory_order_relaxed); }

 private:
  io::FileSystem& files_;
  const std::string path_;
  Random& random_;
  std::atomic<std::uint64_t> next_segment_;
  std::atomic<std::uint64_t> size_bytes_;

  /// Held while an edit is written. Taken before mutex_.
  Mutex edit_mutex_;
  mutable Mutex mutex_;
  Manifest manifest_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade::storage
