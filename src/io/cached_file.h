// A file's bytes as programs see them and as the disk has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "io/crash_options.h"

namespace jade::io {

/// The bytes of one file in a page cache over a disk. Not synchronised.
class CachedFile {
 public:
  std::uint64_t size() const { return cache_.size(); }
  /// Returns the bytes read; fewer than asked only at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> out) const;
  void write(std::uint64_t offset, std::span<const std::byte> bytes);
  void truncate(std::uint64_t size);

  /// Brings every remembered change to the disk.
  void sync();
  /// What a failed sync leaves: the bytes can still be read, but no later sync writes them.
  void forget_unsynced() { changes_.clear(); }
  bool synced() const { return changes_.empty(); }

  /// Becomes what the disk may hold after a power cut. Unsynced changes are lost, kept, cut off in order, or brought
  /// out sector by sector in any order.
  void crash(SeededRandom& random, const CrashOptions& options);

 private:
  /// `bytes` written at `offset`, or, when `cuts`, the size set to `offset`.
  struct Change {
    std::uint64_t offset = 0;
    bool cuts = false;
    std::vector<std::byte> bytes;
  };

  static void apply(const Change& change, std::vector<std::byte>& image);
  void keep_prefix(SeededRandom& random, std::uint64_t sector_bytes);
  void scatter(SeededRandom& random, std::uint64_t sector_bytes, bool foreign_bytes);

  std::vector<std::byte> cache_;
  std::vector<std::byte> disk_;
  std::vector<Change> changes_;
};

}  // namespace jade::io
