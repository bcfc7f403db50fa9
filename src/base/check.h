// Stops the process on our own mistakes. Never for bytes from disk, network or users: those yield an Error.
#pragma once

#include <string_view>

namespace jade {

/// Writes the failed condition and its place to stderr and aborts.
[[noreturn]] void check_failed(std::string_view condition, std::string_view file, int line, std::string_view message);

}  // namespace jade

/// Stays on in release builds.
#define JADE_CHECK(condition, message)                               \
  do {                                                               \
    if (!(condition)) [[unlikely]]                                   \
      ::jade::check_failed(#condition, __FILE__, __LINE__, message); \
  } while (false)
