// Kernels for AVX2, FMA and POPCNT.

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <utility>

#include "simd/rows.h"
#include "simd/targets.h"

#define JADE_AVX2 __attribute__((target("avx2,fma,popcnt")))
#define JADE_AVX2_INLINE __attribute__((target("avx2,fma,popcnt"), always_inline)) inline

namespace jade::simd::avx2 {
namespace {

constexpr std::size_t kWidth = 8;
// Each row has four sums: an FMA takes 4 or 5 cycles, and the two loads that it needs take one.
constexpr std::size_t kSums = 4;

/// Each operation adds 8 terms to 8 sums. Lanes that a mask zeroed in both vectors add zero.
struct Dot {
  JADE_AVX2_INLINE static __m256 add(__m256 sum, __m256 a, __m256 b) { return _mm256_fmadd_ps(a, b, sum); }
};

struct L2Squared {
  JADE_AVX2_INLINE static __m256 add(__m256 sum, __m256 a, __m256 b) {
    const __m256 difference = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(difference, difference, sum);
  }
};

struct L1 {
  JADE_AVX2_INLINE static __m256 add(__m256 sum, __m256 a, __m256 b) {
    return _mm256_add_ps(sum, _mm256_andnot_ps(_mm256_set1_ps(-0.0F), _mm256_sub_ps(a, b)));
  }
};

/// A mask of the first `count` of eight lanes, count ≤ 8.
JADE_AVX2_INLINE __m256i first_lanes(std::size_t count) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
}

/// Holds a value in a register. Without it g++ loads the query again for each row, as an operand of the arithmetic.
JADE_AVX2_INLINE __m256 in_register(__m256 value) {
  asm("" : "+x"(value));
  return value;
}

/// The sum of 32 lanes, in a fixed order.
JADE_AVX2_INLINE float finish(const __m256 (&sums)[kSums]) {
  const __m256 all = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
  const __m128 half = _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
  const __m128 pairs = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

/// Distances of `kRows` rows that share the query's loads. Which sum a term goes to depends on its index only, so a
/// row's bits are the same for every kRows.
template <typename Operation>
struct F32 {
  // Two rows have eight sums; the eight other registers hold operands.
  static constexpr std::size_t kBlock = 2;

  static std::size_t row_bytes(std::size_t dimension) { return dimension * sizeof(float); }

  JADE_AVX2 static float pair(const void* a, const void* b, std::size_t dimension) {
    const float* rows[1] = {static_cast<const float*>(b)};
    float out;
    score(static_cast<const float*>(a), rows, dimension, &out);
    return out;
  }

  JADE_AVX2 static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension,
                              float* out) {
    const float* floats[kBlock] = {static_cast<const float*>(static_cast<const void*>(rows[0])),
                                   static_cast<const float*>(static_cast<const void*>(rows[1]))};
    score(static_cast<const float*>(query), floats, dimension, out);
  }

 private:
  /// Adds the terms from element `i` on to sum kSum of each row. Rows and sums are numbered by the compiler, not by a
  /// loop: g++ 12 unrolls loops too late to keep an array of sums in registers.
  template <std::size_t kSum, std::size_t... kRow>
  JADE_AVX2_INLINE static void step(__m256 (&sums)[sizeof...(kRow)][kSums], const float* query,
                                    const float* const (&rows)[sizeof...(kRow)], std::size_t i,
                                    std::index_sequence<kRow...>) {
    const __m256 q = in_register(_mm256_loadu_ps(query + i));
    ((sums[kRow][kSum] = Operation::add(sums[kRow][kSum], _mm256_loadu_ps(rows[kRow] + i), q)), ...);
  }

  template <std::size_t... kRow>
  JADE_AVX2_INLINE static void last_step(__m256 (&sums)[sizeof...(kRow)][kSums], const float* query,
                                         const float* const (&rows)[sizeof...(kRow)], std::size_t i, __m256i mask,
                                         std::index_sequence<kRow...>) {
    constexpr std::size_t kSum = kSums - 1;
    const __m256 q = _mm256_maskload_ps(query + i, mask);
    ((sums[kRow][kSum] = Operation::add(sums[kRow][kSum], _mm256_maskload_ps(rows[kRow] + i, mask), q)), ...);
  }

  template <std::size_t kRows>
  JADE_AVX2_INLINE static void score(const float* query, const float* const (&rows)[kRows], std::size_t dimension,
                                     float* out) {
    constexpr std::make_index_sequence<kRows> kEach;
    __m256 sums[kRows][kSums] = {};
    std::size_t i = 0;
    for (; i + kSums * kWidth <= dimension; i += kSums * kWidth) {
      step<0>(sums, query, rows, i, kEach);
      step<1>(sums, query, rows, i + kWidth, kEach);
      step<2>(sums, query, rows, i + 2 * kWidth, kEach);
      step<3>(sums, query, rows, i + 3 * kWidth, kEach);
    }
    if (i + kWidth <= dimension) {
      step<0>(sums, query, rows, i, kEach);
      i += kWidth;
    }
    if (i + kWidth <= dimension) {
      step<1>(sums, query, rows, i, kEach);
      i += kWidth;
    }
    if (i + kWidth <= dimension) {
      step<2>(sums, query, rows, i, kEach);
      i += kWidth;
    }
    if (i < dimension) last_step(sums, query, rows, i, first_lanes(dimension - i), kEach);
    out[0] = finish(sums[0]);
    if constexpr (kRows == 2) out[1] = finish(sums[1]);
  }
};

/// The set bits of each 64-bit lane, by looking up both nibbles of each byte (Mula, Kurz and Lemire, arXiv 1611.07612).
JADE_AVX2_INLINE __m256i bits_of_lanes(__m256i x) {
  const __m256i table = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m256i nibble = _mm256_set1_epi8(0x0F);
  const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
  const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
  return _mm256_sad_epu8(_mm256_add_epi8(low, high), _mm256_setzero_si256());
}

struct Hamming {
  static constexpr std::size_t kBlock = 4;

  static std::size_t row_bytes(std::size_t dimension) { return (dimension + 7) / 8; }

  JADE_AVX2 static float pair(const void* a, const void* b, std::size_t dimension) {
    return score(static_cast<const std::byte*>(a), static_cast<const std::byte*>(b), row_bytes(dimension));
  }

  JADE_AVX2 static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension,
                              float* out) {
    const std::size_t bytes = row_bytes(dimension);
    for (std::size_t row = 0; row < kBlock; ++row) {
      out[row] = score(static_cast<const std::byte*>(query), rows[row], bytes);
    }
  }

 private:
  JADE_AVX2_INLINE static __m256i load(const std::byte* at) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(at)));
  }

  JADE_AVX2_INLINE static std::uint64_t word(const std::byte* at) {
    std::uint64_t value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }

  JADE_AVX2_INLINE static float score(const std::byte* a, const std::byte* b, std::size_t bytes) {
    __m256i sums = _mm256_setzero_si256();
    std::size_t i = 0;
    for (; i + 32 <= bytes; i += 32) {
      sums = _mm256_add_epi64(sums, bits_of_lanes(_mm256_xor_si256(load(a + i), load(b + i))));
    }
    const __m128i half = _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
    std::int64_t total = _mm_cvtsi128_si64(half) + _mm_extract_epi64(half, 1);
    for (; i + 8 <= bytes; i += 8) total += __builtin_popcountll(word(a + i) ^ word(b + i));
    for (; i < bytes; ++i) total += __builtin_popcount(static_cast<unsigned>(a[i] ^ b[i]));
    return static_cast<float>(total);
  }
};

JADE_AVX2 double norm_squared(const float* vector, std::size_t dimension) {
  __m256d sums[2] = {_mm256_setzero_pd(), _mm256_setzero_pd()};
  std::size_t i = 0;
  for (; i + 8 <= dimension; i += 8) {
    const __m256d low = _mm256_cvtps_pd(_mm_loadu_ps(vector + i));
    const __m256d high = _mm256_cvtps_pd(_mm_loadu_ps(vector + i + 4));
    sums[0] = _mm256_fmadd_pd(low, low, sums[0]);
    sums[1] = _mm256_fmadd_pd(high, high, sums[1]);
  }
  const __m256d all = _mm256_add_pd(sums[0], sums[1]);
  const __m128d half = _mm_add_pd(_mm256_castpd256_pd128(all), _mm256_extractf128_pd(all, 1));
  double total = _mm_cvtsd_f64(_mm_add_sd(half, _mm_unpackhi_pd(half, half)));
  for (; i < dimension; ++i) total += static_cast<double>(vector[i]) * vector[i];
  return total;
}

}  // namespace

constinit const Kernels kKernels = {.target = Target::kAvx2,
                                    .dot_f32 = kDistanceKernels<F32<Dot>>,
                                    .l2_squared_f32 = kDistanceKernels<F32<L2Squared>>,
                                    .l1_f32 = kDistanceKernels<F32<L1>>,
                                    .hamming_bits = kDistanceKernels<Hamming>,
                                    .norm_squared = &norm_squared};

}  // namespace jade::simd::avx2

#endif  // defined(__x86_64__)
