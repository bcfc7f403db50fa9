// What the crash tests write: rows whose content follows from a number, so that a row that is found tells which write
// it is of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jade/record.h"

namespace jade::crash {

/// Vectors by the name of their field.
using Vectors = std::map<std::string, VectorData>;

inline constexpr std::uint32_t kNumbersDimension = 3;
inline constexpr std::uint32_t kBitsDimension = 12;
inline constexpr const char* kNumbersField = "";
inline constexpr const char* kBitsField = "bits";

/// Two fields, of numbers and of bits.
inline DatabaseOptions crash_database_options(std::uint32_t num_shards = 1, IndexType index = IndexType::kFlat) {
  return {.description = "",
          .vectors = {{kNumbersField,
                       {.dimension = kNumbersDimension,
                        .metric = Metric::kEuclidean,
                        .element_type = ElementType::kF32,
                        .index = {.type = index}}},
                      {kBitsField,
                       {.dimension = kBitsDimension,
                        .metric = Metric::kHamming,
                        .element_type = ElementType::kBit,
                        .index = {.type = IndexType::kFlat}}}},
          .num_shards = num_shards};
}

inline VectorData numbers_of(std::uint64_t serial) {
  const auto n = static_cast<float>(serial);
  return std::vector<float>{n, 0.5F - n / 3, static_cast<float>(serial % 7) - 1e-20F};
}

inline VectorData bits_of(std::uint64_t serial) {
  return PackedBits{{static_cast<std::byte>(serial & 0xff), static_cast<std::byte>((serial >> 8) & 0x0f)}};
}

/// Every third row has a second vector.
inline Vectors vectors_of(std::uint64_t serial) {
  Vectors vectors = {{kNumbersField, numbers_of(serial)}};
  if (serial % 3 == 0) vectors.emplace(kBitsField, bits_of(serial));
  return vectors;
}

/// Of different lengths, some longer than a sector.
inline std::string metadata_of(std::uint64_t serial) {
  const std::size_t padding = serial % 16 == 5 ? 700 : serial % 5;
  return R"({"n":)" + std::to_string(serial) + R"(,"pad":")" + std::string(padding, 'x') + R"("})";
}

inline std::vector<NamedVector> named(const Vectors& vectors) {
  std::vector<NamedVector> list;
  for (const auto& [name, data] : vectors) list.push_back({name, data});
  return list;
}

}  // namespace jade::crash
