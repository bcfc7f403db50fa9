#include "storage/manifest_file.h"

#include <algorithm>
#include <utility>

#include "storage/publish_file.h"

namespace jade::storage {

ManifestFile::ManifestFile(io::FileSystem& files, std::string path, Manifest manifest, Random& random)
    : files_(files),
      path_(std::move(path)),
      random_(random),
      next_segment_(manifest.next_segment),
      size_bytes_(encode_manifest(manifest, random).size()),
      manifest_(std::move(manifest)) {}

Manifest ManifestFile::current() const {
  const MutexLock lock(mutex_);
  return manifest_;
}

Result<void> ManifestFile::edit(const std::function<void(Manifest&)>& change) {
  const MutexLock edit_lock(edit_mutex_);
  Manifest next = current();
  change(next);
  next.next_segment = std::max(next.next_segment, next_segment_.load(std::memory_order_relaxed));
  const std::vector<std::byte> bytes = encode_manifest(next, random_);
  JADE_RETURN_IF_ERROR(publish_file(files_, path_, bytes));
  size_bytes_.store(bytes.size(), std::memory_order_relaxed);
  const MutexLock lock(mutex_);
  manifest_ = std::move(next);
  return {};
}

}  // namespace jade::storage
