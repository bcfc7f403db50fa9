// Fails every call that a store makes of its files, once and for good, in every way that a call fails (goal G3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "crash/script.h"

namespace jade::crash {

enum class FaultWay : std::uint8_t {
  kIoError,
  kNoSpace,
  kInterrupted,
  kShortWrite,  ///< Half of a write, then the error that there is no space; any other call fails with that at once.
};
inline constexpr std::size_t kFaultWays = 4;

struct FaultSweepOptions {
  std::string script;
  std::uint64_t seed = 1;
  /// Each call fails in this many of the 2 × 4 ways, at most all; which, changes from call to call.
  std::size_t ways = 1;
};

struct FaultSweepReport {
  /// Calls that the script makes when nothing fails.
  std::size_t sites = 0;
  /// Times that the script was played with a fault that struck.
  std::size_t runs = 0;
  Findings findings;
};

/// Plays the script with a fault, takes the fault away, opens the store again, compares, writes, cuts the power,
/// compares. Stops at the first run that is wrong.
FaultSweepReport fail_every_call(const FaultSweepOptions& options, const Sabotage& sabotage = {});

}  // namespace jade::crash
