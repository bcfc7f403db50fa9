#include "crash/power_loss.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

namespace jade::crash {
namespace {

/// A disk, and what had been promised by then.
struct Moment {
  std::unique_ptr<io::MemoryFileSystem> disk;
  StoreOracle oracle;
  std::string where;
};

bool changes_the_disk(io::CallKind kind) {
  switch (kind) {
    case io::CallKind::kRead:
    case io::CallKind::kSize:
    case io::CallKind::kStat:
    case io::CallKind::kList:
    case io::CallKind::kSpace:
    case io::CallKind::kMap:
      return false;
    default:
      return true;
  }
}

/// A disk whose every state is kept, and a player whose every step is noted.
class Theatre {
 public:
  Theatre(std::unique_ptr<io::MemoryFileSystem> disk, StoreOracle oracle, const Sabotage& sabotage,
          std::uint64_t first_serial, bool records)
      : disk_(std::move(disk)), oracle_(std::move(oracle)), sabotage_(sabotage), serial_(first_serial) {
    records_ = records;
    set_stage();
  }
  ~Theatre() {
    player_.reset();
    files_->set_hook({});
  }

  void play(const std::string& script) {
    const std::vector<Step> steps = parse_script(script);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      begin_step(std::to_string(i + 1) + " (" + steps[i].verb + " " + steps[i].database + ")");
      if (steps[i].verb == "kill") {
        kill();
      } else {
        player_->play(steps[i]);
      }
    }
    begin_step("the end");
    record("the last");
    player_->check();
  }

  void check() {
    player_->open();
    player_->check();
  }
  /// As if the process had died: the operating system has what it was given.
  void kill() { lose({.bytes = io::CrashFate::kKept, .entries = io::CrashFate::kKept}); }
  /// Everything that was not synced is gone.
  void cut_power() { lose({.bytes = io::CrashFate::kDropped, .entries = io::CrashFate::kDropped}); }

  std::vector<Moment> take_moments() {
    const MutexLock lock(mutex_);
    return std::move(moments_);
  }
  Findings take_findings() {
    add(player_->findings());
    return std::move(findings_);
  }
  std::vector<std::string> names() const { return oracle_.names(); }

 private:
  void set_stage() {
    files_ = std::make_unique<io::FaultyFileSystem>(*disk_);
    if (records_) {
      files_->set_hook([this](const io::Call& call) { record_before(call); });
    }
    player_ = std::make_unique<ScriptPlayer>(
        ScriptPlayer::Stage{.files = *files_, .oracle = oracle_, .oracle_mutex = mutex_, .first_serial = serial_},
        sabotage_);
  }

  void lose(const io::CrashOptions& fate) {
    std::unique_ptr<io::MemoryFileSystem> left;
    {
      const MutexLock lock(mutex_);
      left = disk_->clone();
    }
    SeededRandom random(1);
    left->crash(random, fate);
    // What the old process does from here on nobody sees.
    silent_ = true;
    add(player_->findings());
    serial_ = player_->next_serial();
    player_.reset();
    silent_ = false;
    files_.reset();
    disk_ = std::move(left);
    set_stage();
    check();
  }

  void begin_step(std::string step) {
    const MutexLock lock(mutex_);
    step_ = std::move(step);
  }
  /// Before a call of any of the store's threads.
  void record_before(const io::Call& call) {
    if (silent_) return;
    const MutexLock lock(mutex_);
    if (dirty_ || oracle_.revision() != revision_) {
      add_moment("before " + std::string(io::call_kind_name(call.kind)) + " of " + call.path);
    }
    dirty_ = changes_the_disk(call.kind);
  }
  void record(const std::string& where) {
    if (!records_) return;
    const MutexLock lock(mutex_);
    add_moment(where);
  }
  // Under the oracle's mutex: nothing is sent or answered between the two copies.
  void add_moment(const std::string& where) JADE_REQUIRES(mutex_) {
    revision_ = oracle_.revision();
    moments_.push_back({disk_->clone(), oracle_, "step " + step_ + ", " + where});
  }
  void add(const Findings& findings) { findings_.insert(findings_.end(), findings.begin(), findings.end()); }

  std::unique_ptr<io::MemoryFileSystem> disk_;
  std::unique_ptr<io::FaultyFileSystem> files_;
  Mutex mutex_;
  StoreOracle oracle_;
  const Sabotage& sabotage_;
  std::uint64_t serial_;
  bool records_ = false;
  std::atomic<bool> silent_ = false;
  bool dirty_ JADE_GUARDED_BY(mutex_) = true;
  std::uint64_t revision_ JADE_GUARDED_BY(mutex_) = 0;
  std::string step_ JADE_GUARDED_BY(mutex_);
  std::unique_ptr<ScriptPlayer> player_;
  std::vector<Moment> moments_ JADE_GUARDED_BY(mutex_);
  Findings findings_;
};

/// Rows that are written after a recovery have contents that no script reaches.
constexpr std::uint64_t kSerialAfterRecovery = 100'000;

std::string script_to_go_on(const StoreOracle& oracle) {
  std::string script;
  for (const std::string& name : oracle.names()) {
    script += "put " + name + " 1; delete " + name + " 2; batch " + name + " 3-6; ";
  }
  return script + "create z; put z 1";
}

io::CrashOptions fate_of(std::size_t number) {
  // Most are random in all ways; some are the extremes, which find most mistakes at once.
  switch (number % 8) {
    case 3:
      return {.bytes = io::CrashFate::kDropped, .entries = io::CrashFate::kDropped};
    case 6:
      return {.bytes = io::CrashFate::kKept, .entries = io::CrashFate::kKept};
    default:
      return {.foreign_bytes = number % 2 == 0};
  }
}

/// Opens what the power cut left, compares, goes on, cuts the power, compares. The moments of all that, if asked for.
std::vector<Moment> survive(std::unique_ptr<io::MemoryFileSystem> disk, const StoreOracle& oracle,
                            const Sabotage& sabotage, bool records, Findings& findings) {
  Theatre after(std::move(disk), oracle, sabotage, kSerialAfterRecovery, records);
  after.check();
  after.play(script_to_go_on(oracle));
  after.cut_power();
  const Findings found = after.take_findings();
  findings.insert(findings.end(), found.begin(), found.end());
  return after.take_moments();
}

}  // namespace

PowerLossReport cut_power_everywhere(const PowerLossOptions& options, const Sabotage& sabotage) {
  PowerLossReport report;
  SeededRandom random(options.seed);
  std::vector<Moment> moments;
  {
    auto disk = std::make_unique<io::MemoryFileSystem>();
    Theatre theatre(std::move(disk), {}, sabotage, 1, true);
    theatre.play(options.script);
    report.findings = theatre.take_findings();
    moments = theatre.take_moments();
  }
  report.moments = moments.size();
  const auto look_at = [&](const Moment& at, bool records) {
    auto disk = at.disk->clone();
    disk->crash(random, fate_of(report.states));
    Findings here;
    std::vector<Moment> later = survive(std::move(disk), at.oracle, sabotage, records, here);
    for (const std::string& finding : here) report.findings.push_back(at.where + ": " + finding);
    ++report.states;
    return later;
  };
  for (const Moment& moment : moments) {
    for (std::size_t fate = 0; fate < options.fates; ++fate) {
      if (!report.findings.empty()) return report;
      const bool twice = options.recovery_every != 0 && report.states % options.recovery_every == 0;
      const std::vector<Moment> later = look_at(moment, twice);
      if (later.empty()) continue;
      // One moment of the recovery, or of what came after it.
      (void)look_at(later[random.next_below(later.size())], false);
    }
  }
  return report;
}

}  // namespace jade::crash
