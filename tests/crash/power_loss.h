// Cuts the power at every call that a store makes of its files, and looks at what is left (goal G2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "crash/script.h"

namespace jade::crash {

struct PowerLossOptions {
  std::string script;
  std::uint64_t seed = 1;
  /// Different fates of what was not synced, for each moment.
  std::size_t fates = 1;
  /// Cuts the power once more at calls of the recovery: at every this many-th state. 0: never.
  std::size_t recovery_every = 0;
};

struct PowerLossReport {
  /// Different disks at different moments.
  std::size_t moments = 0;
  /// Disks that were opened and compared.
  std::size_t states = 0;
  Findings findings;
};

/// Plays the script; before every call of its files that could find another disk or another oracle than the one before,
/// copies both. Each copy loses what was not synced, in some way that a disk may, is opened, compared, written to,
/// loses power again and is compared again. Stops at the first state that is wrong.
PowerLossReport cut_power_everywhere(const PowerLossOptions& options, const Sabotage& sabotage = {});

}  // namespace jade::crash
