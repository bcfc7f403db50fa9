// What a store must hold, kept outside it: the acknowledged state, the writes in flight, and what was refused.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "crash/rows.h"
#include "engine/test_store.h"
#include "jade/record.h"

namespace jade::crash {

/// What is wrong; empty when nothing is.
using Findings = std::vector<std::string>;

struct RowState {
  Vectors vectors;
  std::optional<std::string> metadata;
  /// 0: not known, because its write was not answered, or was answered for a whole batch.
  std::uint64_t version = 0;
  /// All versions up to this were known before the row was written.
  std::uint64_t version_floor = 0;
  /// 0: not known.
  std::int64_t created_at_us = 0;
};
using Rows = std::map<std::string, RowState>;

enum class RowKind : std::uint8_t { kPut, kInsert, kUpdate, kDelete };

struct RowWrite {
  RowKind kind = RowKind::kPut;
  std::string id;
  Vectors vectors;
  std::optional<std::string> metadata;
};

enum class Answer : std::uint8_t {
  kNone,          ///< In flight.
  kAcknowledged,  ///< It is there, whatever happens.
  kRefused,       ///< It never is.
  kRefusedByRow,  ///< Nor is this, and the reason is that the row was there, or was not.
  kUnknown,       ///< An error that leaves open whether it is there.
};

/// What an error promises of the write that got it: kUnknown where the contract lets it be there later.
Answer answer_of(ErrorCode code);

/// Names a write that was sent.
struct Sent {
  std::string database;
  std::uint64_t number = 0;
};

/// The rows of one database. A *strand* is what is ordered and all or nothing: the writes of one sender to one shard.
/// A plain value, for one thread at a time.
class DatabaseOracle {
 public:
  explicit DatabaseOracle(std::uint32_t num_shards = 1) : num_shards_(num_shards) {}

  void send(std::uint64_t number, const std::vector<RowWrite>& rows, bool atomic);
  /// Takes a row out of a write of several: it was refused, whatever becomes of the others.
  void refuse_row(std::uint64_t number, const std::string& id);
  /// `version` 0: acknowledged without one.
  void answer(std::uint64_t number, Answer answer, std::uint64_t version);

  /// Compares what was read with every state that may be; the differences to the one that comes closest. Keeps that
  /// state as the acknowledged one when there are none: what is not there by now never is.
  Findings settle(const std::map<std::string, Record>& found);

  /// Every id that a write named.
  std::set<std::string> ids() const;
  /// Ids that are surely there.
  std::vector<std::string> live() const;
  /// All writes are answered and no answer left anything open.
  bool is_certain() const;
  /// What answers contradicted while the store ran.
  const Findings& contradictions() const { return contradictions_; }
  std::uint64_t greatest_version() const { return greatest_version_; }

 private:
  struct Part {
    std::uint64_t number = 0;
    std::vector<RowWrite> rows;
    bool atomic = false;
    std::uint64_t floor = 0;
    Answer answer = Answer::kNone;
    std::uint64_t version = 0;
  };
  struct Strand {
    Rows rows;
    std::deque<Part> parts;
  };

  std::string strand_of(const std::string& id) const;
  static bool apply(const Part& part, Rows& rows);
  void fold(Strand& strand);
  static std::vector<Rows> candidates(const Strand& strand);

  std::uint32_t num_shards_;
  std::map<std::string, Strand> strands_;
  std::set<std::string> ids_;
  std::uint64_t greatest_version_ = 0;
  Findings contradictions_;
};

/// The databases of a store. A plain value, for one thread at a time; copy it together with the disk.
class StoreOracle {
 public:
  enum class Presence : std::uint8_t { kGone, kThere, kMaybeCreated, kMaybeDropped };

  void send_create(const std::string& name, std::uint32_t num_shards);
  void answer_create(const std::string& name, const Result<DatabaseInfo>& result);
  void send_drop(const std::string& name);
  void answer_drop(const std::string& name, const Result<void>& result);

  Sent send(const std::string& name, const std::vector<RowWrite>& rows, bool atomic = false);
  void refuse_row(const Sent& sent, const std::string& id);
  void answer(const Sent& sent, Answer answer, std::uint64_t version = 0);
  template <class Receipt>
  void answer(const Sent& sent, const Result<Receipt>& result, std::uint64_t version) {
    answer(sent, result.ok() ? Answer::kAcknowledged : answer_of(result.error().code()), version);
  }

  /// Reads everything that the store has and compares: nothing lost, nothing back from the dead, nothing that nobody
  /// wrote, whole rows, batches all or nothing for each shard, counts and exact searches that agree. Then takes what
  /// was found for what is. With `errors_allowed` a read that fails is no finding, and nothing is taken.
  Findings check(engine::OpenedStore& store, bool errors_allowed = false);

  Presence presence(const std::string& name) const;
  std::vector<std::string> names() const;
  const DatabaseOracle& database(const std::string& name) const { return databases_.at(name).rows; }
  /// Grows with every change.
  std::uint64_t revision() const { return revision_; }

 private:
  struct Entry {
    Presence presence = Presence::kGone;
    /// A new database of this name was asked for while it was not known whether the old one is gone.
    bool remade = false;
    std::string id;
    std::set<std::string> dropped_ids;
    std::uint32_t num_shards = 1;
    DatabaseOracle rows;
  };

  /// Whether the database is there, or nullopt when it cannot be told.
  std::optional<bool> check_presence(engine::OpenedStore& store, const std::string& name, Entry& entry,
                                     bool errors_allowed, Findings& findings);
  static void begin_anew(Entry& entry);
  static void check_rows(engine::OpenedStore& store, const std::string& name, Entry& entry, bool errors_allowed,
                         Findings& findings);

  std::map<std::string, Entry> databases_;
  std::uint64_t next_number_ = 1;
  std::uint64_t revision_ = 0;
};

std::string joined(const Findings& findings);

}  // namespace jade::crash
