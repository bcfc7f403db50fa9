#include "engine/byte_arena.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace jade::engine {
namespace {

// Chunks double from 4 KiB, so that an idle database stays small, to 1 MiB, where the waste at a chunk's end is noise.
constexpr std::size_t kFirstChunkBytes = 4096;
constexpr std::size_t kLargestChunkBytes = 1024 * 1024;

}  // namespace

std::optional<std::string_view> ByteArena::store(std::string_view text) {
  if (text.empty()) return std::string_view();
  if (text.size() > left_) {
    const std::size_t doubled = kFirstChunkBytes << std::min<std::size_t>(chunks_.size(), 8);
    const std::size_t bytes = std::max(std::min(doubled, kLargestChunkBytes), text.size());
    std::unique_ptr<char[]> chunk(new (std::nothrow) char[bytes]);
    if (chunk == nullptr) return std::nullopt;
    next_ = chunk.get();
    left_ = bytes;
    chunks_.push_back(std::move(chunk));
    memory_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  }
  std::memcpy(next_, text.data(), text.size());
  const std::string_view stored(next_, text.size());
  next_ += text.size();
  left_ -= text.size();
  return stored;
}

}  // namespace jade::engine
