#include <signal.h>

#include <cerrno>
#include <cstdio>

#include "base/logging.h"
#include "cli/commands.h"
#include "io/file_system.h"
#include "jade/version.h"
#include "server/server.h"

namespace jade::cli {
namespace {

/// SIGINT and SIGTERM, blocked for every thread that is started later, so that one thread can wait for them.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

/// Waits until a signal comes, or until the server can no longer do its work. The signal, or 0.
int wait_for_stop(const sigset_t& signals, const server::Server& server) {
  constexpr timespec kHalfASecond{0, 500'000'000};
  while (server.load_failure().empty()) {
    const int signal = sigtimedwait(&signals, nullptr, &kHalfASecond);
    if (signal > 0) return signal;
  }
  return 0;
}

void set_up_logging(const server::Config& config) {
  // Both names were checked when the configuration was loaded.
  if (const auto level = log_level_from_name(config.log_level)) default_logger().set_level(*level);
  if (const auto format = log_format_from_name(config.log_format)) default_logger().set_format(*format);
}

}  // namespace

int serve(const server::ConfigSources& sources) {
  const auto loaded = server::load_config(sources, io::real_file_system());
  if (!loaded.ok()) return fail(loaded.error());
  set_up_logging(loaded->config);
  const sigset_t signals = block_stop_signals();
  // A client that goes away while it is written to is an error of that write, not the end of the process.
  signal(SIGPIPE, SIG_IGN);
  const auto server = server::Server::start(loaded->config);
  if (!server.ok()) return fail(server.error());
  log_info("listening",
           {{"port", (*server)->port()}, {"data_directory", loaded->config.data_directory}, {"version", kVersion}});
  const int stop_signal = wait_for_stop(signals, **server);
  log_info("stopping", {{"signal", stop_signal}});
  const std::string load_failure = (*server)->load_failure();
  if (const Result<void> stopped = (*server)->stop(); !stopped.ok()) return fail(stopped.error());
  if (!load_failure.empty()) return fail(Error(ErrorCode::kDataCorrupted, load_failure));
  log_info("stopped");
  return 0;
}

int print_openapi() {
  const auto text = server::openapi_text();
  if (!text.ok()) return fail(text.error());
  std::fputs(text->c_str(), stdout);
  return 0;
}

int print_version() {
  std::printf("jade-db %s\n", kVersion);
  return 0;
}

}  // namespace jade::cli
