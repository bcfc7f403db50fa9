// What the kernels touch: nothing before or after their vectors.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>

#include "simd/kernels.h"

namespace jade::simd {
namespace {

/// Memory between two pages that fault when touched. Sanitizers do not see masked loads; the processor does.
class GuardedPages {
 public:
  explicit GuardedPages(std::size_t bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    inner_ = (bytes + page - 1) / page * page;
    total_ = inner_ + 2 * page;
    base_ = static_cast<std::byte*>(mmap(nullptr, total_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    usable_ = mprotect(base_ + page, inner_, PROT_READ | PROT_WRITE) == 0;
    begin_ = base_ + page;
  }
  ~GuardedPages() { munmap(base_, total_); }
  GuardedPages(const GuardedPages&) = delete;
  GuardedPages& operator=(const GuardedPages&) = delete;

  bool usable() const { return usable_; }
  std::byte* begin() { return begin_; }
  std::byte* last(std::size_t bytes) { return begin_ + inner_ - bytes; }

 private:
  std::byte* base_;
  std::byte* begin_;
  std::size_t inner_;
  std::size_t total_;
  bool usable_;
};

class KernelBounds : public testing::TestWithParam<Target> {
 protected:
  /// Runs every shape of a kernel over two rows.
  static void touch(const DistanceKernels& kernels, const std::byte* a, const std::byte* b, std::size_t dimension) {
    const float expected = kernels.pair(a, b, dimension);
    const std::byte* rows[6] = {b, a, b, a, b, b};
    float out[6];
    kernels.gathered(a, rows, 6, dimension, out);
    ASSERT_EQ(out[0], expected);
    ASSERT_EQ(out[5], expected);
    kernels.strided(a, {b, 0, 5}, dimension, out);
    ASSERT_EQ(out[4], expected);
  }

  void touch_f32(const std::byte* a, const std::byte* b, std::size_t dimension) {
    touch(kernels_.dot_f32, a, b, dimension);
    touch(kernels_.l2_squared_f32, a, b, dimension);
    touch(kernels_.l1_f32, a, b, dimension);
    ASSERT_EQ(kernels_.norm_squared(static_cast<const float*>(static_cast<const void*>(a)), dimension), 0.0);
  }

  const Kernels& kernels_ = kernels_for(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Targets, KernelBounds, testing::ValuesIn(available_targets()),
                         [](const auto& target) { return std::string(target_name(target.param)); });

TEST_P(KernelBounds, StopAtAPageThatFaults) {
  GuardedPages left(4096 * 4);
  GuardedPages right(4096 * 4);
  ASSERT_TRUE(left.usable() && right.usable());
  for (std::size_t dimension = 0; dimension <= 4096; dimension += dimension < 300 ? 1 : 73) {
    const std::size_t bytes = dimension * sizeof(float);
    touch_f32(left.last(bytes), right.last(bytes), dimension);
    touch_f32(left.begin(), right.begin(), dimension);
  }
  for (std::size_t dimension = 0; dimension <= 4096; dimension += dimension < 1200 ? 1 : 73) {
    const std::size_t bytes = (dimension + 7) / 8;
    touch(kernels_.hamming_bits, left.last(bytes), right.last(bytes), dimension);
    touch(kernels_.hamming_bits, left.begin(), right.begin(), dimension);
  }
}

TEST_P(KernelBounds, StayInsideHeapBuffersOfExactSize) {
  for (std::size_t dimension = 1; dimension <= 300; ++dimension) {
    const auto a = std::make_unique<float[]>(dimension);
    const auto b = std::make_unique<float[]>(dimension);
    touch_f32(std::as_bytes(std::span(a.get(), dimension)).data(), std::as_bytes(std::span(b.get(), dimension)).data(),
              dimension);
    const std::size_t bytes = (dimension + 7) / 8;
    const auto p = std::make_unique<std::byte[]>(bytes);
    const auto q = std::make_unique<std::byte[]>(bytes);
    touch(kernels_.hamming_bits, p.get(), q.get(), dimension);
  }
}

}  // namespace
}  // namespace jade::simd
