#include "storage/aligned_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace jade::storage {
namespace {

TEST(AlignedBytes, ViewsWhatLiesWell) {
  alignas(16) const std::byte bytes[32] = {std::byte{7}};
  const AlignedBytes aligned(bytes);
  EXPECT_FALSE(aligned.copied());
  EXPECT_EQ(aligned.bytes().data(), bytes);
  EXPECT_EQ(aligned.bytes().size(), 32u);
}

TEST(AlignedBytes, CopiesWhatDoesNot) {
  alignas(16) std::byte bytes[64];
  for (std::size_t i = 0; i < 64; ++i) bytes[i] = std::byte(i);
  for (std::size_t shift = 1; shift < 16; ++shift) {
    const std::span<const std::byte> odd = std::span(bytes).subspan(shift, 40);
    const AlignedBytes aligned(odd);
    EXPECT_TRUE(aligned.copied());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(aligned.bytes().data()) % 16, 0u);
    EXPECT_TRUE(std::ranges::equal(aligned.bytes(), odd));
  }
}

}  // namespace
}  // namespace jade::storage
