#include "storage/manifest.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "storage/aligned_bytes.h"
#include "storage/byte_layout.h"
#include "storage/file_header.h"
#include "storage/flatbuffer_bytes.h"
#include "storage/manifest_generated.h"
#include "storage/publish_file.h"

namespace jade::storage {
namespace {

constexpr FileMagic kManifestMagic = {'J', 'A', 'D', 'E', 'M', 'A', 'N', '\n'};

// The footer: body checksum, body bytes, magic again. The checksum comes first and covers the body and its size.
constexpr std::size_t kFooterBytes = 24;
constexpr std::size_t kBodyBytesAt = 8;
constexpr std::size_t kFooterMagicAt = 16;

std::string hex16(std::uint64_t value) {
  std::string text(16, '0');
  for (std::size_t i = text.size(); i-- > 0; value >>= 4) text[i] = "0123456789abcdef"[value & 15];
  return text;
}

Error corrupted(std::string_view what) { return Error(ErrorCode::kDataCorrupted, "manifest: " + std::string(what)); }

flatbuffers::Offset<wire::Segment> encode_segment(flatbuffers::FlatBufferBuilder& builder, const SegmentEntry& entry) {
  std::vector<flatbuffers::Offset<wire::Component>> components;
  for (const SegmentComponent& component : entry.components) {
    const auto file_id = builder.CreateVector(as_uint8(component.file.file_id), component.file.file_id.size());
    components.push_back(wire::CreateComponent(builder, static_cast<std::uint32_t>(component.file.kind),
                                               component.file.field.value(), component.generation, file_id,
                                               component.file.file_bytes, component.file.checksum));
  }
  const auto list = builder.CreateVector(components);
  return wire::CreateSegment(builder, entry.number, entry.shard.value(), entry.rows, entry.first_sequence.value(),
                             entry.last_sequence.value(), list);
}

std::vector<std::byte> encode_body(const Manifest& manifest) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<std::byte> definition = encode_definition(manifest.definition);
  builder.ForceVectorAlignment(definition.size(), 1, AlignedBytes::kAlignment);
  const auto definition_bytes = builder.CreateVector(as_uint8(definition), definition.size());
  flatbuffers::Offset<flatbuffers::Vector<std::uint64_t>> flushed;
  if (!manifest.flushed_upto.empty()) {
    std::vector<std::uint64_t> positions;
    for (const Sequence position : manifest.flushed_upto) positions.push_back(position.value());
    flushed = builder.CreateVector(positions);
  }
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<wire::Segment>>> segments;
  if (!manifest.segments.empty()) {
    std::vector<flatbuffers::Offset<wire::Segment>> entries;
    for (const SegmentEntry& entry : manifest.segments) entries.push_back(encode_segment(builder, entry));
    segments = builder.CreateVector(entries);
  }
  wire::FinishManifestBuffer(
      builder, wire::CreateManifest(builder, definition_bytes, manifest.definition_sequence.value(),
                                    manifest.log_first_sequence.value(), manifest.epoch, flushed, segments,
                                    manifest.next_segment));
  return finished_bytes(builder);
}

Result<SegmentComponent> decode_component(const wire::Component& in) {
  const std::optional<ComponentKind> kind = component_kind(in.kind());
  SegmentComponent component;
  if (!kind || in.file_id()->size() != component.file.file_id.size()) return corrupted("an unknown component");
  component.file = {
      .kind = *kind, .field = VectorFieldId{in.field()}, .file_bytes = in.file_bytes(), .checksum = in.checksum()};
  std::ranges::copy(as_bytes(*in.file_id()), component.file.file_id.begin());
  component.generation = in.generation();
  return component;
}

Result<SegmentEntry> decode_segment(const wire::Segment& in) {
  SegmentEntry entry{.number = in.number(),
                     .shard = ShardId{in.shard()},
                     .rows = in.rows(),
                     .first_sequence = Sequence{in.first_sequence()},
                     .last_sequence = Sequence{in.last_sequence()},
                     .components = {}};
  for (const wire::Component* component : *in.components()) {
    JADE_ASSIGN_OR_RETURN(SegmentComponent decoded, decode_component(*component));
    entry.components.push_back(decoded);
  }
  return entry;
}

Result<void> check_segments(const Manifest& manifest) {
  const std::size_t shards = manifest.definition.num_shards;
  if (!manifest.flushed_upto.empty() && manifest.flushed_upto.size() != shards) {
    return corrupted("positions of another number of shards");
  }
  std::set<std::string> names;
  for (const SegmentEntry& entry : manifest.segments) {
    if (entry.shard.value() >= shards || entry.number == 0 || entry.number >= manifest.next_segment ||
        entry.first_sequence > entry.last_sequence || entry.last_sequence > manifest.flushed(entry.shard)) {
      return corrupted("a segment out of bounds");
    }
    for (const SegmentComponent& component : entry.components) {
      if (!names.insert(segment_file_name(entry.number, component)).second) return corrupted("a file named twice");
    }
  }
  return {};
}

Result<Manifest> decode_body(std::span<const std::byte> body) {
  const AlignedBytes aligned(body);
  flatbuffers::Verifier verifier = make_verifier(aligned.bytes());
  if (!wire::VerifyManifestBuffer(verifier)) return corrupted("malformed");
  const wire::Manifest& in = *flatbuffers::GetRoot<wire::Manifest>(aligned.bytes().data());
  Manifest manifest;
  JADE_ASSIGN_OR_RETURN(manifest.definition, decode_definition(as_bytes(*in.definition())));
  manifest.definition_sequence = Sequence{in.definition_sequence()};
  manifest.log_first_sequence = Sequence{in.log_first_sequence()};
  manifest.epoch = in.epoch();
  manifest.next_segment = in.next_segment();
  if (manifest.log_first_sequence == Sequence{0}) return corrupted("no first log record");
  if (in.flushed_upto() != nullptr) {
    for (const std::uint64_t position : *in.flushed_upto()) manifest.flushed_upto.emplace_back(position);
  }
  if (in.segments() != nullptr) {
    for (const wire::Segment* segment : *in.segments()) {
      JADE_ASSIGN_OR_RETURN(SegmentEntry entry, decode_segment(*segment));
      manifest.segments.push_back(std::move(entry));
    }
  }
  JADE_RETURN_IF_ERROR(check_segments(manifest));
  return manifest;
}

}  // namespace

std::string segment_file_name(std::uint64_t number, const SegmentComponent& component) {
  std::string name = "seg-" + hex16(number) + "-" + std::string(component_kind_name(component.file.kind));
  if (component.file.field != VectorFieldId{0}) name += "-" + std::to_string(component.file.field.value());
  if (component.generation != 0) name += "-" + hex16(component.generation);
  return name;
}

std::optional<std::uint64_t> segment_of_file_name(std::string_view name) {
  constexpr std::string_view kPrefix = "seg-";
  constexpr std::size_t kDigits = 16;
  if (!name.starts_with(kPrefix) || name.size() <= kPrefix.size() + kDigits) return std::nullopt;
  const char* const first = name.data() + kPrefix.size();
  const char* const last = first + kDigits;
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(first, last, number, 16);
  if (error != std::errc() || end != last || *end != '-') return std::nullopt;
  return number;
}

std::vector<std::byte> encode_manifest(const Manifest& manifest, Random& random) {
  FileHeader header;
  header.magic = kManifestMagic;
  header.database = manifest.definition.database;
  random.fill(header.file_id);
  const auto head = encode_file_header(header);
  const std::vector<std::byte> body = encode_body(manifest);

  std::vector<std::byte> bytes(head.size() + body.size() + kFooterBytes);
  store_bytes(bytes, 0, head);
  store_bytes(bytes, head.size(), body);
  const std::size_t footer = head.size() + body.size();
  store(std::span(bytes), footer + kBodyBytesAt, static_cast<std::uint64_t>(body.size()));
  store_bytes(bytes, footer + kFooterMagicAt, std::as_bytes(std::span(kManifestMagic)));
  // Body and size lie apart by the checksum's own place, which is still zero.
  const auto covered = std::span(std::as_const(bytes)).subspan(head.size());
  store(std::span(bytes), footer, bound_checksum(header.file_id, head.size(), covered));
  return bytes;
}

Result<Manifest> decode_manifest(std::span<const std::byte> bytes) {
  JADE_ASSIGN_OR_RETURN(const FileHeader header, decode_file_header(bytes, kManifestMagic));
  if (bytes.size() < FileHeader::kBytes + kFooterBytes) return corrupted("cut short");
  std::vector<std::byte> covered(bytes.begin() + FileHeader::kBytes, bytes.end());
  const std::size_t body_bytes = covered.size() - kFooterBytes;
  const auto checksum = load<std::uint64_t>(covered, body_bytes);
  store(std::span(covered), body_bytes, std::uint64_t{0});
  if (checksum != bound_checksum(header.file_id, FileHeader::kBytes, covered)) return corrupted("checksum mismatch");
  JADE_ASSIGN_OR_RETURN(Manifest manifest, decode_body(bytes.subspan(FileHeader::kBytes, body_bytes)));
  if (manifest.definition.database != header.database) return corrupted("belongs to another database");
  return manifest;
}

Result<void> write_manifest(io::FileSystem& files, const std::string& path, const Manifest& manifest, Random& random) {
  JADE_RETURN_IF_ERROR(publish_file(files, path, encode_manifest(manifest, random)));
  return {};
}

Result<std::optional<Manifest>> read_manifest(io::FileSystem& files, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const std::optional<io::FileStat> stat, files.stat(path));
  if (!stat) return std::optional<Manifest>();
  JADE_ASSIGN_OR_RETURN(const std::vector<std::byte> bytes, read_whole_file(files, path));
  Result<Manifest> manifest = decode_manifest(bytes);
  if (!manifest.ok()) return std::move(manifest).error().in_context(path).with("file", path);
  return std::optional<Manifest>(std::move(manifest).value());
}

}  // namespace jade::storage
