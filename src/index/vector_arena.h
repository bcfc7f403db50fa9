// Where an index's vectors live: append-only, 64-byte aligned, at addresses that never change.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"
#include "jade/types.h"

namespace jade::index {

/// The vectors of one field in one shard, by slot. One thread appends; any thread reads slots below `size()`.
class VectorArena {
 public:
  VectorArena(std::uint32_t dimension, Metric metric, ElementType element_type);
  ~VectorArena();
  VectorArena(const VectorArena&) = delete;
  VectorArena& operator=(const VectorArena&) = delete;

  std::uint32_t dimension() const;
  Metric metric() const;
  ElementType element_type() const;
  /// Bytes of one vector as it is handed in and read back: 4 × dimension, or dimension / 8 rounded up.
  std::size_t vector_bytes() const;

  /// Copies the vector in and returns its slot. Writer only. kStorageFull when memory cannot be had or slots run out.
  Result<SlotId> append(std::span<const std::byte> vector);

  /// The vector's bytes, exactly as they were appended; 64-byte aligned.
  const std::byte* vector(SlotId slot) const;
  /// Cosine only: 1 / ‖v‖.
  float inverse_norm(SlotId slot) const;

  /// Slots below this are complete and readable (acquire).
  std::uint32_t size() const;
  std::size_t memory_bytes() const;

 private:
  struct Chunk;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace jade::index
