// Control data behind one interface, shaped like etcd so that a cluster can put etcd behind it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "jade/result.h"

namespace jade::meta {

/// A key, its value, and in which transactions it came to be and last changed.
struct Entry {
  std::string key;
  std::string value;
  std::uint64_t create_revision = 0;
  std::uint64_t mod_revision = 0;

  friend bool operator==(const Entry&, const Entry&) = default;
};

/// Which entries to read: one key, or all that begin with it, in the order of their bytes.
struct RangeRequest {
  std::string key;
  bool is_prefix = false;
  /// Only keys after this one.
  std::optional<std::string> after = {};
  /// At most this many; 0: all.
  std::uint64_t limit = 0;
};

struct RangeResult {
  std::vector<Entry> entries;
  /// There are entries beyond the limit.
  bool more = false;
  /// Of the store when it was read.
  std::uint64_t revision = 0;
};

/// What a transaction demands of a key.
struct Compare {
  enum class Kind : std::uint8_t { kExists, kAbsent, kModRevision };

  Kind kind = Kind::kExists;
  std::string key;
  /// For kModRevision: the entry's last change has to be this one.
  std::uint64_t mod_revision = 0;

  static Compare exists(std::string key) { return {.kind = Kind::kExists, .key = std::move(key)}; }
  static Compare absent(std::string key) { return {.kind = Kind::kAbsent, .key = std::move(key)}; }
  static Compare unchanged(const Entry& entry) {
    return {.kind = Kind::kModRevision, .key = entry.key, .mod_revision = entry.mod_revision};
  }
};

/// A change of one key. Removing an absent key changes nothing.
struct Operation {
  enum class Kind : std::uint8_t { kPut, kRemove };

  Kind kind = Kind::kPut;
  std::string key;
  std::string value;

  static Operation put(std::string key, std::string value) {
    return {.kind = Kind::kPut, .key = std::move(key), .value = std::move(value)};
  }
  static Operation remove(std::string key) { return {.kind = Kind::kRemove, .key = std::move(key), .value = {}}; }
};

struct TxnResult {
  /// False when a compare did not hold; then nothing changed.
  bool succeeded = false;
  /// Of the store after the transaction.
  std::uint64_t revision = 0;
};

constexpr std::size_t kKeyBytesMax = 4096;
constexpr std::size_t kValueBytesMax = std::size_t{1} << 20;

/// An ordered map from bytes to bytes. The revision counts the transactions that changed something; it never goes
/// back. Safe from any thread.
class MetaStore {
 public:
  virtual ~MetaStore() = default;

  virtual Result<RangeResult> range(const RangeRequest& request) = 0;

  /// Makes all changes if all compares hold, else none; durable when it returns success. After an error the changes
  /// may be there, all of them, once the store is opened again: kInvalidArgument (an empty, overlong or repeated key,
  /// an overlong value; then they are never there), kStorageFull (try again), kDataCorrupted, kStoreReadOnly (the disk
  /// failed under this or an earlier transaction: nothing can change until the store is opened again), kIo.
  virtual Result<TxnResult> txn(std::span<const Compare> compares, std::span<const Operation> operations) = 0;

  virtual std::uint64_t revision() const = 0;
};

}  // namespace jade::meta
