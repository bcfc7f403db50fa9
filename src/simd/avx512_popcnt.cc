// The bit kernel for AVX-512 with VPOPCNTDQ; the other kernels are those of avx512.cc.

#if defined(__x86_64__)

#if defined(__GNUC__) && !defined(__clang__)
// g++ 12 takes its own headers' deliberately undefined registers for a mistake (GCC bug 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

#include <immintrin.h>

#include <cstdint>

#include "simd/rows.h"
#include "simd/targets.h"

#define JADE_POPCNT __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq")))
#define JADE_POPCNT_INLINE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vpopcntdq"), always_inline)) inline

namespace jade::simd::avx512_popcnt {
namespace {

struct Hamming {
  static constexpr std::size_t kBlock = 4;

  static std::size_t row_bytes(std::size_t dimension) { return (dimension + 7) / 8; }

  JADE_POPCNT_INLINE static float score(const std::byte* a, const std::byte* b, std::size_t bytes) {
    __m512i sum = _mm512_setzero_si512();
    std::size_t i = 0;
    for (; i + 64 <= bytes; i += 64) {
      const __m512i x = _mm512_xor_si512(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(x));
    }
    if (i < bytes) {
      const __mmask64 mask = (std::uint64_t{1} << (bytes - i)) - 1U;
      const __m512i x = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, a + i), _mm512_maskz_loadu_epi8(mask, b + i));
      sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(x));
    }
    return static_cast<float>(_mm512_reduce_add_epi64(sum));
  }

  JADE_POPCNT static float pair(const void* a, const void* b, std::size_t dimension) {
    return score(static_cast<const std::byte*>(a), static_cast<const std::byte*>(b), row_bytes(dimension));
  }

  JADE_POPCNT static void block(const void* query, const std::byte* const (&rows)[kBlock], std::size_t dimension,
                                float* out) {
    const std::size_t bytes = row_bytes(dimension);
    for (std::size_t row = 0; row < kBlock; ++row) {
      out[row] = score(static_cast<const std::byte*>(query), rows[row], bytes);
    }
  }
};

}  // namespace

constinit const DistanceKernels kHammingBits = kDistanceKernels<Hamming>;

}  // namespace jade::simd::avx512_popcnt

#endif  // defined(__x86_64__)
