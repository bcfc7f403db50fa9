#include "storage/log_writer.h"

#include <gtest/gtest.h>

#include <functional>
#include <latch>
#include <memory>

#include "io/memory_file_system.h"

namespace jade::storage {
namespace {

/// Does what it is told on the writer's thread.
class ScriptedClient final : public LogWriter::Client {
 public:
  Next flush() override { return on_flush(); }
  void idle() override { on_idle(); }

  std::function<Next()> on_flush;
  std::function<void()> on_idle = [] { ADD_FAILURE() << "not asked for"; };
};

TEST(LogWriter, WhatIsUnsyncedDoesNotWaitForThoseWhoAlwaysHaveWork) {
  const auto writer = LogWriter::start(system_clock(), {.idle = std::chrono::milliseconds(2)}).value();
  bool synced = false;
  std::latch finished(1);
  ScriptedClient unsynced;
  unsynced.on_flush = [] { return LogWriter::Client::Next::kUnsynced; };
  unsynced.on_idle = [&] { synced = true; };
  ScriptedClient busy;
  busy.on_flush = [&] {
    if (!synced) return LogWriter::Client::Next::kAgain;
    finished.count_down();
    return LogWriter::Client::Next::kNothing;
  };
  writer->schedule(unsynced);
  writer->schedule(busy);
  finished.wait();
}

TEST(LogWriter, AWatermarkWaitsForThem) {
  const auto writer = LogWriter::start(system_clock(), {.idle = std::chrono::milliseconds(0)}).value();
  int flushes = 0;
  std::latch finished(1);
  ScriptedClient rests;
  rests.on_flush = [] { return LogWriter::Client::Next::kWatermark; };
  rests.on_idle = [&] {
    EXPECT_EQ(flushes, 100);
    finished.count_down();
  };
  ScriptedClient busy;
  busy.on_flush = [&] { return ++flushes < 100 ? LogWriter::Client::Next::kAgain : LogWriter::Client::Next::kNothing; };
  writer->schedule(busy);
  writer->schedule(rests);
  finished.wait();
}

TEST(LogWriter, TheReserveIsMadeAgainWhateverWorkThereIs) {
  io::MemoryFileSystem files;
  DiskReserve reserve(files, "reserve", 100);
  ASSERT_TRUE(reserve.restore().ok());
  ASSERT_TRUE(reserve.release());
  files.set_capacity_bytes(50);
  const auto writer =
      LogWriter::start(system_clock(), {.reserve = &reserve, .restore_interval = std::chrono::milliseconds(1)}).value();
  EXPECT_TRUE(writer->reserve_in_use());
  int flushes = 0;
  std::latch finished(1);
  ScriptedClient busy;
  busy.on_flush = [&] {
    // Tried in vain at first.
    if (++flushes == 1000) files.set_capacity_bytes(1000);
    if (reserve.in_use()) return LogWriter::Client::Next::kAgain;
    finished.count_down();
    return LogWriter::Client::Next::kNothing;
  };
  writer->schedule(busy);
  finished.wait();
  EXPECT_FALSE(writer->reserve_in_use());
}

}  // namespace
}  // namespace jade::storage
