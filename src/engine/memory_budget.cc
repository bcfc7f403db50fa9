#include "engine/memory_budget.h"

#include <string>

namespace jade::engine {
Result<void> MemoryBudget::reserve(std::uint64_t bytes) {
  const std::uint64_t before = used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before + bytes <= limit_bytes_) return {};
  used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  return Error(ErrorCode::kStorageFull, "the memory budget of " + std::to_string(limit_bytes_) +
                                            " bytes is used up; raise memory_budget, or delete "
                                            "a database")
      .with("limitBytes", static_cast<std::int64_t>(limit_bytes_));
}

}  // namespace jade::engine
