// The tables that dispatch chooses from: one namespace and one source file a target.
#pragma once

#include "simd/kernels.h"

namespace jade::simd {

namespace portable {
extern const Kernels kKernels;
}  // namespace portable

#if defined(__x86_64__)
namespace avx2 {
extern const Kernels kKernels;
}  // namespace avx2

namespace avx512 {
extern const Kernels kKernels;
}  // namespace avx512

namespace avx512_popcnt {
extern const DistanceKernels kHammingBits;
}  // namespace avx512_popcnt
#endif

}  // namespace jade::simd
