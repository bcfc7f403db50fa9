// What a process had been told is there after it was killed (goal G1).
#include "crash/supervisor.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/log_capture.h"
#include "base/test_env.h"

namespace jade::crash {
namespace {

TEST(Supervisor, FindsEverythingThatAKilledWorkerWasTold) {
  const LogCapture quiet;
  const SupervisorOptions options{.worker = JADE_CRASH_WORKER, .seed = test_seed(1), .kills = test_scale(200)};
  const SupervisorReport report = kill_workers(options);
  std::cout << "supervisor: " << report.kills << " kills (" << report.kills_at_start << " while opening), "
            << report.writes << " writes sent, " << report.acknowledged << " acknowledged\n";
  EXPECT_TRUE(report.findings.empty()) << "JADE_TEST_SEED=" << options.seed << joined(report.findings);
  EXPECT_GT(report.acknowledged, report.kills);
}

}  // namespace
}  // namespace jade::crash
