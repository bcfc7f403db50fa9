#include <algorithm>
#include <array>
#include <cstdio>

#include "base/clock.h"
#include "base/logging.h"
#include "base/thread.h"
#include "cli/commands.h"
#include "engine/machine.h"
#include "io/file_system.h"
#include "server/server.h"

namespace jade::cli {
namespace {

constexpr std::uint64_t kLowSpaceBytes = std::uint64_t{1} << 30;
constexpr double kSlowSyncMs = 50;

/// Prints findings and remembers whether one of them stops a start.
class Report {
 public:
  void good(const std::string& what) { line("ok  ", what); }
  void doubtful(const std::string& what) { line("warn", what); }
  void bad(const std::string& what) {
    line("FAIL", what);
    failed_ = true;
  }
  int status() const { return failed_ ? 1 : 0; }

 private:
  static void line(const char* mark, const std::string& what) { std::printf("%s  %s\n", mark, what.c_str()); }
  bool failed_ = false;
};

void look_at_machine(Report& report, std::uint64_t configured_budget) {
  io::FileSystem& files = io::real_file_system();
  const std::string target = engine::kernel_target();
  const std::string cores = std::to_string(hardware_threads()) + " cores, distance kernels for " + target;
  if (target == "portable") {
    report.doubtful(cores + ": searches are several times slower than with AVX2 or AVX-512");
  } else {
    report.good(cores);
  }
  const std::uint64_t whole = engine::default_memory_budget(files);
  const std::uint64_t budget = configured_budget == 0 ? whole : configured_budget;
  const std::string text = "memory budget " + server::format_bytes(budget >> 20 << 20);
  if (budget > whole / 7 * 10) {
    report.doubtful(text + " is more than the machine or the control group has");
  } else {
    report.good(text);
  }
}

/// The median time of a small write with its sync, in milliseconds.
Result<double> measure_sync(io::FileSystem& files, const std::string& directory) {
  const std::string path = io::join_path(directory, "doctor.tmp");
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, files.open(path, io::OpenMode::kCreate));
  std::array<std::byte, 4096> page{};
  std::array<double, 9> took{};
  Result<void> outcome;
  for (std::size_t i = 0; i < took.size() && outcome.ok(); ++i) {
    const SteadyTime began = system_clock().steady_now();
    outcome = file->write_at(i * page.size(), page);
    if (outcome.ok()) outcome = file->sync();
    took[i] = std::chrono::duration<double, std::milli>(system_clock().steady_now() - began).count();
  }
  JADE_RETURN_IF_ERROR(files.remove(path));
  JADE_RETURN_IF_ERROR(std::move(outcome));
  std::ranges::sort(took);
  return took[took.size() / 2];
}

void look_at_directory(Report& report, const std::string& directory) {
  io::FileSystem& files = io::real_file_system();
  const auto found = files.stat(directory);
  if (found.ok() && !found->has_value()) {
    report.good("data directory " + directory + " does not exist yet; the first start makes it");
    return;
  }
  const auto lock = files.lock(io::join_path(directory, "LOCK"), "doctor");
  if (!lock.ok()) {
    report.bad("data directory " + directory + ": " + lock.error().message());
    return;
  }
  const auto space = files.space(directory);
  if (space.ok() && space->available_bytes < kLowSpaceBytes) {
    report.doubtful("less than 1 GiB is free where the data directory is");
  }
  const auto sync = measure_sync(files, directory);
  if (!sync.ok()) {
    report.bad("data directory " + directory + " takes no writes: " + sync.error().message());
    return;
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.2f ms", *sync);
  const std::string what = "data directory " + directory + ": a synced write takes " + text.data();
  if (*sync > kSlowSyncMs) {
    report.doubtful(what + ", so every acknowledged write does");
  } else {
    report.good(what);
  }
}

/// Says whether the server could listen where it is told to.
void look_at_address(Report& report, const server::Config& config) {
  const Result<void> free = server::try_listen(config.listen);
  if (free.ok()) {
    report.good("can listen on " + config.listen);
  } else {
    report.bad(free.error().message());
  }
}

}  // namespace

int doctor(const server::ConfigSources& sources) {
  Report report;
  const auto loaded = server::load_config(sources, io::real_file_system());
  if (!loaded.ok()) {
    report.bad("configuration: " + loaded.error().message());
    return report.status();
  }
  report.good("configuration");
  look_at_machine(report, loaded->config.memory_budget);
  look_at_directory(report, loaded->config.data_directory);
  look_at_address(report, loaded->config);
  return report.status();
}

}  // namespace jade::cli
