#include "storage/component_file.h"

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "io/io_error.h"

namespace jade::storage {
namespace {

/// Of one read into the caller's memory: large enough that a read's own cost does not show.
constexpr std::uint64_t kReadBlocks = 16;

constexpr std::uint64_t kBytesMin = kComponentAlignment + ComponentLayout::kFooterBytes;

Result<void> read_file_bytes(io::File& file, const std::string& path, std::uint64_t offset, std::span<std::byte> out) {
  const auto read = file.read_at(offset, out);
  if (!read.ok()) {
    return Error(read.error()).with("file", path).with("offset", static_cast<std::int64_t>(offset));
  }
  if (*read != out.size()) return component_damage(path, offset + *read, "the file ends");
  return {};
}

Result<std::vector<std::byte>> read_file_bytes(io::File& file, const std::string& path, std::uint64_t offset,
                                               std::uint64_t count) {
  std::vector<std::byte> bytes(count);
  JADE_RETURN_IF_ERROR(read_file_bytes(file, path, offset, bytes));
  return bytes;
}

/// The value, or its error with the file's name and where in it.
template <class T>
Result<T> located(Result<T> result, const std::string& path, std::uint64_t offset) {
  if (result.ok()) return result;
  return std::move(result)
      .error()
      .in_context(path)
      .with("file", path)
      .with("offset", static_cast<std::int64_t>(offset));
}

Result<std::unique_ptr<io::File>> open_file(io::FileSystem& files, const std::string& path) {
  auto file = files.open(path, io::OpenMode::kRead);
  if (!file.ok() && io::errno_of(file.error()) == ENOENT) return component_damage(path, 0, "missing file");
  return file;
}

Result<ComponentHead> read_head(io::File& file, const std::string& path, const ComponentRef& expected,
                                const DatabaseKey& database) {
  JADE_ASSIGN_OR_RETURN(const auto bytes, read_file_bytes(file, path, 0, kComponentAlignment));
  JADE_ASSIGN_OR_RETURN(ComponentHead head, located(decode_component_head(bytes), path, 0));
  if (head.file_id != expected.file_id) return component_damage(path, 0, "another file than the manifest names");
  if (head.info.database != database) return component_damage(path, 0, "a file of another database");
  if (head.info.kind != expected.kind || head.info.field != expected.field) {
    return component_damage(path, 0, "another component than the manifest names");
  }
  return head;
}

Result<ComponentLayout> read_tail(io::File& file, const std::string& path, const ComponentRef& expected) {
  const std::uint64_t footer_at = expected.file_bytes - ComponentLayout::kFooterBytes;
  JADE_ASSIGN_OR_RETURN(const auto footer, read_file_bytes(file, path, footer_at, ComponentLayout::kFooterBytes));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t tail_bytes,
                        located(component_tail_bytes(footer, expected.file_bytes), path, footer_at));
  const std::uint64_t tail_at = expected.file_bytes - tail_bytes;
  JADE_ASSIGN_OR_RETURN(const auto tail, read_file_bytes(file, path, tail_at, tail_bytes));
  if (component_tail_checksum(tail) != expected.checksum) {
    return component_damage(path, footer_at, "another checksum than the manifest names");
  }
  return located(decode_component_tail(expected.file_id, tail, expected.file_bytes), path, tail_at);
}

}  // namespace

LoadedSection::LoadedSection(std::uint64_t bytes)
    : bytes_(static_cast<std::byte*>(::operator new(bytes, kAlignment))), size_(bytes) {}

Result<std::unique_ptr<ComponentFile>> ComponentFile::open(io::FileSystem& files, const std::string& path,
                                                           const ComponentRef& expected, const DatabaseKey& database) {
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, open_file(files, path));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t file_bytes, file->size());
  if (file_bytes != expected.file_bytes || file_bytes < kBytesMin || file_bytes > kComponentBytesMax) {
    return component_damage(path, file_bytes, "another size than the manifest names");
  }
  JADE_ASSIGN_OR_RETURN(ComponentHead head, read_head(*file, path, expected, database));
  JADE_ASSIGN_OR_RETURN(ComponentLayout layout, read_tail(*file, path, expected));
  if (head.checksum != layout.head_checksum) return component_damage(path, 0, "damaged head");
  head.info.source = layout.source;
  return std::unique_ptr<ComponentFile>(
      new ComponentFile(path, std::move(file), expected, head.info, std::move(layout)));
}

ComponentFile::ComponentFile(std::string path, std::unique_ptr<io::File> file, const ComponentRef& ref,
                             const ComponentInfo& info, ComponentLayout layout)
    : path_(std::move(path)),
      file_(std::move(file)),
      ref_(ref),
      info_(info),
      layout_(std::make_shared<const ComponentLayout>(std::move(layout))) {}

std::optional<ComponentSection> ComponentFile::section(std::uint32_t id) const {
  const auto found = std::ranges::find(layout_->sections, id, &ComponentSection::id);
  if (found == layout_->sections.end()) return std::nullopt;
  return *found;
}

Result<void> ComponentFile::read(const ComponentSection& section, std::uint64_t offset,
                                 std::span<std::byte> out) const {
  if (!lies_in(section, offset, out.size())) {
    return component_damage(path_, section.offset, "a range that does not lie in the section");
  }
  std::unique_ptr<std::byte[]> buffer;
  std::uint64_t at = section.offset + offset;
  while (!out.empty()) {
    const std::uint64_t block = ComponentLayout::block_at(at);
    const std::uint64_t skipped = at - ComponentLayout::block_offset(block);
    const std::uint64_t block_bytes = layout_->block_bytes(block);
    std::uint64_t count = std::min<std::uint64_t>(out.size(), block_bytes - skipped);
    if (count == block_bytes) {
      const std::uint64_t whole = out.size() / kComponentBlockBytes * kComponentBlockBytes;
      count = std::max(count, std::min(whole, kReadBlocks * kComponentBlockBytes));
      JADE_RETURN_IF_ERROR(read_blocks(block, out.first(count)));
    } else {
      if (buffer == nullptr) buffer = std::make_unique_for_overwrite<std::byte[]>(kComponentBlockBytes);
      const std::span<std::byte> whole(buffer.get(), block_bytes);
      JADE_RETURN_IF_ERROR(read_blocks(block, whole));
      std::ranges::copy(whole.subspan(skipped, count), out.begin());
    }
    out = out.subspan(count);
    at += count;
  }
  return {};
}

Result<LoadedSection> ComponentFile::load(const ComponentSection& section) const {
  LoadedSection loaded(section.bytes);
  JADE_RETURN_IF_ERROR(read(section, 0, loaded.writable()));
  return loaded;
}

Result<std::unique_ptr<MappedComponent>> ComponentFile::map() const {
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<io::Mapping> mapping, file_->map());
  if (mapping->bytes().size() != ref_.file_bytes) {
    return component_damage(path_, mapping->bytes().size(), "the file ends");
  }
  return std::make_unique<MappedComponent>(path_, layout_, std::move(mapping));
}

Result<void> ComponentFile::scrub(const ScrubPace& pace,
                                  const std::function<void(const ComponentDamage&)>& report) const {
  const auto look = [&](std::uint64_t offset, std::uint64_t bytes, const auto& check) -> Result<void> {
    JADE_RETURN_IF_ERROR(pace(bytes));
    if (const Result<void> outcome = check(); !outcome.ok()) report({offset, bytes, outcome.error()});
    return {};
  };
  JADE_RETURN_IF_ERROR(look(0, kComponentAlignment, [this] { return check_head(); }));
  std::vector<std::byte> buffer;
  for (std::uint64_t block = 0; block < layout_->block_count(); ++block) {
    buffer.resize(layout_->block_bytes(block));
    JADE_RETURN_IF_ERROR(
        look(ComponentLayout::block_offset(block), buffer.size(), [&] { return read_blocks(block, buffer); }));
  }
  const std::uint64_t tail_at = layout_->tail_offset();
  return look(tail_at, ref_.file_bytes - tail_at, [this] { return check_tail(); });
}

Result<void> ComponentFile::read_blocks(std::uint64_t block, std::span<std::byte> out) const {
  JADE_RETURN_IF_ERROR(read_file_bytes(*file_, path_, ComponentLayout::block_offset(block), out));
  for (; !out.empty(); ++block) {
    const std::uint64_t bytes = layout_->block_bytes(block);
    if (!layout_->block_is_sound(block, out.first(bytes))) {
      return component_damage(path_, ComponentLayout::block_offset(block), "damaged block");
    }
    out = out.subspan(bytes);
  }
  return {};
}

Result<void> ComponentFile::check_head() const {
  JADE_ASSIGN_OR_RETURN(const auto head, read_file_bytes(*file_, path_, 0, kComponentAlignment));
  if (bound_checksum(ref_.file_id, 0, head) != layout_->head_checksum) {
    return component_damage(path_, 0, "damaged head");
  }
  return {};
}

Result<void> ComponentFile::check_tail() const {
  const std::uint64_t at = layout_->tail_offset();
  JADE_ASSIGN_OR_RETURN(const auto tail, read_file_bytes(*file_, path_, at, ref_.file_bytes - at));
  if (component_tail_checksum(tail) != ref_.checksum ||
      compute_component_tail_checksum(ref_.file_id, at, tail) != ref_.checksum) {
    return component_damage(path_, at, "damaged table, directory or footer");
  }
  return {};
}

}  // namespace jade::storage
