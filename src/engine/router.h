// The one door to the data: everything that serves requests asks a Router, also where all shards are local.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/request_context.h"
#include "jade/record.h"

namespace jade::engine {

/// How a write treats records that exist.
enum class WriteMode : std::uint8_t {
  kInsert,  ///< kAlreadyExists if the record is there.
  kUpsert,  ///< Inserts or replaces the whole record.
  kUpdate,  ///< Replaces the named parts; kVectorNotFound if the record is absent.
};

struct ReadOptions {
  bool include_vectors = true;
  bool include_metadata = true;
};

/// How far a starting store is, and what is wrong with a started one.
struct StoreHealth {
  bool ready = false;
  /// While not ready: what it does ("replay") and how much of it is done.
  std::string phase;
  int percent = 0;
  /// Why a ready store is degraded; empty when all is well.
  std::vector<std::string> reasons;
};

/// Databases are named by name or by id ("db:…"). Calls never wait for a disk on the calling thread; callbacks run
/// once, on some thread. Until `health().ready`, every call fails with kNotReady. Safe from any thread.
class Router {
 public:
  virtual ~Router() = default;

  virtual StoreHealth health() const = 0;

  virtual void create_database(const RequestContext& context, std::string name, DatabaseOptions options,
                               Callback<DatabaseInfo> done) = 0;
  virtual void delete_database(const RequestContext& context, std::string_view database, Callback<void> done) = 0;
  virtual Result<DatabaseInfo> describe_database(const RequestContext& context, std::string_view database) const = 0;
  /// Ordered by name bytes; those after `after`, at most `limit`.
  virtual Result<std::vector<DatabaseInfo>> list_databases(const RequestContext& context, std::string_view after,
                                                           std::size_t limit) const = 0;
  virtual void status(const RequestContext& context, std::string_view database, Callback<DatabaseStatus> done) = 0;

  virtual void write(const RequestContext& context, std::string_view database, RecordInput record, WriteMode mode,
                     Callback<WriteReceipt> done) = 0;
  virtual void write_batch(const RequestContext& context, std::string_view database, std::vector<RecordInput> records,
                           BatchOptions options, Callback<BatchReceipt> done) = 0;
  virtual void remove(const RequestContext& context, std::string_view database, std::string id,
                      Callback<WriteReceipt> done) = 0;
  /// As many answers as ids, in their order.
  virtual void get(const RequestContext& context, std::string_view database, std::vector<std::string> ids,
                   ReadOptions options, Callback<std::vector<std::optional<Record>>> done) = 0;
  virtual void count(const RequestContext& context, std::string_view database, Callback<std::uint64_t> done) = 0;
  virtual void search(const RequestContext& context, std::string_view database, Query query,
                      Callback<SearchResult> done) = 0;
};

}  // namespace jade::engine
