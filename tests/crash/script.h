// A small language for what a user does to a store, and what plays it against a store and an oracle.
//
//   script = step { ";" step }
//   step   = verb [ database [ "/" shards ] [ ids ] ]
//   ids    = number | number "-" number
//
//   create a/4    makes the database a with 4 shards; "graph a/4" with an HNSW index
//   put a 1-3     writes rows 1, 2, 3 whole, one after the other; "plain" without metadata
//   insert a 1    writes a row that must not be there
//   update a 1    replaces its vectors; "text" its metadata
//   delete a 1
//   batch a 1-9   writes them with one call; "fresh" only those that are not there, "atomic" all or none (one shard)
//   burst a 1-9   writes them with as many calls, none of which waits; "mixed" puts, updates and deletes so
//   drop a
//   reopen        closes the store and opens it again
//   kill          the process dies: what it gave to the operating system is there
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "crash/oracle.h"
#include "engine/test_store.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"

namespace jade::crash {

struct Step {
  std::string verb;
  std::string database;
  std::uint32_t num_shards = 1;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
};

/// A mistake in the script stops the process: scripts are ours.
std::vector<Step> parse_script(std::string_view text);

/// Deterministic: the same numbers make the same script.
std::string random_script(SeededRandom& random, std::size_t steps);

/// What a test may put into a store to break it: between it and its files, and before its shards. Must outlive nothing:
/// it is copied.
struct Sabotage {
  std::function<std::unique_ptr<io::FileSystem>(io::FileSystem&)> files = {};
  engine::ShardDecorator shards = {};
};

/// A store over a disk in memory, broken as the sabotage says. The disk outlives it.
class SabotagedStore {
 public:
  /// A dozen rows of a shard: most scripts see segments frozen, written and opened again.
  static constexpr std::uint64_t kFlushBytes = 3'000;

  SabotagedStore(io::FileSystem& disk, const Sabotage& sabotage, std::uint64_t flush_bytes = kFlushBytes)
      : broken_(sabotage.files ? sabotage.files(disk) : nullptr),
        store_(broken_ ? *broken_ : disk, sabotage.shards, kBudgetBytes, flush_bytes) {}
  engine::OpenedStore& operator*() { return store_; }
  engine::OpenedStore* operator->() { return &store_; }

 private:
  static constexpr std::uint64_t kBudgetBytes = std::uint64_t{1} << 30;
  std::unique_ptr<io::FileSystem> broken_;
  engine::OpenedStore store_;
};

/// Plays steps. One thread calls it; the store answers from others.
class ScriptPlayer {
 public:
  /// A file system that the steps go through, and the oracle that knows about them. `first_serial`: the number that the
  /// content of the first row follows from. With `errors_expected` a failed step is no finding.
  struct Stage {
    io::FileSystem& files;
    StoreOracle& oracle;
    Mutex& oracle_mutex;
    std::uint64_t first_serial = 1;
    bool errors_expected = false;
  };
  ScriptPlayer(const Stage& stage, const Sabotage& sabotage) : stage_(stage), sabotage_(sabotage) {}

  /// Opens the store, if that is not done, and takes the step.
  void play(const Step& step);
  void open();
  /// Compares the store, if it is open, with the oracle.
  void check();
  void close();
  bool is_open() const { return store_ != nullptr; }
  engine::OpenedStore& store() { return **store_; }

  /// What was seen to be wrong so far.
  const Findings& findings() const { return findings_; }
  std::uint64_t next_serial() const { return serial_; }

 private:
  struct Waiting;

  void create(const Step& step);
  void drop(const Step& step);
  RowWrite row_of(const std::string& verb, std::uint32_t id);
  void write_one(const std::string& database, const RowWrite& row, const std::shared_ptr<Waiting>& waiting);
  void write_batch(const Step& step);
  void write_each(const Step& step);
  void write_burst(const Step& step);

  const Stage stage_;
  const Sabotage sabotage_;
  std::unique_ptr<SabotagedStore> store_;
  std::uint64_t serial_ = stage_.first_serial;
  Findings findings_;
};

}  // namespace jade::crash
