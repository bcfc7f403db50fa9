// Writes a component file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/file_system.h"
#include "jade/result.h"
#include "storage/component_format.h"

namespace jade::storage {

struct ComponentWriterOptions {
  /// A sync follows whenever this many bytes were written: a large file then never keeps the disk busy for long at a
  /// time, which the syncs of the log would wait for.
  std::uint64_t sync_bytes = std::uint64_t{64} << 20;
};

/// Writes a component file front to back under a temporary name, section by section. Keeps 512 KiB of it in memory and
/// 8 bytes for each block. After an error every further call returns it, and destruction removes what was written, as
/// it does when `finish` was not called. One thread only.
class ComponentWriter {
 public:
  /// Replaces what an earlier attempt left under the temporary name. `files` outlives this.
  static Result<std::unique_ptr<ComponentWriter>> create(io::FileSystem& files, const std::string& path,
                                                         const ComponentInfo& info, Random& random,
                                                         const ComponentWriterOptions& options = {});
  ~ComponentWriter();
  ComponentWriter(const ComponentWriter&) = delete;
  ComponentWriter& operator=(const ComponentWriter&) = delete;

  /// What is appended from now on belongs to section `id`, which begins on a page. No id comes twice, and no more than
  /// kComponentSectionsMax.
  Result<void> begin_section(std::uint32_t id);
  /// Any number of bytes; there is a section.
  Result<void> append(std::span<const std::byte> bytes);
  /// Bytes of the section so far.
  std::uint64_t section_bytes() const;

  /// When it returns, the file has its name, and its bytes survive power loss. The name does after the directory was
  /// synced, which is left to the caller: once for all components of a segment, before the manifest names them.
  /// Nothing is called after it.
  Result<ComponentRef> finish();

 private:
  ComponentWriter(io::FileSystem& files, std::string path, std::unique_ptr<io::File> file, const ComponentInfo& info,
                  const ComponentWriterOptions& options);

  std::uint64_t end() const { return kComponentAlignment + flushed_bytes_ + pending_.size(); }
  Result<void> pad(std::uint64_t multiple);
  Result<void> put(std::span<const std::byte> bytes);
  Result<void> flush();
  Result<void> write_blocks(std::span<const std::byte> bytes);
  Result<ComponentRef> publish();

  io::FileSystem& files_;
  const std::string path_;
  std::unique_ptr<io::File> file_;
  const ComponentInfo info_;
  const ComponentWriterOptions options_;
  ComponentLayout layout_;
  /// Bytes of the data area that are in the file: whole blocks.
  std::uint64_t flushed_bytes_ = 0;
  std::uint64_t unsynced_bytes_ = 0;
  std::vector<std::byte> pending_;
  std::optional<Error> error_;
  bool published_ = false;
};

}  // namespace jade::storage
