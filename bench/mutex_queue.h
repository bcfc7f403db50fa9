// BoundedRing's twin with a lock (docs/adr/0005-executor-queue.md).
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace jade {

/// Many producers, many consumers, first in first out. Safe from any thread.
template <class T>
class MutexQueue {
 public:
  explicit MutexQueue(std::size_t capacity) : capacity_(capacity) {}

  /// False, with `value` untouched, if the queue is full.
  bool try_push(T&& value) JADE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (values_.size() >= capacity_) return false;
    values_.push_back(std::move(value));
    return true;
  }

  /// Nothing if the queue is empty.
  std::optional<T> try_pop() JADE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    return value;
  }

 private:
  const std::size_t capacity_;
  Mutex mutex_;
  std::deque<T> values_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade
