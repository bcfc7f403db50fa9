// How much memory the store's data may take, and how much it takes.
#pragma once

#include <atomic>
#include <cstdint>

#include "jade/result.h"

namespace jade::engine {

/// Counted before a write is accepted, so that a full store refuses instead of dying. Safe from any thread.
class MemoryBudget {
 public:
  explicit MemoryBudget(std::uint64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// kStorageFull when the budget would be exceeded.
  Result<void> reserve(std::uint64_t bytes);
  /// Counts what is there already, for instance after a replay, whatever the limit says.
  void add(std::uint64_t bytes) { used_bytes_.fetch_add(bytes, std::memory_order_relaxed); }
  void release(std::uint64_t bytes) { used_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::uint64_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  std::uint64_t limit_bytes() const { return limit_bytes_; }

 private:
  std::uint64_t limit_bytes_;
  std::atomic<std::uint64_t> used_bytes_{0};
};

}  // namespace jade::engine
