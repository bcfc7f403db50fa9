#include "storage/text_blocks.h"

#include <zstd.h>

#include <array>
#include <cstring>
#include <utility>

#include "storage/byte_layout.h"

namespace jade::storage {
namespace {

// Level 1 writes some 400 MB/s a core, and higher ones save a few percent of short JSON.
constexpr int kLevel = 1;
constexpr std::uint64_t kNoPlace = ~std::uint64_t{0};
constexpr std::size_t kIndexEntryBytes = 16;

std::uint32_t id_of(TextSection section) { return static_cast<std::uint32_t>(section); }

}  // namespace

struct TextBlockWriter::Compressor {
  Compressor() : context(ZSTD_createCCtx()) {}
  ~Compressor() { ZSTD_freeCCtx(context); }
  ZSTD_CCtx* context;
  std::vector<std::byte> out;
};

TextBlockWriter::TextBlockWriter(ComponentWriter& writer)
    : writer_(writer), compressor_(std::make_unique<Compressor>()) {}

TextBlockWriter::~TextBlockWriter() = default;

Result<std::unique_ptr<TextBlockWriter>> TextBlockWriter::begin(ComponentWriter& writer) {
  JADE_RETURN_IF_ERROR(writer.begin_section(id_of(TextSection::kBlocks)));
  return std::unique_ptr<TextBlockWriter>(new TextBlockWriter(writer));
}

Result<void> TextBlockWriter::add(std::string_view text) {
  if (text.empty()) {
    places_.push_back(kNoPlace);
    return {};
  }
  if (text.size() > kTextBytesMax) return Error(ErrorCode::kPayloadTooLarge, "a text is too long for a block");
  places_.push_back(std::uint64_t{blocks_} << 32 | block_.size());
  const auto size = static_cast<std::uint32_t>(text.size());
  const auto head = std::as_bytes(std::span(&size, 1));
  const auto bytes = std::as_bytes(std::span(text));
  block_.insert(block_.end(), head.begin(), head.end());
  block_.insert(block_.end(), bytes.begin(), bytes.end());
  return block_.size() >= kBlockBytes ? flush() : Result<void>();
}

Result<void> TextBlockWriter::flush() {
  if (block_.empty()) return {};
  std::vector<std::byte>& out = compressor_->out;
  out.resize(ZSTD_compressBound(block_.size()));
  const std::size_t size =
      ZSTD_compressCCtx(compressor_->context, out.data(), out.size(), block_.data(), block_.size(), kLevel);
  if (ZSTD_isError(size) != 0) return Error(ErrorCode::kInternal, "a block of texts could not be compressed");
  std::array<std::byte, kIndexEntryBytes> entry{};
  store(std::span<std::byte>(entry), 0, writer_.section_bytes());
  store(std::span<std::byte>(entry), 8, static_cast<std::uint32_t>(size));
  store(std::span<std::byte>(entry), 12, static_cast<std::uint32_t>(block_.size()));
  index_.insert(index_.end(), entry.begin(), entry.end());
  JADE_RETURN_IF_ERROR(writer_.append(std::span(out).first(size)));
  ++blocks_;
  block_.clear();
  return {};
}

Result<void> TextBlockWriter::finish() {
  JADE_RETURN_IF_ERROR(flush());
  JADE_RETURN_IF_ERROR(writer_.begin_section(id_of(TextSection::kBlockIndex)));
  JADE_RETURN_IF_ERROR(writer_.append(index_));
  JADE_RETURN_IF_ERROR(writer_.begin_section(id_of(TextSection::kPlaces)));
  return writer_.append(std::as_bytes(std::span(places_)));
}

TextBlocks::TextBlocks(std::shared_ptr<MappedComponent> component, const ComponentSection& blocks,
                       MappedColumn<Block> index, MappedColumn<std::uint64_t> places, std::string path)
    : component_(std::move(component)),
      blocks_(blocks),
      index_(std::move(index)),
      places_(std::move(places)),
      path_(std::move(path)) {
  static_assert(sizeof(Block) == kIndexEntryBytes);
}

Result<TextBlocks> TextBlocks::open(const ComponentFile& file, std::shared_ptr<MappedComponent> component,
                                    std::uint64_t texts) {
  const auto blocks = file.section(id_of(TextSection::kBlocks));
  const auto index = file.section(id_of(TextSection::kBlockIndex));
  const auto places = file.section(id_of(TextSection::kPlaces));
  if (!blocks || !index || !places || places->bytes != texts * sizeof(std::uint64_t) ||
      index->bytes % kIndexEntryBytes != 0) {
    return component_damage(file.path(), kComponentAlignment, "its sections are not those of texts");
  }
  return TextBlocks(component, *blocks, MappedColumn<Block>(component, *index),
                    MappedColumn<std::uint64_t>(component, *places), file.path());
}

Error TextBlocks::damaged() const {
  return component_->failed() ? component_->error()
                              : component_damage(path_, blocks_.offset, "a text does not lie where it should");
}

Result<std::string> TextBlocks::read(std::uint64_t number) const {
  // No place is where an empty text, and a damaged number, lies.
  const std::uint64_t place = places_.at(number, kNoPlace);
  if (place == kNoPlace) return component_->failed() ? Result<std::string>(damaged()) : std::string();
  JADE_ASSIGN_OR_RETURN(const std::vector<std::byte> block, read_block(static_cast<std::uint32_t>(place >> 32)));
  const auto begin = static_cast<std::uint32_t>(place);
  if (std::uint64_t{begin} + sizeof(std::uint32_t) > block.size()) return damaged();
  const auto size = load<std::uint32_t>(block, begin);
  const auto text = std::span(block).subspan(begin + sizeof(std::uint32_t));
  if (size > text.size()) return damaged();
  return std::string(reinterpret_cast<const char*>(text.data()), size);
}

Result<std::vector<std::byte>> TextBlocks::read_block(std::uint32_t number) const {
  constexpr std::size_t kBytesMax =
      TextBlockWriter::kBlockBytes + sizeof(std::uint32_t) + TextBlockWriter::kTextBytesMax;
  const Block block = index_.at(number, {});
  if (block.bytes == 0 || block.bytes > kBytesMax) return damaged();
  if (!component_->touch(blocks_, block.offset, block.compressed_bytes)) return damaged();
  const std::byte* compressed = component_->bytes(blocks_).data() + block.offset;
  std::vector<std::byte> out(block.bytes);
  const std::size_t size = ZSTD_decompress(out.data(), out.size(), compressed, block.compressed_bytes);
  if (ZSTD_isError(size) != 0 || size != out.size()) return damaged();
  return out;
}

}  // namespace jade::storage
