// Builds a graph and searches it, with recall against exact search beside every speed.
//
//   jade_index_bench [--data FILE] [--queries FILE] [--rows N] [--dimension N] [--metric cosine] [--m 16]
//                    [--ef-construction 200] [--k 10] [--repeats 5] [--ef 10,20,40,64,128,256]
//
// FILE is .fbin (u32 rows, u32 dimension, f32 values) or .jdf (the binary form of the REST contract). Without --data
// the rows are generated in clusters; without --queries every n-th row asks. One JSON object a line on stdout.
#include <time.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "index/flat_index.h"
#include "index/hnsw_index.h"

namespace {

using namespace jade;         // NOLINT(google-build-using-namespace): a program of one file.
using namespace jade::index;  // NOLINT(google-build-using-namespace)

constexpr std::size_t kQueriesMax = 1000;

struct Matrix {
  std::uint32_t dimension = 0;
  std::vector<float> values;

  std::size_t rows() const { return dimension == 0 ? 0 : values.size() / dimension; }
  std::span<const std::byte> row(std::size_t i) const {
    return std::as_bytes(std::span(values).subspan(i * dimension, dimension));
  }
};

class AllVisible final : public SlotView {
 public:
  std::uint64_t visible_mask(std::uint32_t) const override { return ~std::uint64_t{0}; }
  bool visible(SlotId) const override { return true; }
  bool id_before(SlotId a, SlotId b) const override { return a < b; }
};

std::optional<Matrix> read_matrix(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::uint32_t first[3] = {};
  file.read(reinterpret_cast<char*>(first), sizeof(first));
  if (!file) return std::nullopt;
  const bool is_jdf = std::memcmp(first, "JDF1", 4) == 0;
  const std::uint32_t rows = is_jdf ? first[2] : first[0];
  Matrix matrix{.dimension = first[1], .values = std::vector<float>(std::size_t{rows} * first[1])};
  file.seekg(is_jdf ? 64 : 8);
  file.read(reinterpret_cast<char*>(matrix.values.data()),
            static_cast<std::streamsize>(matrix.values.size() * sizeof(float)));
  if (!file) return std::nullopt;
  return matrix;
}

/// The sum of twelve uniform numbers is near enough to a normal one.
float normal(SeededRandom& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.next_double();
  return static_cast<float>(sum);
}

Matrix clustered(std::uint32_t rows, std::uint32_t dimension) {
  SeededRandom random(1);
  const std::uint32_t clusters = 1 + rows / 100;
  std::vector<float> centres(std::size_t{clusters} * dimension);
  for (float& value : centres) value = normal(random);
  Matrix matrix{.dimension = dimension, .values = {}};
  matrix.values.reserve(std::size_t{rows} * dimension);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::size_t centre = random.next_below(clusters) * dimension;
    for (std::uint32_t d = 0; d < dimension; ++d) matrix.values.push_back(centres[centre + d] + 0.7F * normal(random));
  }
  return matrix;
}

std::uint64_t checksum(const Matrix& matrix) {
  std::uint64_t sum = 0xCBF29CE484222325U;  // FNV-1a over words.
  for (const float value : matrix.values) sum = (sum ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3U;
  return sum;
}

class Arguments {
 public:
  Arguments(int count, char** words) {
    for (int i = 1; i + 1 < count; i += 2) values_[words[i]] = words[i + 1];
  }
  std::string text(const std::string& name, const std::string& fallback) const {
    const auto it = values_.find(name);
    return it == values_.end() ? fallback : it->second;
  }
  std::uint32_t number(const std::string& name, std::uint32_t fallback) const {
    return static_cast<std::uint32_t>(std::stoul(text(name, std::to_string(fallback))));
  }
  std::vector<std::uint32_t> numbers(const std::string& name, const std::string& fallback) const {
    std::vector<std::uint32_t> all;
    const std::string list = text(name, fallback);
    for (std::size_t at = 0; at < list.size();
         at = list.find(',', at) == std::string::npos ? list.size() : list.find(',', at) + 1) {
      all.push_back(static_cast<std::uint32_t>(std::stoul(list.substr(at))));
    }
    return all;
  }

 private:
  std::map<std::string, std::string> values_;
};

/// Processor time of this thread: other programs do not count, so that a busy machine can still be compared with.
double thread_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double median(std::span<const double> sorted) { return sorted[sorted.size() / 2]; }
double spread(std::span<const double> sorted) { return (sorted.back() - sorted.front()) / median(sorted); }

using Answers = std::vector<std::vector<Hit>>;

/// Hits at least as close as the last exact one count: ties are no misses.
double recall_of(const Answers& answers, const Answers& exact) {
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    wanted += exact[i].size();
    for (const Hit& hit : answers[i]) found += hit.rank_distance <= exact[i].back().rank_distance ? 1 : 0;
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

template <class Search>
void report(const char* index, std::uint32_t ef, std::size_t repeats, std::size_t queries, const Answers& exact,
            Search search) {
  std::vector<double> seconds;
  Answers answers(queries);
  std::uint64_t distances = 0;
  for (std::size_t repeat = 0; repeat < repeats; ++repeat) {
    distances = 0;
    const double start = thread_seconds();
    for (std::size_t i = 0; i < queries; ++i) {
      SearchHits found = search(i);
      distances += found.cost.distances;
      answers[i] = std::move(found.hits);
    }
    seconds.push_back(thread_seconds() - start);
  }
  std::ranges::sort(seconds);
  const auto count = static_cast<double>(queries);
  std::printf("{\"index\":\"%s\",\"ef\":%u,\"recall\":%.4f,\"qps\":%.0f,\"spread\":%.3f,\"distances\":%.0f}\n", index,
              ef, exact.empty() ? 1.0 : recall_of(answers, exact), count / median(seconds), spread(seconds),
              static_cast<double>(distances) / count);
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  const std::string data_path = arguments.text("--data", "");
  std::optional<Matrix> data = data_path.empty()
                                   ? clustered(arguments.number("--rows", 20000), arguments.number("--dimension", 100))
                                   : read_matrix(data_path);
  const std::string query_path = arguments.text("--queries", "");
  std::optional<Matrix> queries = query_path.empty() ? data : read_matrix(query_path);
  const auto metric = metric_from_name(arguments.text("--metric", "cosine"));
  if (!data || !queries || !metric || queries->dimension != data->dimension) {
    std::fprintf(stderr, "unreadable data or queries, unknown metric, or dimensions that differ\n");
    return 2;
  }
  const IndexOptions options{.type = IndexType::kHnsw,
                             .m = arguments.number("--m", 16),
                             .ef_construction = arguments.number("--ef-construction", 200),
                             .ef_search = 64};
  const std::size_t k = arguments.number("--k", 10);
  const std::size_t repeats = arguments.number("--repeats", 5);
  const std::size_t step = std::max<std::size_t>(1, queries->rows() / kQueriesMax);
  const std::size_t query_count = std::min(kQueriesMax, queries->rows());

  std::printf(
      "{\"rows\":%zu,\"dimension\":%u,\"metric\":\"%s\",\"checksum\":\"%016llx\",\"target\":\"%s\","
      "\"compiler\":\"%s\",\"m\":%u,\"efConstruction\":%u,\"k\":%zu}\n",
      data->rows(), data->dimension, std::string(metric_name(*metric)).c_str(),
      static_cast<unsigned long long>(checksum(*data)), simd::target_name(simd::kernels().target), __VERSION__,
      options.m, options.ef_construction, k);

  VectorArena arena(data->dimension, *metric, ElementType::kF32);
  for (std::size_t i = 0; i < data->rows(); ++i) {
    if (!arena.append(data->row(i)).ok()) return 1;
  }
  HnswIndex index(arena, options, 1);
  const double start = thread_seconds();
  for (std::uint32_t slot = 0; slot < arena.size(); ++slot) {
    if (!index.insert(SlotId(slot)).ok()) return 1;
  }
  const double build_seconds = thread_seconds() - start;
  const Result<void> checked = index.check_invariants();
  std::printf("{\"buildSeconds\":%.3f,\"graphBytes\":%zu,\"vectorBytes\":%zu,\"invariants\":\"%s\"}\n", build_seconds,
              index.memory_bytes(), arena.memory_bytes(), checked.ok() ? "hold" : checked.error().message().c_str());

  const AllVisible view;
  Answers exact(query_count);
  report("flat", 0, 1, query_count, {}, [&](std::size_t i) {
    const Scorer scorer(arena, queries->row(i * step));
    SearchHits hits = flat_search(arena, scorer, SlotId(0), SlotId(arena.size()), view, {.k = k}).value();
    exact[i] = hits.hits;
    return hits;
  });
  for (const std::uint32_t ef : arguments.numbers("--ef", "10,20,40,64,128,256")) {
    report("hnsw", ef, repeats, query_count, exact, [&](std::size_t i) {
      const Scorer scorer(arena, queries->row(i * step));
      return index.search(scorer, view, {.k = k, .ef = ef}).value();
    });
  }
  return 0;
}
