// Time as a seam: everything that needs the time is handed a Clock, so that a test can own it.
#pragma once

#include <chrono>
#include <cstdint>

namespace jade {

/// Microseconds since 1970-01-01 UTC.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;
/// For deadlines and durations; never goes back.
using SteadyTime = std::chrono::steady_clock::time_point;

/// Safe from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall_now() const = 0;
  virtual SteadyTime steady_now() const = 0;
};

/// The machine's clock. Lives for the whole process.
Clock& system_clock();

}  // namespace jade
