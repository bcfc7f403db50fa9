// Every configuration agrees with a map (goal G6).
#include "crash/model.h"

#include <gtest/gtest.h>

#include <iostream>

#include "base/log_capture.h"
#include "base/test_env.h"

namespace jade::crash {
namespace {

class Model : public testing::TestWithParam<ModelConfiguration> {};

TEST_P(Model, AgreesInEverything) {
  const LogCapture quiet;
  const ModelOptions options{
      .configuration = GetParam(), .seed = test_seed(1), .operations = test_scale(GetParam().operations)};
  const ModelReport report = compare_with_model(options);
  std::cout << "model: " << report.operations << " operations";
  if (report.approximate_hits_wanted > 0) {
    const double recall =
        static_cast<double>(report.approximate_hits) / static_cast<double>(report.approximate_hits_wanted);
    std::cout << ", recall " << recall;
    // Each search explores at least 64 of some thousand rows; few of the nearest are missed at that.
    EXPECT_GE(recall, 0.95);
  }
  std::cout << '\n';
  EXPECT_TRUE(report.findings.empty()) << "JADE_TEST_SEED=" << options.seed << joined(report.findings);
}

INSTANTIATE_TEST_SUITE_P(
    Configurations, Model,
    testing::Values(
        ModelConfiguration{.name = "FlatEuclidean"},
        ModelConfiguration{.name = "FlatCosineWired", .metric = Metric::kCosine, .wired = true},
        ModelConfiguration{.name = "FlatDotShards", .num_shards = 4, .metric = Metric::kDot},
        ModelConfiguration{
            .name = "FlatManhattanRestarts", .metric = Metric::kManhattan, .reopen_every = 1, .operations = 5000},
        ModelConfiguration{
            .name = "GraphEuclidean", .index = IndexType::kHnsw, .ids = 2500, .loaded = 2000, .operations = 4000},
        ModelConfiguration{.name = "GraphCosineShardsWired",
                           .num_shards = 3,
                           .index = IndexType::kHnsw,
                           .metric = Metric::kCosine,
                           .wired = true,
                           .ids = 5000,
                           .loaded = 4500,
                           .operations = 2500},
        ModelConfiguration{.name = "GraphManhattanRestarts",
                           .num_shards = 4,
                           .index = IndexType::kHnsw,
                           .metric = Metric::kManhattan,
                           .reopen_every = 2,
                           .operations = 5000},
        ModelConfiguration{.name = "GraphDot",
                           .index = IndexType::kHnsw,
                           .metric = Metric::kDot,
                           .ids = 2500,
                           .loaded = 2000,
                           .operations = 4000},
        ModelConfiguration{.name = "AutoEuclideanShards", .num_shards = 4, .index = IndexType::kAuto},
        ModelConfiguration{.name = "AutoCosineWiredRestarts",
                           .index = IndexType::kAuto,
                           .metric = Metric::kCosine,
                           .wired = true,
                           .reopen_every = 3,
                           .operations = 5000}),
    [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace jade::crash
