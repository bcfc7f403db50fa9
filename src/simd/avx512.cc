// Kernels for AVX-512 F, BW and VL.

#if defined(__x86_64__)

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes its own headers' deliberately undefined registers for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

#include <cstdint>
#include <utility>

#include "simd/rows.h"
#include "simd/targets.h"

#define JADE_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl")))
#define JADE_AVX512_INLINE __attribute__((target("avx512f,avx512bw,avx512vl"), always_inline)) inline

namespace jade::simd::avx512 {
namespace {

constexpr std::size_t kWidth = 16;
// Each row has four sums: an FMA takes 4 cycles and one (Zen 4) or two (Zen 5, Xeon) start in each.
constexpr std::size_t kSums = 4;

/// Each operation adds 16 terms to 16 sums. Lanes that a mask zeroed in both vectors add zero.
struct Dot {
  JADE_AVX512_INLINE static __m512 add(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
};

struct L2Squared {
  JADE_AVX512_INLINE static __m512 add(__m512 sum, __m512 a, __m512 b) {
    const __m512 difference = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(difference, difference, sum);
  }
};

struct L1 {
  JADE_AVX512_INLINE static __m512 add(__m512 sum, __m512 a, __m512 b) {
    return _mm512_add_ps(sum, _mm512_abs_ps(_mm512_sub_ps(a, b)));
  }
};

/// A mask of the first `count` of 16 lanes, count ≤ 16.
JADE_AVX512_INLINE __mmask16 first_lanes(std::size_t count) { return static_cast<__mmask16>((1U << count) - 1U); }

/// Holds a value in a register. Without it g++ loads the query again for each row, as an operand of the arithmetic.
JADE_AVX512_INLINE __m512 in_register(__m512 value) {
  asm("" : "+v"(value));
  return value;
}

/// Four sums of four lanes from 64 lanes, in a fixed order.
JADE_AVX512_INLINE __m128 fold(const __m512 (&sums)[kSums]) {
  const __m512 all = _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
  const __m256 low = _mm512_castps512_ps256(all);
  const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(all), 1));
  const __m256 half = _mm256_add_ps(low, high);
  return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

/// (x0 + x2) + (x1 + x3); finish_four does the same sums for four vectors at a time.
JADE_AVX512_INLINE float finish(__m128 x) {
  const __m128 pairs = _mm_add_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehdup_ps(pairs)));
}

JADE_AVX512_INLINE void finish_four(__m128 a, __m128 b, __m128 c, __m128 d, float* out) {
  _MM_TRANSPOSE4_PS(a, b, c, d);
  _mm_storeu_ps(out, _mm_add_ps(_mm_add_ps(a, c), _mm_add_ps(b, d)));
}

/// Distances of `kRows` rows that share the query's loads. Which sum a term goes to depends on its index only, so a
/// row's bits are the same for every kRows.
template <typename Operation>
struct F32 {
  static constexpr std::size_t kBlock = 4;

  static std::size_t row_bytes(std::size_t dimension) { return dimension * sizeof(float); }

  JADE_AVX512_INLINE static __m512 load(const std::byte* vector, std::size_t i) {
    return _mm512_loadu_ps(vector + i * sizeof(float));
  }

  JADE_AVX512_INLINE static __m512 load(const std::byte* vector, std::size_t i, __mmask16 mask) {
    return _mm512_maskz_loadu_ps(mask, vector + i * sizeof(float));
  }

  /// Adds the terms from element `i` on to sum kSum of each row. Rows and sums are numbered by the compiler, not by a
  /// loop: g++ 12 unrolls loops too late to keep an array of sums in registers.
  template <std::size_t kSum, std::size_t... kRow>
  JADE_AVX512_INLINE static void step(__m512 (&sums)[sizeof...(kRow)][kSums], const std::byte* query,
                                      const std::byte* const (&rows)[sizeof...(kRow)], std::size_t i,
                                      std::index_sequence<kRow...>) {
    const __m512 q = in_register(load(query, i));
    ((sums[kRow][kSum] = Operation::add(sums[kRow][kSum], load(rows[kRow], i), q)), ...);
  }

  template <std::size_t... kRow>
  JADE_AVX512_INLINE static void last_step(__m512 (&sums)[sizeof...(kRow)][kSums], const std::byte* query,
                                           const std::byte* const (&rows)[sizeof...(kRow)], std::size_t i,
                                           __mmask16 mask, std::index_sequence<kRow...>) {
    constexpr std::size_t kSum = kSums - 1;
    const __m512 q = load(query, i, mask);
    ((sums[kRow][kSum] = Operation::add(sums[kRow][kSum], load(rows[kRow], i, mask), q)), ...);
  }

  template <std::size_t kRows>
  JADE_AVX512_INLINE static void score(const std::byte* query, const std::byte* const (&rows)[kRows],
                                       std::size_t dimension, float* out) {
    constexpr std::make_index_sequence<kRows> kEach;
    __m512 sums[kRows][kSums] = {};
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
    if constexpr (kRows == 1) {
      *out = finish(fold(sums[0]));
    } else {
      finish_four(fold(sums[0]), fold(sums[1]), fold(sums[2]), fold(sums[3]), out);
    }
  }

  JADE_AVX512 static float pair(const void* a, const void* b, std::size_t dimension) {
    const std::byte* rows[1] = {static_cast<const std::byte*>(b)};
    float out;
    score(static_cast<const std::byte*>(a), rows, dimension, &out);
    return out;
  }

  JADE_AVX512 static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension,
                                float* out) {
    score(static_cast<const std::byte*>(query), rows, dimension, out);
  }
};

/// The set bits of each 64-bit lane, by looking up both nibbles of each byte (Mula, Kurz and Lemire, arXiv 1611.07612).
JADE_AVX512_INLINE __m512i bits_of_lanes(__m512i x) {
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4));
  const __m512i nibble = _mm512_set1_epi8(0x0F);
  const __m512i low = _mm512_shuffle_epi8(table, _mm512_and_si512(x, nibble));
  const __m512i high = _mm512_shuffle_epi8(table, _mm512_and_si512(_mm512_srli_epi16(x, 4), nibble));
  return _mm512_sad_epu8(_mm512_add_epi8(low, high), _mm512_setzero_si512());
}

struct Hamming {
  static constexpr std::size_t kBlock = 4;

  static std::size_t row_bytes(std::size_t dimension) { return (dimension + 7) / 8; }

  JADE_AVX512_INLINE static float score(const std::byte* a, const std::byte* b, std::size_t bytes) {
    __m512i sum = _mm512_setzero_si512();
    std::size_t i = 0;
    for (; i + 64 <= bytes; i += 64) {
      const __m512i x = _mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
      sum = _mm512_add_epi64(sum, bits_of_lanes(x));
    }
    if (i < bytes) {
      const __mmask64 mask = (std::uint64_t{1} << (bytes - i)) - 1U;
      const __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, a + i), _mm512_maskz_loadu_epi8(mask, b + i));
      sum = _mm512_add_epi64(sum, bits_of_lanes(x));
    }
    return static_cast<float>(_mm512_reduce_add_epi64(sum));
  }

  JADE_AVX512 static float pair(const void* a, const void* b, std::size_t dimension) {
    return score(static_cast<const std::byte*>(a), static_cast<const std::byte*>(b), row_bytes(dimension));
  }

  JADE_AVX512 static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension,
                                float* out) {
    const std::size_t bytes = row_bytes(dimension);
    for (std::size_t row = 0; row < kBlock; ++row) {
      out[row] = score(static_cast<const std::byte*>(query), rows[row], bytes);
    }
  }
};

JADE_AVX512_INLINE __m512d widen(const float* at) { return _mm512_cvtps_pd(_mm256_loadu_ps(at)); }

JADE_AVX512 double norm_squared(const float* vector, std::size_t dimension) {
  __m512d sums[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
  std::size_t i = 0;
  for (; i + 16 <= dimension; i += 16) {
    const __m512d low = widen(vector + i);
    const __m512d high = widen(vector + i + 8);
    sums[0] = _mm512_fmadd_pd(low, low, sums[0]);
    sums[1] = _mm512_fmadd_pd(high, high, sums[1]);
  }
  if (i < dimension) {
    const __m512 rest = _mm512_maskz_loadu_ps(first_lanes(dimension - i), vector + i);
    const __m512d low = _mm512_cvtps_pd(_mm512_castps512_ps256(rest));
    const __m512d high = _mm512_cvtps_pd(_mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(rest), 1)));
    sums[0] = _mm512_fmadd_pd(low, low, sums[0]);
    sums[1] = _mm512_fmadd_pd(high, high, sums[1]);
  }
  return _mm512_reduce_add_pd(_mm512_add_pd(sums[0], sums[1]));
}

}  // namespace

constinit const Kernels kKernels = {.target = Target::kAvx512,
                                    .dot_f32 = kDistanceKernels<F32<Dot>>,
                                    .l2_squared_f32 = kDistanceKernels<F32<L2Squared>>,
                                    .l1_f32 = kDistanceKernels<F32<L1>>,
                                    .hamming_bits = kDistanceKernels<Hamming>,
                                    .norm_squared = &norm_squared};

}  // namespace jade::simd::avx512

#endif  // defined(__x86_64__)
