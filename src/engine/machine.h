// What the engine makes of the machine it runs on.
#pragma once

#include <cstdint>
#include <string>

#include "io/file_system.h"

namespace jade::engine {

/// 70% of what the machine has or the control group allows, whichever is less.
std::uint64_t default_memory_budget(io::FileSystem& files);

/// Lets the process open as many files and sockets as the machine permits it, and says how many that is.
std::uint64_t raise_open_files();

/// The instruction set of the distance kernels in use: "avx512", …, "portable".
std::string kernel_target();

}  // namespace jade::engine
