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
  return choice;
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
  static const std::array<const Kernels*, 4> kTables = {&portable::kKernels};
  return *kTables[static_cast<std::size_t>(target)];
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
