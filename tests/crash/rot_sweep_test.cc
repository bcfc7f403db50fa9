// Damage is an error that says where, or nothing that anybody reads; it is never an answer (goals G5, G22).
#include "crash/rot_sweep.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/log_capture.h"
#include "base/test_env.h"
#include "crash/scripts.h"

namespace jade::crash {
namespace {

class RotSweep : public testing::TestWithParam<NamedScript> {};

TEST_P(RotSweep, NeverGivesAWrongAnswer) {
  const LogCapture quiet;
  const RotOptions options{.script = std::string(GetParam().text), .seed = test_seed(1), .damages = test_scale(700)};
  const RotReport report = damage_files(options);
  std::cout << "rot sweep: " << report.damages << " damages\n";
  for (const auto& [file, tally] : report.by_file) {
    std::cout << "  " << file << ": " << tally.noticed << " noticed, " << tally.harmless << " harmless, " << tally.cut
              << " cut the end of the log\n";
  }
  EXPECT_TRUE(report.findings.empty()) << "JADE_TEST_SEED=" << options.seed << "\nscript: " << options.script
                                       << joined(report.findings);
}

// Databases of one shard, and steps of one write: so that every state that once was is known.
INSTANTIATE_TEST_SUITE_P(
    Scripts, RotSweep,
    testing::Values(
        NamedScript{"ThreeDatabases",
                    "create a; create b; graph c; put a 1; put a 2; put b 1; batch c 1-9; put a 3; delete a 1; "
                    "text b 1; update a 2; atomic b 2-8; delete c 3; put a 5; put b 3"},
        NamedScript{"Reopened",
                    "create a; create b; put a 1; put b 1; reopen; put a 2; batch b 2-9; reopen; delete a 1; put "
                    "b 3; reopen; text a 2; put b 11"},
        NamedScript{"Recovered",
                    "create a; create b; create d; batch a 1-5; drop d; put b 1; put a 3; delete a 4; put b 2; "
                    "batch b 5-30; batch a 5-30; reopen; delete b 7"}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace jade::crash
