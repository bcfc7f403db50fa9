#include "index/vector_arena.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <tuple>
#include <vector>

#include "base/test_env.h"
#include "base/thread.h"
#include "index/test_vectors.h"

namespace jade::index {
namespace {

TEST(MachineMemory, RefusesWhatTheMachineDoesNotHave) {
  EXPECT_EQ(machine_memory().allocate(std::size_t{1} << 62), nullptr);
}

TEST(MachineMemory, BlocksAreZeroedAndAligned) {
  for (const std::size_t bytes : {std::size_t{100}, std::size_t{1} << 20, (std::size_t{5} << 20) + 100}) {
    std::byte* block = machine_memory().allocate(bytes);
    ASSERT_NE(block, nullptr);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % (bytes < (2U << 20) ? 4096 : 2U << 20), 0U);
    EXPECT_EQ(std::count(block, block + bytes, std::byte{0}), static_cast<std::ptrdiff_t>(bytes));
    std::memset(block, 1, bytes);
    machine_memory().release(block, bytes);
  }
}

TEST(ChunkedRows, RowsNeitherMoveNorOverlap) {
  for (const std::size_t stride :
       {std::size_t{4}, std::size_t{12}, std::size_t{64}, std::size_t{448}, std::size_t{65536}}) {
    CountingMemory memory;
    ChunkedRows rows(stride, memory);
    EXPECT_EQ(rows.memory_bytes(), sizeof(rows));
    std::vector<std::byte*> addresses;
    for (std::uint32_t i = 0; i < 500; ++i) {
      ASSERT_TRUE(rows.reserve(i));
      addresses.push_back(rows.row(i));
      std::memset(addresses.back(), static_cast<int>(i % 251 + 1), stride);
    }
    for (std::uint32_t i = 0; i < 500; ++i) {
      ASSERT_EQ(rows.row(i), addresses[i]);
      ASSERT_EQ(addresses[i][0], std::byte(i % 251 + 1));
      ASSERT_EQ(addresses[i][stride - 1], std::byte(i % 251 + 1));
      if (rows.contiguous_rows(i) > 1 && i + 1 < 500) {
        ASSERT_EQ(addresses[i + 1], addresses[i] + stride);
      }
    }
    EXPECT_EQ(rows.memory_bytes(), sizeof(rows) + memory.bytes_held);
    // Within a quarter more than needed, beyond the first chunks.
    EXPECT_LE(memory.bytes_held, 500 * stride * 5 / 4 + 4 * 8192);
  }
}

TEST(ChunkedRows, RefusesRowsWithoutMemoryOrNumber) {
  CountingMemory memory;
  ChunkedRows rows(8, memory);
  memory.allowed = 0;
  EXPECT_FALSE(rows.reserve(0));
  memory.allowed = 1;
  EXPECT_TRUE(rows.reserve(0));
  EXPECT_FALSE(rows.reserve(ChunkedRows::kRowsMax));
}

TEST(VectorArena, KeepsEveryByteAtAnAddressThatStays) {
  const std::uint64_t seed = test_seed(1);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (const Metric metric : {Metric::kCosine, Metric::kEuclidean}) {
    for (const std::uint32_t dimension : {1U, 2U, 3U, 4U, 7U, 8U, 9U, 15U, 16U, 17U, 31U, 32U, 100U, 16384U}) {
      VectorArena arena(dimension, metric, ElementType::kF32);
      ASSERT_EQ(arena.vector_bytes(), 4 * dimension);
      std::vector<Floats> vectors;
      std::vector<const std::byte*> addresses;
      for (std::uint32_t i = 0; i < (dimension > 1000 ? 40 : 3000); ++i) {
        vectors.push_back(normal_vector(random, dimension));
        ASSERT_EQ(arena.append(bytes_of(vectors.back())).value(), SlotId(i));
        addresses.push_back(arena.vector(SlotId(i)));
      }
      for (std::uint32_t i = 0; i < arena.size(); ++i) {
        const std::byte* vector = arena.vector(SlotId(i));
        ASSERT_EQ(vector, addresses[i]);
        ASSERT_EQ(std::memcmp(vector, vectors[i].data(), arena.vector_bytes()), 0);
        const std::uintptr_t in_line = reinterpret_cast<std::uintptr_t>(vector) % 64;
        ASSERT_TRUE(in_line == 0 || in_line + arena.vector_bytes() <= 64) << dimension;
        if (metric != Metric::kCosine) continue;
        double squares = 0;
        for (const float value : vectors[i]) squares += double{value} * value;
        // One rounding to float, and the double sum's order.
        ASSERT_NEAR(arena.inverse_norm(SlotId(i)) * std::sqrt(squares), 1.0, 1e-7);
        ASSERT_EQ(arena.inverse_norm(SlotId(i), vector), arena.inverse_norm(SlotId(i)));
      }
    }
  }
}

TEST(VectorArena, TheZeroVectorHasNoInverseNorm) {
  VectorArena arena(4, Metric::kCosine, ElementType::kF32);
  ASSERT_TRUE(arena.append(bytes_of(Floats(4, 0.0F))).ok());
  EXPECT_EQ(arena.inverse_norm(SlotId(0)), 0.0F);
}

TEST(VectorArena, BitVectorsTakeABitAnElement) {
  for (const auto& [dimension, bytes] : {std::pair{1U, 1U}, {8U, 1U}, {9U, 2U}, {128U, 16U}, {1000U, 125U}}) {
    VectorArena arena(dimension, Metric::kHamming, ElementType::kBit);
    EXPECT_EQ(arena.vector_bytes(), bytes);
    EXPECT_EQ(arena.element_type(), ElementType::kBit);
    EXPECT_EQ(arena.dimension(), dimension);
  }
}

TEST(VectorArena, RefusesVectorsOfAnotherLength) {
  VectorArena arena(4, Metric::kDot, ElementType::kF32);
  EXPECT_EQ(arena.append(bytes_of(Floats(3))).error().code(), ErrorCode::kDimensionMismatch);
  EXPECT_EQ(arena.size(), 0U);
}

TEST(VectorArena, WithoutMemoryNothingChanges) {
  // Dimension 16 has no room for the norm in its row, so that there are two
  // arrays to fail.
  for (const std::size_t allowed : {0U, 1U}) {
    CountingMemory memory;
    VectorArena arena(16, Metric::kCosine, ElementType::kF32, memory);
    memory.allowed = allowed;
    EXPECT_EQ(arena.append(bytes_of(Floats(16, 1.0F))).error().code(), ErrorCode::kStorageFull);
    EXPECT_EQ(arena.size(), 0U);
    memory.allowed = 2;
    EXPECT_TRUE(arena.append(bytes_of(Floats(16, 1.0F))).ok());
    EXPECT_EQ(arena.memory_bytes(), sizeof(arena) + memory.bytes_held);
  }
}

TEST(VectorArena, AnEmptyOneTakesNoMemoryAndOneVectorLittle) {
  CountingMemory memory;
  VectorArena arena(768, Metric::kCosine, ElementType::kF32, memory);
  EXPECT_EQ(memory.bytes_held, 0U);
  EXPECT_EQ(arena.memory_bytes(), sizeof(arena));
  ASSERT_TRUE(arena.append(bytes_of(Floats(768, 1.0F))).ok());
  EXPECT_LE(memory.bytes_held, 16384U);
}

TEST(VectorArena, ReadersSeeWholeVectorsWhileOneThreadAppends) {
  constexpr std::uint32_t kDimension = 20;
  const auto rows = static_cast<std::uint32_t>(test_scale(5000));
  VectorArena arena(kDimension, Metric::kCosine, ElementType::kF32);
  std::atomic<bool> torn{false};
  Thread reader = Thread::start(ThreadKind::kCompute, "reader", [&] {
                    for (std::uint32_t size = 0; size < rows;) {
                      size = arena.size();
                      for (std::uint32_t slot = size > 50 ? size - 50 : 0; slot < size; ++slot) {
                        const auto* vector = reinterpret_cast<const float*>(arena.vector(SlotId(slot)));
                        const auto expected = static_cast<float>(slot + 1);
                        if (vector[0] != expected || vector[kDimension - 1] != expected) torn = true;
                        if (!(arena.inverse_norm(SlotId(slot)) > 0)) torn = true;
                      }
                    }
                  }).value();
  for (std::uint32_t i = 0; i < rows; ++i) {
    ASSERT_TRUE(arena.append(bytes_of(Floats(kDimension, static_cast<float>(i + 1)))).ok());
  }
  reader.join();
  EXPECT_FALSE(torn);
}

}  // namespace
}  // namespace jade::index
