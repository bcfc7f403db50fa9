#include "storage/component_format.h"

#include <algorithm>
#include <utility>

#include "storage/byte_layout.h"

namespace jade::storage {
namespace {

// File header, `extra`.
constexpr std::size_t kKindAndShard = 0;
constexpr std::size_t kField = 1;
constexpr std::size_t kFirstSequence = 2;
constexpr std::size_t kLastSequence = 3;

constexpr std::size_t kSectionBytes = 24;
constexpr std::size_t kSectionIdAt = 0;
constexpr std::size_t kSectionReservedAt = 4;
constexpr std::size_t kSectionOffsetAt = 8;
constexpr std::size_t kSectionLengthAt = 16;

constexpr std::uint64_t kFooterMagic = 0x0a444e45504d434aULL;  // "JCMPEND\n"
constexpr std::size_t kDataBytesAt = 0;
constexpr std::size_t kSectionCountAt = 8;
constexpr std::size_t kHasSourceAt = 12;
constexpr std::size_t kSourceFileAt = 16;
constexpr std::size_t kSourceChecksumAt = 32;
constexpr std::size_t kHeadChecksumAt = 40;
constexpr std::size_t kFileBytesAt = 48;
constexpr std::size_t kMagicAt = 56;
constexpr std::size_t kChecksumAt = 64;
static_assert(kChecksumAt + sizeof(std::uint64_t) == ComponentLayout::kFooterBytes);

/// Data areas end at a multiple of this, so that every integer behind them lies aligned.
constexpr std::uint64_t kDataUnit = 8;

Error corrupted(std::string_view what) { return Error(ErrorCode::kDataCorrupted, std::string(what)); }

std::uint64_t blocks_of(std::uint64_t data_bytes) {
  return (data_bytes + kComponentBlockBytes - 1) / kComponentBlockBytes;
}

/// Takes the sections as only a writer lays them out: in order, each on the first page behind the one before.
Result<std::vector<ComponentSection>> decode_sections(std::span<const std::byte> directory, std::uint64_t data_bytes) {
  std::vector<ComponentSection> sections;
  std::uint64_t end = kComponentAlignment;
  const std::uint64_t data_end = kComponentAlignment + data_bytes;
  for (; !directory.empty(); directory = directory.subspan(kSectionBytes)) {
    const ComponentSection section = {.id = load<std::uint32_t>(directory, kSectionIdAt),
                                      .offset = load<std::uint64_t>(directory, kSectionOffsetAt),
                                      .bytes = load<std::uint64_t>(directory, kSectionLengthAt)};
    if (load<std::uint32_t>(directory, kSectionReservedAt) != 0) return corrupted("section of unknown form");
    if (section.offset != round_up(end, kComponentAlignment)) return corrupted("section at a wrong offset");
    if (section.offset > data_end || section.bytes > data_end - section.offset) return corrupted("section too long");
    if (std::ranges::count(sections, section.id, &ComponentSection::id) != 0) return corrupted("section twice");
    end = section.offset + section.bytes;
    sections.push_back(section);
  }
  if (round_up(end, kDataUnit) != data_end) return corrupted("data outside of sections");
  return sections;
}

}  // namespace

std::string_view component_kind_name(ComponentKind kind) {
  constexpr std::array<std::string_view, 6> kNames = {"rows", "ids", "metadata", "vectors", "graph", "tombstones"};
  return kNames[static_cast<std::size_t>(kind) - 1];
}

std::optional<ComponentKind> component_kind(std::uint32_t number) {
  const auto last = static_cast<std::uint32_t>(ComponentKind::kTombstones);
  if (number == 0 || number > last) return std::nullopt;
  return static_cast<ComponentKind>(number);
}

std::uint64_t ComponentLayout::block_bytes(std::uint64_t block) const {
  return std::min(kComponentBlockBytes, data_bytes - block * kComponentBlockBytes);
}

bool ComponentLayout::block_is_sound(std::uint64_t block, std::span<const std::byte> bytes) const {
  return bound_checksum(file_id, block_offset(block), bytes) == checksums[block];
}

std::vector<std::byte> encode_component_head(const ComponentInfo& info, const FileId& file_id) {
  FileHeader header;
  header.magic = kComponentMagic;
  header.file_id = file_id;
  header.database = info.database;
  header.extra[kKindAndShard] = static_cast<std::uint64_t>(info.kind) | std::uint64_t{info.shard.value()} << 32;
  header.extra[kField] = info.field.value();
  header.extra[kFirstSequence] = info.first_sequence.value();
  header.extra[kLastSequence] = info.last_sequence.value();
  std::vector<std::byte> bytes(kComponentAlignment);
  store_bytes(bytes, 0, encode_file_header(header));
  return bytes;
}

Result<ComponentHead> decode_component_head(std::span<const std::byte> bytes) {
  JADE_ASSIGN_OR_RETURN(const FileHeader header, decode_file_header(bytes, kComponentMagic));
  const std::uint64_t kind_and_shard = header.extra[kKindAndShard];
  const auto kind = component_kind(static_cast<std::uint32_t>(kind_and_shard));
  if (!kind || header.extra[kField] > UINT32_MAX) {
    return Error(ErrorCode::kNotSupported, "unknown kind of component; a newer release wrote this file");
  }
  ComponentHead head;
  head.file_id = header.file_id;
  head.info.database = header.database;
  head.info.shard = ShardId{static_cast<std::uint32_t>(kind_and_shard >> 32)};
  head.info.kind = *kind;
  head.info.field = VectorFieldId{static_cast<std::uint32_t>(header.extra[kField])};
  head.info.first_sequence = Sequence{header.extra[kFirstSequence]};
  head.info.last_sequence = Sequence{header.extra[kLastSequence]};
  head.checksum = bound_checksum(header.file_id, 0, bytes);
  return head;
}

std::vector<std::byte> encode_component_tail(const ComponentLayout& layout) {
  const std::size_t table_bytes = layout.checksums.size() * sizeof(std::uint64_t);
  const std::size_t footer_at = table_bytes + layout.sections.size() * kSectionBytes;
  std::vector<std::byte> bytes(footer_at + ComponentLayout::kFooterBytes);
  store_bytes(bytes, 0, std::as_bytes(std::span(layout.checksums)));
  std::size_t at = table_bytes;
  for (const ComponentSection& section : layout.sections) {
    store(std::span(bytes), at + kSectionIdAt, section.id);
    store(std::span(bytes), at + kSectionOffsetAt, section.offset);
    store(std::span(bytes), at + kSectionLengthAt, section.bytes);
    at += kSectionBytes;
  }
  const std::span<std::byte> footer = std::span(bytes).subspan(footer_at);
  const ComponentSource source = layout.source.value_or(ComponentSource());
  store(footer, kDataBytesAt, layout.data_bytes);
  store(footer, kSectionCountAt, static_cast<std::uint32_t>(layout.sections.size()));
  store(footer, kHasSourceAt, static_cast<std::uint32_t>(layout.source.has_value()));
  store_bytes(footer, kSourceFileAt, source.file_id);
  store(footer, kSourceChecksumAt, source.checksum);
  store(footer, kHeadChecksumAt, layout.head_checksum);
  store(footer, kFileBytesAt, layout.tail_offset() + bytes.size());
  store(footer, kMagicAt, kFooterMagic);
  store(footer, kChecksumAt, compute_component_tail_checksum(layout.file_id, layout.tail_offset(), bytes));
  return bytes;
}

Result<std::uint64_t> component_tail_bytes(std::span<const std::byte> footer, std::uint64_t file_bytes) {
  if (load<std::uint64_t>(footer, kMagicAt) != kFooterMagic) return corrupted("no footer");
  const auto data_bytes = load<std::uint64_t>(footer, kDataBytesAt);
  const auto section_count = load<std::uint32_t>(footer, kSectionCountAt);
  if (load<std::uint64_t>(footer, kFileBytesAt) != file_bytes) return corrupted("footer of a file of another size");
  if (data_bytes > file_bytes || data_bytes % kDataUnit != 0) return corrupted("impossible size of the data");
  if (section_count > kComponentSectionsMax) return corrupted("too many sections");
  const std::uint64_t tail_bytes =
      blocks_of(data_bytes) * sizeof(std::uint64_t) + section_count * kSectionBytes + ComponentLayout::kFooterBytes;
  if (kComponentAlignment + data_bytes + tail_bytes != file_bytes) return corrupted("sizes that do not add up");
  return tail_bytes;
}

Result<ComponentLayout> decode_component_tail(const FileId& file_id, std::span<const std::byte> tail,
                                              std::uint64_t file_bytes) {
  if (compute_component_tail_checksum(file_id, file_bytes - tail.size(), tail) != component_tail_checksum(tail)) {
    return corrupted("checksum mismatch of table, directory and footer");
  }
  const auto footer = tail.last(ComponentLayout::kFooterBytes);
  JADE_ASSIGN_OR_RETURN(const std::uint64_t tail_bytes, component_tail_bytes(footer, file_bytes));
  if (tail_bytes != tail.size()) return corrupted("table, directory and footer of another length");
  ComponentLayout layout;
  layout.file_id = file_id;
  layout.data_bytes = load<std::uint64_t>(footer, kDataBytesAt);
  layout.head_checksum = load<std::uint64_t>(footer, kHeadChecksumAt);
  if (load<std::uint32_t>(footer, kHasSourceAt) != 0) {
    layout.source.emplace();
    std::ranges::copy(footer.subspan(kSourceFileAt, sizeof(FileId)), layout.source->file_id.begin());
    layout.source->checksum = load<std::uint64_t>(footer, kSourceChecksumAt);
  }
  layout.checksums.resize(blocks_of(layout.data_bytes));
  const auto table = tail.first(layout.checksums.size() * sizeof(std::uint64_t));
  store_bytes(std::as_writable_bytes(std::span(layout.checksums)), 0, table);
  const auto directory = tail.subspan(table.size(), tail.size() - table.size() - footer.size());
  JADE_ASSIGN_OR_RETURN(layout.sections, decode_sections(directory, layout.data_bytes));
  return layout;
}

std::uint64_t component_tail_checksum(std::span<const std::byte> tail) {
  return load<std::uint64_t>(tail, tail.size() - sizeof(std::uint64_t));
}

std::uint64_t compute_component_tail_checksum(const FileId& file_id, std::uint64_t tail_offset,
                                              std::span<const std::byte> tail) {
  return bound_checksum(file_id, tail_offset, tail.first(tail.size() - sizeof(std::uint64_t)));
}

Error component_damage(const std::string& path, std::uint64_t offset, std::string_view what) {
  return corrupted(path + ": " + std::string(what) + " at offset " + std::to_string(offset))
      .with("file", path)
      .with("offset", static_cast<std::int64_t>(offset));
}

}  // namespace jade::storage
