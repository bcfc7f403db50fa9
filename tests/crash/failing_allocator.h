// Replaces this program's allocator by one that can be told to fail.
#pragma once

#include <cstdint>

namespace jade::crash {

/// From now on counts allocations, of all threads; the `failing`-th, from 1, finds no memory. 0: none fails. The one
/// that fails writes the stack that it was called from to standard error.
void count_allocations(std::uint64_t failing);

/// How many there were since.
std::uint64_t allocations_counted();

}  // namespace jade::crash
