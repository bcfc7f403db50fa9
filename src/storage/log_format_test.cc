#include "storage/log_format.h"

#include <gtest/gtest.h>

#include <functional>

#include "storage/byte_layout.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

LogFileHeader example_file() {
  LogFileHeader file;
  for (std::size_t i = 0; i < file.file_id.size(); ++i) file.file_id[i] = std::byte(i);
  file.database = test_database();
  file.first_sequence = Sequence{9};
  file.start_position = 4096;
  file.previous_checksum = 0x1122334455667788;
  file.epoch = 2;
  return file;
}

struct ExampleRecord {
  std::vector<std::byte> key{std::byte{1}, std::byte{2}, std::byte{3}};
  std::vector<std::byte> payload{std::byte{'h'}, std::byte{'i'}};
  LogRecord record;

  ExampleRecord() {
    record.sequence = Sequence{9};
    record.epoch = 2;
    record.type = RecordType::kDefinition;
    record.shard = ShardId{5};
    record.definition_version = 6;
    record.commit_time_us = -7;
    record.transaction_id = 8;
    record.idempotency_key = key;
    record.payload = payload;
  }
};

std::vector<std::byte> example_batch(const LogFileHeader& file, std::uint64_t offset) {
  const ExampleRecord example;
  LogBatchEncoder encoder(file, offset,
                          {.durable_upto = 4096, .first_sequence = 9, .previous_checksum = file.previous_checksum});
  encoder.add(example.record);
  const auto bytes = encoder.finish();
  return {bytes.begin(), bytes.end()};
}

TEST(LogFormat, FileHeaderComesBack) {
  LogFileHeader file = example_file();
  file.features.compatible = 1;
  const auto decoded = decode_log_file_header(encode_log_file_header(file));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, file);
}

TEST(LogFormat, FileHeaderDiffersInEveryPart) {
  const std::function<void(LogFileHeader&)> changes[] = {
      [](LogFileHeader& file) { file.features.compatible = 1; },
      [](LogFileHeader& file) { file.file_id[0] = std::byte{9}; },
      [](LogFileHeader& file) { file.database[0] = std::byte{9}; },
      [](LogFileHeader& file) { file.first_sequence = Sequence{8}; },
      [](LogFileHeader& file) { ++file.start_position; },
      [](LogFileHeader& file) { ++file.previous_checksum; },
      [](LogFileHeader& file) { ++file.epoch; },
  };
  for (const auto& change : changes) {
    LogFileHeader file = example_file();
    change(file);
    EXPECT_NE(file, example_file());
    EXPECT_EQ(decode_log_file_header(encode_log_file_header(file)).value(), file);
  }
}

TEST(LogFormat, IgnoresUnknownCompatibleFeaturesAndRefusesTheOthers) {
  LogFileHeader file = example_file();
  file.features.compatible = ~std::uint64_t{0};
  EXPECT_TRUE(decode_log_file_header(encode_log_file_header(file)).ok());
  file.features = {.read_only_compatible = 4};
  EXPECT_EQ(decode_log_file_header(encode_log_file_header(file)).error().code(), ErrorCode::kNotSupported);
  file.features = {.incompatible = 1};
  EXPECT_EQ(decode_log_file_header(encode_log_file_header(file)).error().code(), ErrorCode::kNotSupported);
}

TEST(LogFormat, BatchAndRecordComeBack) {
  const LogFileHeader file = example_file();
  const std::vector<std::byte> bytes = example_batch(file, 128);
  const auto batch = decode_log_batch_header(file, 128, bytes);
  ASSERT_TRUE(batch.has_value());
  EXPECT_EQ(batch->record_count, 1u);
  EXPECT_EQ(batch->body_bytes, bytes.size() - LogBatchHeader::kBytes);
  EXPECT_EQ(batch->durable_upto, 4096u);
  EXPECT_EQ(batch->first_sequence, 9u);
  EXPECT_EQ(batch->previous_checksum, file.previous_checksum);

  const auto body = std::span(bytes).subspan(LogBatchHeader::kBytes);
  const auto decoded = decode_log_record(file, 128 + LogBatchHeader::kBytes, file.previous_checksum, body);
  ASSERT_TRUE(decoded.has_value());
  EXPECT_EQ(decoded->bytes, body.size());
  const ExampleRecord expected;
  EXPECT_EQ(decoded->record.sequence, expected.record.sequence);
  EXPECT_EQ(decoded->record.epoch, 2u);
  EXPECT_EQ(decoded->record.type, RecordType::kDefinition);
  EXPECT_EQ(decoded->record.shard, ShardId{5});
  EXPECT_EQ(decoded->record.definition_version, 6u);
  EXPECT_EQ(decoded->record.commit_time_us, -7);
  EXPECT_EQ(decoded->record.transaction_id, 8u);
  EXPECT_TRUE(std::ranges::equal(decoded->record.idempotency_key, expected.key));
  EXPECT_TRUE(std::ranges::equal(decoded->record.payload, expected.payload));
}

TEST(LogFormat, ABatchIsNoneAtAnotherPlaceOrInAnotherFile) {
  const LogFileHeader file = example_file();
  LogFileHeader other = file;
  other.file_id[3] = std::byte{99};
  const std::vector<std::byte> bytes = example_batch(file, 128);
  EXPECT_FALSE(decode_log_batch_header(file, 144, bytes));
  EXPECT_FALSE(decode_log_batch_header(other, 128, bytes));
  EXPECT_FALSE(decode_log_batch_header(file, 128, std::span(bytes).first(47)));
  const auto body = std::span(bytes).subspan(LogBatchHeader::kBytes);
  EXPECT_FALSE(decode_log_record(file, 192, file.previous_checksum, body));
  EXPECT_FALSE(decode_log_record(other, 176, file.previous_checksum, body));
  EXPECT_FALSE(decode_log_record(file, 176, 0, body));
  EXPECT_FALSE(decode_log_record(file, 176, file.previous_checksum, body.first(95)));
  EXPECT_FALSE(decode_log_record(file, 176, file.previous_checksum, body.first(96)));
}

TEST(LogFormat, NothingIsDurableBeforeItWasWritten) {
  const LogFileHeader file = example_file();
  LogBatchEncoder encoder(file, 128, {.durable_upto = 4097, .first_sequence = 9, .previous_checksum = 0});
  EXPECT_FALSE(decode_log_batch_header(file, 128, encoder.finish()));
}

TEST(LogFormat, RefusesARecordOfAnotherDatabaseOrOfNoKnownType) {
  const LogFileHeader file = example_file();
  LogFileHeader foreign = file;
  foreign.database[0] = std::byte{1};
  ExampleRecord example;
  const auto encode = [&](const LogFileHeader& as, RecordType type) {
    example.record.type = type;
    LogBatchEncoder encoder(as, 128, {.durable_upto = 0, .first_sequence = 9, .previous_checksum = 0});
    encoder.add(example.record);
    const auto body = encoder.finish().subspan(LogBatchHeader::kBytes);
    return decode_log_record(file, 128 + LogBatchHeader::kBytes, 0, body).has_value();
  };
  EXPECT_TRUE(encode(file, RecordType::kWriteBatch));
  EXPECT_FALSE(encode(foreign, RecordType::kWriteBatch));
  EXPECT_FALSE(encode(file, static_cast<RecordType>(3)));
}

TEST(LogFormat, EveryFlippedBitIsNoticed) {
  const LogFileHeader file = example_file();
  const std::vector<std::byte> bytes = example_batch(file, 128);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::vector<std::byte> damaged = bytes;
    damaged[bit / 8] ^= std::byte(1 << bit % 8);
    const bool header = decode_log_batch_header(file, 128, damaged).has_value();
    const bool record =
        decode_log_record(file, 176, file.previous_checksum, std::span(damaged).subspan(LogBatchHeader::kBytes))
            .has_value();
    ASSERT_EQ(header, bit >= LogBatchHeader::kBytes * 8) << bit;
    ASSERT_EQ(record, bit < LogBatchHeader::kBytes * 8) << bit;
  }
}

TEST(LogFormat, NamesAFileAfterItsFirstRecord) {
  EXPECT_EQ(log_file_name(Sequence{1}), "log-0000000000000001.jlog");
  EXPECT_EQ(log_file_name(Sequence{0xabcdef0123456789}), "log-abcdef0123456789.jlog");
  EXPECT_EQ(sequence_of_log_file_name("log-00000000000000ff.jlog"), Sequence{255});
  for (const char* other : {"", "log-1.jlog", "log-00000000000000FF.jlog", "log-00000000000000ff.jlog.tmp",
                            "lag-00000000000000ff.jlog", "log-00000000000000fg.jlog", "log-00000000000000ff.jlox"}) {
    EXPECT_EQ(sequence_of_log_file_name(other), std::nullopt) << other;
  }
}

}  // namespace
}  // namespace jade::storage
