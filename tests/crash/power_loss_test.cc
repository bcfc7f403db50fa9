// What was acknowledged survives every power cut that we can think of (goal G2).
#include "crash/power_loss.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/log_capture.h"
#include "base/test_env.h"
#include "crash/scripts.h"

namespace jade::crash {
namespace {

class PowerLoss : public testing::TestWithParam<NamedScript> {};

void expect_nothing_lost(const PowerLossOptions& options) {
  const LogCapture quiet;
  const PowerLossReport report = cut_power_everywhere(options);
  std::cout << "power loss: " << report.states << " states of " << report.moments << " moments\n";
  EXPECT_TRUE(report.findings.empty()) << "JADE_TEST_SEED=" << options.seed << "\nscript: " << options.script
                                       << joined(report.findings);
}

TEST_P(PowerLoss, KeepsWhatWasAcknowledged) {
  expect_nothing_lost(
      {.script = std::string(GetParam().text), .seed = test_seed(1), .fates = test_scale(4), .recovery_every = 10});
}

INSTANTIATE_TEST_SUITE_P(Scripts, PowerLoss, testing::ValuesIn(kScripts),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(PowerLossOfRandomScripts, KeepsWhatWasAcknowledged) {
  const std::uint64_t first_seed = test_seed(1000);
  for (std::uint64_t seed = first_seed; seed < first_seed + test_scale(20) && !testing::Test::HasFailure(); ++seed) {
    SeededRandom random(seed);
    expect_nothing_lost({.script = random_script(random, 12), .seed = seed, .recovery_every = 10});
  }
}

}  // namespace
}  // namespace jade::crash
