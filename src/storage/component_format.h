// The bytes of a component file, which holds one part of a sealed segment. docs/formats/component.md is the
// description.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"
#include "storage/file_header.h"

namespace jade::storage {

constexpr FileMagic kComponentMagic = {'J', 'A', 'D', 'E', 'C', 'M', 'P', '\n'};

/// Where the data area begins, and of what the offset of every section is a multiple: a page, so that a mapped section
/// lies as an allocated one does.
constexpr std::uint64_t kComponentAlignment = 4096;
/// What one checksum covers.
constexpr std::uint64_t kComponentBlockBytes = 65536;
constexpr std::size_t kComponentSectionsMax = 1024;
/// Bounds what opening a file takes: 8 bytes for each block.
constexpr std::uint64_t kComponentBytesMax = std::uint64_t{1} << 42;

/// Which part of a segment. The numbers are on disk.
enum class ComponentKind : std::uint32_t {
  kRows = 1,
  kIds = 2,
  kMetadata = 3,
  kVectors = 4,
  kGraph = 5,
  kTombstones = 6,
};

/// "rows", "ids", … as in the names of files.
std::string_view component_kind_name(ComponentKind kind);
/// Nullopt for a number that is no kind of this release.
std::optional<ComponentKind> component_kind(std::uint32_t number);

/// What a derived component was made from: it is void when that is not what its segment has.
struct ComponentSource {
  FileId file_id{};
  /// ComponentRef::checksum of the source.
  std::uint64_t checksum = 0;

  friend bool operator==(const ComponentSource&, const ComponentSource&) = default;
};

/// What a component is.
struct ComponentInfo {
  DatabaseKey database{};
  ShardId shard{0};
  ComponentKind kind = ComponentKind::kRows;
  /// 0 where the kind has no field.
  VectorFieldId field{0};
  /// The log records that it holds the outcome of.
  Sequence first_sequence{0};
  Sequence last_sequence{0};
  std::optional<ComponentSource> source = {};

  friend bool operator==(const ComponentInfo&, const ComponentInfo&) = default;
};

/// What the manifest records of a component.
struct ComponentRef {
  ComponentKind kind = ComponentKind::kRows;
  VectorFieldId field{0};
  FileId file_id{};
  std::uint64_t file_bytes = 0;
  /// The last 8 bytes of the file, on which every other byte bears.
  std::uint64_t checksum = 0;

  friend bool operator==(const ComponentRef&, const ComponentRef&) = default;
};

/// A named range of a component file.
struct ComponentSection {
  std::uint32_t id = 0;
  /// In the file; a multiple of kComponentAlignment.
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;

  friend bool operator==(const ComponentSection&, const ComponentSection&) = default;
};

/// True where `count` bytes from `offset` of the section lie in it.
constexpr bool lies_in(const ComponentSection& section, std::uint64_t offset, std::uint64_t count) {
  return offset <= section.bytes && count <= section.bytes - offset;
}

/// The end of a component file, decoded: where its sections lie, and what its blocks are checked against.
struct ComponentLayout {
  static constexpr std::size_t kFooterBytes = 72;

  FileId file_id{};
  /// From kComponentAlignment on; a multiple of 8.
  std::uint64_t data_bytes = 0;
  /// Of the bytes before the data area.
  std::uint64_t head_checksum = 0;
  std::optional<ComponentSource> source;
  /// One for each block of the data area.
  std::vector<std::uint64_t> checksums;
  /// In the order of their offsets.
  std::vector<ComponentSection> sections;

  std::uint64_t block_count() const { return checksums.size(); }
  /// The block that has the byte at `offset` of the file, which lies in the data area.
  static std::uint64_t block_at(std::uint64_t offset) { return (offset - kComponentAlignment) / kComponentBlockBytes; }
  static std::uint64_t block_offset(std::uint64_t block) { return kComponentAlignment + block * kComponentBlockBytes; }
  /// The last block may be short.
  std::uint64_t block_bytes(std::uint64_t block) const;
  /// Where the table of checksums begins.
  std::uint64_t tail_offset() const { return kComponentAlignment + data_bytes; }
  /// True where `bytes` are what was written as this block.
  bool block_is_sound(std::uint64_t block, std::span<const std::byte> bytes) const;
};

/// The bytes before the data area.
std::vector<std::byte> encode_component_head(const ComponentInfo& info, const FileId& file_id);

struct ComponentHead {
  FileId file_id{};
  /// Without the source.
  ComponentInfo info;
  /// Of all bytes before the data area.
  std::uint64_t checksum = 0;
};

/// `bytes` are all before the data area. As `decode_file_header`; kNotSupported also for a kind that this release does
/// not know.
Result<ComponentHead> decode_component_head(std::span<const std::byte> bytes);

/// Table, directory and footer. Of a file of this layout they are all that follows the data area.
std::vector<std::byte> encode_component_tail(const ComponentLayout& layout);

/// How many bytes the tail of a file has whose last kFooterBytes are `footer`; kDataCorrupted when that is no footer
/// of a file of `file_bytes`.
Result<std::uint64_t> component_tail_bytes(std::span<const std::byte> footer, std::uint64_t file_bytes);

/// `tail` is the end of a file of `file_bytes`, from the table on. kDataCorrupted when it is not what was written.
Result<ComponentLayout> decode_component_tail(const FileId& file_id, std::span<const std::byte> tail,
                                              std::uint64_t file_bytes);

/// The checksum at the end of a tail, as ComponentRef has it.
std::uint64_t component_tail_checksum(std::span<const std::byte> tail);
/// The checksum that a tail should have.
std::uint64_t compute_component_tail_checksum(const FileId& file_id, std::uint64_t tail_offset,
                                              std::span<const std::byte> tail);

/// A component file with damaged bytes at `offset`: kDataCorrupted with the details "file" and "offset".
Error component_damage(const std::string& path, std::uint64_t offset, std::string_view what);

}  // namespace jade::storage
