// What a test of the control store stands on.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "io/file_system.h"
#include "meta/sqlite_meta_store.h"

namespace jade::meta {

/// A Random that replays from its seed.
class ReplayRandom final : public Random {
 public:
  explicit ReplayRandom(std::uint64_t seed) : random_(seed) {}
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = static_cast<std::byte>(random_.next_u64());
  }

 private:
  SeededRandom random_;
};

/// The store's path in every test.
inline const std::string kStorePath = "/data/meta.db";

/// Opens stores on a file system, over a random source of its own.
class MetaGround {
 public:
  explicit MetaGround(io::FileSystem& file_system) : file_system_(file_system) {}

  Result<std::unique_ptr<SqliteMetaStore>> create() { return SqliteMetaStore::create(environment(), kStorePath); }
  Result<std::unique_ptr<SqliteMetaStore>> open() { return SqliteMetaStore::open(environment(), kStorePath); }
  SqliteMetaStore::Environment environment() { return {file_system_, system_clock(), random_}; }

 private:
  io::FileSystem& file_system_;
  ReplayRandom random_{1};
};

inline Result<TxnResult> put(MetaStore& store, const std::string& key, const std::string& value) {
  const Operation operation = Operation::put(key, value);
  return store.txn({}, std::span(&operation, 1));
}

/// "key=value " of every entry.
inline Result<std::string> contents(MetaStore& store) {
  JADE_ASSIGN_OR_RETURN(const RangeResult all, store.range({.key = "", .is_prefix = true}));
  std::string text;
  for (const Entry& entry : all.entries) text += entry.key + "=" + entry.value + " ";
  return text;
}

}  // namespace jade::meta
