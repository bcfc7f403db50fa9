// The header that every file of ours begins with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/ids.h"
#include "jade/result.h"

namespace jade::storage {

/// 16 random bytes, new for every file: a checksum bound to it never matches bytes of another file.
using FileId = std::array<std::byte, 16>;

/// Eight characters that say what a file is.
using FileMagic = std::array<char, 8>;

/// Features that a reader has to know to read the file (incompatible), to change it (read-only compatible), or may
/// ignore (compatible). One bit each.
struct FeatureBits {
  std::uint64_t compatible = 0;
  std::uint64_t read_only_compatible = 0;
  std::uint64_t incompatible = 0;

  friend bool operator==(const FeatureBits&, const FeatureBits&) = default;
};

constexpr std::uint32_t kFileFormatVersion = 1;

/// `extra` belongs to the kind of file. Its layout is in docs/formats/file-header.md.
struct FileHeader {
  static constexpr std::size_t kBytes = 128;

  FileMagic magic{};
  std::uint32_t format_version = kFileFormatVersion;
  FeatureBits features;
  FileId file_id{};
  DatabaseKey database{};
  std::uint32_t codec = 0;
  std::uint32_t encryption_scheme = 0;
  std::uint64_t encryption_key_id = 0;
  std::array<std::uint64_t, 4> extra{};

  friend bool operator==(const FileHeader&, const FileHeader&) = default;
};

std::array<std::byte, FileHeader::kBytes> encode_file_header(const FileHeader& header);

/// kDataCorrupted when the bytes are no header with this magic; kNotSupported when they are one that this release must
/// not touch: a newer version, an unknown feature that is not merely compatible, a codec or encryption.
Result<FileHeader> decode_file_header(std::span<const std::byte> bytes, const FileMagic& magic);

/// XXH3-64 of `bytes`, seeded with the file's id and the offset at which they lie.
std::uint64_t bound_checksum(const FileId& file_id, std::uint64_t offset, std::span<const std::byte> bytes);

}  // namespace jade::storage
