#include "index/scorer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <numeric>
#include <type_traits>

namespace jade::index {
namespace {

constexpr std::align_val_t kQueryAlignment{64};

const simd::DistanceKernels& kernels_for(Metric metric) {
  const simd::Kernels& kernels = simd::kernels();
  switch (metric) {
    case Metric::kEuclidean:
      return kernels.l2_squared_f32;
    case Metric::kManhattan:
      return kernels.l1_f32;
    case Metric::kHamming:
      return kernels.hamming_bits;
    case Metric::kCosine:
    case Metric::kDot:
      break;
  }
  return kernels.dot_f32;
}

/// The largest finite or infinite value that `holds`, which is true up to some value and false above it; −infinity
/// when it holds nowhere. Bisects over all values of the type: the conversions round, so a formula could miss by one.
template <class Float, class Holds>
Float largest_that(Holds holds) {
  using Bits = std::conditional_t<sizeof(Float) == 4, std::int32_t, std::int64_t>;
  // Maps integers to floating-point values in ascending order, −0 and +0 as neighbours.
  const auto value_at = [](Bits i) {
    return std::bit_cast<Float>(i >= 0 ? i : std::numeric_limits<Bits>::min() - i - 1);
  };
  constexpr Float kInfinity = std::numeric_limits<Float>::infinity();
  if (holds(kInfinity)) return kInfinity;
  Bits high = std::bit_cast<Bits>(kInfinity);
  Bits low = -high - 1;
  while (high - 1 > low) {
    const Bits middle = std::midpoint(low, high);
    (holds(value_at(middle)) ? low : high) = middle;
  }
  return value_at(low);
}

}  // namespace

void Scorer::AlignedDelete::operator()(std::byte* memory) const { ::operator delete[](memory, kQueryAlignment); }

Scorer::Scorer(const VectorArena& arena, std::span<const std::byte> query)
    : arena_(&arena),
      kernels_(&kernels_for(arena.metric())),
      copy_(static_cast<std::byte*>(::operator new[](arena.vector_bytes(), kQueryAlignment))) {
  std::memcpy(copy_.get(), query.data(), arena.vector_bytes());
  query_ = copy_.get();
  if (arena.metric() == Metric::kCosine) {
    inverse_norm_ = inverse_norm_of(reinterpret_cast<const float*>(query_), arena.dimension());
  }
}

Scorer::Scorer(const VectorArena& arena, SlotId slot)
    : arena_(&arena), kernels_(&kernels_for(arena.metric())), query_(arena.vector(slot)) {
  arena.touch(slot, 1);
  if (arena.metric() == Metric::kCosine) inverse_norm_ = arena.inverse_norm(slot, query_);
}

// The norms are multiplied first: their product lies within 2^-120 .. 2^100, the dot product within ‖a‖·‖b‖, so neither
// overflows, and d(a, b) equals d(b, a) to the bit.
float Scorer::finish(float kernel_result, SlotId slot, const std::byte* row) const {
  switch (arena_->metric()) {
    case Metric::kCosine:
      // Rounding can lead beyond the range; what users see as equal has to rank as equal.
      return std::clamp(1.0F - kernel_result * (inverse_norm_ * arena_->inverse_norm(slot, row)), 0.0F, 2.0F);
    case Metric::kDot:
      return -kernel_result;
    default:
      return kernel_result;
  }
}

float Scorer::rank_distance(SlotId slot) const {
  arena_->touch(slot, 1);
  const std::byte* row = arena_->vector(slot);
  return finish(kernels_->pair(query_, row, arena_->dimension()), slot, row);
}

void Scorer::rank_distances(std::span<const SlotId> slots, std::span<float> out) const {
  constexpr std::size_t kBatch = 64;
  std::array<const std::byte*, kBatch> rows;
  for (std::size_t begin = 0; begin < slots.size(); begin += kBatch) {
    const auto batch = slots.subspan(begin, std::min(kBatch, slots.size() - begin));
    for (std::size_t i = 0; i < batch.size(); ++i) rows[i] = arena_->vector(batch[i]);
    rank_distances(batch, rows.data(), out.subspan(begin, batch.size()));
  }
}

void Scorer::rank_distances(std::span<const SlotId> slots, const std::byte* const* rows, std::span<float> out) const {
  arena_->touch(slots);
  kernels_->gathered(query_, rows, slots.size(), arena_->dimension(), out.data());
  for (std::size_t i = 0; i < slots.size(); ++i) out[i] = finish(out[i], slots[i], rows[i]);
}

void Scorer::rank_distances(SlotId first, std::span<float> out) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const SlotId from(first.value() + static_cast<std::uint32_t>(done));
    const std::size_t count = std::min(arena_->contiguous_slots(from), out.size() - done);
    arena_->touch(from, count);
    const std::byte* row = arena_->vector(from);
    const simd::StridedRows rows{.first = row, .stride_bytes = arena_->stride_bytes(), .count = count};
    kernels_->strided(query_, rows, arena_->dimension(), out.data() + done);
    for (std::size_t i = 0; i < count; ++i) {
      const SlotId slot(from.value() + static_cast<std::uint32_t>(i));
      out[done + i] = finish(out[done + i], slot, row + i * rows.stride_bytes);
    }
    done += count;
  }
}

double reported_distance(Metric metric, float rank_distance) {
  const auto distance = static_cast<double>(rank_distance);
  switch (metric) {
    case Metric::kCosine:
      return std::clamp(distance, 0.0, 2.0);
    case Metric::kEuclidean:
      return std::sqrt(distance);
    default:
      // A product of zero has no sign that means something.
      return distance + 0.0;
  }
}

double similarity_of(Metric metric, std::uint32_t dimension, double reported_distance) {
  switch (metric) {
    case Metric::kCosine:
      return 1.0 - reported_distance;
    case Metric::kDot:
      return 0.0 - reported_distance;
    case Metric::kHamming:
      return 1.0 - reported_distance / static_cast<double>(dimension);
    case Metric::kEuclidean:
    case Metric::kManhattan:
      break;
  }
  return 1.0 / (1.0 + reported_distance);
}

double max_distance_for(Metric metric, std::uint32_t dimension, double similarity) {
  // Below zero only a dot product's distance exists.
  return largest_that<double>([=](double distance) {
    return (metric != Metric::kDot && distance < 0) || similarity_of(metric, dimension, distance) >= similarity;
  });
}

float max_rank_distance_for(Metric metric, double max_distance) {
  return largest_that<float>([=](float distance) {
    return (metric == Metric::kEuclidean && distance < 0) || reported_distance(metric, distance) <= max_distance;
  });
}

}  // namespace jade::index
