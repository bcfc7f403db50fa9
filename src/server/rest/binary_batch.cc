#include "server/rest/binary_batch.h"

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "engine/validation.h"
#include "server/rest/api.h"

namespace jade::server {
namespace {

static_assert(std::endian::native == std::endian::little, "the format is little-endian, as is memory here");

constexpr std::size_t kHeaderBytes = 64;
constexpr std::uint32_t kHasIds = 1;
constexpr std::uint32_t kHasMetadata = 2;

struct Header {
  char magic[4];
  std::uint32_t dimension;
  std::uint32_t rows;
  std::uint32_t flags;
  std::uint64_t options_bytes;
  std::uint64_t ids_bytes;
  std::uint64_t metadata_bytes;
  std::uint8_t zeros[24];
};
static_assert(sizeof(Header) == kHeaderBytes);

Error malformed(std::string what) {
  return Error(ErrorCode::kInvalidArgument, "the binary batch is malformed: " + std::move(what)).with("field", "body");
}

/// The parts of a batch, as views of its bytes.
struct Parts {
  Header header;
  std::string_view vectors;
  std::string_view options;
  std::string_view ids;
  std::string_view metadata;
};

Result<Header> read_header(std::string_view bytes) {
  Header header;
  if (bytes.size() < kHeaderBytes) return malformed("its header has 64 bytes");
  std::memcpy(&header, bytes.data(), kHeaderBytes);
  if (std::memcmp(header.magic, "JDF1", 4) != 0) return malformed("it does not begin with JDF1");
  for (const std::uint8_t byte : header.zeros) {
    if (byte != 0) return malformed("the reserved bytes of its header are not zero");
  }
  if ((header.flags & ~(kHasIds | kHasMetadata)) != 0) return malformed("it has unknown flags");
  if ((header.flags & kHasIds) == 0) return malformed("it has no ids");
  if (header.rows > kBatchRowsMax) {
    return malformed("it has more than " + std::to_string(kBatchRowsMax) + " rows");
  }
  if (header.dimension == 0 || header.dimension > engine::kDimensionMax) {
    return malformed("its dimension is not within 1.." + std::to_string(engine::kDimensionMax));
  }
  return header;
}

Result<Parts> split(std::string_view bytes) {
  JADE_ASSIGN_OR_RETURN(const Header header, read_header(bytes));
  const std::uint64_t rest = bytes.size() - kHeaderBytes;
  const std::uint64_t vector_bytes = std::uint64_t{header.rows} * header.dimension * sizeof(float);
  // Each part by itself first, so that no sum can overflow.
  if (vector_bytes > rest || header.options_bytes > rest || header.ids_bytes > rest || header.metadata_bytes > rest ||
      vector_bytes + header.options_bytes + header.ids_bytes + header.metadata_bytes != rest) {
    return malformed("its length is not the sum of its parts");
  }
  Parts parts{.header = header, .vectors = {}, .options = {}, .ids = {}, .metadata = {}};
  std::string_view left = bytes.substr(kHeaderBytes);
  const auto take = [&left](std::uint64_t size) {
    const std::string_view part = left.substr(0, size);
    left.remove_prefix(size);
    return part;
  };
  parts.vectors = take(vector_bytes);
  parts.options = take(header.options_bytes);
  parts.ids = take(header.ids_bytes);
  parts.metadata = take(header.metadata_bytes);
  return parts;
}

/// rows + 1 offsets, then the bytes they divide.
Result<std::vector<std::string_view>> read_texts(std::string_view part, std::uint32_t rows, const std::string& name) {
  const std::uint64_t table_bytes = (std::uint64_t{rows} + 1) * sizeof(std::uint32_t);
  if (part.size() < table_bytes) return malformed("its " + name + " have no table of offsets");
  const std::string_view bytes = part.substr(table_bytes);
  std::vector<std::string_view> texts;
  texts.reserve(rows);
  std::uint32_t begin = 0;
  std::memcpy(&begin, part.data(), sizeof(begin));
  if (begin != 0) return malformed("the first offset of its " + name + " is not 0");
  for (std::uint32_t row = 1; row <= rows; ++row) {
    std::uint32_t end = 0;
    std::memcpy(&end, part.data() + row * sizeof(end), sizeof(end));
    if (end < begin || end > bytes.size()) return malformed("the offsets of its " + name + " do not ascend within it");
    texts.push_back(bytes.substr(begin, end - begin));
    begin = end;
  }
  if (begin != bytes.size()) return malformed("its " + name + " are longer than their offsets say");
  return texts;
}

struct Options {
  bool atomic = false;
};

Result<Options> read_options(std::string_view json) {
  static const Object<Options> object = [] {
    Object<Options> options("");
    options.field("atomic", &Options::atomic, boolean(), "As in the JSON body.");
    return options;
  }();
  Options options;
  if (json.empty()) return options;
  JADE_RETURN_IF_ERROR(read_json_body(json, [&](const JsonValue& value) { return object.read(value, options); }));
  return options;
}

}  // namespace

Result<BinaryBatch> decode_binary_batch(std::string_view bytes) {
  JADE_ASSIGN_OR_RETURN(const Parts parts, split(bytes));
  JADE_ASSIGN_OR_RETURN(const Options options, read_options(parts.options));
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string_view> ids, read_texts(parts.ids, parts.header.rows, "ids"));
  std::vector<std::string_view> metadata;
  if ((parts.header.flags & kHasMetadata) != 0) {
    JADE_ASSIGN_OR_RETURN(metadata, read_texts(parts.metadata, parts.header.rows, "metadata"));
  } else if (!parts.metadata.empty()) {
    return malformed("it has metadata but not the flag for them");
  }
  BinaryBatch batch{.rows = {}, .atomic = options.atomic};
  batch.rows.reserve(ids.size());
  const std::size_t row_bytes = parts.header.dimension * sizeof(float);
  for (std::size_t row = 0; row < ids.size(); ++row) {
    std::vector<float> vector(parts.header.dimension);
    std::memcpy(vector.data(), parts.vectors.data() + row * row_bytes, row_bytes);
    RecordBody record{
        .id = std::string(ids[row]), .vector = VectorData(std::move(vector)), .vectors = {}, .metadata = {}};
    if (!metadata.empty() && !metadata[row].empty()) record.metadata = std::string(metadata[row]);
    batch.rows.push_back(std::move(record));
  }
  return batch;
}

}  // namespace jade::server
