// Tests of the tests: each checker catches each store that is broken in a way that it is there to catch (goal G29).
//
// Of the segments to come: a tombstone that is lost in a merge, inputs of a merge that go before its output is durable,
// a watermark or a flushed position that is too high. Each becomes a row here with the code that it breaks.
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/log_capture.h"
#include "base/test_env.h"
#include "crash/fault_sweep.h"
#include "crash/model.h"
#include "crash/power_loss.h"
#include "crash/rot_sweep.h"
#include "crash/sabotage.h"
#include "crash/supervisor.h"

namespace jade::crash {
namespace {

struct BrokenVariant {
  std::string name;
  std::function<Findings()> check;
};

BrokenVariant in_power_loss(std::string name, const Sabotage& sabotage, std::string script) {
  return {.name = "PowerLoss" + std::move(name), .check = [=] {
            return cut_power_everywhere({.script = script, .seed = test_seed(1), .fates = 16, .recovery_every = 5},
                                        sabotage)
                .findings;
          }};
}

BrokenVariant in_fault_sweep(std::string name, const Sabotage& sabotage, std::string script) {
  return {.name = "FaultSweep" + std::move(name), .check = [=] {
            return fail_every_call({.script = script, .seed = test_seed(1), .ways = 2}, sabotage).findings;
          }};
}

BrokenVariant in_rot_sweep(std::string name, const Sabotage& sabotage, bool damages_a_neighbour) {
  return {.name = "RotSweep" + std::move(name), .check = [=] {
            return damage_files({.script = "create a; create b; put a 1-5; put b 1-5",
                                 .seed = test_seed(1),
                                 .damages = 200,
                                 .damages_a_neighbour = damages_a_neighbour},
                                sabotage)
                .findings;
          }};
}

BrokenVariant in_model(std::string name, const Sabotage& sabotage) {
  return {.name = "Model" + std::move(name), .check = [=] {
            return compare_with_model(
                       {.configuration = {.name = {}, .reopen_every = 20}, .seed = test_seed(1), .operations = 2000},
                       sabotage)
                .findings;
          }};
}

BrokenVariant in_supervisor(std::string name, std::string variant) {
  return {.name = "Supervisor" + std::move(name), .check = [=] {
            return kill_workers({.worker = JADE_CRASH_WORKER, .seed = test_seed(1), .kills = 200, .variant = variant})
                .findings;
          }};
}

BrokenVariant in_allocations(std::string name, std::string variant) {
  return {
      .name = "Allocations" + std::move(name), .check = [=] {
        return fail_allocations({.worker = JADE_CRASH_WORKER, .seed = test_seed(1), .sites = 500, .variant = variant})
            .findings;
      }};
}

std::vector<BrokenVariant> broken_variants() {
  return {
      in_power_loss("LogNotSynced", forgets_sync("/log/"), "create a; put a 1-3"),
      in_power_loss("ManifestNotSynced", forgets_sync("manifest"), "create a; put a 1"),
      in_power_loss("ControlStoreNotSynced", forgets_sync("meta.sqlite"), "create a; put a 1"),
      in_power_loss("NoDirectorySynced", forgets_directory_sync(""), "create a; put a 1"),
      in_power_loss("LogDirectoryNotSynced", forgets_directory_sync("/log"), "create a; put a 1; kill; put a 2"),
      in_power_loss("DatabasesDirectoryNotSynced", forgets_directory_sync("data/databases"), "create a; put a 1"),
      in_power_loss("NamedBeforeSynced", names_before_sync(), "create a; put a 1; kill; put a 2"),
      in_power_loss("RemovedBeforeReplaced", removes_before_replacing(), "create a; put a 1; kill; put a 2; kill"),
      in_power_loss("BatchAcknowledgedEarly", acknowledges_early(), "create a; batch a 1-4; batch a 5-8"),
      in_power_loss("BatchSplit", splits_batches(), "create a; batch a 1-4; batch a 1-4"),
      in_power_loss("RowOfBatchLost", loses_a_row_of_a_batch(), "create a; batch a 1-4"),
      in_power_loss("DeletedRowBack", resurrects_deleted_rows(), "create a; put a 1-2; delete a 1; put a 3"),
      in_power_loss("MetadataOfUpdateLost", loses_metadata_of_updates(), "create a; put a 1-2; text a 1"),
      in_power_loss("WrongVersion", answers_wrong_versions(), "create a; put a 1"),
      in_power_loss("HitLost", loses_a_hit(), "create a; put a 1-3"),
      in_power_loss("DamageServed", serves_damage(), "create a; put a 1-3"),
      in_fault_sweep("ErrorsIgnored", ignores_errors(), "create a; put a 1-3; delete a 2"),
      in_fault_sweep("BatchAcknowledgedEarly", acknowledges_early(), "create a; batch a 1-4; batch a 5-8"),
      in_fault_sweep("WrongVersion", answers_wrong_versions(), "create a; put a 1"),
      in_rot_sweep("DamageServed", serves_damage(), false),
      in_rot_sweep("NeighbourDamaged", {}, true),
      in_model("RowOfBatchLost", loses_a_row_of_a_batch()),
      in_model("DeletedRowBack", resurrects_deleted_rows()),
      in_model("MetadataOfUpdateLost", loses_metadata_of_updates()),
      in_model("WrongVersion", answers_wrong_versions()),
      in_model("HitLost", loses_a_hit()),
      in_model("WrongDistance", answers_wrong_distances()),
      in_supervisor("AcknowledgedEarly", "acknowledges_early"),
      in_supervisor("WrongVersion", "wrong_version"),
      in_supervisor("SaysRefused", "says_refused"),
      in_supervisor("DeletedRowBack", "resurrects"),
      in_supervisor("WritesUnasked", "writes_unasked"),
      in_allocations("AcknowledgedEarly", "acknowledges_early"),
      in_allocations("DeletedRowBack", "resurrects"),
  };
}

class BrokenVariants : public testing::TestWithParam<BrokenVariant> {};

TEST_P(BrokenVariants, AreCaught) {
  const LogCapture quiet;
  const Findings findings = GetParam().check();
  ASSERT_FALSE(findings.empty());
  std::cout << "caught by: " << findings.front() << '\n';
}

void PrintTo(const BrokenVariant& variant, std::ostream* out) { *out << variant.name; }

INSTANTIATE_TEST_SUITE_P(Table, BrokenVariants, testing::ValuesIn(broken_variants()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace jade::crash
