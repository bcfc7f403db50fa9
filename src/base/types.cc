#include "jade/types.h"

#include <array>
#include <span>
#include <utility>

namespace jade {
namespace {

template <class Enum>
using NameTable = std::span<const std::pair<Enum, std::string_view>>;

constexpr std::array kMetrics = {
    std::pair{Metric::kCosine, std::string_view("cosine")},
    std::pair{Metric::kEuclidean, std::string_view("euclidean")},
    std::pair{Metric::kDot, std::string_view("dot")},
    std::pair{Metric::kManhattan, std::string_view("manhattan")},
    std::pair{Metric::kHamming, std::string_view("hamming")},
};
constexpr std::array kElementTypes = {
    std::pair{ElementType::kF32, std::string_view("f32")},
    std::pair{ElementType::kBit, std::string_view("bit")},
};
constexpr std::array kIndexTypes = {
    std::pair{IndexType::kAuto, std::string_view("AUTO")},
    std::pair{IndexType::kFlat, std::string_view("FLAT")},
    std::pair{IndexType::kHnsw, std::string_view("HNSW")},
};
constexpr std::array kDurabilities = {
    std::pair{Durability::kDurable, std::string_view("durable")},
    std::pair{Durability::kRelaxed, std::string_view("relaxed")},
};

template <class Enum>
std::string_view name_of(NameTable<Enum> table, Enum value) {
  for (const auto& [candidate, name] : table) {
    if (candidate == value) return name;
  }
  return {};
}

template <class Enum>
std::optional<Enum> value_of(NameTable<Enum> table, std::string_view name) {
  for (const auto& [value, candidate] : table) {
    if (candidate == name) return value;
  }
  return std::nullopt;
}

}  // namespace

std::string_view metric_name(Metric metric) { return name_of<Metric>(kMetrics, metric); }
std::optional<Metric> metric_from_name(std::string_view name) { return value_of<Metric>(kMetrics, name); }
std::string_view element_type_name(ElementType type) { return name_of<ElementType>(kElementTypes, type); }
std::optional<ElementType> element_type_from_name(std::string_view name) {
  return value_of<ElementType>(kElementTypes, name);
}
std::string_view index_type_name(IndexType type) { return name_of<IndexType>(kIndexTypes, type); }
std::optional<IndexType> index_type_from_name(std::string_view name) { return value_of<IndexType>(kIndexTypes, name); }
std::string_view durability_name(Durability durability) { return name_of<Durability>(kDurabilities, durability); }
std::optional<Durability> durability_from_name(std::string_view name) {
  return value_of<Durability>(kDurabilities, name);
}

}  // namespace jade
