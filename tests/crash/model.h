// Random operations on a store and on a map, which must agree in everything (goal G6).
#pragma once

#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>

#include "crash/script.h"

namespace jade::crash {

struct ModelConfiguration {
  std::string name;
  std::uint32_t num_shards = 1;
  IndexType index = IndexType::kFlat;
  Metric metric = Metric::kEuclidean;
  /// Everything that crosses to a shard is encoded and decoded.
  bool wired = false;
  /// One operation in this many is followed by a restart.
  std::uint32_t reopen_every = 100;
  /// Ids that are used.
  std::uint32_t ids = 60;
  /// Rows that are there before the operations begin: a graph is asked only where there are many.
  std::uint32_t loaded = 0;
  /// Operations at scale 1.
  std::uint32_t operations = 45'000;
};

/// How a test names its parameter.
inline void PrintTo(const ModelConfiguration& configuration, std::ostream* out) { *out << configuration.name; }

struct ModelOptions {
  ModelConfiguration configuration;
  std::uint64_t seed = 1;
  std::size_t operations = 1000;
};

struct ModelReport {
  /// Calls of the store: writes, reads, searches, restarts.
  std::size_t operations = 0;
  /// Approximate searches, and how many of the rows that an exact search finds they found.
  std::size_t approximate_hits = 0;
  std::size_t approximate_hits_wanted = 0;
  Findings findings;
};

/// Ids, metadata, versions, times, counts, and exact results must be those of the map; approximate ones have the exact
/// score of their row. Stops at the first difference.
ModelReport compare_with_model(const ModelOptions& options, const Sabotage& sabotage = {});

}  // namespace jade::crash
