// Vectors to store and to ask with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "jade/result.h"

namespace jade::bench {

struct VectorSet {
  std::uint32_t dimension = 0;
  std::vector<float> values;

  std::size_t rows() const { return dimension == 0 ? 0 : values.size() / dimension; }
  std::span<const float> row(std::size_t i) const { return std::span(values).subspan(i * dimension, dimension); }
};

/// The vectors of every .jdf file (docs/formats/binary-batch.md) in `folder`, in the order of the files' names.
Result<VectorSet> read_jdf_folder(const std::string& folder);

/// Rows in clusters of about a hundred, the same on every machine.
VectorSet clustered(std::uint32_t rows, std::uint32_t dimension);

struct SplitSet {
  VectorSet stored;
  /// Spread evenly over the set, and not stored: nobody asks a database for what it was given.
  VectorSet queries;
};
/// Takes `queries` rows out of the first `rows + queries`; both are fewer where the set has fewer.
SplitSet hold_out(const VectorSet& set, std::size_t rows, std::size_t queries);

std::uint64_t checksum(const VectorSet& set);

}  // namespace jade::bench
