// Kernels for any processor: vectors of the compiler's, 16 bytes wide, which it maps to SSE2, NEON or plain code.

#include <cstdint>
#include <cstring>

#include "simd/rows.h"
#include "simd/targets.h"

namespace jade::simd::portable {
namespace {

using Floats = float __attribute__((vector_size(16)));
using Words = std::uint64_t __attribute__((vector_size(16)));

template <typename T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

/// Each operation adds one term to a sum, for Floats and for single floats alike.
struct Dot {
  template <typename T>
  static void add(T& sum, T a, T b) {
    sum += a * b;
  }
};

struct L2Squared {
  template <typename T>
  static void add(T& sum, T a, T b) {
    const T difference = a - b;
    sum += difference * difference;
  }
};

struct L1 {
  template <typename T>
  static void add(T& sum, T a, T b) {
    const T difference = a - b;
    sum += difference < 0.0F ? -difference : difference;
  }
};

constexpr std::size_t kWidth = sizeof(Floats) / sizeof(float);
// Four sums hide the latency of an addition, which is 3 or 4 cycles on the processors that we know.
constexpr std::size_t kSums = 4;

template <typename Operation>
float f32_pair(const std::byte* a, const std::byte* b, std::size_t dimension) {
  Floats sums[kSums] = {};
  std::size_t i = 0;
  for (; i + kSums * kWidth <= dimension; i += kSums * kWidth) {
    for (std::size_t s = 0; s < kSums; ++s) {
      const std::size_t offset = (i + s * kWidth) * sizeof(float);
      Operation::add(sums[s], load<Floats>(a + offset), load<Floats>(b + offset));
    }
  }
  for (; i + kWidth <= dimension; i += kWidth) {
    Operation::add(sums[0], load<Floats>(a + i * sizeof(float)), load<Floats>(b + i * sizeof(float)));
  }
  const Floats sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (; i < dimension; ++i) {
    Operation::add(total, load<float>(a + i * sizeof(float)), load<float>(b + i * sizeof(float)));
  }
  return total;
}

/// Counts bits in pairs, nibbles and bytes, then sums each half's bytes by multiplication (Warren, Hacker's Delight,
/// §5-1): the base x86-64 instruction set has no population count.
constexpr std::uint64_t kPairs = 0x5555555555555555U;
constexpr std::uint64_t kNibbles = 0x3333333333333333U;
constexpr std::uint64_t kBytes = 0x0F0F0F0F0F0F0F0FU;

/// The number of set bits of each byte.
Words bits_of_bytes(Words x) {
  x = x - ((x >> 1) & kPairs);
  x = (x & kNibbles) + ((x >> 2) & kNibbles);
  return (x + (x >> 4)) & kBytes;
}

std::uint64_t sum_of_bytes(std::uint64_t x) {
  // Adding neighbours first leaves 16-bit fields, so that no field overflows.
  const std::uint64_t fields = (x & 0x00FF00FF00FF00FFU) + ((x >> 8) & 0x00FF00FF00FF00FFU);
  return (fields * 0x0001000100010001U) >> 48;
}

struct Hamming {
  static constexpr std::size_t kBlock = 1;

  static std::size_t row_bytes(std::size_t dimension) { return (dimension + 7) / 8; }

  static float pair(const void* a, const void* b, std::size_t dimension) {
    return score(static_cast<const std::byte*>(a), static_cast<const std::byte*>(b), row_bytes(dimension));
  }

  static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension, float* out) {
    *out = pair(query, rows[0], dimension);
  }

 private:
  static float score(const std::byte* a, const std::byte* b, std::size_t bytes) {
    // A byte of `counts` grows by at most 8 a step, so 31 steps fit before it must be emptied.
    constexpr std::size_t kStepsMax = 31;
    std::uint64_t total = 0;
    std::size_t i = 0;
    while (i + sizeof(Words) <= bytes) {
      const std::size_t left = (bytes - i) / sizeof(Words);
      const std::size_t steps = left < kStepsMax ? left : kStepsMax;
      Words counts = {};
      for (std::size_t step = 0; step < steps; ++step, i += sizeof(Words)) {
        counts += bits_of_bytes(load<Words>(a + i) ^ load<Words>(b + i));
      }
      total += sum_of_bytes(counts[0]) + sum_of_bytes(counts[1]);
    }
    if (i < bytes) {
      Words tail_a = {};
      Words tail_b = {};
      std::memcpy(&tail_a, a + i, bytes - i);
      std::memcpy(&tail_b, b + i, bytes - i);
      const Words counts = bits_of_bytes(tail_a ^ tail_b);
      total += sum_of_bytes(counts[0]) + sum_of_bytes(counts[1]);
    }
    return static_cast<float>(total);
  }
};

template <typename Operation>
struct F32 {
  static constexpr std::size_t kBlock = 1;

  static std::size_t row_bytes(std::size_t dimension) { return dimension * sizeof(float); }

  static float pair(const void* a, const void* b, std::size_t dimension) {
    return f32_pair<Operation>(static_cast<const std::byte*>(a), static_cast<const std::byte*>(b), dimension);
  }

  static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension, float* out) {
    *out = pair(query, rows[0], dimension);
  }
};

double norm_squared(const float* vector, std::size_t dimension) {
  double sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= dimension; i += 4) {
    for (std::size_t s = 0; s < 4; ++s) sums[s] += static_cast<double>(vector[i + s]) * vector[i + s];
  }
  for (; i < dimension; ++i) sums[0] += static_cast<double>(vector[i]) * vector[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

}  // namespace

constinit const Kernels kKernels = {.target = Target::kPortable,
                                    .dot_f32 = kDistanceKernels<F32<Dot>>,
                                    .l2_squared_f32 = kDistanceKernels<F32<L2Squared>>,
                                    .l1_f32 = kDistanceKernels<F32<L1>>,
                                    .hamming_bits = kDistanceKernels<Hamming>,
                                    .norm_squared = &norm_squared};

}  // namespace jade::simd::portable
