// Kills a process that writes, again and again, and compares what it left with what it had been told (goal G1).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "crash/oracle.h"

namespace jade::crash {

struct SupervisorOptions {
  /// The program crash_worker.
  std::string worker;
  std::uint64_t seed = 1;
  std::size_t kills = 200;
  /// How the worker lies: see worker.cc.
  std::string variant = "right";
};

struct SupervisorReport {
  std::size_t kills = 0;
  /// Kills of a worker that was opening its store.
  std::size_t kills_at_start = 0;
  std::size_t writes = 0;
  std::size_t acknowledged = 0;
  Findings findings;
};

/// The store lies on the machine's own file system. Stops at the first kill after which something is wrong.
SupervisorReport kill_workers(const SupervisorOptions& options);

struct AllocationOptions {
  std::string worker;
  std::uint64_t seed = 1;
  std::size_t sites = 500;
  std::string variant = "right";
};

struct AllocationReport {
  /// Allocations that the worker makes when none fails.
  std::uint64_t allocations = 0;
  std::size_t sites = 0;
  /// Workers that ended as usual, with an error for whom the memory was missing.
  std::size_t survived = 0;
  /// Workers that died of it, by the function that asked for the memory.
  std::size_t died = 0;
  std::map<std::string, std::size_t> died_in;
  /// Workers that neither ended nor died.
  std::size_t hung = 0;
  std::map<std::string, std::size_t> hung_in;
  Findings findings;
};

/// Lets one allocation of a worker fail, each time another one, and compares what the worker left (goal G4).
AllocationReport fail_allocations(const AllocationOptions& options);

}  // namespace jade::crash
