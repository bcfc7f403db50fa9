#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace jade {
namespace {

// What the kernel keeps of a name, less the terminating zero (TASK_COMM_LEN).
constexpr std::size_t kNameBytesMax = 15;

// Of −20 .. 19: about a tenth of a normal thread's share when both want the same core.
constexpr int kBackgroundNice = 10;

// Gives way to other threads. A kernel that refuses leaves the thread at normal priority, which costs latency only.
void lower_own_priority() {
  const sched_param parameters{};
  static_cast<void>(::sched_setscheduler(0, SCHED_BATCH, &parameters));
  // On Linux a niceness belongs to a thread, and its id names it.
  static_cast<void>(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kBackgroundNice));
}

}  // namespace

Result<Thread> Thread::start(ThreadKind kind, std::string_view name, std::move_only_function<void()> body) {
  auto run = [kind, short_name = std::string(name.substr(0, kNameBytesMax)), body = std::move(body)]() mutable {
    static_cast<void>(::pthread_setname_np(::pthread_self(), short_name.c_str()));
    if (kind == ThreadKind::kBackground) lower_own_priority();
    body();
  };
  try {
    return Thread(std::jthread(std::move(run)));
  } catch (const std::system_error& failure) {
    return Error(ErrorCode::kInternal, std::string("cannot start thread ").append(name) + ": " + failure.what());
  }
}

std::size_t hardware_threads() { return std::max(std::size_t{std::thread::hardware_concurrency()}, std::size_t{1}); }

}  // namespace jade
