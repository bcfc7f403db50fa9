// A component file in memory, read and verified when it is touched.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "io/file_system.h"
#include "jade/error.h"
#include "storage/component_format.h"

namespace jade::storage {

/// The sections of a component, mapped. A reader touches a range before it uses the bytes, and asks `failed` after:
/// a page that was verified may be fetched from the disk again, and fail then. Outlives the ComponentFile that it came
/// from. Safe from any thread, without locks.
class MappedComponent {
 public:
  /// `mapping` has as many bytes as a file of `layout`.
  MappedComponent(std::string path, std::shared_ptr<const ComponentLayout> layout,
                  std::unique_ptr<io::Mapping> mapping);

  /// A section of this component. Its address is a multiple of 4096.
  std::span<const std::byte> bytes(const ComponentSection& section) const {
    return mapping_->bytes().subspan(section.offset, section.bytes);
  }

  /// True when these bytes of the section are what was written: verifies the blocks that were not yet. False for a
  /// range that does not lie in the section, and, until the component is complete, for every range once it failed. One
  /// load when `complete`.
  bool touch(const ComponentSection& section, std::uint64_t offset, std::uint64_t count) {
    if (!lies_in(section, offset, count)) return refuse(section.offset);
    return complete() || count == 0 || verify(section.offset + offset, count);
  }
  /// The same for a whole section.
  bool touch(const ComponentSection& section) { return touch(section, 0, section.bytes); }

  /// True once every block was verified: from then on `touch` is not needed, `failed` still is.
  bool complete() const { return complete_.load(std::memory_order_acquire); }

  /// True once a block was damaged or a page could not be read. What was read is then worth nothing, and never will be.
  bool failed() const { return damaged_at_.load(std::memory_order_acquire) != kNowhere || mapping_->failed(); }
  /// Why; `failed` is true. kDataCorrupted with the detail "file" and, where it is known, "offset".
  Error error() const;

  /// Advice, as io::Mapping takes it. The range lies in the section.
  void will_need(const ComponentSection& section, std::uint64_t offset, std::uint64_t count) {
    mapping_->will_need(section.offset + offset, count);
  }
  void random_access() { mapping_->random_access(); }

 private:
  static constexpr std::uint64_t kNowhere = UINT64_MAX;

  bool refuse(std::uint64_t offset);
  bool verify(std::uint64_t offset, std::uint64_t count);
  bool verify_block(std::uint64_t block);

  const std::string path_;
  const std::shared_ptr<const ComponentLayout> layout_;
  const std::unique_ptr<io::Mapping> mapping_;
  /// A bit for each block.
  std::vector<std::atomic<std::uint64_t>> verified_;
  std::atomic<std::uint64_t> verified_count_{0};
  std::atomic<bool> complete_;
  std::atomic<std::uint64_t> damaged_at_{kNowhere};
};

}  // namespace jade::storage
