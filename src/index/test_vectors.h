// Vectors, views and oracles for the tests of this folder.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"
#include "index/block_memory.h"
#include "index/scorer.h"
#include "index/search.h"
#include "index/slot_view.h"
#include "index/vector_arena.h"

namespace jade::index {

using Floats = std::vector<float>;

inline std::span<const std::byte> bytes_of(const Floats& vector) { return std::as_bytes(std::span(vector)); }

/// The sum of twelve uniform numbers is near enough to a normal one.
inline float normal(SeededRandom& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.next_double();
  return static_cast<float>(sum);
}

inline Floats normal_vector(SeededRandom& random, std::size_t dimension) {
  Floats vector(dimension);
  for (float& value : vector) value = normal(random);
  return vector;
}

/// Rows in clusters of about fifty.
inline std::vector<Floats> clustered(SeededRandom& random, std::size_t rows, std::size_t dimension) {
  std::vector<Floats> centres(1 + rows / 50);
  for (Floats& centre : centres) centre = normal_vector(random, dimension);
  std::vector<Floats> vectors;
  for (std::size_t i = 0; i < rows; ++i) {
    Floats vector = normal_vector(random, dimension);
    const Floats& centre = centres[random.next_below(centres.size())];
    for (std::size_t d = 0; d < dimension; ++d) vector[d] = centre[d] + 0.5F * vector[d];
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

inline void append_all(VectorArena& arena, const std::vector<Floats>& vectors) {
  for (const Floats& vector : vectors) arena.append(bytes_of(vector)).value();
}

/// A view in which a predicate says what is visible and ids are in the order of `rank` (slots where it is empty).
class TestView final : public SlotView {
 public:
  explicit TestView(std::uint32_t end) : TestView(end, [](std::uint32_t) { return true; }) {}
  TestView(std::uint32_t end, std::function<bool(std::uint32_t)> is_visible, std::vector<std::uint32_t> rank = {})
      : end_(end), is_visible_(std::move(is_visible)), rank_(std::move(rank)) {}

  std::uint64_t visible_mask(std::uint32_t first) const override {
    std::uint64_t mask = 0;
    for (std::uint32_t i = 0; i < 64; ++i) mask |= std::uint64_t{visible(SlotId(first + i))} << i;
    return mask;
  }
  bool visible(SlotId slot) const override { return slot.value() < end_ && is_visible_(slot.value()); }
  bool id_before(SlotId a, SlotId b) const override { return rank_of(a) < rank_of(b); }

 private:
  std::uint32_t rank_of(SlotId slot) const { return rank_.empty() ? slot.value() : rank_[slot.value()]; }

  std::uint32_t end_;
  std::function<bool(std::uint32_t)> is_visible_;
  std::vector<std::uint32_t> rank_;
};

/// Counts what is allocated and refuses what comes after `allowed` allocations.
class CountingMemory final : public BlockMemory {
 public:
  std::byte* allocate(std::size_t bytes) override {
    if (allowed == 0) return nullptr;
    --allowed;
    bytes_held += bytes;
    return machine_memory().allocate(bytes);
  }
  void release(std::byte* block, std::size_t bytes) override {
    bytes_held -= bytes;
    machine_memory().release(block, bytes);
  }

  std::size_t allowed = SIZE_MAX;
  std::size_t bytes_held = 0;
};

/// The rank distance in double precision, by the definition.
inline double exact_distance(Metric metric, const Floats& a, const Floats& b) {
  double dot = 0;
  double squares_a = 0;
  double squares_b = 0;
  double squares = 0;
  double absolutes = 0;
  for (std::size_t d = 0; d < a.size(); ++d) {
    const double x = a[d];
    const double y = b[d];
    dot += x * y;
    squares_a += x * x;
    squares_b += y * y;
    squares += (x - y) * (x - y);
    absolutes += std::abs(x - y);
  }
  if (metric == Metric::kCosine) return 1 - dot / std::sqrt(squares_a) / std::sqrt(squares_b);
  if (metric == Metric::kDot) return -dot;
  return metric == Metric::kEuclidean ? squares : absolutes;
}

}  // namespace jade::index
