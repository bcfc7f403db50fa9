// Distance kernels, and the table of them that suits this machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace jade::simd {

/// An instruction set that has kernels. Later ones are faster where they are available.
enum class Target : std::uint8_t {
  kPortable,      ///< What the compiler makes of plain C++ for the base architecture.
  kAvx2,          ///< AVX2, FMA and POPCNT.
  kAvx512,        ///< AVX-512 F, BW and VL.
  kAvx512Popcnt,  ///< The same with VPOPCNTDQ for bit vectors.
};

/// "portable", "avx2", "avx512", "avx512_popcnt".
const char* target_name(Target target);

/// Rows at a fixed distance from each other: row i starts at first + i · stride_bytes.
struct StridedRows {
  const std::byte* first;
  std::size_t stride_bytes;
  std::size_t count;
};

/// One distance, in three shapes. A row's result has the same bits in each of them, whatever its position, neighbours
/// or address: it is a function of the two vectors and the target alone.
///
/// Elements are f32, four-byte aligned, or bits packed little-endian (bit i is bit i mod 8 of byte i div 8), with the
/// unused high bits of the last byte zero; `dimension` counts elements, also when those are bits. Nothing outside the
/// vectors is read. A query on a 64-byte boundary is up to a third faster on AVX-512; rows may lie anywhere.
struct DistanceKernels {
  /// The distance of `a` and `b`; the order of the two does not matter.
  float (*pair)(const void* a, const void* b, std::size_t dimension);
  /// out[i] = pair(query, rows[i]), prefetching rows ahead of use.
  void (*gathered)(const void* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                   float* out);
  /// out[i] = pair(query, row i of `rows`).
  void (*strided)(const void* query, const StridedRows& rows, std::size_t dimension, float* out);
};

/// The kernels of one target.
///
/// Error of the f32 kernels, against exact arithmetic, with u = 2⁻²⁴ and n = dimension, as long as no partial sum
/// overflows (‖v‖² ≤ 2¹²⁰ is enough):
///   dot         |error| ≤ (n + 1)·u·Σ|aᵢ·bᵢ| + n·2⁻¹⁴⁹
///   l2_squared  |error| ≤ (n + 3)·u·Σ(aᵢ − bᵢ)² + n·2⁻¹⁴⁹
///   l1          |error| ≤ (n + 1)·u·Σ|aᵢ − bᵢ|
/// to first order in u, in whatever order a target sums (Higham, Accuracy and Stability of Numerical Algorithms, §3.1
/// and §4.2); the last terms are products that underflow. Targets differ from each other within that bound. Summing in
/// 16 to 64 lanes makes the real error about √(n / 64) of it.
struct Kernels {
  Target target;
  DistanceKernels dot_f32;         ///< Σ aᵢ·bᵢ
  DistanceKernels l2_squared_f32;  ///< Σ (aᵢ − bᵢ)²
  DistanceKernels l1_f32;          ///< Σ |aᵢ − bᵢ|
  DistanceKernels hamming_bits;    ///< Differing bits; exact up to 2²⁴ bits.
  /// Σ vᵢ² in double precision, which no finite f32 vector overflows: for range checks and norms. It is not finite
  /// exactly when some element is not.
  double (*norm_squared)(const float* vector, std::size_t dimension);
};

/// The kernels that suit this machine, chosen on the first call. Safe from any thread.
const Kernels& kernels();

/// The targets that this machine can run, slowest first; kernels() has the last one.
std::span<const Target> available_targets();

/// The kernels of `target`, for tests and benchmarks. Calling them is allowed if `target` is available.
const Kernels& kernels_for(Target target);

/// The chosen target's kernels as plain functions. Loops should keep a `const DistanceKernels&` instead.
float dot_f32(const float* a, const float* b, std::size_t dimension);
float l2_squared_f32(const float* a, const float* b, std::size_t dimension);
float l1_f32(const float* a, const float* b, std::size_t dimension);
float hamming_bits(const std::byte* a, const std::byte* b, std::size_t dimension);
double norm_squared_f64(const float* vector, std::size_t dimension);

void dot_f32_many(const float* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                  float* out);
void l2_squared_f32_many(const float* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                         float* out);
void l1_f32_many(const float* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                 float* out);
void hamming_bits_many(const std::byte* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                       float* out);

}  // namespace jade::simd
