// Which databases there are, and what the server keeps for itself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/random.h"
#include "jade/result.h"
#include "meta/meta_store.h"

namespace jade::meta {

/// A database as the catalog knows it; everything about its data is in its own manifest.
struct DatabaseRow {
  std::string name;
  DatabaseKey key{};
  std::int64_t created_at_us = 0;

  friend bool operator==(const DatabaseRow&, const DatabaseRow&) = default;
};

struct DatabaseList {
  std::vector<DatabaseRow> rows;
  /// There are databases beyond the limit.
  bool more = false;
};

using SigningKey = std::array<std::byte, 32>;

/// Typed access to a MetaStore, which has to outlive it, as has `random`. What a call changed is durable when it
/// returns success. Its errors are those of the store, and kDataCorrupted for entries that no catalog wrote. Safe from
/// any thread, and for several catalogs over one store.
class Catalog {
 public:
  Catalog(MetaStore& store, Random& random) : store_(store), random_(random) {}

  /// kAlreadyExists when the name or the key is taken.
  Result<void> create_database(const DatabaseRow& row);
  /// kDatabaseNotFound when there is none.
  Result<void> remove_database(const DatabaseKey& key);
  Result<std::optional<DatabaseRow>> find_by_name(const std::string& name);
  Result<std::optional<DatabaseRow>> find_by_key(const DatabaseKey& key);
  /// Databases whose names come after `after_name` ("" for the first), in the order of the names' bytes; at most
  /// `limit`, or all for 0.
  Result<DatabaseList> list(const std::string& after_name, std::uint64_t limit);

  /// Random bytes for signing what the server hands out and takes back, made when first asked for. The same for the
  /// store's whole life.
  Result<SigningKey> signing_key();

 private:
  Result<std::optional<Entry>> get(std::string key);

  MetaStore& store_;
  Random& random_;
};

}  // namespace jade::meta
