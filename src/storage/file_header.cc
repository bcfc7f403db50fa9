#include "storage/file_header.h"

#include <xxhash.h>

#include <algorithm>
#include <string>

#include "storage/byte_layout.h"

namespace jade::storage {
namespace {

constexpr std::size_t kMagicAt = 0;
constexpr std::size_t kVersionAt = 8;
constexpr std::size_t kHeaderBytesAt = 12;
constexpr std::size_t kCompatibleAt = 16;
constexpr std::size_t kReadOnlyCompatibleAt = 24;
constexpr std::size_t kIncompatibleAt = 32;
constexpr std::size_t kFileIdAt = 40;
constexpr std::size_t kDatabaseAt = 56;
constexpr std::size_t kCodecAt = 72;
constexpr std::size_t kEncryptionSchemeAt = 76;
constexpr std::size_t kEncryptionKeyAt = 80;
constexpr std::size_t kExtraAt = 88;
constexpr std::size_t kChecksumAt = 120;
static_assert(kChecksumAt + sizeof(std::uint64_t) == FileHeader::kBytes);

Error not_supported(std::string_view what) {
  return Error(ErrorCode::kNotSupported, "file header: " + std::string(what) + "; a newer release wrote this file");
}

}  // namespace

std::array<std::byte, FileHeader::kBytes> encode_file_header(const FileHeader& header) {
  std::array<std::byte, FileHeader::kBytes> bytes{};
  store_bytes(bytes, kMagicAt, std::as_bytes(std::span(header.magic)));
  store(bytes, kVersionAt, header.format_version);
  store(bytes, kHeaderBytesAt, static_cast<std::uint32_t>(FileHeader::kBytes));
  store(bytes, kCompatibleAt, header.features.compatible);
  store(bytes, kReadOnlyCompatibleAt, header.features.read_only_compatible);
  store(bytes, kIncompatibleAt, header.features.incompatible);
  store_bytes(bytes, kFileIdAt, header.file_id);
  store_bytes(bytes, kDatabaseAt, header.database);
  store(bytes, kCodecAt, header.codec);
  store(bytes, kEncryptionSchemeAt, header.encryption_scheme);
  store(bytes, kEncryptionKeyAt, header.encryption_key_id);
  for (std::size_t i = 0; i < header.extra.size(); ++i) store(bytes, kExtraAt + 8 * i, header.extra[i]);
  store(bytes, kChecksumAt, bound_checksum(header.file_id, 0, std::span(bytes).first(kChecksumAt)));
  return bytes;
}

Result<FileHeader> decode_file_header(std::span<const std::byte> bytes, const FileMagic& magic) {
  const auto corrupted = [](std::string_view what) {
    return Error(ErrorCode::kDataCorrupted, "file header: " + std::string(what));
  };
  if (bytes.size() < FileHeader::kBytes) return corrupted("cut short");
  FileHeader header;
  header.magic = magic;
  if (!std::ranges::equal(bytes.first(magic.size()), std::as_bytes(std::span(magic)))) return corrupted("wrong magic");
  std::ranges::copy(bytes.subspan(kFileIdAt, header.file_id.size()), header.file_id.begin());
  if (load<std::uint64_t>(bytes, kChecksumAt) != bound_checksum(header.file_id, 0, bytes.first(kChecksumAt))) {
    return corrupted("checksum mismatch");
  }
  header.format_version = load<std::uint32_t>(bytes, kVersionAt);
  if (header.format_version != kFileFormatVersion) return not_supported("unknown format version");
  header.features.compatible = load<std::uint64_t>(bytes, kCompatibleAt);
  header.features.read_only_compatible = load<std::uint64_t>(bytes, kReadOnlyCompatibleAt);
  header.features.incompatible = load<std::uint64_t>(bytes, kIncompatibleAt);
  // This release knows no feature, and opens files to change them.
  if (header.features.incompatible != 0) return not_supported("unknown incompatible feature");
  if (header.features.read_only_compatible != 0) return not_supported("a feature that forbids changing the file");
  std::ranges::copy(bytes.subspan(kDatabaseAt, header.database.size()), header.database.begin());
  header.codec = load<std::uint32_t>(bytes, kCodecAt);
  header.encryption_scheme = load<std::uint32_t>(bytes, kEncryptionSchemeAt);
  header.encryption_key_id = load<std::uint64_t>(bytes, kEncryptionKeyAt);
  if (header.codec != 0) return not_supported("unknown codec");
  if (header.encryption_scheme != 0) return not_supported("unknown encryption scheme");
  for (std::size_t i = 0; i < header.extra.size(); ++i) header.extra[i] = load<std::uint64_t>(bytes, kExtraAt + 8 * i);
  return header;
}

std::uint64_t bound_checksum(const FileId& file_id, std::uint64_t offset, std::span<const std::byte> bytes) {
  std::array<std::byte, sizeof(FileId) + sizeof offset> place;
  store_bytes(place, 0, file_id);
  store(std::span<std::byte>(place), sizeof(FileId), offset);
  const XXH64_hash_t seed = XXH3_64bits(place.data(), place.size());
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

}  // namespace jade::storage
