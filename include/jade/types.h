// The words of the data model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace jade {

/// How close two vectors are. Every metric has a distance (smaller is closer) and a similarity (larger is closer).
enum class Metric : std::uint8_t {
  kCosine,     ///< distance 1 − cos, similarity cos
  kEuclidean,  ///< distance L2, similarity 1 / (1 + distance)
  kDot,        ///< similarity the inner product, distance its negation
  kManhattan,  ///< distance L1, similarity 1 / (1 + distance)
  kHamming,    ///< distance the number of differing bits, similarity 1 − distance / dimension; bit vectors only
};

/// What a vector's elements are.
enum class ElementType : std::uint8_t {
  kF32,  ///< IEEE 754 binary32
  kBit,  ///< 0 or 1, packed
};

enum class IndexType : std::uint8_t {
  kAuto,  ///< Flat while the database is small, then a graph.
  kFlat,  ///< Exact: every search reads every vector.
  kHnsw,  ///< A navigable small-world graph (Malkov and Yashunin, arXiv 1603.09320).
};

/// What an acknowledged write survives.
enum class Durability : std::uint8_t {
  kDurable,  ///< Power loss: it was synced to the disk before it was acknowledged.
  kRelaxed,  ///< The end of the process: the operating system has it, and writes it to the disk soon.
};

/// Effective parameters of a vector index. Ranges are those of the wire contract.
struct IndexOptions {
  IndexType type = IndexType::kAuto;
  /// Edges a node on the upper layers, 4..64; the bottom layer has twice as many.
  std::uint32_t m = 16;
  /// Candidates kept while linking a new node, 8..2048.
  std::uint32_t ef_construction = 200;
  /// Candidates kept while searching when the search does not say, 1..10000.
  std::uint32_t ef_search = 64;

  friend bool operator==(const IndexOptions&, const IndexOptions&) = default;
};

/// Spellings on the wire: "cosine", "f32", "HNSW" …
std::string_view metric_name(Metric metric);
std::optional<Metric> metric_from_name(std::string_view name);
std::string_view element_type_name(ElementType type);
std::optional<ElementType> element_type_from_name(std::string_view name);
std::string_view index_type_name(IndexType type);
std::optional<IndexType> index_type_from_name(std::string_view name);
std::string_view durability_name(Durability durability);
std::optional<Durability> durability_from_name(std::string_view name);

}  // namespace jade
