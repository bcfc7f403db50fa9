#include "storage/definition.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "base/test_env.h"

namespace jade::storage {
namespace {

Definition example() {
  Definition definition;
  for (std::size_t i = 0; i < definition.database.size(); ++i) definition.database[i] = std::byte(i * 3);
  definition.version = 4;
  definition.description = "cats and dogs";
  definition.vectors = {
      {VectorFieldId{1}, "", 128, Metric::kCosine, ElementType::kF32, {IndexType::kHnsw, 24, 300, 80}},
      {VectorFieldId{3}, "bits", 512, Metric::kHamming, ElementType::kBit, {IndexType::kFlat, 4, 8, 1}},
  };
  definition.next_field = VectorFieldId{5};
  definition.num_shards = 3;
  definition.created_at_us = 1'700'000'000'000'000;
  definition.updated_at_us = -1;
  return definition;
}

TEST(Definition, ComesBackAsItWas) {
  const auto decoded = decode_definition(encode_definition(example()));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, example());
}

TEST(Definition, WithoutFieldsComesBackAsItWas) {
  const auto decoded = decode_definition(encode_definition({}));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, Definition{});
}

TEST(Definition, DiffersInEveryPart) {
  const std::function<void(Definition&)> changes[] = {
      [](Definition& d) { d.database[0] = std::byte{1}; },
      [](Definition& d) { ++d.version; },
      [](Definition& d) { d.description = "dogs"; },
      [](Definition& d) { d.vectors.pop_back(); },
      [](Definition& d) { d.next_field = VectorFieldId{9}; },
      [](Definition& d) { ++d.num_shards; },
      [](Definition& d) { ++d.created_at_us; },
      [](Definition& d) { ++d.updated_at_us; },
      [](Definition& d) { d.vectors[0].id = VectorFieldId{2}; },
      [](Definition& d) { d.vectors[0].name = "x"; },
      [](Definition& d) { ++d.vectors[0].dimension; },
      [](Definition& d) { d.vectors[0].metric = Metric::kDot; },
      [](Definition& d) { d.vectors[0].element_type = ElementType::kBit; },
      [](Definition& d) { ++d.vectors[0].index.m; },
  };
  for (const auto& change : changes) {
    Definition definition = example();
    change(definition);
    EXPECT_NE(definition, example());
    EXPECT_EQ(decode_definition(encode_definition(definition)).value(), definition);
  }
}

TEST(Definition, RefusesWhatWasNeverAccepted) {
  struct Row {
    const char* name;
    std::function<void(Definition&)> change;
  };
  const Row rows[] = {
      {"metric", [](Definition& d) { d.vectors[0].metric = static_cast<Metric>(5); }},
      {"element type", [](Definition& d) { d.vectors[0].element_type = static_cast<ElementType>(2); }},
      {"index type", [](Definition& d) { d.vectors[0].index.type = static_cast<IndexType>(3); }},
      {"m low", [](Definition& d) { d.vectors[0].index.m = 3; }},
      {"m high", [](Definition& d) { d.vectors[0].index.m = 65; }},
      {"ef_construction low", [](Definition& d) { d.vectors[0].index.ef_construction = 7; }},
      {"ef_construction high", [](Definition& d) { d.vectors[0].index.ef_construction = 2049; }},
      {"ef_search low", [](Definition& d) { d.vectors[0].index.ef_search = 0; }},
      {"ef_search high", [](Definition& d) { d.vectors[0].index.ef_search = 10001; }},
      {"dimension low", [](Definition& d) { d.vectors[1].dimension = 0; }},
      {"dimension high", [](Definition& d) { d.vectors[1].dimension = 16385; }},
      {"version", [](Definition& d) { d.version = 0; }},
      {"no shards", [](Definition& d) { d.num_shards = 0; }},
      {"many shards", [](Definition& d) { d.num_shards = 65; }},
      {"id not given out", [](Definition& d) { d.next_field = VectorFieldId{3}; }},
      {"shared id", [](Definition& d) { d.vectors[1].id = d.vectors[0].id; }},
      {"shared name", [](Definition& d) { d.vectors[1].name = ""; }},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Definition definition = example();
    row.change(definition);
    const auto decoded = decode_definition(encode_definition(definition));
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code(), ErrorCode::kDataCorrupted);
  }
}

TEST(Definition, ReadsFromAnyAddressAndRefusesTruncation) {
  const std::vector<std::byte> bytes = encode_definition(example());
  std::vector<std::byte> shifted(bytes.size() + 3);
  std::ranges::copy(bytes, shifted.begin() + 3);
  EXPECT_EQ(*decode_definition(std::span(shifted).subspan(3)), example());
  EXPECT_FALSE(decode_definition({}).ok());
  EXPECT_FALSE(decode_definition(std::span(bytes).first(bytes.size() / 2)).ok());
}

TEST(Definition, SurvivesRandomDamage) {
  const std::uint64_t seed = test_seed(3);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const std::vector<std::byte> bytes = encode_definition(example());
  for (std::size_t i = 0; i < test_scale(5000); ++i) {
    std::vector<std::byte> damaged = bytes;
    damaged[random.next_below(damaged.size())] = std::byte(static_cast<std::uint8_t>(random.next_u64()));
    damaged[random.next_below(damaged.size())] = std::byte(static_cast<std::uint8_t>(random.next_u64()));
    const auto decoded = decode_definition(damaged);
    if (!decoded.ok()) {
      EXPECT_EQ(decoded.error().code(), ErrorCode::kDataCorrupted);
    }
  }
}

}  // namespace
}  // namespace jade::storage
