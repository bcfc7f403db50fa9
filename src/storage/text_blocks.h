// Many short texts in compressed blocks: the metadata component of a segment. docs/formats/metadata.md describes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"
#include "storage/component_file.h"
#include "storage/component_writer.h"
#include "storage/mapped_column.h"
#include "storage/mapped_component.h"

namespace jade::storage {

/// The sections of a metadata component.
enum class TextSection : std::uint32_t { kBlocks = 1, kBlockIndex = 2, kPlaces = 3 };

/// Writes texts, numbered from 0 in the order in which they come, into a component whose first section they begin. One
/// thread only.
class TextBlockWriter {
 public:
  /// Texts share a block until it has this many bytes. Larger blocks compress better; a lone read decompresses one.
  static constexpr std::size_t kBlockBytes = 32 * 1024;
  /// No text is longer.
  static constexpr std::size_t kTextBytesMax = 16 * 1024 * 1024;

  /// The writer outlives this.
  static Result<std::unique_ptr<TextBlockWriter>> begin(ComponentWriter& writer);
  ~TextBlockWriter();

  /// An empty text takes no room but its number.
  Result<void> add(std::string_view text);
  /// The last call.
  Result<void> finish();

 private:
  struct Compressor;
  explicit TextBlockWriter(ComponentWriter& writer);
  Result<void> flush();

  ComponentWriter& writer_;
  std::unique_ptr<Compressor> compressor_;
  std::vector<std::byte> block_;
  std::vector<std::byte> index_;
  std::vector<std::uint64_t> places_;
  std::uint32_t blocks_ = 0;
};

/// Reads them. Safe from any thread.
class TextBlocks {
 public:
  /// The component outlives this. kDataCorrupted unless it has the sections, with `texts` texts.
  static Result<TextBlocks> open(const ComponentFile& file, std::shared_ptr<MappedComponent> component,
                                 std::uint64_t texts);

  /// Text `number`. kDataCorrupted for damage.
  Result<std::string> read(std::uint64_t number) const;

 private:
  struct Block {
    std::uint64_t offset = 0;
    std::uint32_t compressed_bytes = 0;
    std::uint32_t bytes = 0;
  };

  TextBlocks(std::shared_ptr<MappedComponent> component, const ComponentSection& blocks, MappedColumn<Block> index,
             MappedColumn<std::uint64_t> places, std::string path);
  Result<std::vector<std::byte>> read_block(std::uint32_t number) const;
  Error damaged() const;

  std::shared_ptr<MappedComponent> component_;
  ComponentSection blocks_;
  MappedColumn<Block> index_;
  MappedColumn<std::uint64_t> places_;
  std::string path_;
};

}  // namespace jade::storage
