// Damages the files of a store: an error that says where, or right answers; and nobody else is harmed (goals G5, G22).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "crash/script.h"

namespace jade::crash {

enum class RotKind : std::uint8_t {
  kFlip,      ///< One bit.
  kZero,      ///< A sector.
  kGarbage,   ///< A few bytes.
  kTruncate,  ///< Everything behind some place.
  kSwap,      ///< Two sectors change places.
};
inline constexpr std::size_t kRotKinds = 5;

struct RotOptions {
  std::string script;
  std::uint64_t seed = 1;
  std::size_t damages = 100;
  /// For the test of this test: damages a file of another database, too, and does not tell.
  bool damages_a_neighbour = false;
};

struct RotReport {
  /// Damages that changed bytes.
  std::size_t damages = 0;
  /// By kind of file: how many were noticed, how many changed nothing that is read, how many cut the last writes off.
  struct Tally {
    std::size_t noticed = 0;
    std::size_t harmless = 0;
    std::size_t cut = 0;
  };
  std::map<std::string, Tally> by_file;
  Findings findings;
};

/// Plays the script, closes the store, and damages copies of what it left. Goes on after a wrong answer, up to ten.
RotReport damage_files(const RotOptions& options, const Sabotage& sabotage = {});

}  // namespace jade::crash
