// Work as a seam: who runs a task, when, and on which kind of thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "jade/result.h"

namespace jade {

/// A piece of work, run once. It must not throw.
using Task = std::move_only_function<void()>;

/// Tasks of a higher priority start first; none waits for ever (the implementation ages the lower ones).
enum class Priority : std::uint8_t { kHigh, kNormal, kLow };

/// Runs tasks, each once, in no promised order. Safe from any thread.
class Executor {
 public:
  virtual ~Executor() = default;

  /// Queues the task. Never waits: a full queue is kOverloaded, a stopping executor kCancelled; then the task was
  /// destroyed without being run.
  virtual Result<void> submit(Task task, Priority priority = Priority::kNormal) = 0;

  /// How many tasks can run at the same time.
  virtual std::size_t concurrency() const = 0;
};

}  // namespace jade
