// Bytes that are written once and stay where they are.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace jade::engine {

/// A bump allocator for ids and metadata. One thread stores; any thread reads what it was given a view of.
class ByteArena {
 public:
  /// Copies the text in. Nothing when memory cannot be had.
  std::optional<std::string_view> store(std::string_view text);

  std::size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  std::vector<std::unique_ptr<char[]>> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::atomic<std::size_t> memory_bytes_{0};
};

}  // namespace jade::engine
