#include "storage/manifest.h"

#include <algorithm>
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

Error corrupted(std::string_view what) { return Error(ErrorCode::kDataCorrupted, "manifest: " + std::string(what)); }

std::vector<std::byte> encode_body(const Manifest& manifest) {
  flatbuffers::FlatBufferBuilder builder;
  const std::vector<std::byte> definition = encode_definition(manifest.definition);
  builder.ForceVectorAlignment(definition.size(), 1, AlignedBytes::kAlignment);
  const auto definition_bytes = builder.CreateVector(as_uint8(definition), definition.size());
  wire::FinishManifestBuffer(builder,
                             wire::CreateManifest(builder, definition_bytes, manifest.definition_sequence.value(),
                                                  manifest.log_first_sequence.value(), manifest.epoch));
  return finished_bytes(builder);
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
  if (manifest.log_first_sequence == Sequence{0}) return corrupted("no first log record");
  return manifest;
}

}  // namespace

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
