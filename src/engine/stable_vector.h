// An append-only array whose elements never move: one thread appends, others read what was published to them.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "base/check.h"

namespace jade::engine {

/// Chunks of doubling size (64, 128, 256 …), so that an empty array costs nothing and a large one few chunks. Readers
/// learn of new elements through whatever publishes the index (a snapshot); elements themselves are then plain reads.
template <class T>
class StableVector {
 public:
  StableVector() = default;
  ~StableVector() {
    for (auto& chunk : chunks_) delete[] chunk.load(std::memory_order_relaxed);
  }
  StableVector(const StableVector&) = delete;
  StableVector& operator=(const StableVector&) = delete;

  /// Default-constructs the next element and returns it. Writer only. nullptr when memory cannot be had.
  T* grow() {
    const auto [chunk, offset] = place(size_);
    JADE_CHECK(chunk < kChunks, "more elements than a 32-bit index can name");
    T* elements = chunks_[chunk].load(std::memory_order_relaxed);
    if (elements == nullptr) {
      elements = new (std::nothrow) T[chunk_size(chunk)]();
      if (elements == nullptr) return nullptr;
      chunks_[chunk].store(elements, std::memory_order_release);
      memory_bytes_.fetch_add(chunk_size(chunk) * sizeof(T), std::memory_order_relaxed);
    }
    ++size_;
    return elements + offset;
  }

  /// Elements appended. Writer only.
  std::uint32_t size() const { return size_; }

  T& operator[](std::uint32_t index) { return *at(index); }
  const T& operator[](std::uint32_t index) const { return *at(index); }

  std::size_t memory_bytes() const { return memory_bytes_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::uint32_t kFirstBits = 6;
  static constexpr std::size_t kChunks = 32 - kFirstBits;

  static constexpr std::size_t chunk_size(std::size_t chunk) { return std::size_t{1} << (chunk + kFirstBits); }

  struct Place {
    std::size_t chunk;
    std::size_t offset;
  };
  static Place place(std::uint32_t index) {
    const std::uint64_t shifted = std::uint64_t{index} + (1U << kFirstBits);
    const auto chunk = static_cast<std::size_t>(std::bit_width(shifted)) - 1 - kFirstBits;
    return {chunk, static_cast<std::size_t>(shifted - chunk_size(chunk))};
  }
  T* at(std::uint32_t index) const {
    const auto [chunk, offset] = place(index);
    return chunks_[chunk].load(std::memory_order_acquire) + offset;
  }

  std::array<std::atomic<T*>, kChunks> chunks_{};
  std::uint32_t size_ = 0;
  std::atomic<std::size_t> memory_bytes_{0};
};

}  // namespace jade::engine
