// A disk that fails makes errors, never false promises (goal G3).
#include "crash/fault_sweep.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/log_capture.h"
#include "base/test_env.h"
#include "crash/scripts.h"

namespace jade::crash {
namespace {

class FaultSweep : public testing::TestWithParam<NamedScript> {};

TEST_P(FaultSweep, NeverMakesAFalsePromise) {
  const LogCapture quiet;
  const FaultSweepOptions options{.script = std::string(GetParam().text), .seed = test_seed(1), .ways = test_scale(2)};
  const FaultSweepReport report = fail_every_call(options);
  std::cout << "fault sweep: " << report.runs << " runs, " << report.sites << " sites\n";
  EXPECT_TRUE(report.findings.empty()) << "JADE_TEST_SEED=" << options.seed << "\nscript: " << options.script
                                       << joined(report.findings);
}

INSTANTIATE_TEST_SUITE_P(
    Scripts, FaultSweep,
    testing::Values(NamedScript{"Rows", "create a; put a 1-3; delete a 2; text a 1"},
                    NamedScript{"Batches", "create a/2; batch a 1-6; fresh a 4-9; burst a 1-6"},
                    NamedScript{"Reopen", "create a; put a 1-2; reopen; put a 2-3; reopen; delete a 1"},
                    NamedScript{"Drop", "create a; create b; put a 1; put b 1; drop a; put b 2; create a; reopen"},
                    NamedScript{"Graph", "graph a/2; mixed a 1-8; reopen; mixed a 1-8; drop a; reopen"}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace jade::crash
