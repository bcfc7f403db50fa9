// Mappings of files that are in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "io/cached_file.h"
#include "io/file_system.h"

namespace jade::io {

/// The mappings of one file: copies to which every change of the file is made too. Not synchronised, but a mapping may
/// be used and destroyed in any thread.
class MemoryMappings {
 public:
  MemoryMappings();
  ~MemoryMappings();

  std::unique_ptr<Mapping> map(const CachedFile& file);
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  void truncate(std::uint64_t size);

 private:
  class Pages;
  class MemoryMapping;

  /// Of mappings that are still there, or were when last looked at.
  std::vector<std::weak_ptr<Pages>> pages_;
};

}  // namespace jade::io
