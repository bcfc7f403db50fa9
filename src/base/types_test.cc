#include "jade/types.h"

#include <gtest/gtest.h>

#include <array>
#include <string_view>

namespace jade {
namespace {

template <class Enum>
struct Row {
  Enum value;
  std::string_view name;
};

TEST(Metric, NamesReadBack) {
  for (const auto& row : std::to_array<Row<Metric>>({{Metric::kCosine, "cosine"},
                                                     {Metric::kEuclidean, "euclidean"},
                                                     {Metric::kDot, "dot"},
                                                     {Metric::kManhattan, "manhattan"},
                                                     {Metric::kHamming, "hamming"}})) {
    EXPECT_EQ(metric_name(row.value), row.name);
    EXPECT_EQ(metric_from_name(row.name), row.value);
  }
  EXPECT_FALSE(metric_from_name("Cosine").has_value());
}

TEST(ElementType, NamesReadBack) {
  for (const ElementType type : {ElementType::kF32, ElementType::kBit}) {
    EXPECT_EQ(element_type_from_name(element_type_name(type)), type);
  }
  EXPECT_EQ(element_type_name(ElementType::kF32), "f32");
  EXPECT_FALSE(element_type_from_name("f64").has_value());
}

TEST(Durability, NamesReadBack) {
  for (const Durability durability : {Durability::kDurable, Durability::kRelaxed}) {
    EXPECT_EQ(durability_from_name(durability_name(durability)), durability);
  }
  EXPECT_EQ(durability_name(Durability::kRelaxed), "relaxed");
  EXPECT_FALSE(durability_from_name("Durable").has_value());
}

TEST(IndexType, NamesReadBack) {
  for (const IndexType type : {IndexType::kAuto, IndexType::kFlat, IndexType::kHnsw}) {
    EXPECT_EQ(index_type_from_name(index_type_name(type)), type);
  }
  EXPECT_EQ(index_type_name(IndexType::kHnsw), "HNSW");
  EXPECT_FALSE(index_type_from_name("").has_value());
}

}  // namespace
}  // namespace jade
