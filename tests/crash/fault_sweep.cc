#include "crash/fault_sweep.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace jade::crash {
namespace {

constexpr std::uint64_t kSerialAfterFault = 100'000;

io::Fault fault_of(std::size_t call, std::size_t way) {
  io::Fault fault{.nth = call, .for_good = way % 2 == 1};
  switch (static_cast<FaultWay>(way / 2 % kFaultWays)) {
    case FaultWay::kIoError:
      fault.errno_value = EIO;
      break;
    case FaultWay::kNoSpace:
      fault.errno_value = ENOSPC;
      break;
    case FaultWay::kInterrupted:
      fault.errno_value = EINTR;
      break;
    case FaultWay::kShortWrite:
      fault.errno_value = ENOSPC;
      fault.short_bytes = 100;
      break;
  }
  return fault;
}

std::string name_of(const io::Fault& fault) {
  return "call " + std::to_string(fault.nth) + " failed " + (fault.for_good ? "for good" : "once") + " with errno " +
         std::to_string(fault.errno_value) + (fault.short_bytes > 0 ? " after some bytes" : "");
}

class Run {
 public:
  Run(const std::string& script, const Sabotage& sabotage) : script_(script), sabotage_(sabotage) {}

  /// Plays the script while `fault`, if any, is set. The number of calls that it made.
  std::size_t play(const std::optional<io::Fault>& fault) {
    io::FaultyFileSystem files(disk_);
    if (fault) files.set_fault(*fault);
    {
      ScriptPlayer player(
          {.files = files, .oracle = oracle_, .oracle_mutex = mutex_, .errors_expected = fault.has_value()}, sabotage_);
      for (const Step& step : parse_script(script_)) player.play(step);
      add(player.findings());
    }
    struck_ = files.failures() > 0;
    const std::vector<io::Call> calls = files.calls();
    if (fault && calls.size() >= fault->nth) failed_ = calls[fault->nth - 1];
    return calls.size();
  }

  /// What is left holds what was promised, and takes writes.
  void look_at_what_is_left() {
    look(disk_, true);
    // The name of a directory that could not be synced once is never brought to this disk, whatever is synced later; a
    // store finds its own directory there and cannot know.
    if (failed_.kind == io::CallKind::kSyncDirectory && !failed_.path.contains('/')) return;
    SeededRandom random(1);
    const auto left = disk_.clone();
    left->crash(random, {.bytes = io::CrashFate::kDropped, .entries = io::CrashFate::kDropped});
    look(*left, false);
  }

  bool struck() const { return struck_; }
  /// The call that failed first.
  const io::Call& failed() const { return failed_; }
  const Findings& findings() const { return findings_; }

 private:
  void look(io::MemoryFileSystem& disk, bool writes) {
    SabotagedStore store(disk, sabotage_);
    const MutexLock lock(mutex_);
    add(oracle_.check(*store));
    if (!writes) return;
    std::uint64_t serial = kSerialAfterFault;
    for (const std::string& name : oracle_.names()) {
      if (oracle_.presence(name) != StoreOracle::Presence::kThere) continue;
      const RowWrite row{.kind = RowKind::kPut, .id = "1", .vectors = vectors_of(++serial), .metadata = {}};
      const Sent sent = oracle_.send(name, {row});
      const auto receipt = store->write(name, {.id = row.id, .vectors = named(row.vectors), .metadata = {}});
      if (!receipt.ok()) add({"a write after the fault fails: " + receipt.error().message()});
      oracle_.answer(sent, receipt, receipt.ok() ? receipt->version : 0);
    }
  }
  void add(const Findings& findings) { findings_.insert(findings_.end(), findings.begin(), findings.end()); }

  const std::string& script_;
  const Sabotage& sabotage_;
  io::MemoryFileSystem disk_;
  StoreOracle oracle_;
  Mutex mutex_;
  bool struck_ = false;
  io::Call failed_;
  Findings findings_;
};

}  // namespace

FaultSweepReport fail_every_call(const FaultSweepOptions& options, const Sabotage& sabotage) {
  FaultSweepReport report;
  {
    Run run(options.script, sabotage);
    report.sites = run.play(std::nullopt);
    report.findings = run.findings();
  }
  constexpr std::size_t kWays = 2 * kFaultWays;
  for (std::size_t call = 1; call <= report.sites && report.findings.empty(); ++call) {
    for (std::size_t i = 0; i < std::min(options.ways, kWays) && report.findings.empty(); ++i) {
      // Five and eight have no common divisor: every way has its turn.
      const io::Fault fault = fault_of(call, (options.seed + call * 5 + i) % kWays);
      Run run(options.script, sabotage);
      run.play(fault);
      // Threads may make fewer calls this time.
      if (!run.struck()) continue;
      run.look_at_what_is_left();
      ++report.runs;
      const std::string where = name_of(fault) + ", " + std::string(io::call_kind_name(run.failed().kind)) + " of " +
                                run.failed().path + ": ";
      for (const std::string& finding : run.findings()) report.findings.push_back(where + finding);
    }
  }
  return report;
}

}  // namespace jade::crash
