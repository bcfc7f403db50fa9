// Bytes at an address that scalars can be read from in place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace jade::storage {

/// Views bytes that lie at a multiple of 16, and copies those that do not. Cheap to copy; copies share.
class AlignedBytes {
 public:
  static constexpr std::size_t kAlignment = 16;

  AlignedBytes() = default;
  /// `bytes` outlives this unless they were copied.
  explicit AlignedBytes(std::span<const std::byte> bytes);

  std::span<const std::byte> bytes() const { return bytes_; }
  bool copied() const { return copy_ != nullptr; }

 private:
  struct alignas(kAlignment) Unit {
    std::byte bytes[kAlignment];
  };

  std::shared_ptr<Unit[]> copy_;
  std::span<const std::byte> bytes_;
};

}  // namespace jade::storage
