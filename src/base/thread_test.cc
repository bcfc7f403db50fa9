#include "base/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <utility>

#include "base/no_threads_left.h"

namespace jade {
namespace {

std::string own_name() {
  char name[16] = {};
  EXPECT_EQ(::pthread_getname_np(::pthread_self(), name, sizeof name), 0);
  return name;
}

TEST(Thread, RunsItsBodyUnderItsName) {
  std::string name;
  auto thread = Thread::start(ThreadKind::kCompute, "compute-0", [&name] { name = own_name(); });
  ASSERT_TRUE(thread.ok());
  ASSERT_TRUE(thread->joinable());
  thread->join();
  EXPECT_FALSE(thread->joinable());
  EXPECT_EQ(name, "compute-0");
}

TEST(Thread, CutsLongNames) {
  std::string name;
  Thread::start(ThreadKind::kNetwork, "a-name-of-twenty-one", [&name] { name = own_name(); }).value().join();
  EXPECT_EQ(name, "a-name-of-twent");
}

TEST(Thread, JoinsWhenDestroyed) {
  std::atomic<bool> ran{false};
  {
    auto thread = Thread::start(ThreadKind::kLogWriter, "log", [&ran] { ran = true; });
  }
  EXPECT_TRUE(ran);
}

TEST(Thread, JoinsTheOldOneWhenAssigned) {
  std::atomic<bool> ran{false};
  Thread thread = Thread::start(ThreadKind::kCompute, "first", [&ran] { ran = true; }).value();
  thread = Thread();
  EXPECT_TRUE(ran);
  EXPECT_FALSE(thread.joinable());
}

TEST(Thread, RunsNothingByDefault) { EXPECT_FALSE(Thread().joinable()); }

TEST(Thread, BackgroundYieldsToTheOthers) {
  const auto niceness = [] { return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())); };
  const int own = niceness();
  int compute = 0;
  int background = 0;
  int background_policy = SCHED_OTHER;
  Thread::start(ThreadKind::kCompute, "compute", [&] { compute = niceness(); }).value().join();
  Thread::start(ThreadKind::kBackground, "background",
                [&] {
                  background = niceness();
                  background_policy = ::sched_getscheduler(0);
                })
      .value()
      .join();
  EXPECT_EQ(compute, own);
  EXPECT_GE(background, own);
  EXPECT_TRUE(background > own || background_policy == SCHED_BATCH || own >= 10);
}

TEST(Thread, SaysWhenTheSystemHasNoneLeft) {
  const NoThreadsLeft none;
  const auto thread = Thread::start(ThreadKind::kCompute, "one-too-many", [] {});
  ASSERT_FALSE(thread.ok());
  EXPECT_EQ(thread.error().code(), ErrorCode::kInternal);
  EXPECT_NE(thread.error().message().find("one-too-many"), std::string::npos);
}

TEST(HardwareThreads, AreAtLeastOne) { EXPECT_GE(hardware_threads(), 1U); }

}  // namespace
}  // namespace jade
