// The one place where threads are made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <thread>

#include "jade/result.h"

namespace jade {

/// What a thread may do. Network threads never compute and never block, compute threads never sync, the log writer is
/// the only one that syncs, background threads flush, compact and read cold data.
enum class ThreadKind : std::uint8_t { kNetwork, kCompute, kLogWriter, kBackground };

/// A running thread, joined by the destructor. One thread only, and never its own.
class Thread {
 public:
  /// Runs nothing.
  Thread() = default;

  /// Runs `body`, which must not throw, under `name`: the first 15 bytes of it, which is what the kernel keeps. A
  /// background thread yields the processor to the others where the kernel lets it. kInternal if the system has no
  /// thread left to give.
  static Result<Thread> start(ThreadKind kind, std::string_view name, std::move_only_function<void()> body);

  bool joinable() const { return thread_.joinable(); }
  /// Waits until `body` has returned.
  void join() { thread_.join(); }

 private:
  explicit Thread(std::jthread thread) : thread_(std::move(thread)) {}

  std::jthread thread_;
};

/// How many threads the machine runs at the same time, at least 1.
std::size_t hardware_threads();

}  // namespace jade
