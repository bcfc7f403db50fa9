// How fast bodies of vectors are read and written. Bytes per second are of JSON text.

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/metadata_json.h"
#include "base/random.h"

namespace jade {
namespace {

constexpr std::size_t kDimension = 768;

std::vector<float> random_vector(SeededRandom& random) {
  std::vector<float> vector(kDimension);
  for (float& element : vector) element = static_cast<float>(random.next_double() * 2 - 1);
  return vector;
}

/// A batch of `rows` records. `as_doubles` writes floats as clients do whose only number is the double (17 digits).
std::string batch_body(std::size_t rows, bool as_doubles) {
  SeededRandom random(1);
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("vectors").begin_array();
  for (std::size_t row = 0; row < rows; ++row) {
    json.begin_object().key("id").string("row-" + std::to_string(row)).key("vector");
    const std::vector<float> vector = random_vector(random);
    if (as_doubles) {
      json.begin_array();
      for (const float element : vector) json.float64(element);
      json.end_array();
    } else {
      json.float_array(vector);
    }
    json.key("metadata").begin_object().key("category").string("report").key("year").int64(2026).end_object();
    json.end_object();
  }
  json.end_array().end_object();
  return body;
}

void set_bytes(benchmark::State& state, const std::string& body) {
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * body.size()));
}

void read_batch(benchmark::State& state) {
  const std::string body = batch_body(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
  JsonReader reader;
  std::vector<float> floats;
  for (auto _ : state) {
    const JsonValue root = reader.parse(body).value();
    const JsonArray rows = root.get_object().value().find("vectors")->get_array().value();
    for (const JsonValue row : rows) {
      const JsonObject record = row.get_object().value();
      for (const JsonField field : record) {
        if (field.key == "vector") benchmark::DoNotOptimize(field.value.read_f32_array(floats, kDimension).ok());
        if (field.key == "metadata") benchmark::DoNotOptimize(canonical_metadata(field.value).value());
      }
    }
  }
  set_bytes(state, body);
}
BENCHMARK(read_batch)->ArgNames({"rows", "doubles"})->ArgsProduct({{1, 100, 1000}, {0, 1}});

void parse_only(benchmark::State& state) {
  const std::string body = batch_body(100, state.range(0) != 0);
  JsonReader reader;
  for (auto _ : state) benchmark::DoNotOptimize(reader.parse(body).value());
  set_bytes(state, body);
}
BENCHMARK(parse_only)->ArgName("doubles")->Arg(0)->Arg(1);

/// What simdjson's own front end takes for the same vectors: lazy, through double, without our checks.
void on_demand_batch(benchmark::State& state) {
  const std::string body = batch_body(100, state.range(0) != 0);
  const simdjson::padded_string padded(body);
  simdjson::ondemand::parser parser;
  std::vector<float> floats;
  for (auto _ : state) {
    simdjson::ondemand::document document = parser.iterate(padded);
    for (auto row : document["vectors"]) {
      floats.clear();
      for (auto element : row["vector"]) floats.push_back(static_cast<float>(element.get_double().value()));
      benchmark::DoNotOptimize(floats.data());
    }
  }
  set_bytes(state, body);
}
BENCHMARK(on_demand_batch)->ArgName("doubles")->Arg(0)->Arg(1);

void write_floats(benchmark::State& state) {
  SeededRandom random(1);
  const std::vector<float> vector = random_vector(random);
  std::string out;
  for (auto _ : state) {
    out.clear();
    JsonWriter(out).float_array(vector);
    benchmark::DoNotOptimize(out.data());
  }
  set_bytes(state, out);
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * kDimension));
}
BENCHMARK(write_floats);

void many_keys(benchmark::State& state) {
  std::string body;
  JsonWriter json(body);
  json.begin_object();
  for (std::int64_t i = 0; i < state.range(0); ++i) json.key("key" + std::to_string(i)).int64(i);
  json.end_object();
  JsonReader reader;
  for (auto _ : state) benchmark::DoNotOptimize(reader.parse(body).value());
  set_bytes(state, body);
}
BENCHMARK(many_keys)->ArgName("keys")->Arg(10)->Arg(100)->Arg(100000);

}  // namespace
}  // namespace jade

BENCHMARK_MAIN();
