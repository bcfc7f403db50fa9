#include "crash/supervisor.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "crash/worker_events.h"
#include "io/temporary_directory.h"

namespace jade::crash {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr int kStartTimeoutMs = 60'000;

struct Orders {
  std::string program;
  std::string directory;
  std::uint64_t seed = 0;
  std::size_t lanes = 1;
  std::uint64_t writes = 0;
  std::string variant;
  std::uint64_t failing_allocation = 0;
  std::string errors_path;
};

/// A running worker and the pipe on which it reports. Killed at the end, at the latest.
class Worker {
 public:
  explicit Worker(const Orders& orders) {
    std::array<int, 2> ends{};
    JADE_CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0, "no pipe");
    (void)::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
    const std::vector<std::string> words = {orders.program,
                                            orders.directory,
                                            std::to_string(orders.seed),
                                            std::to_string(orders.lanes),
                                            std::to_string(orders.writes),
                                            orders.variant,
                                            std::to_string(orders.failing_allocation)};
    std::vector<char*> arguments;
    for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    pid_ = ::fork();
    JADE_CHECK(pid_ >= 0, "no process");
    if (pid_ == 0) {
      const int errors = ::open(orders.errors_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
      ::dup2(ends[1], STDOUT_FILENO);
      ::dup2(errors, STDERR_FILENO);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    pipe_ = ends[0];
  }
  ~Worker() {
    if (pid_ > 0) kill_now();
    ::close(pipe_);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  /// Waits until it has said something, or ended.
  void wait_for_word() const {
    pollfd poll{.fd = pipe_, .events = POLLIN, .revents = 0};
    (void)::poll(&poll, 1, kStartTimeoutMs);
  }

  /// True if it was still running.
  bool kill_now() {
    ::kill(pid_, SIGKILL);
    reap(0);
    return WIFSIGNALED(status_) && WTERMSIG(status_) == SIGKILL;
  }

  /// Waits for its end; false if that does not come in time.
  bool wait_for_end(std::chrono::milliseconds time) {
    const auto until = std::chrono::steady_clock::now() + time;
    while (!reap(WNOHANG)) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  }

  /// What it said, once it has ended.
  std::vector<Event> events() const {
    std::vector<Event> events;
    Event event;
    while (::read(pipe_, &event, sizeof event) == static_cast<ssize_t>(sizeof event)) events.push_back(event);
    return events;
  }
  int status() const { return status_; }

 private:
  bool reap(int options) {
    if (pid_ > 0 && ::waitpid(pid_, &status_, options) == pid_) pid_ = -1;
    return pid_ < 0;
  }

  pid_t pid_ = -1;
  int pipe_ = -1;
  int status_ = 0;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// The data directory, and what has to be in it.
class Site {
 public:
  Site() : errors_path_(directory_.path() + "/errors") { clear(); }

  /// A new directory with the empty databases a and b.
  void clear() {
    std::filesystem::remove_all(data());
    oracle_ = StoreOracle();
    engine::OpenedStore store(files_);
    for (const auto& [name, shards] : {std::pair{"a", 1U}, std::pair{"b", 4U}}) {
      oracle_.send_create(name, shards);
      oracle_.answer_create(name, store.create(name, crash_database_options(shards)));
    }
  }

  std::string data() const { return directory_.path() + "/data"; }
  const std::string& errors_path() const { return errors_path_; }

  void believe(const std::vector<Event>& events) {
    std::map<std::uint16_t, Sent> sent;
    const std::string extra(kExtraDatabase);
    for (const Event& event : events) {
      const bool succeeded = event.answer == Answer::kAcknowledged;
      switch (event.kind) {
        case EventKind::kSend:
          sent[event.lane] = oracle_.send(database_of(event), rows_of(event));
          ++writes;
          break;
        case EventKind::kAnswer:
          for (std::uint32_t i = 0; i <= event.last - event.first; ++i) {
            if ((event.refused_rows >> i & 1) == 0) continue;
            oracle_.refuse_row(sent[event.lane], rows_of(event)[i].id);
          }
          oracle_.answer(sent[event.lane], event.answer, event.version);
          if (succeeded) ++acknowledged;
          break;
        case EventKind::kSendCreate:
          oracle_.send_create(extra, 1);
          break;
        case EventKind::kAnswerCreate:
          if (succeeded) oracle_.answer_create(extra, DatabaseInfo());
          break;
        case EventKind::kSendDrop:
          oracle_.send_drop(extra);
          break;
        case EventKind::kAnswerDrop:
          if (succeeded) oracle_.answer_drop(extra, {});
          break;
        default:
          break;
      }
    }
  }

  Findings check() {
    engine::OpenedStore store(files_);
    return oracle_.check(store);
  }

  std::size_t writes = 0;
  std::size_t acknowledged = 0;

 private:
  /// The machine's files, with the directory "data" in a place of its own.
  class Below final : public io::FileSystem {
   public:
    explicit Below(std::string root) : root_(std::move(root)) {}
    Result<std::unique_ptr<io::File>> open(const std::string& path, io::OpenMode mode) override {
      return base_.open(in(path), mode);
    }
    Result<std::optional<io::FileStat>> stat(const std::string& path) override { return base_.stat(in(path)); }
    Result<void> rename(const std::string& from, const std::string& to) override {
      return base_.rename(in(from), in(to));
    }
    Result<void> remove(const std::string& path) override { return base_.remove(in(path)); }
    Result<void> create_directories(const std::string& path) override { return base_.create_directories(in(path)); }
    Result<std::vector<std::string>> list(const std::string& path) override { return base_.list(in(path)); }
    Result<void> sync_directory(const std::string& path) override { return base_.sync_directory(in(path)); }
    Result<std::unique_ptr<io::FileLock>> lock(const std::string& path, const std::string& owner) override {
      return base_.lock(in(path), owner);
    }
    Result<io::Space> space(const std::string& path) override { return base_.space(in(path)); }

   private:
    std::string in(const std::string& path) const { return io::join_path(root_, path); }

    io::FileSystem& base_ = io::real_file_system();
    const std::string root_;
  };

  io::TemporaryDirectory directory_;
  Below files_{directory_.path()};
  std::string errors_path_;
  StoreOracle oracle_;
};

/// The last things that a worker said, for a person.
std::string told(const std::vector<Event>& events) {
  constexpr std::size_t kEvents = 40;
  std::string text;
  for (std::size_t i = events.size() - std::min(events.size(), kEvents); i < events.size(); ++i) {
    const Event& event = events[i];
    text += "\n    event " + std::to_string(static_cast<int>(event.kind)) + " of lane " + std::to_string(event.lane);
    if (event.kind != EventKind::kSend && event.kind != EventKind::kAnswer) continue;
    text += ": " + database_of(event) + " rows " + std::to_string(event.first) + "-" + std::to_string(event.last) +
            " kind " + std::to_string(static_cast<int>(event.row_kind));
    if (event.kind == EventKind::kAnswer) {
      text += " answer " + std::to_string(static_cast<int>(event.answer)) + " version " + std::to_string(event.version);
    }
  }
  return text;
}

constexpr std::size_t kKillsInADirectory = 25;
constexpr std::size_t kAllocationsInADirectory = 10;
constexpr std::size_t kLanes = 3;
constexpr std::uint64_t kWritesOfAnAllocationRun = 20;
constexpr std::chrono::milliseconds kHangMs{20'000};

void sleep_us(std::uint64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }

/// The function of ours that asked for the memory, from the worker's stack.
std::string asker(const std::string& errors) {
  std::istringstream lines(errors);
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t open = line.find("(_Z");
    if (open == std::string::npos) continue;
    const std::string mangled = line.substr(open + 1, line.find_first_of("+)", open) - open - 1);
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> name(
        abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), &std::free);
    if (status != 0) continue;
    const std::string text = name.get();
    if (!text.starts_with("jade::") || text.starts_with("jade::crash::")) continue;
    return text.substr(0, text.find('('));
  }
  return "(none of ours)";
}

}  // namespace

SupervisorReport kill_workers(const SupervisorOptions& options) {
  SupervisorReport report;
  SeededRandom random(options.seed);
  Site site;
  while (report.kills < options.kills && report.findings.empty()) {
    if (report.kills % kKillsInADirectory == kKillsInADirectory - 1) site.clear();
    std::vector<Event> events;
    bool killed = false;
    {
      Worker worker({.program = options.worker,
                     .directory = site.data(),
                     .seed = options.seed * 1'000'000 + report.kills,
                     .lanes = kLanes,
                     .variant = options.variant,
                     .errors_path = site.errors_path()});
      if (random.next_below(4) == 0) {
        sleep_us(random.next_below(15'000));
      } else {
        worker.wait_for_word();
        sleep_us(random.next_below(30'000));
      }
      killed = worker.kill_now();
      events = worker.events();
    }
    if (!killed) report.findings.push_back("the worker ended by itself: " + text_of(site.errors_path()));
    if (events.empty()) ++report.kills_at_start;
    site.believe(events);
    ++report.kills;
    for (const std::string& finding : site.check()) {
      report.findings.push_back("after kill " + std::to_string(report.kills) + ": " + finding);
    }
    if (!report.findings.empty()) report.findings.push_back("the worker had said:" + told(events));
  }
  report.writes = site.writes;
  report.acknowledged = site.acknowledged;
  return report;
}

AllocationReport fail_allocations(const AllocationOptions& options) {
  AllocationReport report;
  SeededRandom random(options.seed);
  Site site;
  std::vector<Event> events;
  const auto run = [&](std::uint64_t failing) {
    Worker worker({.program = options.worker,
                   .directory = site.data(),
                   .seed = options.seed + report.sites,
                   .lanes = 1,
                   .writes = kWritesOfAnAllocationRun,
                   .variant = options.variant,
                   .failing_allocation = failing,
                   .errors_path = site.errors_path()});
    const bool ended = worker.wait_for_end(kHangMs);
    if (!ended) (void)worker.kill_now();
    events = worker.events();
    site.believe(events);
    if (!events.empty() && events.back().kind == EventKind::kDone && failing == 0) {
      report.allocations = events.back().version;
    }
    if (failing == 0) return;
    const int status = worker.status();
    const bool as_usual = ended && WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 2);
    if (as_usual) {
      ++report.survived;
    } else if (!ended) {
      ++report.hung;
      ++report.hung_in[asker(text_of(site.errors_path()))];
    } else {
      ++report.died;
      ++report.died_in[asker(text_of(site.errors_path()))];
    }
  };
  run(0);
  if (report.allocations == 0) report.findings.push_back("the worker fails even where no allocation does");
  for (; report.sites < options.sites && report.findings.empty(); ++report.sites) {
    if (report.sites % kAllocationsInADirectory == 0) site.clear();
    const std::uint64_t failing = 1 + random.next_below(report.allocations);
    run(failing);
    for (const std::string& finding : site.check()) {
      report.findings.push_back("after allocation " + std::to_string(failing) + " failed, which " +
                                asker(text_of(site.errors_path())) + " had asked for: " + finding);
    }
    if (!report.findings.empty()) report.findings.push_back("the worker had said:" + told(events));
  }
  return report;
}

}  // namespace jade::crash
