// Reads a file front to back through one buffer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "io/file_system.h"
#include "jade/result.h"

namespace jade::storage {

/// A window on a file that does not change. One thread only.
class ReadWindow {
 public:
  /// Takes the file, of which only the first `size` bytes are looked at.
  ReadWindow(std::unique_ptr<io::File> file, std::uint64_t size) : file_(std::move(file)), size_(size) {}

  std::uint64_t size() const { return size_; }

  /// The bytes from `offset` on: `count` of them, fewer at the end of the file. Valid until the next call. Where
  /// `offset` is a multiple of 16, so is their address.
  Result<std::span<const std::byte>> bytes(std::uint64_t offset, std::uint64_t count);

 private:
  struct alignas(64) Unit {
    std::byte bytes[64];
  };

  Result<void> move_to(std::uint64_t offset, std::uint64_t count);

  std::unique_ptr<io::File> file_;
  std::uint64_t size_;
  std::unique_ptr<Unit[]> buffer_;
  std::uint64_t capacity_ = 0;
  std::uint64_t begin_ = 0;
  std::uint64_t end_ = 0;
};

}  // namespace jade::storage
