// Loads vectors over REST and searches them, end to end, with recall against exact search beside every speed.
//
//   jade_rest_search_bench [--data .cache/sample] [--rows 20000] [--dimension 100] [--queries 1000] [--threads 0]
//                          [--rounds 5] [--round-ms 1000] [--json FILE]
//
// --data is a folder of .jdf files; without it the sample is used where it was fetched, and clustered rows of
// --dimension else. Rows that ask are not stored. --threads 0 is one client for each core.
//
// The server runs in this process, over a directory that is removed afterwards: one command measures the same thing
// everywhere, and what the client threads spent can be told from what the server spent, because the kernel counts the
// time of threads and of the process apart. The two still share the cores, as they would if they were two processes.
//
// Rounds go around the settings, so that a machine that is busy for a while disturbs all of them alike; what is printed
// are medians over the rounds.
#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/json_writer.h"
#include "base/logging.h"
#include "base/thread.h"
#include "io/temporary_directory.h"
#include "rest_client.h"
#include "server/server.h"
#include "simd/kernels.h"
#include "vector_set.h"

namespace jade::bench {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kTopK = 10;
constexpr std::size_t kBatchRows = 1000;
constexpr const char* kSampleFolder = ".cache/sample";
constexpr const char* kDatabase = "bench";
/// Three times what building the largest graph of a default run takes on a busy machine of two cores.
constexpr std::chrono::minutes kBuildPatience{3};

struct Options {
  std::string data;
  std::string json_path;
  std::size_t rows = 20'000;
  std::size_t dimension = 100;
  std::size_t queries = 1000;
  std::size_t threads = 0;
  std::size_t rounds = 5;
  std::size_t round_ms = 1000;
};

double seconds_since(steady_clock::time_point start) {
  return std::chrono::duration<double>(steady_clock::now() - start).count();
}

double processor_seconds(clockid_t of) {
  timespec now{};
  ::clock_gettime(of, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Summary {
  double median = 0;
  /// (largest − smallest) / median.
  double spread = 0;
};
Summary summarize(std::vector<double> values) {
  std::ranges::sort(values);
  const double median = values[values.size() / 2];
  return {.median = median, .spread = median > 0 ? (values.back() - values.front()) / median : 0};
}

/// Takes log lines as a terminal or a file would, and forgets them: requests are logged, and the log is not measured.
class ForgetfulSink final : public LogSink {
 public:
  void write(std::string_view) override {}
};

// --- Load ---

struct LoadSpeed {
  const char* form;
  std::string_view type;
  std::vector<std::string> bodies;
  std::size_t bytes = 0;
  std::vector<double> rows_per_second;
};

LoadSpeed load_of(const VectorSet& set, const char* form, std::string_view type,
                  std::string (*batch)(const VectorSet&, std::size_t, std::size_t)) {
  LoadSpeed load{.form = form, .type = type, .bodies = {}, .rows_per_second = {}};
  for (std::size_t first = 0; first < set.rows(); first += kBatchRows) {
    load.bodies.push_back(batch(set, first, std::min(set.rows(), first + kBatchRows)));
    load.bytes += load.bodies.back().size();
  }
  return load;
}

Result<void> create_database(RestConnection& server, std::uint32_t dimension, const char* index) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("name").string(kDatabase).key("dimension").uint64(dimension);
  json.key("index").begin_object().key("type").string(index).end_object().end_object();
  JADE_RETURN_IF_ERROR(server.post("/v1/databases", kJsonType, body));
  return {};
}

/// One connection that waits for each answer: every row is durable when the clock stops. Returns the rows a second.
Result<double> load_once(RestConnection& server, const LoadSpeed& load, std::size_t rows) {
  const std::string target = std::string("/v1/databases/") + kDatabase + "/vectors/batch";
  const auto start = steady_clock::now();
  for (const std::string& body : load.bodies) {
    JADE_ASSIGN_OR_RETURN(const std::string answer, server.post(target, load.type, body));
    if (!answer.contains("\"errors\":[]")) return Error(ErrorCode::kInternal, "rows were refused: " + answer);
  }
  return static_cast<double>(rows) / seconds_since(start);
}

/// Waits until the graph holds every row.
Result<void> wait_for_graph(RestConnection& server) {
  const auto start = steady_clock::now();
  while (steady_clock::now() - start < kBuildPatience) {
    JADE_ASSIGN_OR_RETURN(const std::string status, server.get(std::string("/v1/databases/") + kDatabase + "/status"));
    if (number_after(status, "unindexed") == 0) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return Error(ErrorCode::kDeadlineExceeded, "the graph was not built in time");
}

/// Each form in turn, several times, each time into a new database without a graph: what building one takes from a load
/// would otherwise depend on what the load before left to build.
Result<void> measure_loads(RestConnection& server, const VectorSet& set, std::size_t rounds,
                           std::vector<LoadSpeed>& loads) {
  const std::string remove = request_text("DELETE", std::string("/v1/databases/") + kDatabase, "", "");
  for (std::size_t round = 0; round < rounds; ++round) {
    for (LoadSpeed& load : loads) {
      JADE_RETURN_IF_ERROR(create_database(server, set.dimension, "FLAT"));
      JADE_ASSIGN_OR_RETURN(const double rows_per_second, load_once(server, load, set.rows()));
      load.rows_per_second.push_back(rows_per_second);
      JADE_RETURN_IF_ERROR(server.ask(remove));
    }
  }
  return {};
}

/// The database that is searched. Returns the seconds from its first row to a complete graph.
Result<double> build_graph(RestConnection& server, const VectorSet& set, const LoadSpeed& load) {
  JADE_RETURN_IF_ERROR(create_database(server, set.dimension, "HNSW"));
  const auto start = steady_clock::now();
  JADE_RETURN_IF_ERROR(load_once(server, load, set.rows()));
  JADE_RETURN_IF_ERROR(wait_for_graph(server));
  return seconds_since(start);
}

// --- Search ---

/// What one round of one setting showed; times are microseconds for a query.
struct Round {
  double per_second = 0;
  double p50_us = 0;
  double p99_us = 0;
  /// Processor time of all threads but the clients'.
  double server_us = 0;
  double client_us = 0;
  /// queryTimeMs of the answers: a wall time, so with waiting for a core in it.
  double engine_us = 0;
};

struct Setting {
  std::string name;
  std::string_view index;
  std::vector<std::string> requests;
  double recall = 0;
  std::vector<Round> rounds;

  Summary summary(double Round::* member) const {
    std::vector<double> values;
    for (const Round& round : rounds) values.push_back(round.*member);
    return summarize(std::move(values));
  }
};

std::vector<Setting> settings_of(const VectorSet& queries) {
  struct Row {
    std::string name;
    std::string members;
  };
  std::vector<Row> rows = {{"exact", ",\"exact\":true}"}};
  for (const char* ef : {"10", "20", "40", "64", "100", "200"}) {
    rows.push_back({ef, std::string(",\"efSearch\":") + ef + "}"});
  }
  const std::string target = std::string("/v1/databases/") + kDatabase + "/search";
  std::vector<Setting> settings;
  for (const Row& row : rows) {
    Setting& setting = settings.emplace_back();
    setting.name = row.name;
    setting.index = row.name == "exact" ? "\"indexUsed\":\"FLAT\"" : "\"indexUsed\":\"HNSW\"";
    for (std::size_t i = 0; i < queries.rows(); ++i) {
      setting.requests.push_back(
          request_text("POST", target, kJsonType, search_start(queries.row(i), kTopK) + row.members));
    }
  }
  return settings;
}

using Distances = std::vector<std::vector<double>>;

/// Asks everything once, which also warms up, and makes sure that the answers come from where the setting says.
Result<Distances> ask_all(RestConnection& server, const Setting& setting) {
  Distances all;
  for (const std::string& request : setting.requests) {
    JADE_ASSIGN_OR_RETURN(const std::string answer, server.ask(request));
    if (!answer.contains(setting.index)) return Error(ErrorCode::kInternal, "another index answered: " + answer);
    all.push_back(distances_of(answer));
  }
  return all;
}

/// Hits at least as close as the last exact one count: ties are no misses.
double recall_of(const Distances& answers, const Distances& exact) {
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    wanted += exact[i].size();
    found += static_cast<std::size_t>(
        std::ranges::count_if(answers[i], [&](double distance) { return distance <= exact[i].back(); }));
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

/// What one client thread saw.
struct ClientView {
  std::vector<double> latencies_us;
  double engine_ms = 0;
  double processor_seconds = 0;
  std::string failure;
};

class SearchRound {
 public:
  SearchRound(std::uint16_t port, const Setting& setting, const Options& options)
      : port_(port), setting_(setting), length_(options.round_ms), ready_(options.threads), views_(options.threads) {}

  Result<Round> run() {
    double process_before = 0;
    steady_clock::time_point start;
    {
      std::vector<std::jthread> clients;
      for (ClientView& view : views_) clients.emplace_back([this, &view] { ask_until_end(view); });
      ready_.wait();
      process_before = processor_seconds(CLOCK_PROCESS_CPUTIME_ID);
      start = steady_clock::now();
      end_ = start + length_;
      go_.count_down();
    }
    return gather(seconds_since(start), processor_seconds(CLOCK_PROCESS_CPUTIME_ID) - process_before);
  }

 private:
  void ask_until_end(ClientView& view) {
    RestConnection server(port_);
    ready_.count_down();
    go_.wait();
    const double processor_before = processor_seconds(CLOCK_THREAD_CPUTIME_ID);
    for (auto sent = steady_clock::now(); sent < end_;) {
      const std::size_t query = next_.fetch_add(1, std::memory_order_relaxed) % setting_.requests.size();
      const Result<std::string> answer = server.ask(setting_.requests[query]);
      if (!answer.ok()) {
        view.failure = answer.error().message();
        return;
      }
      const auto received = steady_clock::now();
      view.latencies_us.push_back(std::chrono::duration<double, std::micro>(received - sent).count());
      view.engine_ms += number_after(*answer, "queryTimeMs");
      sent = received;
    }
    view.processor_seconds = processor_seconds(CLOCK_THREAD_CPUTIME_ID) - processor_before;
  }

  Result<Round> gather(double seconds, double processor_of_all) const {
    std::vector<double> latencies;
    double engine_ms = 0;
    double clients = 0;
    for (const ClientView& view : views_) {
      if (!view.failure.empty()) return Error(ErrorCode::kInternal, view.failure);
      latencies.insert(latencies.end(), view.latencies_us.begin(), view.latencies_us.end());
      engine_ms += view.engine_ms;
      clients += view.processor_seconds;
    }
    std::ranges::sort(latencies);
    const auto count = static_cast<double>(latencies.size());
    return Round{.per_second = count / seconds,
                 .p50_us = latencies[latencies.size() / 2],
                 .p99_us = latencies[latencies.size() * 99 / 100],
                 .server_us = 1e6 * (processor_of_all - clients) / count,
                 .client_us = 1e6 * clients / count,
                 .engine_us = 1e3 * engine_ms / count};
  }

  const std::uint16_t port_;
  const Setting& setting_;
  const std::chrono::milliseconds length_;
  std::latch ready_;
  std::latch go_{1};
  steady_clock::time_point end_;  // Set before `go_`.
  std::atomic<std::size_t> next_ = 0;
  std::vector<ClientView> views_;
};

Result<std::vector<Setting>> measure_searches(RestConnection& server, std::uint16_t port, const VectorSet& queries,
                                              const Options& options) {
  std::vector<Setting> settings = settings_of(queries);
  Distances exact;
  for (Setting& setting : settings) {
    JADE_ASSIGN_OR_RETURN(Distances answers, ask_all(server, setting));
    if (exact.empty()) exact = answers;  // The first setting.
    setting.recall = recall_of(answers, exact);
  }
  for (std::size_t round = 0; round < options.rounds; ++round) {
    for (Setting& setting : settings) {
      JADE_ASSIGN_OR_RETURN(Round seen, SearchRound(port, setting, options).run());
      setting.rounds.push_back(seen);
    }
  }
  std::ranges::rotate(settings, settings.begin() + 1);
  return settings;
}

// --- Report ---

struct Report {
  std::string source;
  SplitSet set;
  std::vector<LoadSpeed> loads;
  double graph_seconds = 0;
  std::vector<Setting> settings;
};

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string commit_name() {
  const char* commit = std::getenv("JADE_BENCH_COMMIT");  // NOLINT(concurrency-mt-unsafe): before any thread.
  return commit == nullptr ? "" : commit;
}

void print_table(const Report& report, const Options& options) {
  std::printf("%s: %zu rows of dimension %u, %zu queries that are none of them, top %zu, cosine\n",
              report.source.c_str(), report.set.stored.rows(), report.set.stored.dimension, report.set.queries.rows(),
              kTopK);
  std::printf("%zu cores (%s, %s kernels), %zu clients, medians of %zu rounds\n\n", hardware_threads(),
              processor_name().c_str(), simd::target_name(simd::kernels().target), options.threads, options.rounds);
  std::printf("| load, durable | rows/s | spread | bytes/row |\n| --- | --: | --: | --: |\n");
  for (const LoadSpeed& load : report.loads) {
    const Summary speed = summarize(load.rows_per_second);
    std::printf("| %s | %.0f | %.0f%% | %zu |\n", load.form, speed.median, 100 * speed.spread,
                load.bytes / report.set.stored.rows());
  }
  std::printf("\nThe graph was complete %.1f s after the first of its rows was sent.\n\n", report.graph_seconds);
  std::printf(
      "| efSearch | recall@%zu | queries/s | spread | p50 ms | p99 ms | engine µs | server CPU µs | client CPU µs |\n",
      kTopK);
  std::printf("| --- | --: | --: | --: | --: | --: | --: | --: | --: |\n");
  for (const Setting& setting : report.settings) {
    const Summary speed = setting.summary(&Round::per_second);
    std::printf("| %s | %.4f | %.0f | %.0f%% | %.3f | %.3f | %.0f | %.0f | %.0f |\n", setting.name.c_str(),
                setting.recall, speed.median, 100 * speed.spread, setting.summary(&Round::p50_us).median / 1000,
                setting.summary(&Round::p99_us).median / 1000, setting.summary(&Round::engine_us).median,
                setting.summary(&Round::server_us).median, setting.summary(&Round::client_us).median);
  }
}

std::string json_report(const Report& report, const Options& options) {
  std::string text;
  JsonWriter json(text);
  json.begin_object().key("commit").string(commit_name()).key("compiler").string(__VERSION__);
  json.key("flags").string(JADE_BENCH_FLAGS).key("processor").string(processor_name());
  json.key("cores").uint64(hardware_threads()).key("target").string(simd::target_name(simd::kernels().target));
  json.key("data").string(report.source).key("checksum").string(std::to_string(checksum(report.set.stored)));
  json.key("rows").uint64(report.set.stored.rows()).key("dimension").uint64(report.set.stored.dimension);
  json.key("queries").uint64(report.set.queries.rows()).key("topK").uint64(kTopK).key("metric").string("cosine");
  json.key("clients").uint64(options.threads).key("rounds").uint64(options.rounds);
  json.key("roundMs").uint64(options.round_ms).key("batchRows").uint64(kBatchRows);
  json.key("graphSeconds").float64(report.graph_seconds).key("loads").begin_array();
  for (const LoadSpeed& load : report.loads) {
    const Summary speed = summarize(load.rows_per_second);
    json.begin_object().key("form").string(load.form).key("rowsPerSecond").float64(speed.median);
    json.key("spread").float64(speed.spread).key("bytes").uint64(load.bytes).end_object();
  }
  json.end_array().key("searches").begin_array();
  for (const Setting& setting : report.settings) {
    const Summary speed = setting.summary(&Round::per_second);
    json.begin_object().key("efSearch").string(setting.name).key("recall").float64(setting.recall);
    json.key("queriesPerSecond").float64(speed.median).key("spread").float64(speed.spread);
    json.key("p50Us").float64(setting.summary(&Round::p50_us).median);
    json.key("p99Us").float64(setting.summary(&Round::p99_us).median);
    json.key("engineUs").float64(setting.summary(&Round::engine_us).median);
    json.key("serverProcessorUs").float64(setting.summary(&Round::server_us).median);
    json.key("clientProcessorUs").float64(setting.summary(&Round::client_us).median).end_object();
  }
  json.end_array().end_object();
  return text + "\n";
}

// --- The whole ---

Result<void> wait_until_ready(const server::Server& server) {
  RestConnection connection(server.port());
  while (server.load_failure().empty()) {
    const Result<std::string> health = connection.get("/health");
    if (health.ok() && health->contains("\"ready\"")) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return Error(ErrorCode::kInternal, server.load_failure());
}

Result<Report> measure(const Options& options) {
  Report report{
      .source = options.data.empty() ? "clustered rows" : "word vectors", .set = {}, .loads = {}, .settings = {}};
  VectorSet all;
  if (options.data.empty()) {
    all = clustered(static_cast<std::uint32_t>(options.rows + options.queries),
                    static_cast<std::uint32_t>(options.dimension));
  } else {
    JADE_ASSIGN_OR_RETURN(all, read_jdf_folder(options.data));
  }
  report.set = hold_out(all, options.rows, options.queries);
  if (report.set.queries.rows() == 0) return Error(ErrorCode::kInvalidArgument, "too few rows");

  const io::TemporaryDirectory directory;
  server::Config config;
  config.data_directory = directory.path() + "/data";
  config.listen = "127.0.0.1:0";
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<server::Server> server, server::Server::start(config));
  JADE_RETURN_IF_ERROR(wait_until_ready(*server));
  RestConnection connection(server->port());
  report.loads = {load_of(report.set.stored, "JSON", kJsonType, json_batch),
                  load_of(report.set.stored, "binary", kBinaryType, binary_batch)};
  JADE_RETURN_IF_ERROR(measure_loads(connection, report.set.stored, options.rounds, report.loads));
  JADE_ASSIGN_OR_RETURN(report.graph_seconds, build_graph(connection, report.set.stored, report.loads.back()));
  JADE_ASSIGN_OR_RETURN(report.settings, measure_searches(connection, server->port(), report.set.queries, options));
  JADE_RETURN_IF_ERROR(server->stop());
  return report;
}

std::optional<Options> parse(int count, char** words) {
  Options options;
  const std::map<std::string_view, std::string*> texts = {{"--data", &options.data}, {"--json", &options.json_path}};
  const std::map<std::string_view, std::size_t*> numbers = {
      {"--rows", &options.rows},       {"--dimension", &options.dimension}, {"--queries", &options.queries},
      {"--threads", &options.threads}, {"--rounds", &options.rounds},       {"--round-ms", &options.round_ms}};
  for (int i = 1; i < count; i += 2) {
    if (i + 1 == count) return std::nullopt;
    if (const auto text = texts.find(words[i]); text != texts.end()) {
      *text->second = words[i + 1];
    } else if (const auto number = numbers.find(words[i]); number != numbers.end()) {
      *number->second = std::strtoull(words[i + 1], nullptr, 10);
    } else {
      return std::nullopt;
    }
  }
  if (options.threads == 0) options.threads = hardware_threads();
  if (options.data.empty() && read_jdf_folder(kSampleFolder).ok()) options.data = kSampleFolder;
  if (options.rounds == 0 || options.round_ms == 0 || options.dimension == 0) return std::nullopt;
  return options;
}

int run(int count, char** words) {
  const std::optional<Options> options = parse(count, words);
  if (!options) {
    std::fputs("unknown option or bad value; the head of rest_search_bench.cc lists them\n", stderr);
    return 2;
  }
  ForgetfulSink sink;
  default_logger().set_sink(&sink);
  default_logger().set_level(LogLevel::kInfo);
  const Result<Report> report = measure(*options);
  default_logger().set_sink(nullptr);
  if (!report.ok()) {
    std::fprintf(stderr, "%s\n", report.error().message().c_str());
    return 1;
  }
  print_table(*report, *options);
  if (options->json_path.empty()) return 0;
  std::ofstream file(options->json_path, std::ios::trunc);
  file << json_report(*report, *options) << std::flush;
  return file ? 0 : 1;
}

}  // namespace
}  // namespace jade::bench

int main(int argc, char** argv) { return jade::bench::run(argc, argv); }
