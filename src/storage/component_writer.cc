#include "storage/component_writer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "storage/byte_layout.h"
#include "storage/publish_file.h"

namespace jade::storage {
namespace {

/// Eight blocks: large enough that a write's own cost does not show.
constexpr std::uint64_t kBufferBytes = 8 * kComponentBlockBytes;

}  // namespace

Result<std::unique_ptr<ComponentWriter>> ComponentWriter::create(io::FileSystem& files, const std::string& path,
                                                                 const ComponentInfo& info, Random& random,
                                                                 const ComponentWriterOptions& options) {
  const std::string temporary = path + std::string(kTemporarySuffix);
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<io::File> file, files.open(temporary, io::OpenMode::kCreate));
  std::unique_ptr<ComponentWriter> writer(new ComponentWriter(files, path, std::move(file), info, options));
  random.fill(writer->layout_.file_id);
  const std::vector<std::byte> head = encode_component_head(info, writer->layout_.file_id);
  writer->layout_.head_checksum = bound_checksum(writer->layout_.file_id, 0, head);
  JADE_RETURN_IF_ERROR(writer->file_->truncate(0));
  JADE_RETURN_IF_ERROR(writer->file_->write_at(0, head));
  return writer;
}

ComponentWriter::ComponentWriter(io::FileSystem& files, std::string path, std::unique_ptr<io::File> file,
                                 const ComponentInfo& info, const ComponentWriterOptions& options)
    : files_(files), path_(std::move(path)), file_(std::move(file)), info_(info), options_(options) {
  layout_.source = info.source;
}

ComponentWriter::~ComponentWriter() {
  if (published_) return;
  file_.reset();
  // What cannot be removed now is removed when the database is opened.
  static_cast<void>(files_.remove(path_ + std::string(kTemporarySuffix)));
}

Result<void> ComponentWriter::begin_section(std::uint32_t id) {
  JADE_CHECK(std::ranges::count(layout_.sections, id, &ComponentSection::id) == 0, "a section comes once");
  JADE_CHECK(layout_.sections.size() < kComponentSectionsMax, "too many sections");
  JADE_RETURN_IF_ERROR(pad(kComponentAlignment));
  layout_.sections.push_back({.id = id, .offset = end(), .bytes = 0});
  return {};
}

Result<void> ComponentWriter::append(std::span<const std::byte> bytes) {
  JADE_CHECK(!layout_.sections.empty(), "bytes belong to a section");
  layout_.sections.back().bytes += bytes.size();
  return put(bytes);
}

std::uint64_t ComponentWriter::section_bytes() const { return layout_.sections.back().bytes; }

Result<ComponentRef> ComponentWriter::finish() {
  JADE_RETURN_IF_ERROR(pad(sizeof(std::uint64_t)));
  JADE_RETURN_IF_ERROR(flush());
  layout_.data_bytes = flushed_bytes_;
  auto ref = publish();
  if (!ref.ok()) error_ = ref.error();
  return ref;
}

Result<void> ComponentWriter::pad(std::uint64_t multiple) {
  constexpr std::array<std::byte, kComponentAlignment> kZeros{};
  return put(std::span(kZeros).first(round_up(end(), multiple) - end()));
}

Result<void> ComponentWriter::put(std::span<const std::byte> bytes) {
  if (error_) return *error_;
  while (!bytes.empty()) {
    if (pending_.empty() && bytes.size() >= kComponentBlockBytes) {
      // Nothing is gained by a copy.
      const std::size_t whole =
          std::min<std::size_t>(bytes.size() / kComponentBlockBytes * kComponentBlockBytes, kBufferBytes);
      JADE_RETURN_IF_ERROR(write_blocks(bytes.first(whole)));
      bytes = bytes.subspan(whole);
      continue;
    }
    const std::size_t count = std::min<std::size_t>(bytes.size(), kBufferBytes - pending_.size());
    pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    if (pending_.size() == kBufferBytes) JADE_RETURN_IF_ERROR(flush());
  }
  return {};
}

Result<void> ComponentWriter::flush() {
  JADE_RETURN_IF_ERROR(write_blocks(pending_));
  pending_.clear();
  return {};
}

Result<void> ComponentWriter::write_blocks(std::span<const std::byte> bytes) {
  const std::uint64_t offset = kComponentAlignment + flushed_bytes_;
  for (std::size_t at = 0; at < bytes.size(); at += kComponentBlockBytes) {
    const auto block = bytes.subspan(at, std::min<std::size_t>(kComponentBlockBytes, bytes.size() - at));
    layout_.checksums.push_back(bound_checksum(layout_.file_id, offset + at, block));
  }
  auto written = file_->write_at(offset, bytes);
  flushed_bytes_ += bytes.size();
  unsynced_bytes_ += bytes.size();
  if (written.ok() && unsynced_bytes_ >= options_.sync_bytes) {
    unsynced_bytes_ = 0;
    written = file_->sync();
  }
  if (!written.ok()) error_ = written.error();
  return written;
}

Result<ComponentRef> ComponentWriter::publish() {
  const std::vector<std::byte> tail = encode_component_tail(layout_);
  const std::string temporary = path_ + std::string(kTemporarySuffix);
  JADE_RETURN_IF_ERROR(file_->write_at(layout_.tail_offset(), tail));
  JADE_RETURN_IF_ERROR(file_->sync());
  file_.reset();
  JADE_RETURN_IF_ERROR(files_.rename(temporary, path_));
  published_ = true;
  return ComponentRef{.kind = info_.kind,
                      .field = info_.field,
                      .file_id = layout_.file_id,
                      .file_bytes = layout_.tail_offset() + tail.size(),
                      .checksum = component_tail_checksum(tail)};
}

}  // namespace jade::storage
