// How many appends a second are durable, on the machine's own file system (set TMPDIR to choose which).
#include <benchmark/benchmark.h>

#include <memory>
#include <semaphore>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "io/faulty_file_system.h"
#include "io/file_system.h"
#include "io/temporary_directory.h"
#include "storage/file_log.h"
#include "storage/log_writer.h"

namespace {

using namespace jade;
using namespace jade::storage;

/// One log that all threads of a run append to, each waiting for its own record.
struct Shared {
  Shared() {
    writer = LogWriter::start(system_clock()).value();
    log = FileLog::create(files, io::join_path(directory.path(), "log"), DatabaseKey{}, *writer, system_random(),
                          {.max_file_bytes = std::uint64_t{1} << 30})
              .value();
  }

  io::TemporaryDirectory directory;
  io::FaultyFileSystem files{io::real_file_system()};
  std::unique_ptr<LogWriter> writer;
  std::unique_ptr<Log> log;
};

std::unique_ptr<Shared> shared;

void set_up(const benchmark::State&) { shared = std::make_unique<Shared>(); }
void tear_down(const benchmark::State&) { shared.reset(); }

void durable_append(benchmark::State& state) {
  NewRecord record;
  record.payload.resize(static_cast<std::size_t>(state.range(0)));
  std::binary_semaphore done(0);
  for (auto _ : state) {
    const auto sequence = shared->log->append(record, [&](const Result<void>&) { done.release(); });
    if (!sequence.ok()) {
      state.SkipWithError(sequence.error().message().c_str());
      break;
    }
    done.acquire();
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * state.range(0));
  if (state.thread_index() == 0) {
    const double syncs = static_cast<double>(shared->files.count(io::CallKind::kSync));
    state.counters["syncs"] = syncs;
    state.counters["log_bytes_per_sync"] = static_cast<double>(shared->log->size_bytes()) / syncs;
  }
}

}  // namespace

BENCHMARK(durable_append)
    ->Setup(set_up)
    ->Teardown(tear_down)
    ->ArgName("payload_bytes")
    ->Arg(600)
    ->Arg(60000)
    ->Threads(1)
    ->Threads(64)
    ->UseRealTime();

BENCHMARK_MAIN();
