#include "simd/kernels.h"

#include <gtest/gtest.h>

namespace jade::simd {
namespace {

TEST(Kernels, ChoosesTheLastAvailableTarget) {
  EXPECT_EQ(available_targets().front(), Target::kPortable);
  EXPECT_EQ(kernels().target, available_targets().back());
  for (const Target target : available_targets()) EXPECT_EQ(kernels_for(target).target, target);
}

TEST(Kernels, PlainFunctionsAnswerSmallExamples) {
  const float a[3] = {1, 2, 3};
  const float b[3] = {4, -5, 6};
  EXPECT_EQ(dot_f32(a, b, 3), 12.0F);
  EXPECT_EQ(l2_squared_f32(a, b, 3), 9.0F + 49.0F + 9.0F);
  EXPECT_EQ(l1_f32(a, b, 3), 3.0F + 7.0F + 3.0F);
  EXPECT_EQ(norm_squared_f64(a, 3), 14.0);
  const std::byte p[2] = {std::byte{0b1010'1010}, std::byte{0b1}};
  const std::byte q[2] = {std::byte{0b1010'0101}, std::byte{0b0}};
  EXPECT_EQ(hamming_bits(p, q, 9), 5.0F);
}

}  // namespace
}  // namespace jade::simd
