// The tables that dispatch chooses from: one namespace and one source file a target.
#pragma once

#include "simd/kernels.h"

namespace jade::simd {

namespace portable {
extern const Kernels kKernels;
}  // namespace portable

}  // namespace jade::simd
