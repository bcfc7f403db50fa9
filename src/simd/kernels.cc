#include "simd/kernels.h"

#include <array>

#include "simd/targets.h"

namespace jade::simd {
namespace {

struct Choice {
  std::array<Target, 4> targets;
  std::size_t count = 0;

  void add(Target target) { targets[count++] = target; }
};

Choice detect() {
  Choice choice;
  choice.add(Target::kPortable);
#if defined(__x86_64__)
  // These also ask whether the operating system saves the registers.
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt")) {
    choice.add(Target::kAvx2);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
    choice.add(Target::kAvx512);
    if (__builtin_cpu_supports("avx512vpopcntdq")) choice.add(Target::kAvx512Popcnt);
  }
#endif
  return choice;
}

/// The table of each target, whether or not this machine can run it. Elsewhere than on x86-64 all are the portable one.
std::array<Kernels, 4> all_tables() {
#if defined(__x86_64__)
  Kernels with_popcnt = avx512::kKernels;
  with_popcnt.target = Target::kAvx512Popcnt;
  with_popcnt.hamming_bits = avx512_popcnt::kHammingBits;
  return {portable::kKernels, avx2::kKernels, avx512::kKernels, with_popcnt};
#else
  return {portable::kKernels, portable::kKernels, portable::kKernels, portable::kKernels};
#endif
}

}  // namespace

const char* target_name(Target target) {
  constexpr std::array<const char*, 4> kNames = {"portable", "avx2", "avx512", "avx512_popcnt"};
  return kNames[static_cast<std::size_t>(target)];
}

std::span<const Target> available_targets() {
  static const Choice kChoice = detect();
  return std::span(kChoice.targets).first(kChoice.count);
}

const Kernels& kernels_for(Target target) {
  static const std::array<Kernels, 4> kTables = all_tables();
  return kTables[static_cast<std::size_t>(target)];
}

const Kernels& kernels() {
  static const Kernels& chosen = kernels_for(available_targets().back());
  return chosen;
}

float dot_f32(const float* a, const float* b, std::size_t dimension) { return kernels().dot_f32.pair(a, b, dimension); }

float l2_squared_f32(const float* a, const float* b, std::size_t dimension) {
  return kernels().l2_squared_f32.pair(a, b, dimension);
}

float l1_f32(const float* a, const float* b, std::size_t dimension) { return kernels().l1_f32.pair(a, b, dimension); }

float hamming_bits(const std::byte* a, const std::byte* b, std::size_t dimension) {
  return kernels().hamming_bits.pair(a, b, dimension);
}

double norm_squared_f64(const float* vector, std::size_t dimension) {
  return kernels().norm_squared(vector, dimension);
}

void dot_f32_many(const float* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                  float* out) {
  kernels().dot_f32.gathered(query, rows, count, dimension, out);
}

void l2_squared_f32_many(const float* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                         float* out) {
  kernels().l2_squared_f32.gathered(query, rows, count, dimension, out);
}

void l1_f32_many(const float* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                 float* out) {
  kernels().l1_f32.gathered(query, rows, count, dimension, out);
}

void hamming_bits_many(const std::byte* query, const std::byte* const* rows, std::size_t count, std::size_t dimension,
                       float* out) {
  kernels().hamming_bits.gathered(query, rows, count, dimension, out);
}

}  // namespace jade::simd
