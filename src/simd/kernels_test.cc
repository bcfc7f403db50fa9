#include "simd/kernels.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/test_env.h"

namespace jade::simd {
namespace {

constexpr std::size_t kLengthMax = 4096;
constexpr std::size_t kMisalignments = 16;
/// The unit roundoff of binary32.
constexpr double kUnit = 0x1p-24;
/// The smallest positive binary32.
constexpr double kTiny = 0x1p-149;

/// Copies of a vector at each offset of 0 .. 15 elements from a 64-byte boundary.
class MisalignedCopies {
 public:
  MisalignedCopies(const void* vector, std::size_t bytes, std::size_t element_bytes) : element_bytes_(element_bytes) {
    pitch_ = (bytes + kMisalignments * element_bytes + 63) / 64 * 64;
    storage_.resize(pitch_ * kMisalignments + 64);
    const auto address = std::bit_cast<std::uintptr_t>(storage_.data());
    base_ = storage_.data() + (64 - address % 64) % 64;
    for (std::size_t m = 0; m < kMisalignments; ++m) std::memcpy(base_ + m * pitch_ + m * element_bytes, vector, bytes);
  }

  const std::byte* at(std::size_t m) const { return base_ + m * pitch_ + m * element_bytes_; }

 private:
  std::size_t element_bytes_;
  std::size_t pitch_;
  std::vector<std::byte> storage_;
  std::byte* base_;
};

/// A kind of f32 data, each with ‖v‖² ≤ 2¹²⁰ at kLengthMax elements.
struct Data {
  const char* name;
  float (*value)(SeededRandom& random, std::size_t i);
};

float uniform(SeededRandom& random) { return static_cast<float>(random.next_double() * 2 - 1); }

const Data kData[] = {
    {"uniform", [](SeededRandom& random, std::size_t) { return uniform(random); }},
    {"positive", [](SeededRandom& random, std::size_t) { return std::abs(uniform(random)); }},
    {"near the range limit", [](SeededRandom& random, std::size_t) { return std::ldexp(uniform(random), 54); }},
    {"one large element",
     [](SeededRandom& random, std::size_t i) { return i == 0 ? 0x1.fp59F : std::ldexp(uniform(random), 40); }},
    {"denormal", [](SeededRandom& random, std::size_t) { return std::ldexp(uniform(random), -135); }},
    {"any exponent",
     [](SeededRandom& random, std::size_t) {
       return std::ldexp(uniform(random), static_cast<int>(random.next_below(203)) - 149);
     }},
    {"signed zeros", [](SeededRandom& random, std::size_t) { return random.next_below(2) == 0 ? 0.0F : -0.0F; }},
};

std::vector<float> make_vector(const Data& data, SeededRandom& random, std::size_t length) {
  std::vector<float> vector(length);
  for (std::size_t i = 0; i < length; ++i) vector[i] = data.value(random, i);
  return vector;
}

/// An f32 distance in double precision, term by term, and its error bound as kernels.h states it. The factor 1.001
/// covers the bound's second-order terms and the rounding of the double sum.
struct Metric32 {
  const char* name;
  DistanceKernels Kernels::* kernels;
  double (*term)(double a, double b);
  std::size_t roundings_a_term;
  bool underflows;
};

const Metric32 kMetrics[] = {
    {"dot", &Kernels::dot_f32, [](double a, double b) { return a * b; }, 1, true},
    {"l2_squared", &Kernels::l2_squared_f32, [](double a, double b) { return (a - b) * (a - b); }, 3, true},
    {"l1", &Kernels::l1_f32, [](double a, double b) { return std::abs(a - b); }, 1, false},
};

double error_bound(const Metric32& metric, std::size_t length, double sum_of_absolutes) {
  const auto n = static_cast<double>(length);
  const double rounding = (n + static_cast<double>(metric.roundings_a_term)) * kUnit * sum_of_absolutes;
  return 1.001 * rounding + (metric.underflows ? n * kTiny : 0.0);
}

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

class KernelsOfTarget : public testing::TestWithParam<Target> {
 protected:
  const Kernels& kernels_ = kernels_for(GetParam());
};

INSTANTIATE_TEST_SUITE_P(Targets, KernelsOfTarget, testing::ValuesIn(available_targets()),
                         [](const auto& target) { return std::string(target_name(target.param)); });

void expect_within_bound(const Metric32& metric, const Kernels& kernels, const std::vector<float>& a,
                         const std::vector<float>& b) {
  const MisalignedCopies as(a.data(), a.size() * sizeof(float), sizeof(float));
  const MisalignedCopies bs(b.data(), b.size() * sizeof(float), sizeof(float));
  const auto pair = (kernels.*metric.kernels).pair;
  double exact = 0;
  double absolutes = 0;
  for (std::size_t length = 1; length <= a.size(); ++length) {
    const double term = metric.term(static_cast<double>(a[length - 1]), static_cast<double>(b[length - 1]));
    exact += term;
    absolutes += std::abs(term);
    const float result = pair(as.at(0), bs.at(0), length);
    ASSERT_LE(std::abs(static_cast<double>(result) - exact), error_bound(metric, length, absolutes))
        << "length " << length << ", result " << result << ", exact " << exact;
    ASSERT_EQ(bits(pair(bs.at(0), as.at(0), length)), bits(result)) << "swapped, length " << length;
    // Short lengths meet every misalignment, and within 16 lengths every pair of them; a long length meets two, and
    // within 8 lengths all.
    const std::size_t step = length <= 256 ? 1 : kMisalignments / 2;
    for (std::size_t m = length % step; m < kMisalignments; m += step) {
      const std::size_t other = (m + length) % kMisalignments;
      ASSERT_EQ(bits(pair(as.at(m), bs.at(other), length)), bits(result))
          << "length " << length << ", misalignments " << m << " and " << other;
    }
  }
}

TEST_P(KernelsOfTarget, AgreesWithDoublePrecisionAtEveryLengthAndMisalignment) {
  const std::uint64_t seed = test_seed(1);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  const std::vector<float> a = make_vector(kData[0], random, kLengthMax);
  const std::vector<float> b = make_vector(kData[0], random, kLengthMax);
  for (const Metric32& metric : kMetrics) {
    SCOPED_TRACE(metric.name);
    expect_within_bound(metric, kernels_, a, b);
  }
}

TEST_P(KernelsOfTarget, AgreesWithDoublePrecisionOnOddNumbers) {
  const std::uint64_t seed = test_seed(2);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(1); ++round) {
    for (const Data& data : kData) {
      for (const Data& other : kData) {
        SCOPED_TRACE(std::string(data.name) + " and " + other.name);
        const std::vector<float> a = make_vector(data, random, 200);
        const std::vector<float> b = make_vector(other, random, 200);
        for (const Metric32& metric : kMetrics) {
          SCOPED_TRACE(metric.name);
          expect_within_bound(metric, kernels_, a, b);
        }
      }
    }
  }
}

TEST_P(KernelsOfTarget, AgreesWithDoublePrecisionAtTheLargestDimension) {
  const std::uint64_t seed = test_seed(3);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (const std::size_t length : {16383, 16384}) {
    const std::vector<float> a = make_vector(kData[0], random, length);
    const std::vector<float> b = make_vector(kData[1], random, length);
    for (const Metric32& metric : kMetrics) {
      double exact = 0;
      double absolutes = 0;
      for (std::size_t i = 0; i < length; ++i) {
        const double term = metric.term(static_cast<double>(a[i]), static_cast<double>(b[i]));
        exact += term;
        absolutes += std::abs(term);
      }
      const auto result = static_cast<double>((kernels_.*metric.kernels).pair(a.data(), b.data(), length));
      EXPECT_LE(std::abs(result - exact), error_bound(metric, length, absolutes)) << metric.name;
    }
  }
}

TEST_P(KernelsOfTarget, CountsDifferingBitsAtEveryLengthAndMisalignment) {
  const std::uint64_t seed = test_seed(4);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t length = 1; length <= kLengthMax; length += length < 1100 ? 1 : 29) {
    std::vector<std::uint8_t> a((length + 7) / 8);
    std::vector<std::uint8_t> b(a.size());
    std::size_t differing = 0;
    for (std::size_t i = 0; i < length; ++i) {
      const auto word = random.next_u64();
      // The first vectors differ in every bit: each count is as large as it can be.
      const unsigned bit_a = word & 1U;
      const unsigned bit_b = length % 3 == 0 ? 1U - bit_a : (word >> 1) & 1U;
      a[i / 8] = static_cast<std::uint8_t>(a[i / 8] | (bit_a << (i % 8)));
      b[i / 8] = static_cast<std::uint8_t>(b[i / 8] | (bit_b << (i % 8)));
      differing += bit_a == bit_b ? 0 : 1;
    }
    const MisalignedCopies as(a.data(), a.size(), 1);
    const MisalignedCopies bs(b.data(), b.size(), 1);
    for (std::size_t m = 0; m < kMisalignments; ++m) {
      const float result = kernels_.hamming_bits.pair(as.at(m), bs.at((m + length) % kMisalignments), length);
      ASSERT_EQ(result, static_cast<float>(differing)) << "length " << length << ", misalignment " << m;
    }
  }
}

TEST_P(KernelsOfTarget, CountsEveryBitOfTheLargestDimension) {
  const std::vector<std::byte> zeros(16384 / 8);
  const std::vector<std::byte> ones(16384 / 8, std::byte{0xFF});
  EXPECT_EQ(kernels_.hamming_bits.pair(zeros.data(), ones.data(), 16384), 16384.0F);
  EXPECT_EQ(kernels_.hamming_bits.pair(ones.data(), ones.data(), 16384), 0.0F);
}

TEST_P(KernelsOfTarget, GivesZeroForNoElements) {
  EXPECT_EQ(kernels_.dot_f32.pair(nullptr, nullptr, 0), 0.0F);
  EXPECT_EQ(kernels_.l2_squared_f32.pair(nullptr, nullptr, 0), 0.0F);
  EXPECT_EQ(kernels_.l1_f32.pair(nullptr, nullptr, 0), 0.0F);
  EXPECT_EQ(kernels_.hamming_bits.pair(nullptr, nullptr, 0), 0.0F);
  EXPECT_EQ(kernels_.norm_squared(nullptr, 0), 0.0);
}

TEST_P(KernelsOfTarget, SumsSquaresInDoublePrecision) {
  const std::uint64_t seed = test_seed(5);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (const Data& data : kData) {
    const std::vector<float> vector = make_vector(data, random, 600);
    const MisalignedCopies copies(vector.data(), vector.size() * sizeof(float), sizeof(float));
    long double exact = 0;
    for (std::size_t length = 1; length <= vector.size(); ++length) {
      const long double v = static_cast<long double>(vector[length - 1]);
      exact += v * v;
      const auto* at = static_cast<const float*>(static_cast<const void*>(copies.at(length % kMisalignments)));
      const double result = kernels_.norm_squared(at, length);
      // Squares of binary32 are exact in double precision: each addition rounds once.
      ASSERT_LE(std::abs(static_cast<long double>(result) - exact), static_cast<long double>(length) * 0x1p-53L * exact)
          << data.name << ", length " << length;
    }
  }
}

TEST_P(KernelsOfTarget, SumOfSquaresIsFiniteExactlyForFiniteVectors) {
  using Limits = std::numeric_limits<float>;
  for (std::size_t length = 1; length <= 70; ++length) {
    std::vector<float> vector(length, Limits::max());
    EXPECT_TRUE(std::isfinite(kernels_.norm_squared(vector.data(), length)));
    for (const float odd : {Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN()}) {
      for (std::size_t i = 0; i < length; ++i) {
        vector[i] = odd;
        ASSERT_FALSE(std::isfinite(kernels_.norm_squared(vector.data(), length))) << length << " " << i;
        vector[i] = 1.0F;
      }
    }
  }
}

/// Rows at odd places in one buffer, as an arena might hold them.
struct Rows {
  Rows(SeededRandom& random, std::size_t count, std::size_t row_bytes)
      : stride(row_bytes + 4 * random.next_below(20)), storage(count * stride + 64) {
    for (std::size_t i = 0; i + 4 <= storage.size(); i += 4) {
      const float value = uniform(random);
      std::memcpy(storage.data() + i, &value, 4);
    }
    for (std::size_t i = 0; i < count; ++i) pointers.push_back(storage.data() + random.next_below(count) * stride);
  }

  std::size_t stride;
  std::vector<std::byte> storage;
  std::vector<const std::byte*> pointers;
};

TEST_P(KernelsOfTarget, ScoresOfManyRowsHaveTheBitsOfOne) {
  const std::uint64_t seed = test_seed(6);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  struct Case {
    const char* name;
    DistanceKernels Kernels::* kernels;
    std::size_t elements_a_byte_times_4;
  };
  const Case cases[] = {{"dot", &Kernels::dot_f32, 1},
                        {"l2_squared", &Kernels::l2_squared_f32, 1},
                        {"l1", &Kernels::l1_f32, 1},
                        {"hamming", &Kernels::hamming_bits, 32}};
  for (const std::size_t floats : {1, 7, 16, 31, 96, 100, 127, 128, 384, 768, 1000, 3072}) {
    for (std::size_t count = 0; count <= 40; ++count) {
      const Rows rows(random, count, floats * sizeof(float));
      std::vector<float> query(floats);
      for (float& value : query) value = uniform(random);
      for (const Case& c : cases) {
        const DistanceKernels& kernels = kernels_.*c.kernels;
        const std::size_t dimension = floats * c.elements_a_byte_times_4;
        std::vector<float> gathered(count);
        std::vector<float> strided(count);
        kernels.gathered(query.data(), rows.pointers.data(), count, dimension, gathered.data());
        const StridedRows at_stride{rows.storage.data(), rows.stride, count};
        kernels.strided(query.data(), at_stride, dimension, strided.data());
        for (std::size_t i = 0; i < count; ++i) {
          const float one = kernels.pair(query.data(), rows.pointers[i], dimension);
          ASSERT_EQ(bits(gathered[i]), bits(one)) << c.name << " " << dimension << " " << count << " " << i;
          const float other = kernels.pair(query.data(), rows.storage.data() + i * rows.stride, dimension);
          ASSERT_EQ(bits(strided[i]), bits(other)) << c.name << " " << dimension << " " << count << " " << i;
        }
      }
    }
  }
}

TEST(Kernels, ChoosesTheLastAvailableTarget) {
  EXPECT_EQ(available_targets().front(), Target::kPortable);
  EXPECT_EQ(kernels().target, available_targets().back());
  for (const Target target : available_targets()) EXPECT_EQ(kernels_for(target).target, target);
}

TEST(Kernels, PlainFunctionsAnswerAsTheTableDoes) {
  const float a[3] = {1, 2, 3};
  const float b[3] = {4, -5, 6};
  EXPECT_EQ(dot_f32(a, b, 3), 12.0F);
  EXPECT_EQ(l2_squared_f32(a, b, 3), 9.0F + 49.0F + 9.0F);
  EXPECT_EQ(l1_f32(a, b, 3), 3.0F + 7.0F + 3.0F);
  EXPECT_EQ(norm_squared_f64(a, 3), 14.0);
  const std::byte p[2] = {std::byte{0b1010'1010}, std::byte{0b1}};
  const std::byte q[2] = {std::byte{0b1010'0101}, std::byte{0b0}};
  EXPECT_EQ(hamming_bits(p, q, 9), 5.0F);

  const std::byte* rows[2] = {std::as_bytes(std::span(a)).data(), std::as_bytes(std::span(b)).data()};
  float out[2];
  dot_f32_many(a, rows, 2, 3, out);
  EXPECT_EQ(out[0], 14.0F);
  EXPECT_EQ(out[1], 12.0F);
  l2_squared_f32_many(a, rows, 2, 3, out);
  EXPECT_EQ(out[0], 0.0F);
  EXPECT_EQ(out[1], 67.0F);
  l1_f32_many(a, rows, 2, 3, out);
  EXPECT_EQ(out[0], 0.0F);
  EXPECT_EQ(out[1], 13.0F);
  const std::byte* bit_rows[2] = {p, q};
  hamming_bits_many(p, bit_rows, 2, 9, out);
  EXPECT_EQ(out[0], 0.0F);
  EXPECT_EQ(out[1], 5.0F);
}

}  // namespace
}  // namespace jade::simd
