// Time of one distance kernel, from L1 and streaming from DRAM, beside the time of only loading the same bytes.
//
// Names are <kernel>/<target>/<place>/<dimension>:
//   pair     one query against the 24 KiB of rows that stay in L1, one call a row
//   block    the same rows, gathered in one call
//   stream   rows that do not fit in any cache, in order
//   random   the same rows gathered in random order, 32 a call, as a graph walk does
// Counters: ns a vector; `floor_ns` loads the bytes of the row, and for `pair` those of the query, with the widest
// loads that the machine has; `ratio` is ns / floor_ns. Random rows have no floor of their own and are compared with
// streaming.

#include <benchmark/benchmark.h>
#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "simd/kernels.h"

namespace jade::simd {
namespace {

// Four rows of 1,536 floats; with the query that leaves a quarter of a 32 KiB cache.
constexpr std::size_t kL1Bytes = 24576;
constexpr std::size_t kDramBytes = std::size_t{256} << 20;
constexpr std::size_t kRandomRows = 32;

enum class Place { kPair, kBlock, kStream, kRandom };

struct Shape {
  const char* kernel;
  DistanceKernels Kernels::* member;
  std::size_t bits_an_element;
};

constexpr Shape kShapes[] = {{"dot_f32", &Kernels::dot_f32, 32},
                             {"l2_squared_f32", &Kernels::l2_squared_f32, 32},
                             {"l1_f32", &Kernels::l1_f32, 32},
                             {"hamming_bits", &Kernels::hamming_bits, 1}};
constexpr const char* kPlaces[] = {"pair", "block", "stream", "random"};
constexpr std::size_t kDimensions[] = {100, 128, 384, 768, 1536};

/// Rows of small floats, on huge pages where the system gives them, as an index's arenas are.
class Memory {
 public:
  explicit Memory(std::size_t bytes) {
    first_ = static_cast<std::byte*>(std::aligned_alloc(kHugePage, (bytes + kHugePage - 1) / kHugePage * kHugePage));
    madvise(first_, bytes, MADV_HUGEPAGE);
    SeededRandom random(1);
    for (std::size_t i = 0; i + 4 <= bytes; i += 4) {
      const auto value = static_cast<float>(static_cast<std::int64_t>(random.next_u64() >> 40)) * 0x1p-24F;
      std::memcpy(first_ + i, &value, 4);
    }
  }
  ~Memory() { std::free(first_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  std::byte* first() const { return first_; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  std::byte* first_;
};

std::byte* l1_rows() {
  static const Memory memory(kL1Bytes + 8192);
  return memory.first();
}

std::byte* dram_rows() {
  static const Memory memory(kDramBytes);
  return memory.first();
}

std::byte* query_vector() {
  static const Memory memory(8192);
  return memory.first();
}

[[gnu::target("avx512f")]] void load_all_512(const std::byte* at, std::size_t bytes) {
  std::size_t i = 0;
  for (; i + 256 <= bytes; i += 256) {
    __m512i a = _mm512_loadu_si512(at + i);
    __m512i b = _mm512_loadu_si512(at + i + 64);
    __m512i c = _mm512_loadu_si512(at + i + 128);
    __m512i d = _mm512_loadu_si512(at + i + 192);
    asm volatile("" : : "v"(a), "v"(b), "v"(c), "v"(d));
  }
  for (; i < bytes; i += 64) {
    __m512i a = _mm512_loadu_si512(at + i);
    asm volatile("" : : "v"(a));
  }
}

[[gnu::target("avx2")]] void load_all_256(const std::byte* at, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; i += 32) {
    __m256i a = _mm256_loadu_si256(static_cast<const __m256i*>(static_cast<const void*>(at + i)));
    asm volatile("" : : "x"(a));
  }
}

void load_all(const std::byte* at, std::size_t bytes) {
  static const bool wide = available_targets().back() >= Target::kAvx512;
  wide ? load_all_512(at, bytes) : load_all_256(at, bytes);
}

double now_ns() {
  return static_cast<double>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
          .count());
}

/// The least time of `repeats` runs of `work`.
template <typename Work>
double best_ns(int repeats, const Work& work) {
  double best = 1e18;
  for (int i = 0; i < repeats; ++i) {
    const double start = now_ns();
    work();
    best = std::min(best, now_ns() - start);
  }
  return best;
}

/// Time to load the bytes that one vector's score needs.
double floor_ns(Place place, std::size_t row_bytes) {
  if (place == Place::kPair || place == Place::kBlock) {
    const std::size_t rows = std::max<std::size_t>(kL1Bytes / row_bytes, 1);
    constexpr int kRounds = 100;
    const double ns = best_ns(100, [&] {
      for (int round = 0; round < kRounds; ++round) load_all(l1_rows(), rows * row_bytes);
    });
    return ns / kRounds / static_cast<double>(rows) * (place == Place::kPair ? 2 : 1);
  }
  const double ns = best_ns(4, [&] { load_all(dram_rows(), kDramBytes); });
  return ns / static_cast<double>(kDramBytes) * static_cast<double>(row_bytes);
}

void report(benchmark::State& state, Place place, std::size_t row_bytes, double ns) {
  const double floor = floor_ns(place, row_bytes);
  state.counters["ns_per_vector"] = ns;
  state.counters["floor_ns"] = floor;
  state.counters["ratio"] = ns / floor;
}

/// Scores all rows once.
void score_once(const DistanceKernels& kernels, const std::byte* query, const StridedRows& rows,
                const std::vector<const std::byte*>& pointers, Place place, std::size_t dimension, float* out) {
  switch (place) {
    case Place::kPair:
      for (std::size_t i = 0; i < rows.count; ++i) {
        out[i] = kernels.pair(query, rows.first + i * rows.stride_bytes, dimension);
      }
      break;
    case Place::kBlock:
      kernels.gathered(query, pointers.data(), rows.count, dimension, out);
      break;
    case Place::kStream:
      kernels.strided(query, rows, dimension, out);
      break;
    case Place::kRandom:
      for (std::size_t i = 0; i < pointers.size(); i += kRandomRows) {
        kernels.gathered(query, pointers.data() + i, kRandomRows, dimension, out + i);
      }
      break;
  }
}

void run(benchmark::State& state, const DistanceKernels& kernels, const Shape& shape, Place place,
         std::size_t dimension) {
  const std::size_t row_bytes = (dimension * shape.bits_an_element + 7) / 8;
  const bool cached = place == Place::kPair || place == Place::kBlock;
  const std::size_t rows = std::max<std::size_t>((cached ? kL1Bytes : kDramBytes) / row_bytes, 1);
  const std::byte* first = cached ? l1_rows() : dram_rows();
  const std::byte* query = query_vector();
  const auto out = std::make_unique<float[]>(rows);
  std::vector<const std::byte*> pointers;
  if (place == Place::kBlock) {
    for (std::size_t i = 0; i < rows; ++i) pointers.push_back(first + i * row_bytes);
  }
  if (place == Place::kRandom) {
    SeededRandom random(2);
    for (std::size_t i = 0; i < rows / kRandomRows * kRandomRows; ++i) {
      pointers.push_back(first + random.next_below(rows) * row_bytes);
    }
  }
  const std::size_t scored = place == Place::kRandom ? pointers.size() : rows;
  // One iteration is long enough for the clock; the least of them is kept, because other work on the machine only adds.
  const int rounds = cached ? 100 : 1;
  double best = 1e18;
  for (auto _ : state) {
    best = std::min(best, best_ns(1, [&] {
                      for (int round = 0; round < rounds; ++round) {
                        score_once(kernels, query, {first, row_bytes, rows}, pointers, place, dimension, out.get());
                        benchmark::ClobberMemory();
                      }
                    }));
  }
  report(state, place, row_bytes, best / rounds / static_cast<double>(scored));
}

void register_all() {
  for (const Shape& shape : kShapes) {
    for (const Target target : available_targets()) {
      for (const Place place : {Place::kPair, Place::kBlock, Place::kStream, Place::kRandom}) {
        for (const std::size_t dimension : kDimensions) {
          const std::string name = std::string(shape.kernel) + "/" + target_name(target) + "/" +
                                   kPlaces[static_cast<std::size_t>(place)] + "/" + std::to_string(dimension);
          benchmark::RegisterBenchmark(name.c_str(), [&shape, target, place, dimension](benchmark::State& state) {
            run(state, kernels_for(target).*shape.member, shape, place, dimension);
          });
        }
      }
    }
  }
}

}  // namespace
}  // namespace jade::simd

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("chosen target", jade::simd::target_name(jade::simd::kernels().target));
  jade::simd::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
