#include "engine/message_codec.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/test_env.h"
#include "engine/test_records.h"

namespace jade::engine {
namespace {

StoredRecord stored(std::string id) {
  return {.id = std::move(id),
          .version = Sequence(77),
          .created_at_us = -5,
          .updated_at_us = 123456789,
          .vectors = {{VectorFieldId(1), bytes_of({1, 2, 3})}, {VectorFieldId(4), {}}},
          .metadata = R"({"a":1})"};
}

ApplyRequest apply_request() {
  storage::RowWrite update = put_row("ü", {1.5F}, "{}");
  update.kind = storage::WriteKind::kUpdate;
  return {.definition_version = 3,
          .atomic = true,
          .rows = {{Precondition::kMustExist, update}, {Precondition::kNone, delete_row(std::string("a\0b", 3))}}};
}
ApplyResponse apply_response() {
  return {.version = Sequence(9),
          .rows = {{RowOutcome::kCreated, {}}, {RowOutcome::kRefused, ErrorCode::kAlreadyExists}}};
}
GetResponse get_response() { return {.records = {stored("a"), std::nullopt, stored("")}}; }
SearchRequest search_request() {
  return {.field = VectorFieldId(2),
          .query = bytes_of({1, 2}),
          .k = 7,
          .ef = 99,
          .exact = true,
          .max_distance = std::numeric_limits<double>::infinity(),
          .excluded_id = "me",
          .include_vectors = true,
          .include_metadata = false};
}
SearchResponse search_response() {
  return {.hits = {{-0.0F, stored("x")}, {1.0F, stored("y")}}, .index_used = IndexType::kHnsw, .distances = 1234};
}
StatsResponse stats_response() {
  return {.live_rows = 1,
          .deleted_rows = 2,
          .record_bytes = 3,
          .id_map_bytes = 4,
          .sealed_segments = 10,
          .segment_file_bytes = 11,
          .fields = {{VectorFieldId(1), 5, 6, 7, 8, 9, 9.5}}};
}

/// A message that came through is encoded to the same bytes: nothing was lost, since every field is among them.
template <class Message>
void expect_round_trip(const Message& message) {
  const std::vector<std::byte> bytes = encode_message(message);
  const Result<Message> decoded = decode_message<Message>(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(encode_message(*decoded), bytes);
}

TEST(MessageCodec, EveryMessageSurvivesTheWay) {
  expect_round_trip(apply_request());
  expect_round_trip(apply_response());
  expect_round_trip(GetRequest{.ids = {"a", "", "ccc"}, .include_vectors = true, .include_metadata = false});
  expect_round_trip(get_response());
  expect_round_trip(search_request());
  expect_round_trip(search_response());
  expect_round_trip(StatsRequest{});
  expect_round_trip(stats_response());
}

TEST(MessageCodec, KeepsEveryField) {
  const Result<ApplyRequest> apply = decode_message<ApplyRequest>(encode_message(apply_request()));
  ASSERT_TRUE(apply.ok());
  EXPECT_EQ(apply->definition_version, 3U);
  EXPECT_TRUE(apply->atomic);
  ASSERT_EQ(apply->rows.size(), 2U);
  EXPECT_EQ(apply->rows[0].precondition, Precondition::kMustExist);
  EXPECT_EQ(apply->rows[0].write, apply_request().rows[0].write);
  EXPECT_EQ(apply->rows[1].write.id, std::string("a\0b", 3));
  const Result<SearchRequest> search = decode_message<SearchRequest>(encode_message(search_request()));
  ASSERT_TRUE(search.ok());
  EXPECT_EQ(search->max_distance, std::numeric_limits<double>::infinity());
  EXPECT_EQ(search->excluded_id, "me");
  const Result<GetResponse> get = decode_message<GetResponse>(encode_message(get_response()));
  ASSERT_TRUE(get.ok());
  EXPECT_FALSE(get->records[1].has_value());
  EXPECT_EQ(get->records[0]->created_at_us, -5);
}

template <class Message>
void expect_refused(const std::vector<std::byte>& bytes) {
  const Result<Message> decoded = decode_message<Message>(bytes);
  ASSERT_FALSE(decoded.ok());
  EXPECT_EQ(decoded.error().code(), ErrorCode::kInvalidArgument);
}

TEST(MessageCodec, RefusesEveryTruncationAndAnythingLonger) {
  const std::vector<std::byte> whole = encode_message(search_response());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    expect_refused<SearchResponse>({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
  }
  std::vector<std::byte> longer = whole;
  longer.push_back(std::byte{0});
  expect_refused<SearchResponse>(longer);
}

TEST(MessageCodec, RefusesAnotherVersionAndNumbersThatNameNothing) {
  std::vector<std::byte> bytes = encode_message(apply_response());
  bytes[0] = std::byte{2};
  expect_refused<ApplyResponse>(bytes);
  // Version byte, sequence, count, then the first row's outcome.
  bytes = encode_message(apply_response());
  bytes[1 + 8 + 4] = std::byte{9};
  expect_refused<ApplyResponse>(bytes);
  // A bool is 0 or 1: version byte, definition version, then `atomic`.
  bytes = encode_message(apply_request());
  bytes[1 + 8] = std::byte{2};
  expect_refused<ApplyRequest>(bytes);
}

TEST(MessageCodec, SurvivesRandomDamage) {
  const std::uint64_t seed = test_seed(4711);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  const std::vector<std::byte> whole = encode_message(apply_request());
  for (std::size_t i = 0; i < test_scale(2000); ++i) {
    std::vector<std::byte> bytes = whole;
    bytes[random.next_below(bytes.size())] = static_cast<std::byte>(random.next_below(256));
    const Result<ApplyRequest> decoded = decode_message<ApplyRequest>(bytes);
    if (decoded.ok()) {
      EXPECT_EQ(encode_message(*decoded), bytes);
    }
  }
}

}  // namespace
}  // namespace jade::engine
