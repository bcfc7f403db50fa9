#include "storage/aligned_bytes.h"

#include <algorithm>

namespace jade::storage {

AlignedBytes::AlignedBytes(std::span<const std::byte> bytes) : bytes_(bytes) {
  if (reinterpret_cast<std::uintptr_t>(bytes.data()) % kAlignment == 0) return;
  copy_ = std::make_shared<Unit[]>(bytes.size() / kAlignment + 1);
  std::byte* const to = copy_[0].bytes;
  std::ranges::copy(bytes, to);
  bytes_ = {to, bytes.size()};
}

}  // namespace jade::storage
