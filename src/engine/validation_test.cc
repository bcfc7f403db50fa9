#include "engine/validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/test_records.h"

namespace jade::engine {
namespace {

TEST(ValidateId, TakesAnyUtf8WithoutControlCharacters) {
  for (const char* id : {"a", "/", ".", "..", "a/b", "%", "a b", "ü", "日本", "+", "\xc2\xa0"}) {
    EXPECT_TRUE(validate_id(id).ok()) << id;
  }
  EXPECT_TRUE(validate_id(std::string(512, 'x')).ok());
}

TEST(ValidateId, RefusesTheRest) {
  const std::string_view bad[] = {"",    std::string_view("\0", 1), "a\nb", "\x7f", "\xc2\x80", "\xc2\x9f", "\xff",
                                  "\xc3"};
  for (const std::string_view id : bad) {
    const Result<void> valid = validate_id(id);
    ASSERT_FALSE(valid.ok());
    EXPECT_EQ(valid.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(valid.error().detail("field"), nullptr);
  }
  EXPECT_FALSE(validate_id(std::string(513, 'x')).ok());
}

TEST(ValidateDatabaseName, FollowsTheGrammar) {
  for (const char* name : {"a", "A.b_c-9", "0"}) EXPECT_TRUE(validate_database_name(name).ok()) << name;
  EXPECT_TRUE(validate_database_name(std::string(255, 'a')).ok());
  for (const char* name : {"", ".a", "_a", "-a", "a:b", "a/b", "a b", "ü", "db:x"}) {
    EXPECT_FALSE(validate_database_name(name).ok()) << name;
  }
  EXPECT_FALSE(validate_database_name(std::string(256, 'a')).ok());
}

struct OptionsCase {
  const char* name;
  ErrorCode code;
  DatabaseOptions options;
};

TEST(ValidateOptions, RefusesWhatCannotWork) {
  const auto with = [](auto change) {
    DatabaseOptions options = database_options(4);
    change(options);
    return options;
  };
  const OptionsCase cases[] = {
      {"no vectors", ErrorCode::kInvalidArgument, with([](auto& o) { o.vectors.clear(); })},
      {"too many vectors", ErrorCode::kValueOutOfRange, with([](auto& o) { o.vectors.resize(65); })},
      {"dimension 0", ErrorCode::kValueOutOfRange, with([](auto& o) { o.vectors[0].options.dimension = 0; })},
      {"dimension 16385", ErrorCode::kValueOutOfRange, with([](auto& o) { o.vectors[0].options.dimension = 16385; })},
      {"m 3", ErrorCode::kValueOutOfRange, with([](auto& o) { o.vectors[0].options.index.m = 3; })},
      {"efConstruction 7", ErrorCode::kValueOutOfRange,
       with([](auto& o) { o.vectors[0].options.index.ef_construction = 7; })},
      {"efSearch 0", ErrorCode::kValueOutOfRange, with([](auto& o) { o.vectors[0].options.index.ef_search = 0; })},
      {"no shards", ErrorCode::kValueOutOfRange, with([](auto& o) { o.num_shards = 0; })},
      {"65 shards", ErrorCode::kValueOutOfRange, with([](auto& o) { o.num_shards = 65; })},
      {"hamming over floats", ErrorCode::kUnsupportedCombination,
       with([](auto& o) { o.vectors[0].options.metric = Metric::kHamming; })},
      {"bits under cosine", ErrorCode::kUnsupportedCombination, with([](auto& o) {
         o.vectors[0].options.element_type = ElementType::kBit;
         o.vectors[0].options.metric = Metric::kCosine;
       })},
      {"a name twice", ErrorCode::kInvalidArgument, with([](auto& o) { o.vectors.push_back(o.vectors[0]); })},
      {"a bad vector name", ErrorCode::kInvalidArgument, with([](auto& o) { o.vectors[0].name = "a b"; })},
      {"a long description", ErrorCode::kInvalidArgument,
       with([](auto& o) { o.description = std::string(1001, 'x'); })},
      {"a description in no encoding", ErrorCode::kInvalidArgument, with([](auto& o) { o.description = "\xff"; })},
  };
  for (const OptionsCase& c : cases) {
    const Result<storage::Definition> definition = validate_options(c.options);
    ASSERT_FALSE(definition.ok()) << c.name;
    EXPECT_EQ(definition.error().code(), c.code) << c.name;
  }
}

TEST(ValidateOptions, MakesADefinition) {
  DatabaseOptions options = database_options(4, Metric::kDot, IndexType::kHnsw, 3);
  options.description = std::string(999, 'x') + "ü";
  options.vectors.push_back({"bits", {.dimension = 9, .metric = Metric::kHamming, .element_type = ElementType::kBit}});
  const Result<storage::Definition> definition = validate_options(options);
  ASSERT_TRUE(definition.ok());
  EXPECT_EQ(definition->num_shards, 3U);
  EXPECT_EQ(definition->next_field, VectorFieldId(3));
  ASSERT_EQ(definition->vectors.size(), 2U);
  EXPECT_EQ(definition->vectors[1].id, VectorFieldId(2));
  EXPECT_EQ(definition->vectors[1].name, "bits");
}

Result<std::vector<std::byte>> check(Metric metric, VectorData data, std::uint32_t dimension = 2) {
  return validate_vector(field_definition(1, "v", dimension, metric), data);
}

TEST(ValidateVector, KeepsFloatsBitForBit) {
  const std::vector<float> odd = {-0.0F, std::numeric_limits<float>::denorm_min()};
  const auto bytes = check(Metric::kEuclidean, odd);
  ASSERT_TRUE(bytes.ok());
  EXPECT_EQ(*bytes, bytes_of(odd));
  EXPECT_EQ(std::get<std::vector<float>>(vector_data(field_definition(1, "v", 2), *bytes)), odd);
}

TEST(ValidateVector, RefusesWhatNoDistanceCanBeComputedFor) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float largest = std::numeric_limits<float>::max();
  const float tiny = std::ldexp(1.0F, -60);
  struct Case {
    Metric metric;
    std::vector<float> vector;
    ErrorCode code;
  };
  const Case cases[] = {
      {Metric::kEuclidean, {1, nan}, ErrorCode::kValueOutOfRange},
      {Metric::kEuclidean, {inf, 1}, ErrorCode::kValueOutOfRange},
      {Metric::kDot, {1, -inf}, ErrorCode::kValueOutOfRange},
      {Metric::kDot, {largest, 1}, ErrorCode::kValueOutOfRange},
      {Metric::kCosine, {0, 0}, ErrorCode::kValueOutOfRange},
      {Metric::kCosine, {tiny, tiny}, ErrorCode::kValueOutOfRange},
      {Metric::kEuclidean, {1}, ErrorCode::kDimensionMismatch},
      {Metric::kEuclidean, {1, 2, 3}, ErrorCode::kDimensionMismatch},
      {Metric::kEuclidean, {}, ErrorCode::kDimensionMismatch},
  };
  for (const Case& c : cases) {
    const auto bytes = check(c.metric, c.vector);
    ASSERT_FALSE(bytes.ok());
    EXPECT_EQ(bytes.error().code(), c.code);
  }
  EXPECT_TRUE(check(Metric::kEuclidean, std::vector<float>{0, 0}).ok());
  EXPECT_TRUE(check(Metric::kEuclidean, std::vector<float>{tiny, tiny}).ok());
  EXPECT_TRUE(check(Metric::kCosine, std::vector<float>{std::ldexp(1.0F, -50), 0}).ok());
  EXPECT_TRUE(check(Metric::kDot, std::vector<float>{std::ldexp(1.0F, 60), 0}).ok());
}

TEST(ValidateVector, TellsWhichDimensionIsExpected) {
  const auto bytes = check(Metric::kEuclidean, std::vector<float>{1, 2, 3});
  EXPECT_EQ(*bytes.error().detail("expected"), (ErrorDetail{"expected", std::int64_t{2}}));
  EXPECT_EQ(*bytes.error().detail("got"), (ErrorDetail{"got", std::int64_t{3}}));
}

TEST(ValidateVector, PacksBitsFromNumbersAndTakesPackedOnes) {
  const auto packed = check(Metric::kHamming, std::vector<float>{1, 0, 1, 1, 0, 0, 0, 0, 1, 0}, 10);
  ASSERT_TRUE(packed.ok());
  EXPECT_EQ(*packed, (std::vector<std::byte>{std::byte{0x0d}, std::byte{0x01}}));
  EXPECT_TRUE(check(Metric::kHamming, PackedBits{*packed}, 10).ok());
  EXPECT_EQ(std::get<PackedBits>(vector_data(field_definition(1, "v", 10, Metric::kHamming), *packed)).bytes, *packed);

  const auto half = check(Metric::kHamming, std::vector<float>{0.5F, 0}, 2);
  EXPECT_EQ(half.error().code(), ErrorCode::kValueOutOfRange);
  const auto short_numbers = check(Metric::kHamming, std::vector<float>{1}, 2);
  EXPECT_EQ(short_numbers.error().code(), ErrorCode::kDimensionMismatch);
  const auto short_bytes = check(Metric::kHamming, PackedBits{{std::byte{1}}}, 10);
  EXPECT_EQ(short_bytes.error().code(), ErrorCode::kDimensionMismatch);
  const auto unused = check(Metric::kHamming, PackedBits{{std::byte{1}, std::byte{4}}}, 10);
  EXPECT_EQ(unused.error().code(), ErrorCode::kValueOutOfRange);
  EXPECT_TRUE(check(Metric::kHamming, PackedBits{{std::byte{0xff}}}, 8).ok());
  EXPECT_EQ(check(Metric::kDot, PackedBits{{std::byte{1}}}).error().code(), ErrorCode::kInvalidArgument);
}

TEST(ValidateRecord, BringsMetadataIntoCanonicalForm) {
  const storage::Definition definition = definition_of({field_definition(1, "", 2)});
  const auto row = validate_record(definition, record_input("a", {1, 2}, "{ \"k\" : 1.0 }"), storage::WriteKind::kPut);
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->metadata, R"({"k":1.0})");
}

TEST(ValidateRecord, NamesWhatIsWrong) {
  const storage::Definition definition = definition_of({field_definition(1, "", 2), field_definition(2, "image", 1)});
  struct Case {
    const char* name;
    RecordInput record;
    storage::WriteKind kind;
    ErrorCode code;
  };
  const auto put = storage::WriteKind::kPut;
  const auto update = storage::WriteKind::kUpdate;
  const Case cases[] = {
      {"no id", record_input("", {1, 2}), put, ErrorCode::kInvalidArgument},
      {"no vector", {.id = "a", .vectors = {}, .metadata = "{}"}, put, ErrorCode::kInvalidArgument},
      {"nothing to update", {.id = "a", .vectors = {}, .metadata = {}}, update, ErrorCode::kInvalidArgument},
      {"unknown vector",
       {.id = "a", .vectors = {{"voice", std::vector<float>{1}}}, .metadata = {}},
       put,
       ErrorCode::kInvalidArgument},
      {"vector twice",
       {.id = "a", .vectors = {{"image", std::vector<float>{1}}, {"image", std::vector<float>{1}}}, .metadata = {}},
       put,
       ErrorCode::kInvalidArgument},
      {"wrong dimension", record_input("a", {1}), put, ErrorCode::kDimensionMismatch},
      {"bad metadata", record_input("a", {1, 2}, "[]"), put, ErrorCode::kInvalidArgument},
      {"metadata that is no JSON", record_input("a", {1, 2}, "{"), put, ErrorCode::kInvalidArgument},
  };
  for (const Case& c : cases) {
    const auto row = validate_record(definition, c.record, c.kind);
    ASSERT_FALSE(row.ok()) << c.name;
    EXPECT_EQ(row.error().code(), c.code) << c.name;
  }
  const auto place_of = [&](const char* metadata) {
    const auto row = validate_record(definition, record_input("a", {1, 2}, metadata), put);
    return row.ok() ? "" : std::get<std::string>(row.error().detail("field")->value) + " | " + row.error().message();
  };
  EXPECT_EQ(place_of("[]"), "metadata | metadata must be a JSON object");
  EXPECT_THAT(place_of(R"({"a":{"$b":1}})"), testing::StartsWith("metadata.a.$b | metadata.a.$b: "));
  const auto deep = validate_record(definition, record_input("a", {1, 2}, R"({"a":[[1]]})"), put, {.depth_max = 2});
  EXPECT_EQ(std::get<std::int64_t>(deep.error().detail("limitDepth")->value), 2);
  EXPECT_EQ(std::get<std::string>(deep.error().detail("field")->value), "metadata.a[0]");
  const auto unnamed = find_field(definition_of({field_definition(1, "only", 2)}), "");
  EXPECT_EQ(unnamed.error().code(), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace jade::engine
