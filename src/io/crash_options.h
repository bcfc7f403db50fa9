// What a power cut does to what was not synced.
#pragma once

#include <cstdint>

namespace jade::io {

/// What becomes of unsynced changes.
enum class CrashFate : std::uint8_t {
  kRandom,   ///< Any state that a disk may be left in.
  kDropped,  ///< All are lost.
  kKept,     ///< All reached the disk.
};

struct CrashOptions {
  CrashFate bytes = CrashFate::kRandom;
  CrashFate entries = CrashFate::kRandom;
  /// The unit that a disk writes whole: 512 or 4096; 0 draws one of them for each file.
  std::uint32_t sector_bytes = 0;
  /// Sectors that a file grew over but that were never written hold foreign bytes instead of zeros.
  bool foreign_bytes = false;
};

}  // namespace jade::io
