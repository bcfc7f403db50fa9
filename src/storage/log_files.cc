#include "storage/log_files.h"

#include <utility>

namespace jade::storage {

std::vector<LogFileInfo> LogFiles::list() const {
  const MutexLock lock(mutex_);
  return {files_.begin(), files_.end()};
}

LogFileInfo LogFiles::newest() const {
  const MutexLock lock(mutex_);
  return files_.back();
}

std::uint64_t LogFiles::size_bytes() const {
  const MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const LogFileInfo& file : files_) bytes += file.bytes;
  return bytes;
}

void LogFiles::extend(std::uint64_t bytes, Sequence last_sequence) {
  const MutexLock lock(mutex_);
  files_.back().bytes = bytes;
  files_.back().last_sequence = last_sequence;
}

void LogFiles::add(LogFileInfo file) {
  const MutexLock lock(mutex_);
  files_.back().complete = true;
  files_.push_back(std::move(file));
}

void LogFiles::retain_from(Sequence floor) {
  const MutexLock lock(mutex_);
  retained_from_ = floor;
}

std::optional<LogFileInfo> LogFiles::removable(Sequence upto) const {
  const MutexLock lock(mutex_);
  const LogFileInfo& oldest = files_.front();
  const bool needed = !oldest.complete || oldest.last_sequence > upto || oldest.last_sequence >= retained_from_;
  return needed ? std::nullopt : std::optional(oldest);
}

void LogFiles::remove_oldest() {
  const MutexLock lock(mutex_);
  files_.pop_front();
}

}  // namespace jade::storage
