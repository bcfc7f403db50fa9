// Power cuts and failing disks at every call that a script of transactions makes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "meta/meta_ground.h"

namespace jade::meta {
namespace {

/// Transactions that add, replace and remove entries of one and of many pages.
const std::vector<std::vector<Operation>>& script() {
  static const std::vector<std::vector<Operation>> kScript = {
      {Operation::put("a", "1")},
      {Operation::put("b", std::string(9000, 'b')), Operation::put("c", "2")},
      {Operation::remove("a"), Operation::put("c", "3")},
      {Operation::put("d", std::string(20000, 'd')), Operation::remove("b")},
      {Operation::put("a", "4"), Operation::put("c", "5")},
  };
  return kScript;
}

/// What the store holds after each prefix of the script, computed without faults.
std::vector<std::string> expected_contents() {
  io::MemoryFileSystem memory;
  EXPECT_TRUE(memory.create_directories("/data").ok());
  MetaGround ground(memory);
  const auto store = ground.create();
  std::vector<std::string> states = {contents(**store).value()};
  for (const auto& operations : script()) {
    EXPECT_TRUE((*store)->txn({}, operations).ok());
    states.push_back(contents(**store).value());
  }
  return states;
}

/// Opens what a crash left. What it holds has to be what was acknowledged, or that with the next transaction too.
void expect_recovers(io::MemoryFileSystem& crashed, const std::vector<std::string>& states, std::size_t acknowledged) {
  MetaGround ground(crashed);
  const auto store = ground.open();
  ASSERT_TRUE(store.ok()) << store.error().message();
  const std::string held = contents(**store).value();
  const std::size_t next = std::min(acknowledged + 1, states.size() - 1);
  ASSERT_TRUE(held == states[acknowledged] || held == states[next]) << "acknowledged " << acknowledged;
  ASSERT_TRUE(put(**store, "z", "z").ok());
}

std::unique_ptr<io::MemoryFileSystem> new_disk() {
  auto memory = std::make_unique<io::MemoryFileSystem>();
  EXPECT_TRUE(memory->create_directories("/data").ok());
  EXPECT_TRUE(memory->sync_directory("/").ok());
  return memory;
}

TEST(MetaCrash, LosesNoAcknowledgedTransactionAtAnyCall) {
  const std::uint64_t seed = test_seed(41);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const auto states = expected_contents();
  const auto memory = new_disk();
  io::FaultyFileSystem faulty(*memory);
  MetaGround ground(faulty);
  const auto store = ground.create();
  ASSERT_TRUE(store.ok());
  std::size_t acknowledged = 0;
  std::size_t cuts = 0;
  const auto cut_the_power = [&](const io::Call&) {
    for (std::size_t i = 0; i < test_scale(6); ++i) {
      const auto crashed = memory->clone();
      crashed->crash(random, {.foreign_bytes = i % 2 == 1});
      expect_recovers(*crashed, states, acknowledged);
      // Power fails again: what the recovered store acknowledged is there.
      crashed->crash(random);
      MetaGround again(*crashed);
      const auto reopened = again.open();
      ASSERT_TRUE(reopened.ok()) << reopened.error().message();
      ASSERT_TRUE(contents(**reopened).value().ends_with("z=z "));
      ++cuts;
    }
  };
  faulty.set_hook(cut_the_power);
  for (const auto& operations : script()) {
    ASSERT_TRUE((*store)->txn({}, operations).ok());
    ++acknowledged;
  }
  EXPECT_GT(cuts, script().size() * 6);
}

TEST(MetaCrash, CreatesWholeOrNotAtAll) {
  const std::uint64_t seed = test_seed(42);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const auto memory = new_disk();
  io::FaultyFileSystem faulty(*memory);
  faulty.set_hook([&](const io::Call&) {
    for (std::size_t i = 0; i < test_scale(6); ++i) {
      const auto crashed = memory->clone();
      crashed->crash(random);
      MetaGround ground(*crashed);
      const bool there = crashed->stat(kStorePath).value().has_value();
      const auto store = there ? ground.open() : ground.create();
      ASSERT_TRUE(store.ok()) << store.error().message();
      ASSERT_EQ(contents(**store).value(), "");
    }
  });
  MetaGround ground(faulty);
  ASSERT_TRUE(ground.create().ok());
  faulty.set_hook({});
}

/// Runs the script with one fault, then cuts the power, with and without opening the store once in between.
void run_with_fault(const io::Fault& fault, const std::vector<std::string>& states, SeededRandom& random) {
  const auto memory = new_disk();
  std::size_t acknowledged = 0;
  {
    io::FaultyFileSystem faulty(*memory);
    MetaGround ground(faulty);
    const auto store = ground.create();
    ASSERT_TRUE(store.ok());
    faulty.set_fault(fault);
    for (const auto& operations : script()) {
      if (!(*store)->txn({}, operations).ok()) break;
      ++acknowledged;
    }
    faulty.clear_fault();
  }
  const auto crashed = memory->clone();
  crashed->crash(random);
  expect_recovers(*crashed, states, acknowledged);

  // The page cache shows bytes that the disk lacks: what one opening saw and acknowledged stays.
  std::string seen;
  {
    MetaGround ground(*memory);
    const auto store = ground.open();
    ASSERT_TRUE(store.ok()) << store.error().message();
    ASSERT_TRUE(put(**store, "z", "z").ok());
    seen = contents(**store).value();
  }
  memory->crash(random);
  MetaGround ground(*memory);
  const auto store = ground.open();
  ASSERT_TRUE(store.ok()) << store.error().message();
  ASSERT_EQ(contents(**store).value(), seen);
}

TEST(MetaFault, AcknowledgesNothingThatAFailingDiskLoses) {
  const std::uint64_t seed = test_seed(43);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  const auto states = expected_contents();
  std::uint64_t calls = 0;
  {
    const auto memory = new_disk();
    io::FaultyFileSystem faulty(*memory);
    MetaGround ground(faulty);
    const auto store = ground.create();
    faulty.clear_calls();
    for (const auto& operations : script()) ASSERT_TRUE((*store)->txn({}, operations).ok());
    calls = faulty.calls().size();
  }
  ASSERT_GT(calls, 20U);
  for (std::uint64_t nth = 1; nth <= calls; ++nth) {
    for (const int errno_value : {EIO, ENOSPC}) {
      for (const bool for_good : {false, true}) {
        SCOPED_TRACE(std::to_string(nth) + (errno_value == EIO ? " EIO" : " ENOSPC") + (for_good ? " for good" : ""));
        run_with_fault({.nth = nth, .errno_value = errno_value, .for_good = for_good, .short_bytes = 100}, states,
                       random);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(MetaFault, OpensOrSaysWhyNot) {
  const auto memory = new_disk();
  {
    // A store whose log is full, as a broken disk leaves it.
    io::FaultyFileSystem faulty(*memory);
    MetaGround ground(faulty);
    const auto store = ground.create();
    faulty.set_hook([&](const io::Call& call) {
      if (call.kind == io::CallKind::kWrite && call.path == kStorePath) {
        faulty.set_fault({.kind = io::CallKind::kWrite, .path_contains = kStorePath, .for_good = true});
      }
    });
    ASSERT_TRUE(put(**store, "a", "1").ok());
    faulty.set_hook({});
  }
  bool failed = true;
  for (std::uint64_t nth = 1; failed; ++nth) {
    const auto copy = memory->clone();
    io::FaultyFileSystem faulty(*copy);
    MetaGround ground(faulty);
    faulty.set_fault({.nth = nth});
    const auto store = ground.open();
    failed = faulty.failures() > 0;
    if (store.ok()) {
      EXPECT_EQ(contents(**store).value(), "a=1 ") << nth;
    } else {
      EXPECT_EQ(store.error().code(), ErrorCode::kIo) << nth << store.error().message();
    }
  }
}

TEST(MetaFault, CreatesOrSaysWhyNot) {
  bool failed = true;
  for (std::uint64_t nth = 1; failed; ++nth) {
    const auto memory = new_disk();
    io::FaultyFileSystem faulty(*memory);
    MetaGround ground(faulty);
    faulty.set_fault({.nth = nth});
    const auto created = ground.create();
    failed = faulty.failures() > 0;
    if (created.ok()) continue;
    EXPECT_EQ(created.error().code(), ErrorCode::kIo) << nth << created.error().message();
    const bool there = memory->stat(kStorePath).value().has_value();
    const auto again = there ? ground.open() : ground.create();
    ASSERT_TRUE(again.ok()) << nth << again.error().message();
  }
}

}  // namespace
}  // namespace jade::meta
