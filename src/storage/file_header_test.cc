#include "storage/file_header.h"

#include <gtest/gtest.h>

#include <functional>

namespace jade::storage {
namespace {

constexpr FileMagic kMagic = {'J', 'A', 'D', 'E', 'T', 'E', 'S', 'T'};

FileHeader example() {
  FileHeader header;
  header.magic = kMagic;
  header.features.compatible = 5;
  header.file_id.fill(std::byte{1});
  header.database.fill(std::byte{2});
  header.encryption_key_id = 3;
  header.extra = {4, 5, 6, 7};
  return header;
}

TEST(FileHeader, ComesBackAsItWas) {
  const auto decoded = decode_file_header(encode_file_header(example()), kMagic);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, example());
}

TEST(FileHeader, DiffersInEveryPart) {
  const std::function<void(FileHeader&)> changes[] = {
      [](FileHeader& header) { header.magic[0] = 'X'; },
      [](FileHeader& header) { ++header.format_version; },
      [](FileHeader& header) { header.features.compatible = 0; },
      [](FileHeader& header) { header.features.read_only_compatible = 1; },
      [](FileHeader& header) { header.features.incompatible = 1; },
      [](FileHeader& header) { header.file_id[0] = std::byte{9}; },
      [](FileHeader& header) { header.database[0] = std::byte{9}; },
      [](FileHeader& header) { header.codec = 1; },
      [](FileHeader& header) { header.encryption_scheme = 1; },
      [](FileHeader& header) { header.encryption_key_id = 1; },
      [](FileHeader& header) { header.extra[3] = 1; },
  };
  for (const auto& change : changes) {
    FileHeader header = example();
    change(header);
    EXPECT_NE(header, example());
    EXPECT_NE(encode_file_header(header), encode_file_header(example()));
  }
}

TEST(FileHeader, EveryFlippedBitIsNoticed) {
  const auto bytes = encode_file_header(example());
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged[bit / 8] ^= std::byte(1 << bit % 8);
    const auto decoded = decode_file_header(damaged, kMagic);
    ASSERT_FALSE(decoded.ok());
    ASSERT_EQ(decoded.error().code(), ErrorCode::kDataCorrupted);
  }
  EXPECT_FALSE(decode_file_header(std::span(bytes).first(127), kMagic).ok());
}

TEST(FileHeader, RefusesWhatANewerReleaseWrote) {
  const std::function<void(FileHeader&)> changes[] = {
      [](FileHeader& header) { header.format_version = 2; },
      [](FileHeader& header) { header.features.incompatible = 1; },
      [](FileHeader& header) { header.features.read_only_compatible = 1; },
      [](FileHeader& header) { header.codec = 1; },
      [](FileHeader& header) { header.encryption_scheme = 1; },
  };
  for (const auto& change : changes) {
    FileHeader header = example();
    change(header);
    const auto decoded = decode_file_header(encode_file_header(header), kMagic);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code(), ErrorCode::kNotSupported);
  }
}

TEST(FileHeader, ChecksumDependsOnFileAndPlace) {
  const std::byte bytes[3] = {};
  FileId other{};
  other[15] = std::byte{1};
  const std::uint64_t checksum = bound_checksum({}, 0, bytes);
  EXPECT_EQ(checksum, bound_checksum({}, 0, bytes));
  EXPECT_NE(checksum, bound_checksum({}, 1, bytes));
  EXPECT_NE(checksum, bound_checksum(other, 0, bytes));
}

}  // namespace
}  // namespace jade::storage
