#include "storage/read_window.h"

#include <algorithm>

#include "storage/byte_layout.h"
#include "storage/publish_file.h"

namespace jade::storage {
namespace {

// Large enough that a disk streams, small enough for the cache.
constexpr std::uint64_t kWindowBytes = 256 * 1024;

}  // namespace

Result<std::span<const std::byte>> ReadWindow::bytes(std::uint64_t offset, std::uint64_t count) {
  const std::uint64_t available = std::min(count, size_ - std::min(size_, offset));
  if (offset < begin_ || offset + available > end_) JADE_RETURN_IF_ERROR(move_to(offset, available));
  if (available == 0) return std::span<const std::byte>();
  return std::span<const std::byte>(buffer_[0].bytes + (offset - begin_), available);
}

Result<void> ReadWindow::move_to(std::uint64_t offset, std::uint64_t count) {
  const std::uint64_t begin = offset / sizeof(Unit) * sizeof(Unit);
  const std::uint64_t wanted = std::min(std::max(offset + count - begin, kWindowBytes), size_ - begin);
  if (wanted > capacity_) {
    const std::uint64_t units = round_up(wanted, sizeof(Unit)) / sizeof(Unit);
    buffer_ = std::make_unique_for_overwrite<Unit[]>(units);
    capacity_ = units * sizeof(Unit);
  }
  begin_ = end_ = 0;
  JADE_RETURN_IF_ERROR(read_exactly(*file_, begin, std::span(buffer_[0].bytes, wanted)));
  begin_ = begin;
  end_ = begin + wanted;
  return {};
}

}  // namespace jade::storage
