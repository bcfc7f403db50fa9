// Distances from one query to an arena's vectors.
#pragma once

#include <cstddef>
#include <span>

#include "index/vector_arena.h"

namespace jade::index {

/// A prepared query: aligned copy, its norm where the metric needs it, and the kernel chosen once. A slot's score never
/// depends on its position, the batch it is scored in, or the thread. Safe when const.
class Scorer {
 public:
  /// `query` has the arena's vector_bytes(). The arena outlives this.
  Scorer(const VectorArena& arena, std::span<const std::byte> query);
  /// Scores against a slot of the arena itself (graph building).
  Scorer(const VectorArena& arena, SlotId slot);
  ~Scorer();
  Scorer(Scorer&&) noexcept;
  Scorer& operator=(Scorer&&) noexcept;

  float rank_distance(SlotId slot) const;
  /// The same for many slots, with prefetching.
  void rank_distances(std::span<const SlotId> slots, std::span<float> out) const;
  /// The same for slots first .. first + out.size() − 1.
  void rank_distances(SlotId first, std::span<float> out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The distance that users see: 1 − cos within [0, 2], L2, −dot, L1, differing bits.
double reported_distance(Metric metric, float rank_distance);
/// The similarity that users see; see Metric.
double similarity_of(Metric metric, std::uint32_t dimension, double reported_distance);
/// The largest reported distance whose similarity is at least `similarity`.
double max_distance_for(Metric metric, std::uint32_t dimension, double similarity);

}  // namespace jade::index
