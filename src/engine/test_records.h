// What the engine's tests share: definitions, records, a log that a test owns.
#pragma once

#include <cstring>
#include <deque>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "engine/shard_messages.h"
#include "jade/record.h"
#include "storage/definition.h"
#include "storage/log.h"
#include "storage/write_batch.h"

namespace jade::engine {

inline storage::VectorFieldDefinition field_definition(std::uint32_t id, std::string name, std::uint32_t dimension,
                                                       Metric metric = Metric::kEuclidean,
                                                       IndexType index = IndexType::kFlat) {
  return {.id = VectorFieldId(id),
          .name = std::move(name),
          .dimension = dimension,
          .metric = metric,
          .element_type = metric == Metric::kHamming ? ElementType::kBit : ElementType::kF32,
          .index = {.type = index}};
}

inline storage::Definition definition_of(std::vector<storage::VectorFieldDefinition> fields,
                                         std::uint32_t num_shards = 1) {
  storage::Definition definition;
  definition.next_field = VectorFieldId(static_cast<std::uint32_t>(fields.size()) + 1);
  definition.vectors = std::move(fields);
  definition.num_shards = num_shards;
  return definition;
}

inline std::vector<std::byte> bytes_of(const std::vector<float>& elements) {
  std::vector<std::byte> bytes(elements.size() * sizeof(float));
  std::memcpy(bytes.data(), elements.data(), bytes.size());
  return bytes;
}

inline std::vector<float> floats_of(const std::vector<std::byte>& bytes) {
  std::vector<float> elements(bytes.size() / sizeof(float));
  std::memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

inline storage::RowWrite put_row(std::string id, std::vector<float> vector, std::optional<std::string> metadata = {},
                                 std::uint32_t field = 1) {
  return {.kind = storage::WriteKind::kPut,
          .id = std::move(id),
          .vectors = {{VectorFieldId(field), bytes_of(vector)}},
          .metadata = std::move(metadata)};
}

inline storage::RowWrite delete_row(std::string id) {
  return {.kind = storage::WriteKind::kDelete, .id = std::move(id), .vectors = {}, .metadata = {}};
}

inline std::vector<float> random_vector(SeededRandom& random, std::uint32_t dimension) {
  std::vector<float> vector(dimension);
  for (float& element : vector) element = static_cast<float>(random.next_double() * 2 - 1);
  return vector;
}

inline RecordInput record_input(std::string id, std::vector<float> vector, std::optional<std::string> metadata = {}) {
  return {.id = std::move(id), .vectors = {{"", std::move(vector)}}, .metadata = std::move(metadata)};
}

inline DatabaseOptions database_options(std::uint32_t dimension, Metric metric = Metric::kEuclidean,
                                        IndexType index = IndexType::kFlat, std::uint32_t num_shards = 1) {
  return {.description = "",
          .vectors = {{"",
                       {.dimension = dimension,
                        .metric = metric,
                        .element_type = metric == Metric::kHamming ? ElementType::kBit : ElementType::kF32,
                        .index = {.type = index}}}},
          .num_shards = num_shards};
}

/// A log in memory whose records become durable, or fail, when the test says so.
class ManualLog final : public storage::Log {
 public:
  Result<Sequence> append(storage::NewRecord record, storage::AppendDone done) override {
    if (refusal) return *refusal;
    if (has_no_memory) throw std::bad_alloc();
    records.push_back(record);
    waiting.push_back(std::move(done));
    return Sequence(++tail_);
  }
  Result<void> read(Sequence, const storage::RecordVisitor&) override { return {}; }
  Sequence tail() const override { return Sequence(tail_); }
  Sequence durable() const override { return Sequence(tail_ - waiting.size()); }
  Result<void> wait_until_durable() override { return {}; }
  std::uint64_t size_bytes() const override { return 0; }
  std::vector<storage::LogFileInfo> files() const override { return {}; }
  void retain_from(Sequence) override {}
  Result<void> rotate() override { return {}; }
  Result<void> trim(Sequence) override { return {}; }
  Result<void> close() override {
    sync();
    return {};
  }

  /// Completes the oldest waiting append.
  void complete_one(Result<void> outcome = {}) {
    storage::AppendDone done = std::move(waiting.front());
    waiting.pop_front();
    done(std::move(outcome));
  }
  void sync() {
    while (!waiting.empty()) complete_one();
  }

  std::optional<Error> refusal;
  bool has_no_memory = false;
  std::vector<storage::NewRecord> records;
  std::deque<storage::AppendDone> waiting;

 private:
  std::uint64_t tail_ = 0;
};

}  // namespace jade::engine
