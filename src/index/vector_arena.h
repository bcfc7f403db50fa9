// Where an index's vectors live: append-only, at addresses that never change.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ids.h"
#include "index/block_memory.h"
#include "index/chunked_rows.h"
#include "jade/result.h"
#include "jade/types.h"

namespace jade::index {

/// Stands before vectors that may turn out to be damaged when they are read, for instance mapped from a file. Safe from
/// any thread.
class RowGuard {
 public:
  virtual ~RowGuard() = default;
  /// True once everything that it guards is known to be whole.
  bool complete() const { return complete_.load(std::memory_order_acquire); }
  /// Looks at the bytes before they are used for the first time. What it finds damaged it remembers: whoever reads asks
  /// it at the end.
  virtual void touch(const std::byte* first, std::size_t bytes) const = 0;

 protected:
  mutable std::atomic<bool> complete_{false};
};

/// Vectors in memory that somebody else holds, laid out as an arena lays them out: stride_bytes_for() apart. `norms` is
/// needed where the metric is cosine and the padding has no room (VectorArena::has_norm_rows). `guard` may be null. All
/// outlive the arena.
struct FixedVectors {
  const std::byte* rows = nullptr;
  const std::byte* norms = nullptr;
  std::uint32_t count = 0;
  const RowGuard* guard = nullptr;
};

/// The vectors of one field in one segment, by slot. One thread appends; any thread reads slots below `size()`.
class VectorArena {
 public:
  /// `memory` outlives the arena. An empty arena has taken none of it.
  VectorArena(std::uint32_t dimension, Metric metric, ElementType element_type, BlockMemory& memory = machine_memory());
  /// An arena that is full: nothing can be appended.
  VectorArena(std::uint32_t dimension, Metric metric, ElementType element_type, const FixedVectors& vectors);
  VectorArena(const VectorArena&) = delete;
  VectorArena& operator=(const VectorArena&) = delete;

  std::uint32_t dimension() const { return dimension_; }
  Metric metric() const { return metric_; }
  ElementType element_type() const { return element_type_; }
  /// Bytes of one vector as it is handed in and read back: 4 × dimension, or dimension / 8 rounded up.
  std::size_t vector_bytes() const { return vector_bytes_; }

  /// Copies the vector in and returns its slot. Writer only. kStorageFull when memory cannot be had or slots run out;
  /// kDimensionMismatch when it is not vector_bytes() long.
  Result<SlotId> append(std::span<const std::byte> vector);

  /// The vector's bytes, exactly as they were appended. Vectors of 64 bytes and more begin on a 64-byte boundary;
  /// smaller ones never straddle one.
  const std::byte* vector(SlotId slot) const { return rows_.row(slot.value()); }
  /// Cosine only: 1 / ‖v‖, and 0 for ‖v‖ = 0.
  float inverse_norm(SlotId slot) const {
    return *reinterpret_cast<const float*>(norm_in_row_ ? rows_.row(slot.value()) + vector_bytes_
                                                        : norms_.row(slot.value()));
  }
  /// The same for the vector at `row`, an address that vector(slot) returned.
  float inverse_norm(SlotId slot, const std::byte* row) const {
    return *reinterpret_cast<const float*>(norm_in_row_ ? row + vector_bytes_ : norms_.row(slot.value()));
  }

  /// How many vectors from `slot` on lie stride_bytes() apart, beyond size() too.
  std::size_t contiguous_slots(SlotId slot) const { return rows_.contiguous_rows(slot.value()); }
  std::size_t stride_bytes() const { return rows_.stride_bytes(); }
  static std::size_t stride_bytes_for(std::uint32_t dimension, ElementType element_type);
  /// Whether inverse norms are kept apart from the vectors, four bytes each.
  bool has_norm_rows() const { return metric_ == Metric::kCosine && !norm_in_row_; }

  /// Before the vectors at `slots` are read, where they are guarded.
  void touch(std::span<const SlotId> slots) const {
    if (guard_ != nullptr && !guard_->complete()) touch_each(slots);
  }
  /// The same for `count` vectors from `first` on.
  void touch(SlotId first, std::size_t count) const {
    if (guard_ != nullptr && !guard_->complete()) guard_->touch(vector(first), count * stride_bytes());
  }

  /// Slots below this are complete and readable (acquire).
  std::uint32_t size() const { return size_.load(std::memory_order_acquire); }
  /// Everything that the arena has reserved. Safe from any thread.
  std::size_t memory_bytes() const;

 private:
  void touch_each(std::span<const SlotId> slots) const;

  const std::uint32_t dimension_;
  const Metric metric_;
  const ElementType element_type_;
  const std::size_t vector_bytes_;
  ChunkedRows rows_;
  // The inverse norm is kept in the row's padding where that has room, so that scoring a row reads no other line.
  const bool norm_in_row_;
  ChunkedRows norms_;
  const RowGuard* const guard_ = nullptr;
  std::atomic<std::uint32_t> size_{0};
};

/// The inverse norm that cosine uses for this f32 vector: computed in double, rounded once; 0 for the zero vector.
float inverse_norm_of(const float* vector, std::uint32_t dimension);

}  // namespace jade::index
