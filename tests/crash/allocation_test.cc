// A worker that runs out of memory loses nothing that it was told (goal G4).
#include <gtest/gtest.h>

#include <iostream>

#include "base/log_capture.h"
#include "base/test_env.h"
#include "crash/supervisor.h"

namespace jade::crash {
namespace {

void print(const char* what, const std::map<std::string, std::size_t>& places) {
  for (const auto& [place, times] : places) std::cout << "  " << what << ' ' << times << " times: " << place << '\n';
}

void expect_nothing_lost(const AllocationOptions& options) {
  const LogCapture quiet;
  const AllocationReport report = fail_allocations(options);
  std::cout << "allocations: " << report.sites << " sites of " << report.allocations << "; " << report.survived
            << " times the worker ended as usual, " << report.died << " times it died, " << report.hung
            << " times it hung\n";
  print("died", report.died_in);
  print("hung", report.hung_in);
  EXPECT_TRUE(report.findings.empty()) << "JADE_TEST_SEED=" << options.seed << joined(report.findings);
  // Nothing of ours catches std::bad_alloc: README.md, known gaps. A process that dies of it is the worst that may be.
  // A pool that has no memory to keep a thread that it started waits for that thread, which nobody tells to end.
  const auto known = report.hung_in.find("jade::ThreadPool::start_threads");
  EXPECT_EQ(report.hung, known == report.hung_in.end() ? 0 : known->second);
}

TEST(AllocationFailures, LoseNothingThatWasAcknowledged) {
  expect_nothing_lost({.worker = JADE_CRASH_WORKER, .seed = test_seed(1), .sites = test_scale(500)});
}

// Who catches std::bad_alloc and writes on finds a log without a gap.
TEST(AllocationFailures, LoseNothingEvenIfTheCallerGoesOn) {
  expect_nothing_lost(
      {.worker = JADE_CRASH_WORKER, .seed = test_seed(1), .sites = test_scale(500), .variant = "goes_on"});
}

}  // namespace
}  // namespace jade::crash
