#include "vector_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "base/random.h"

namespace jade::bench {
namespace {

constexpr std::size_t kHeaderBytes = 64;

Result<void> append_file(const std::filesystem::path& path, VectorSet& set) {
  std::ifstream file(path, std::ios::binary);
  std::uint32_t first[3] = {};  // Magic, dimension, rows.
  file.read(reinterpret_cast<char*>(first), sizeof(first));
  if (!file || std::memcmp(first, "JDF1", 4) != 0 || first[1] == 0 || (set.dimension != 0 && first[1] != set.dimension))
    return Error(ErrorCode::kInvalidArgument, path.string() + " is no batch, or of another dimension");
  set.dimension = first[1];
  const std::size_t before = set.values.size();
  const std::size_t count = std::size_t{first[1]} * first[2];
  if (count * sizeof(float) > std::filesystem::file_size(path))
    return Error(ErrorCode::kInvalidArgument, path.string() + " is cut");
  set.values.resize(before + count);
  file.seekg(kHeaderBytes);
  file.read(reinterpret_cast<char*>(set.values.data() + before), static_cast<std::streamsize>(count * sizeof(float)));
  if (!file) return Error(ErrorCode::kInvalidArgument, path.string() + " is cut");
  return {};
}

/// The sum of twelve uniform numbers is near enough to a normal one.
float normal(SeededRandom& random) {
  double sum = -6;
  for (int i = 0; i < 12; ++i) sum += random.next_double();
  return static_cast<float>(sum);
}

}  // namespace

Result<VectorSet> read_jdf_folder(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(folder, failed)) {
    if (entry.path().extension() == ".jdf") paths.push_back(entry.path());
  }
  if (paths.empty()) return Error(ErrorCode::kInvalidArgument, "no .jdf file in " + folder);
  std::ranges::sort(paths);
  VectorSet set;
  for (const auto& path : paths) JADE_RETURN_IF_ERROR(append_file(path, set));
  return set;
}

VectorSet clustered(std::uint32_t rows, std::uint32_t dimension) {
  SeededRandom random(1);
  const std::uint32_t clusters = 1 + rows / 100;
  std::vector<float> centres(std::size_t{clusters} * dimension);
  for (float& value : centres) value = normal(random);
  VectorSet set{.dimension = dimension, .values = {}};
  set.values.reserve(std::size_t{rows} * dimension);
  for (std::uint32_t i = 0; i < rows; ++i) {
    const std::size_t centre = random.next_below(clusters) * dimension;
    for (std::uint32_t d = 0; d < dimension; ++d) set.values.push_back(centres[centre + d] + 0.7F * normal(random));
  }
  return set;
}

SplitSet hold_out(const VectorSet& set, std::size_t rows, std::size_t queries) {
  const std::size_t total = std::min(set.rows(), rows + queries);
  queries = std::min(queries, total / 2);
  const std::size_t step = queries == 0 ? total + 1 : total / queries;
  SplitSet split{.stored = {set.dimension, {}}, .queries = {set.dimension, {}}};
  for (std::size_t i = 0; i < total; ++i) {
    const bool asks = i % step == step - 1 && split.queries.rows() < queries;
    std::vector<float>& values = asks ? split.queries.values : split.stored.values;
    values.insert(values.end(), set.row(i).begin(), set.row(i).end());
  }
  return split;
}

std::uint64_t checksum(const VectorSet& set) {
  std::uint64_t sum = 0xCBF29CE484222325U;  // FNV-1a over words.
  for (const float value : set.values) sum = (sum ^ std::bit_cast<std::uint32_t>(value)) * 0x100000001B3U;
  return sum;
}

}  // namespace jade::bench
