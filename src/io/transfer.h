// System calls that may be interrupted or do only a part of what was asked.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <expected>

namespace jade::io {

/// Calls `call` (which returns −1 and sets errno on failure) again for as long as a signal interrupts it.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

/// Moves `size` bytes by `call(done)`, which moves some of what comes after the first `done` bytes and returns how
/// many, 0 at the end of the file, or −1 with errno. Returns how many were moved in all, or errno.
template <class Call>
std::expected<std::size_t, int> transfer_all(std::size_t size, Call call) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t moved = retry_interrupted([&] { return call(done); });
    if (moved == -1) return std::unexpected(errno);
    if (moved == 0) break;
    done += static_cast<std::size_t>(moved);
  }
  return done;
}

}  // namespace jade::io
