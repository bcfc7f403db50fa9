// Keeps the process alive when a mapped page cannot be read.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace jade::io {

/// While it lives, touching a page of `pages` that cannot be read does not raise SIGBUS: the page becomes one of zeros,
/// and `failed` is true before anyone can read them. The first guard of the process installs the signal handler; what
/// handled the signal before is asked about all other addresses. Where SIGBUS is blocked, the kernel ends the process.
class BusErrorGuard {
 public:
  /// Begins on a page. Nobody reads `pages` before the constructor returns or after the destructor began.
  explicit BusErrorGuard(std::span<const std::byte> pages);
  ~BusErrorGuard();
  BusErrorGuard(const BusErrorGuard&) = delete;
  BusErrorGuard& operator=(const BusErrorGuard&) = delete;

  bool failed() const;

  /// How many guards the process has. For tests.
  static std::size_t count();

 private:
  struct Slot* const slot_;
};

}  // namespace jade::io
