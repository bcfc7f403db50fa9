#include "index/vector_arena.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "simd/kernels.h"

namespace jade::index {
namespace {

std::size_t bytes_of(std::uint32_t dimension, ElementType element_type) {
  return element_type == ElementType::kF32 ? std::size_t{dimension} * sizeof(float) : (std::size_t{dimension} + 7) / 8;
}

// Whole cache lines; or, below one, a power of two, so that a row lies within a line.
std::size_t stride_of(std::size_t vector_bytes) {
  if (vector_bytes > 32) return (vector_bytes + 63) / 64 * 64;
  return std::bit_ceil(std::max(vector_bytes, sizeof(float)));
}

}  // namespace

VectorArena::VectorArena(std::uint32_t dimension, Metric metric, ElementType element_type, BlockMemory& memory)
    : dimension_(dimension),
      metric_(metric),
      element_type_(element_type),
      vector_bytes_(bytes_of(dimension, element_type)),
      rows_(stride_of(vector_bytes_), memory),
      norm_in_row_(rows_.stride_bytes() - vector_bytes_ >= sizeof(float)),
      norms_(sizeof(float), memory) {}

VectorArena::VectorArena(std::uint32_t dimension, Metric metric, ElementType element_type, const FixedVectors& vectors)
    : dimension_(dimension),
      metric_(metric),
      element_type_(element_type),
      vector_bytes_(bytes_of(dimension, element_type)),
      rows_(stride_of(vector_bytes_), vectors.rows),
      norm_in_row_(rows_.stride_bytes() - vector_bytes_ >= sizeof(float)),
      norms_(sizeof(float), vectors.norms),
      guard_(vectors.guard),
      size_(vectors.count) {}

std::size_t VectorArena::stride_bytes_for(std::uint32_t dimension, ElementType element_type) {
  return stride_of(bytes_of(dimension, element_type));
}

void VectorArena::touch_each(std::span<const SlotId> slots) const {
  for (const SlotId slot : slots) guard_->touch(vector(slot), stride_bytes());
}

Result<SlotId> VectorArena::append(std::span<const std::byte> vector) {
  if (vector.size() != vector_bytes_) {
    return Error(ErrorCode::kDimensionMismatch,
                 "the vector has " + std::to_string(vector.size()) + " bytes, not " + std::to_string(vector_bytes_));
  }
  const std::uint32_t slot = size_.load(std::memory_order_relaxed);
  const bool has_norm = metric_ == Metric::kCosine;
  const bool has_norm_row = has_norm && !norm_in_row_;
  if (!rows_.reserve(slot) || (has_norm_row && !norms_.reserve(slot))) {
    return Error(ErrorCode::kStorageFull, "no memory for another vector");
  }
  std::byte* row = rows_.row(slot);
  std::memcpy(row, vector.data(), vector_bytes_);
  if (has_norm) {
    const float inverse_norm = inverse_norm_of(reinterpret_cast<const float*>(row), dimension_);
    std::memcpy(norm_in_row_ ? row + vector_bytes_ : norms_.row(slot), &inverse_norm, sizeof(inverse_norm));
  }
  size_.store(slot + 1, std::memory_order_release);
  return SlotId(slot);
}

std::size_t VectorArena::memory_bytes() const {
  return sizeof(*this) - 2 * sizeof(ChunkedRows) + rows_.memory_bytes() + norms_.memory_bytes();
}

float inverse_norm_of(const float* vector, std::uint32_t dimension) {
  const double norm_squared = simd::norm_squared_f64(vector, dimension);
  return norm_squared > 0 ? static_cast<float>(1.0 / std::sqrt(norm_squared)) : 0.0F;
}

}  // namespace jade::index
