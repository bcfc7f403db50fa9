// What a log costs: one writer against the disk itself, many writers that share syncs, durable against relaxed. On the
// machine's own file system (set TMPDIR to choose which).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <semaphore>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "io/file_system.h"
#include "io/passing_file_system.h"
#include "io/temporary_directory.h"
#include "storage/file_log.h"
#include "storage/log_writer.h"

namespace {

using namespace jade;
using namespace jade::storage;

/// Counts syncs. Where a time is given a sync takes that long, and is none: then only the log is measured.
class CountingFileSystem final : public io::PassingFileSystem {
 public:
  explicit CountingFileSystem(std::optional<std::chrono::microseconds> sync_time = {})
      : io::PassingFileSystem(io::real_file_system()), sync_time_(sync_time) {}

  std::uint64_t syncs() const { return syncs_.load(); }

 private:
  class CountingFile final : public io::PassingFile {
   public:
    CountingFile(CountingFileSystem& owner, std::unique_ptr<io::File> base)
        : io::PassingFile(std::move(base)), owner_(owner) {}
    Result<void> sync() override {
      ++owner_.syncs_;
      if (!owner_.sync_time_) return io::PassingFile::sync();
      std::counting_semaphore<1> never(0);
      static_cast<void>(never.try_acquire_for(*owner_.sync_time_));
      return {};
    }

   private:
    CountingFileSystem& owner_;
  };
  std::unique_ptr<io::File> wrap(const std::string&, std::unique_ptr<io::File> file) override {
    return std::make_unique<CountingFile>(*this, std::move(file));
  }

  const std::optional<std::chrono::microseconds> sync_time_;
  std::atomic<std::uint64_t> syncs_{0};
};

/// One log that all threads of a run append to, each waiting for its own record.
struct Shared {
  explicit Shared(std::optional<std::chrono::microseconds> sync_time = {}) : files(sync_time) {
    writer = LogWriter::start(system_clock()).value();
    log = FileLog::create(files, io::join_path(directory.path(), "log"), DatabaseKey{}, *writer, system_random(),
                          {.max_file_bytes = std::uint64_t{1} << 30})
              .value();
    syncs_before = files.syncs();
  }

  io::TemporaryDirectory directory;
  CountingFileSystem files;
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<Log> log;
  std::uint64_t syncs_before = 0;
};

std::unique_ptr<Shared> shared;

void set_up(const benchmark::State&) { shared = std::make_unique<Shared>(); }
void set_up_slow_sync(const benchmark::State&) { shared = std::make_unique<Shared>(std::chrono::milliseconds(1)); }
void tear_down(const benchmark::State&) { shared.reset(); }

/// Appends and waits. False, with the run marked, if that failed.
bool append_one(benchmark::State& state, const NewRecord& record, std::binary_semaphore& done) {
  const auto sequence = shared->log->append(record, [&](const Result<void>&) { done.release(); });
  if (!sequence.ok()) {
    state.SkipWithError(sequence.error().message().c_str());
    return false;
  }
  done.acquire();
  return true;
}

void append_each(benchmark::State& state, const NewRecord& record) {
  std::binary_semaphore done(0);
  for (auto _ : state) {
    if (!append_one(state, record, done)) break;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(record.payload.size()));
  if (state.thread_index() == 0) {
    const double syncs = static_cast<double>(shared->files.syncs() - shared->syncs_before);
    state.counters["syncs"] = syncs;
    if (syncs > 0) state.counters["log_bytes_per_sync"] = static_cast<double>(shared->log->size_bytes()) / syncs;
  }
}

void durable_append(benchmark::State& state) {
  NewRecord record;
  record.payload.resize(static_cast<std::size_t>(state.range(0)));
  append_each(state, record);
}

/// 64 writers with batches of 100 rows of 128 dimensions, a sync takes 1 ms: the cost of waiting for syncs.
void batches_of_rows(benchmark::State& state) {
  NewRecord record;
  record.durability = state.range(0) == 0 ? Durability::kDurable : Durability::kRelaxed;
  record.payload.resize(std::size_t{100} * 600);
  append_each(state, record);
  state.SetLabel(std::string(durability_name(record.durability)));
}

double percentile(std::vector<double> values, double part) {
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(values.size() - 1));
  std::ranges::nth_element(values, values.begin() + at);
  return values[static_cast<std::size_t>(at)];
}

/// One writer, a record at a time, in turn with a bare write and sync of as many bytes: both meet the same disk.
void one_writer_against_the_disk(benchmark::State& state) {
  NewRecord record;
  record.payload.resize(static_cast<std::size_t>(state.range(0)));
  const std::vector<std::byte> bytes(LogBatchHeader::kBytes + log_record_bytes(record.payload.size()));
  const auto file =
      io::real_file_system().open(io::join_path(shared->directory.path(), "bare"), io::OpenMode::kCreate).value();
  std::vector<double> disk_us;
  std::vector<double> log_us;
  std::binary_semaphore done(0);
  const auto timed = [](auto&& work) {
    const SteadyTime start = system_clock().steady_now();
    work();
    return std::chrono::duration<double, std::micro>(system_clock().steady_now() - start).count();
  };
  for (auto _ : state) {
    disk_us.push_back(timed([&] {
      const bool written = file->write_at(disk_us.size() * bytes.size(), bytes).ok() && file->sync().ok();
      if (!written) state.SkipWithError("the disk failed");
    }));
    log_us.push_back(timed([&] { append_one(state, record, done); }));
  }
  state.counters["disk_p50_us"] = percentile(disk_us, 0.5);
  state.counters["disk_p99_us"] = percentile(disk_us, 0.99);
  state.counters["log_p50_us"] = percentile(log_us, 0.5);
  state.counters["log_p99_us"] = percentile(log_us, 0.99);
  state.counters["p99_ratio"] = percentile(log_us, 0.99) / percentile(disk_us, 0.99);
}

}  // namespace

BENCHMARK(one_writer_against_the_disk)
    ->Setup(set_up)
    ->Teardown(tear_down)
    ->ArgName("payload_bytes")
    ->Arg(600)
    ->Arg(60000)
    ->Iterations(2000)
    ->UseRealTime();

BENCHMARK(durable_append)
    ->Setup(set_up)
    ->Teardown(tear_down)
    ->ArgName("payload_bytes")
    ->Arg(600)
    ->Arg(60000)
    ->Threads(1)
    ->Threads(64)
    ->UseRealTime();

BENCHMARK(batches_of_rows)
    ->Setup(set_up_slow_sync)
    ->Teardown(tear_down)
    ->ArgName("relaxed")
    ->Arg(0)
    ->Arg(1)
    ->Threads(64)
    ->Iterations(100)
    ->UseRealTime();

BENCHMARK_MAIN();
