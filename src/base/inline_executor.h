// An executor with no threads.
#pragma once

#include <cstddef>

#include "base/executor.h"

namespace jade {

/// Runs each task at once, on the thread that submits it, before `submit` returns: for a library used inside somebody
/// else's process. Safe from any thread. A task that submits tasks nests them on its stack.
class InlineExecutor final : public Executor {
 public:
  Result<void> submit(Task task, Priority priority = Priority::kNormal) override;
  std::size_t concurrency() const override { return 1; }
};

}  // namespace jade
