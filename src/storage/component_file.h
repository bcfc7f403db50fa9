// Reads a component file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>

#include "io/file_system.h"
#include "jade/result.h"
#include "storage/component_format.h"
#include "storage/mapped_component.h"

namespace jade::storage {

/// A section that was read into memory. Begins on a page.
class LoadedSection {
 public:
  explicit LoadedSection(std::uint64_t bytes);

  std::span<const std::byte> bytes() const { return {bytes_.get(), size_}; }
  std::span<std::byte> writable() { return {bytes_.get(), size_}; }

 private:
  static constexpr std::align_val_t kAlignment{kComponentAlignment};
  struct Release {
    void operator()(std::byte* bytes) const { ::operator delete(bytes, kAlignment); }
  };

  std::unique_ptr<std::byte[], Release> bytes_;
  std::uint64_t size_;
};

/// A range of a component file that cannot be read or is not what was written.
struct ComponentDamage {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  /// kDataCorrupted, or what reading it failed with.
  Error error;
};

/// Waits until `bytes` more may be read; an error stops the scrub. Rate and cancellation are decided here.
using ScrubPace = std::function<Result<void>(std::uint64_t bytes)>;

/// An open component file. What every function hands out was verified. Safe from any thread.
class ComponentFile {
 public:
  /// Reads all but the data, and checks that the file is the one that the manifest names. kDataCorrupted, with the
  /// details "file" and "offset", for a missing file and for one that is not what was written; kNotSupported for
  /// one of a newer release.
  static Result<std::unique_ptr<ComponentFile>> open(io::FileSystem& files, const std::string& path,
                                                     const ComponentRef& expected, const DatabaseKey& database);

  const std::string& path() const { return path_; }
  const ComponentInfo& info() const { return info_; }
  const ComponentRef& ref() const { return ref_; }
  /// In the order of their offsets.
  std::span<const ComponentSection> sections() const { return layout_->sections; }
  std::optional<ComponentSection> section(std::uint32_t id) const;

  /// Fills `out` from `offset` of the section. Reads and verifies whole blocks: large reads into `out` itself, small
  /// ones by way of a buffer. kDataCorrupted for damaged bytes and for a range that does not lie in the section; `out`
  /// then holds nothing of worth. A caller with memory of its own (huge pages) reads a whole section this way.
  Result<void> read(const ComponentSection& section, std::uint64_t offset, std::span<std::byte> out) const;

  /// The whole section, in memory.
  Result<LoadedSection> load(const ComponentSection& section) const;

  /// The file, mapped. Nothing of the data is read yet.
  Result<std::unique_ptr<MappedComponent>> map() const;

  /// Reads the whole file again, 64 KiB at a time, and reports every part that is damaged or cannot be read. Fails only
  /// when `pace` does. What the page cache holds is not read from the disk.
  Result<void> scrub(const ScrubPace& pace, const std::function<void(const ComponentDamage&)>& report) const;

 private:
  ComponentFile(std::string path, std::unique_ptr<io::File> file, const ComponentRef& ref, const ComponentInfo& info,
                ComponentLayout layout);

  Result<void> read_blocks(std::uint64_t block, std::span<std::byte> out) const;
  Result<void> check_head() const;
  Result<void> check_tail() const;

  const std::string path_;
  const std::unique_ptr<io::File> file_;
  const ComponentRef ref_;
  const ComponentInfo info_;
  const std::shared_ptr<const ComponentLayout> layout_;
};

}  // namespace jade::storage
