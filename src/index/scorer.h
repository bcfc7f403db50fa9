// Distances from one query to an arena's vectors.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "index/vector_arena.h"
#include "simd/kernels.h"

namespace jade::index {

/// A prepared query: aligned copy, its norm where the metric needs it, and the kernel chosen once. A slot's score never
/// depends on its position, the batch it is scored in, or the thread. Safe when const.
///
/// rank_distance is 1 − cos, L2 squared, −dot, L1 or the number of differing bits, in float. Nothing overflows for
/// ‖v‖² ≤ 2^120 (and ≥ 2^-100 under cosine).
class Scorer {
 public:
  /// `query` has the arena's vector_bytes(). The arena outlives this.
  Scorer(const VectorArena& arena, std::span<const std::byte> query);
  /// Scores against a slot of the arena itself (graph building). Takes no memory.
  Scorer(const VectorArena& arena, SlotId slot);

  float rank_distance(SlotId slot) const;
  /// The same for many slots, with prefetching.
  void rank_distances(std::span<const SlotId> slots, std::span<float> out) const;
  /// The same for many slots whose vectors' addresses are known: rows[i] is arena.vector(slots[i]).
  void rank_distances(std::span<const SlotId> slots, const std::byte* const* rows, std::span<float> out) const;
  /// The same for slots first .. first + out.size() − 1.
  void rank_distances(SlotId first, std::span<float> out) const;

 private:
  struct AlignedDelete {
    void operator()(std::byte* memory) const;
  };

  float finish(float kernel_result, SlotId slot, const std::byte* row) const;

  const VectorArena* arena_;
  const simd::DistanceKernels* kernels_;
  float inverse_norm_ = 0;
  const std::byte* query_;
  std::unique_ptr<std::byte[], AlignedDelete> copy_;
};

/// The distance that users see: 1 − cos within [0, 2], L2, −dot, L1, differing bits.
double reported_distance(Metric metric, float rank_distance);
/// The similarity that users see; see Metric.
double similarity_of(Metric metric, std::uint32_t dimension, double reported_distance);
/// The largest reported distance whose similarity is at least `similarity`: infinite when all are, below every
/// distance when none is.
double max_distance_for(Metric metric, std::uint32_t dimension, double similarity);
/// The largest rank distance whose reported distance is at most `max_distance`; below all of them when there is none.
float max_rank_distance_for(Metric metric, double max_distance);

}  // namespace jade::index
