#include "server/rest/binary_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/test_env.h"
#include "server/rest/api.h"
#include "server/rest/test_api.h"

namespace jade::server {
namespace {

using testing::HasSubstr;

// A batch that a test can get wrong.
struct Batch {
  std::string magic = "JDF1";
  std::uint32_t dimension = 2;
  std::uint32_t rows = 2;
  std::uint32_t flags = 3;
  std::uint8_t reserved = 0;
  std::vector<float> vectors = {1, 2, 3, 4};
  std::string options;
  std::string ids = table({0, 1, 3}) + "abb";
  std::string metadata = table({0, 7, 7}) + R"({"k":1})";
  std::optional<std::uint64_t> ids_bytes;

  static std::string table(const std::vector<std::uint32_t>& offsets) {
    std::string bytes;
    for (const std::uint32_t offset : offsets) append(bytes, offset);
    return bytes;
  }
  std::string bytes() const {
    std::string out = magic;
    append(out, dimension);
    append(out, rows);
    append(out, flags);
    append(out, std::uint64_t{options.size()});
    append(out, ids_bytes.value_or(ids.size()));
    append(out, std::uint64_t{metadata.size()});
    out.append(23, '\0').push_back(static_cast<char>(reserved));
    for (const float element : vectors) append(out, element);
    return out + options + ids + metadata;
  }

 private:
  template <class T>
  static void append(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
  }
};

TEST(BinaryBatch, ReadsRows) {
  Batch batch;
  batch.options = R"({"atomic":true})";
  const Result<BinaryBatch> read = decode_binary_batch(batch.bytes());
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(read->atomic);
  ASSERT_EQ(read->rows.size(), 2U);
  EXPECT_EQ(read->rows[0].id, "a");
  EXPECT_EQ(read->rows[0].metadata, R"({"k":1})");
  EXPECT_EQ(read->rows[1].id, "bb");
  EXPECT_EQ(read->rows[1].metadata, std::nullopt);
  EXPECT_EQ(std::get<std::vector<float>>(*read->rows[1].vector), (std::vector<float>{3, 4}));
}

TEST(BinaryBatch, ReadsTheDocumentedExample) {
  std::ifstream page(std::string(JADE_SOURCE_DIRECTORY) + "/docs/formats/binary-batch.md");
  std::string line;
  while (std::getline(page, line) && line != "```hex") {
  }
  std::string bytes;
  for (std::string word; page >> word && word != "```";) {
    bytes.push_back(static_cast<char>(std::stoul(word, nullptr, 16)));
  }
  const Result<BinaryBatch> read = decode_binary_batch(bytes);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_TRUE(read->atomic);
  ASSERT_EQ(read->rows.size(), 2U);
  EXPECT_EQ(read->rows[0].id, "a");
  EXPECT_EQ(read->rows[0].metadata, R"({"k":1})");
  EXPECT_EQ(read->rows[1].id, "bb");
  EXPECT_EQ(std::get<std::vector<float>>(*read->rows[1].vector), (std::vector<float>{0.5F, -1}));
}

TEST(BinaryBatch, MayHaveNoMetadataAndNoRows) {
  Batch batch;
  batch.rows = 0;
  batch.flags = 1;
  batch.vectors.clear();
  batch.ids = Batch::table({0});
  batch.metadata.clear();
  const Result<BinaryBatch> read = decode_binary_batch(batch.bytes());
  ASSERT_TRUE(read.ok());
  EXPECT_TRUE(read->rows.empty());
}

TEST(BinaryBatch, NamesWhatIsMalformed) {
  std::vector<std::pair<Batch, std::string>> table(17);
  std::size_t next = 0;
  const auto bad = [&](const std::string& message, auto change) {
    change(table[next].first);
    table[next++].second = message;
  };
  bad("JDF1", [](Batch& b) { b.magic = "JDF2"; });
  bad("unknown flags", [](Batch& b) { b.flags = 7; });
  bad("no ids", [](Batch& b) { b.flags = 2; });
  bad("dimension", [](Batch& b) { b.dimension = 0; });
  bad("dimension", [](Batch& b) { b.dimension = 65536; });
  bad("reserved", [](Batch& b) { b.reserved = 1; });
  bad("sum of its parts", [](Batch& b) { b.vectors.pop_back(); });
  bad("sum of its parts", [](Batch& b) { b.rows = kBatchRowsMax; });
  bad("100000 rows", [](Batch& b) { b.rows = kBatchRowsMax + 1; });
  bad("sum of its parts", [](Batch& b) { b.ids_bytes = ~std::uint64_t{0}; });
  bad("no table", [](Batch& b) { b.ids = "abc"; });
  bad("is not 0", [](Batch& b) { b.ids = Batch::table({1, 2, 3}) + "abb"; });
  bad("ascend", [](Batch& b) { b.ids = Batch::table({0, 4, 3}) + "abb"; });
  bad("ascend", [](Batch& b) { b.ids = Batch::table({0, 2, 1}) + "abb"; });
  bad("longer", [](Batch& b) { b.ids += "c"; });
  bad("not the flag", [](Batch& b) { b.flags = 1; });
  bad("ascend", [](Batch& b) { b.metadata = Batch::table({0, 9, 9}) + "{}"; });
  ASSERT_EQ(next, table.size());
  for (const auto& [batch, message] : table) {
    const Result<BinaryBatch> read = decode_binary_batch(batch.bytes());
    ASSERT_FALSE(read.ok()) << message;
    EXPECT_EQ(read.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(read.error().message(), HasSubstr(message));
  }
  EXPECT_THAT(decode_binary_batch("JDF1").error().message(), HasSubstr("64 bytes"));
}

TEST(BinaryBatch, RefusesOptionsThatItDoesNotKnow) {
  for (const char* options : {R"({"atomic":1})", R"({"upsert":true})", "{", "[]"}) {
    Batch batch;
    batch.options = options;
    EXPECT_FALSE(decode_binary_batch(batch.bytes()).ok()) << options;
  }
}

TEST(BinaryBatch, SurvivesAnyBytes) {
  const std::uint64_t seed = test_seed(1);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  const std::string good = Batch().bytes();
  for (std::size_t round = 0; round < test_scale(20'000); ++round) {
    std::string bytes = good.substr(0, random.next_below(8) == 0 ? random.next_below(good.size()) : good.size());
    for (std::uint64_t change = random.next_below(4); change > 0 && !bytes.empty(); --change) {
      bytes[random.next_below(bytes.size())] = static_cast<char>(random.next_u64());
    }
    (void)decode_binary_batch(bytes).ok();
  }
}

TEST(BinaryBatch, IsStoredByTheApi) {
  TestApi api;
  api.load();
  api.expect(201, api.post("/v1/databases", R"({"name":"d","dimension":2})"));
  const auto send = [&](const Batch& batch) {
    return api.ask(Method::kPost, "/v1/databases/d/vectors/batch", batch.bytes(), std::string(kBinaryBatchType));
  };
  EXPECT_EQ(field_of(api.expect(200, send(Batch())), "inserted"), "2");
  const std::string record = api.expect(200, api.get("/v1/databases/d/vectors/a"));
  EXPECT_EQ(field_of(record, "vector"), "[1,2]");
  EXPECT_EQ(field_of(record, "metadata"), R"({"k":1})");
  Batch bad;
  bad.magic = "NOPE";
  EXPECT_EQ(code_of(send(bad)), "INVALID_ARGUMENT");
  Batch wide;
  wide.dimension = 4;
  wide.rows = 1;
  wide.ids = Batch::table({0, 1}) + "z";
  wide.metadata = Batch::table({0, 0});
  EXPECT_EQ(field_of(api.expect(200, send(wide)), "errors.0.code"), "DIMENSION_MISMATCH");
}

}  // namespace
}  // namespace jade::server
