#include "crash/model.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "engine/token.h"

namespace jade::crash {
namespace {

// Some segments a run. With many, as nothing merges them, every search would be slow.
constexpr std::uint64_t kFlushBytes = 300'000;

constexpr std::uint32_t kDimension = 4;
constexpr const char* kDatabase = "a";
/// Of a distance as a float, in units of the distance's own size.
constexpr double kTolerance = 1e-5;

struct ModelRow {
  Vectors vectors;
  std::optional<std::string> metadata;
  /// 0 until it is read: a batch does not tell it.
  std::uint64_t version = 0;
  /// It lies above this and is at most `version_most`.
  std::uint64_t version_least = 0;
  std::uint64_t version_most = 0;
  std::int64_t created_at_us = 0;
};

/// In doubles, element by element, with nothing of the code under test.
double distance_of(Metric metric, const VectorData& a, const VectorData& b) {
  if (metric == Metric::kHamming) {
    const auto& x = std::get<PackedBits>(a).bytes;
    const auto& y = std::get<PackedBits>(b).bytes;
    int bits = 0;
    for (std::size_t i = 0; i < x.size(); ++i) bits += std::popcount(std::to_integer<unsigned>(x[i] ^ y[i]));
    return bits;
  }
  const auto& x = std::get<std::vector<float>>(a);
  const auto& y = std::get<std::vector<float>>(b);
  double dot = 0;
  double norm_x = 0;
  double norm_y = 0;
  double squares = 0;
  double sums = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double u = x[i];
    const double v = y[i];
    dot += u * v;
    norm_x += u * u;
    norm_y += v * v;
    squares += (u - v) * (u - v);
    sums += std::abs(u - v);
  }
  switch (metric) {
    case Metric::kCosine:
      return 1 - dot / std::sqrt(norm_x * norm_y);
    case Metric::kEuclidean:
      return std::sqrt(squares);
    case Metric::kDot:
      return -dot;
    default:
      return sums;
  }
}

double similarity_of(Metric metric, double distance) {
  switch (metric) {
    case Metric::kCosine:
      return 1 - distance;
    case Metric::kDot:
      return -distance;
    case Metric::kHamming:
      return 1 - distance / kBitsDimension;
    default:
      return 1 / (1 + distance);
  }
}

class Comparison {
 public:
  Comparison(const ModelOptions& options, const Sabotage& sabotage)
      : configuration_(options.configuration), options_(options), sabotage_(sabotage), random_(options.seed) {
    if (configuration_.wired && !sabotage_.shards) {
      sabotage_.shards = [](engine::ShardService& shard) { return std::make_unique<engine::WiredShard>(shard); };
    }
  }

  ModelReport run() {
    reopen();
    DatabaseOptions database = crash_database_options(configuration_.num_shards, configuration_.index);
    database.vectors[0].options.dimension = kDimension;
    database.vectors[0].options.metric = configuration_.metric;
    expect(store().create(kDatabase, database).ok(), "create fails");
    load();
    while (report_.operations < options_.operations && report_.findings.empty()) {
      step();
      read();
      if (report_.findings.empty()) search();
      if (random_.next_below(configuration_.reopen_every) == 0) reopen();
    }
    return std::move(report_);
  }

 private:
  engine::OpenedStore& store() { return **store_; }

  void expect(bool right, const std::string& what) {
    if (!right) report_.findings.push_back("operation " + std::to_string(report_.operations) + ": " + what);
  }

  void reopen() {
    ++report_.operations;
    store_.reset();
    store_ = std::make_unique<SabotagedStore>(disk_, sabotage_, kFlushBytes);
    expect(!store()->health().reasons.size() && store().loaded.ok(), "the store does not open");
  }

  void load() {
    constexpr std::uint32_t kRows = 500;
    for (std::uint32_t first = 0; first < configuration_.loaded; first += kRows) {
      std::vector<RecordInput> records;
      for (std::uint32_t i = first; i < std::min(first + kRows, configuration_.loaded); ++i) {
        const RowWrite row{.kind = RowKind::kPut,
                           .id = "id" + std::to_string(i),
                           .vectors = {{kNumbersField, any_numbers()}},
                           .metadata = {}};
        records.push_back(input(row));
        apply(row, version_, 0, model_);
      }
      const auto receipt = store().write_batch(kDatabase, std::move(records));
      if (!receipt.ok()) return expect(false, "loading fails");
      version_ = engine::decode_token(receipt->token)->sequence.value();
      for (auto& [id, row] : model_) {
        if (row.version == 0 && row.version_most == 0) row.version_most = version_;
      }
    }
  }

  std::string any_id() { return "id" + std::to_string(random_.next_below(configuration_.ids)); }

  /// Few different ones, so that there are ties; never zero, which has no direction.
  VectorData any_numbers() {
    std::vector<float> numbers(kDimension);
    for (float& number : numbers) number = static_cast<float>(random_.next_below(7)) - 3;
    if (std::ranges::all_of(numbers, [](float n) { return n == 0; })) numbers[0] = 1;
    return numbers;
  }
  VectorData any_bits() { return bits_of(random_.next_below(1U << kBitsDimension)); }

  /// Any of the parts, or none where that is allowed.
  RowWrite any_row(RowKind kind) {
    RowWrite row{.kind = kind, .id = any_id(), .vectors = {}, .metadata = {}};
    if (kind == RowKind::kDelete) return row;
    const std::uint64_t parts = 1 + random_.next_below(7);
    if ((parts & 1) != 0) row.vectors.emplace(kNumbersField, any_numbers());
    if ((parts & 2) != 0) row.vectors.emplace(kBitsField, any_bits());
    if ((parts & 4) != 0) row.metadata = R"({"n":)" + std::to_string(serial_++) + "}";
    if (row.vectors.empty() && kind != RowKind::kUpdate) row.vectors.emplace(kNumbersField, any_numbers());
    return row;
  }

  static RecordInput input(const RowWrite& row) {
    return {.id = row.id, .vectors = named(row.vectors), .metadata = row.metadata};
  }

  /// What the model says of a write, or why it is refused.
  static std::optional<ErrorCode> refusal(const RowWrite& row, const std::map<std::string, ModelRow>& rows) {
    const bool exists = rows.contains(row.id);
    if (row.kind == RowKind::kInsert && exists) return ErrorCode::kAlreadyExists;
    const bool must_exist = row.kind == RowKind::kUpdate || row.kind == RowKind::kDelete;
    if (must_exist && !exists) return ErrorCode::kVectorNotFound;
    return std::nullopt;
  }

  /// `least` < version of the row ≤ `most`.
  static void apply(const RowWrite& row, std::uint64_t least, std::uint64_t most,
                    std::map<std::string, ModelRow>& rows) {
    if (row.kind == RowKind::kDelete) {
      rows.erase(row.id);
      return;
    }
    ModelRow& target = rows[row.id];
    if (row.kind != RowKind::kUpdate) {
      target.vectors.clear();
      target.metadata.reset();
    }
    for (const auto& [name, data] : row.vectors) target.vectors.insert_or_assign(name, data);
    if (row.metadata) target.metadata = row.metadata;
    target.version = 0;
    target.version_least = least;
    target.version_most = most;
  }

  void step() {
    ++report_.operations;
    constexpr RowKind kKinds[] = {RowKind::kPut,    RowKind::kPut,    RowKind::kInsert, RowKind::kUpdate,
                                  RowKind::kUpdate, RowKind::kDelete, RowKind::kDelete};
    const std::uint64_t choice = random_.next_below(std::size(kKinds) + 2);
    if (choice >= std::size(kKinds)) return write_batch();
    write_one(any_row(kKinds[choice]));
  }

  void write_one(const RowWrite& row) {
    const std::optional<ErrorCode> refused = refusal(row, model_);
    const bool existed = model_.contains(row.id);
    const auto receipt = row.kind == RowKind::kDelete
                             ? store().remove(kDatabase, row.id)
                             : store().write(kDatabase, input(row),
                                             row.kind == RowKind::kInsert   ? engine::WriteMode::kInsert
                                             : row.kind == RowKind::kUpdate ? engine::WriteMode::kUpdate
                                                                            : engine::WriteMode::kUpsert);
    if (!receipt.ok()) {
      return expect(refused == receipt.error().code(),
                    "a write of '" + row.id + "' is refused: " + receipt.error().message());
    }
    expect(!refused, "a write of '" + row.id + "' is accepted that had to be refused");
    expect(receipt->version > version_, "a version does not grow");
    if (row.kind != RowKind::kDelete) expect(receipt->created == !existed, "a receipt says wrongly whether it was new");
    apply(row, receipt->version - 1, receipt->version, model_);
    version_ = receipt->version;
    token_ = receipt->token;
  }

  void write_batch() {
    const bool upsert = random_.next_below(3) != 0;
    const bool atomic = configuration_.num_shards == 1 && random_.next_below(4) == 0;
    std::vector<RowWrite> rows;
    std::vector<RecordInput> records;
    std::map<std::size_t, ErrorCode> refused;
    std::map<std::string, ModelRow> after = model_;
    std::size_t inserted = 0;
    std::size_t updated = 0;
    const std::size_t count = 1 + random_.next_below(12);
    for (std::size_t i = 0; i < count; ++i) {
      RowWrite row = any_row(upsert ? RowKind::kPut : RowKind::kInsert);
      RecordInput record = input(row);
      if (random_.next_below(20) == 0) {
        record.vectors.front().data = std::vector<float>{1};
        refused[i] = ErrorCode::kDimensionMismatch;
      } else if (const auto why = refusal(row, after)) {
        refused[i] = *why;
      } else {
        ++(after.contains(row.id) ? updated : inserted);
        apply(row, version_, 0, after);
      }
      rows.push_back(std::move(row));
      records.push_back(std::move(record));
    }
    const bool nothing = atomic && !refused.empty();
    const auto receipt = store().write_batch(kDatabase, std::move(records), {.upsert = upsert, .atomic = atomic});
    if (!receipt.ok()) return expect(false, "a batch is refused: " + receipt.error().message());
    expect(receipt->inserted == (nothing ? 0 : inserted) && receipt->updated == (nothing ? 0 : updated),
           "a batch counts its rows wrongly");
    // Where one row spoils all, the others may be judged or not.
    std::map<std::size_t, ErrorCode> told;
    for (const RowError& error : receipt->errors) told[error.index] = error.error.code();
    if (!nothing) expect(told == refused, "a batch refuses other rows");
    if (nothing) expect(!told.empty(), "a batch that was not applied names no row");
    if (nothing || inserted + updated == 0) return;
    const auto token = engine::decode_token(receipt->token);
    if (!token.ok()) return expect(false, "a batch has no token");
    for (auto& [id, row] : after) {
      if (row.version == 0 && row.version_most == 0) row.version_most = token->sequence.value();
    }
    expect(token->sequence.value() > version_, "a batch has an old token");
    version_ = token->sequence.value();
    token_ = receipt->token;
    model_ = std::move(after);
  }

  void read() {
    ++report_.operations;
    const std::vector<std::string> ids = {any_id(), any_id(), any_id()};
    const auto records = store().get(kDatabase, ids);
    const auto count = store().count(kDatabase);
    if (!records.ok() || !count.ok()) return expect(false, "a read fails");
    expect(*count == model_.size(),
           "count is " + std::to_string(*count) + " instead of " + std::to_string(model_.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) compare(ids[i], (*records)[i]);
  }

  void compare(const std::string& id, const std::optional<Record>& record) {
    const auto wanted = model_.find(id);
    expect(record.has_value() == (wanted != model_.end()), "'" + id + "' is " + (record ? "" : "not ") + "there");
    if (!record || wanted == model_.end()) return;
    ModelRow& row = wanted->second;
    Vectors found;
    for (const NamedVector& vector : record->vectors) found.emplace(vector.name, vector.data);
    expect(found == row.vectors, "'" + id + "' has other vectors");
    expect(record->metadata == row.metadata, "'" + id + "' has other metadata");
    expect(record->id == id, "'" + id + "' has another id");
    compare_version(id, row, record->version);
    if (row.created_at_us == 0) row.created_at_us = record->created_at_us;
    expect(row.created_at_us == record->created_at_us, "'" + id + "' changed its time of creation");
    expect(record->updated_at_us >= record->created_at_us, "'" + id + "' was changed before it was created");
  }

  void compare_version(const std::string& id, ModelRow& row, std::uint64_t version) {
    if (row.version == 0) {
      expect(version > row.version_least && version <= row.version_most, "'" + id + "' has a version out of its range");
      row.version = version;
    }
    expect(row.version == version, "'" + id + "' has another version");
  }

  void search() {
    ++report_.operations;
    Query query;
    const bool bits = random_.next_below(3) == 0;
    const Metric metric = bits ? Metric::kHamming : configuration_.metric;
    query.vector_name = bits ? kBitsField : kNumbersField;
    query.top_k = 1 + random_.next_below(random_.next_below(4) == 0 ? 100 : 10);
    query.exact = random_.next_below(2) == 0;
    query.include_metadata = random_.next_below(2) == 0;
    query.include_vector = random_.next_below(2) == 0;
    if (random_.next_below(3) == 0) query.token = token_;
    VectorData target = bits ? any_bits() : any_numbers();
    if (random_.next_below(4) == 0) {
      query.id = any_id();
      const auto row = model_.find(*query.id);
      const bool has_one = row != model_.end() && row->second.vectors.contains(query.vector_name);
      if (!has_one) {
        const auto result = store().search(kDatabase, query);
        return expect(!result.ok() && result.error().code() == ErrorCode::kVectorNotFound,
                      "a search near nothing finds something");
      }
      target = row->second.vectors.at(query.vector_name);
    } else {
      query.vector = target;
    }
    if (random_.next_below(4) == 0) query.max_distance = static_cast<double>(random_.next_below(8)) + 0.25;
    const auto result = store().search(kDatabase, query);
    if (!result.ok()) return expect(false, "a search fails: " + result.error().message());
    compare(query, metric, target, *result);
  }

  void compare(const Query& query, Metric metric, const VectorData& target, const SearchResult& result) {
    std::map<std::string, double> candidates;
    for (const auto& [id, row] : model_) {
      const auto vector = row.vectors.find(query.vector_name);
      if (vector == row.vectors.end() || id == query.id) continue;
      const double distance = distance_of(metric, target, vector->second);
      if (distance <= query.max_distance.value_or(1e30)) candidates.emplace(id, distance);
    }
    const std::size_t wanted = std::min<std::size_t>(query.top_k, candidates.size());
    const bool exact = query.exact || result.index_used == IndexType::kFlat;
    expect(exact ? result.hits.size() == wanted : result.hits.size() <= wanted,
           "a search finds " + std::to_string(result.hits.size()) + " instead of " + std::to_string(wanted));
    std::set<std::string> seen;
    const SearchHit* before = nullptr;
    for (const SearchHit& hit : result.hits) {
      const auto candidate = candidates.find(hit.id);
      if (candidate == candidates.end()) return expect(false, "a search finds '" + hit.id + "', which it should not");
      const double distance = candidate->second;
      const double slack = kTolerance * std::max(1.0, std::abs(distance));
      expect(seen.insert(hit.id).second, "a search finds '" + hit.id + "' twice");
      expect(std::abs(hit.distance - distance) <= slack, "a search gives '" + hit.id + "' another distance");
      expect(std::abs(hit.similarity - similarity_of(metric, distance)) <= slack, "… another similarity");
      if (before != nullptr) {
        // A cosine's distance that rounding took below zero is told as zero, but ordered as it was: README.md, known
        // gaps.
        const bool rounded = metric == Metric::kCosine && hit.distance == 0;
        const bool ordered =
            before->distance < hit.distance || (before->distance == hit.distance && (rounded || before->id < hit.id));
        expect(ordered, "a search answers '" + before->id + "' before '" + hit.id + "', distances " +
                            std::to_string(before->distance) + " and " + std::to_string(hit.distance) + ", which are " +
                            (before->distance == hit.distance ? "equal" : "not equal"));
      }
      before = &hit;
      ModelRow& row = model_.at(hit.id);
      compare_version(hit.id, row, hit.version);
      expect(hit.metadata == (query.include_metadata ? row.metadata : std::nullopt), "a hit has other metadata");
      Vectors vectors;
      for (const NamedVector& vector : hit.vectors) vectors.emplace(vector.name, vector.data);
      expect(vectors == (query.include_vector ? row.vectors : Vectors()), "a hit has other vectors");
    }
    std::vector<double> distances;
    for (const auto& [id, distance] : candidates) distances.push_back(distance);
    std::ranges::sort(distances);
    std::size_t right = 0;
    for (std::size_t i = 0; i < result.hits.size() && i < distances.size(); ++i) {
      const double slack = kTolerance * std::max(1.0, std::abs(distances[i]));
      const bool same = std::abs(result.hits[i].distance - distances[i]) <= slack;
      if (exact) expect(same, "an exact search misses a nearer row");
      if (same) ++right;
    }
    if (exact) return;
    report_.approximate_hits += right;
    report_.approximate_hits_wanted += wanted;
  }

  const ModelConfiguration& configuration_;
  const ModelOptions& options_;
  Sabotage sabotage_;
  SeededRandom random_;
  io::MemoryFileSystem disk_;
  std::unique_ptr<SabotagedStore> store_;
  std::map<std::string, ModelRow> model_;
  std::uint64_t version_ = 0;
  std::string token_;
  std::uint64_t serial_ = 1;
  ModelReport report_;
};

}  // namespace

ModelReport compare_with_model(const ModelOptions& options, const Sabotage& sabotage) {
  return Comparison(options, sabotage).run();
}

}  // namespace jade::crash
