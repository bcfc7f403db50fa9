// Which files a log consists of.
#pragma once

#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/mutex.h"
#include "storage/log.h"

namespace jade::storage {

/// Kept by the thread that appends, shrunk by the one that trims. Safe from any thread.
class LogFiles {
 public:
  /// In order, at least one.
  explicit LogFiles(const std::vector<LogFileInfo>& files) : files_(files.begin(), files.end()) {}

  std::vector<LogFileInfo> list() const JADE_EXCLUDES(mutex_);
  LogFileInfo newest() const JADE_EXCLUDES(mutex_);
  std::uint64_t size_bytes() const JADE_EXCLUDES(mutex_);

  /// The newest file ends there now.
  void extend(std::uint64_t bytes, Sequence last_sequence) JADE_EXCLUDES(mutex_);
  /// The newest file is complete, and this one follows it.
  void add(LogFileInfo file) JADE_EXCLUDES(mutex_);

  void retain_from(Sequence floor) JADE_EXCLUDES(mutex_);
  /// The oldest file, if it is complete, has only records up to `upto`, and is not retained.
  std::optional<LogFileInfo> removable(Sequence upto) const JADE_EXCLUDES(mutex_);
  void remove_oldest() JADE_EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::deque<LogFileInfo> files_ JADE_GUARDED_BY(mutex_);
  Sequence retained_from_ JADE_GUARDED_BY(mutex_){std::numeric_limits<std::uint64_t>::max()};
};

}  // namespace jade::storage
