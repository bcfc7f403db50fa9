// How a store hands requests to its databases.

#include <utility>

#include "engine/local_store.h"

namespace jade::engine {
namespace {

/// A callback that keeps the database alive until it was called.
template <class T>
Callback<T> holding(std::shared_ptr<LocalDatabase> database, Callback<T> done) {
  return
      [database = std::move(database), done = std::move(done)](Result<T> result) mutable { done(std::move(result)); };
}

}  // namespace

void LocalStore::status(const RequestContext& context, std::string_view database, Callback<DatabaseStatus> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->status(context, holding(*found, std::move(done)));
}

void LocalStore::write(const RequestContext& context, std::string_view database, RecordInput record, WriteMode mode,
                       Callback<WriteReceipt> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->write(context, std::move(record), mode, holding(*found, std::move(done)));
}

void LocalStore::write_batch(const RequestContext& context, std::string_view database, std::vector<RecordInput> records,
                             BatchOptions options, Callback<BatchReceipt> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->write_batch(context, std::move(records), options, holding(*found, std::move(done)));
}

void LocalStore::remove(const RequestContext& context, std::string_view database, std::string id,
                        Callback<WriteReceipt> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->remove(context, std::move(id), holding(*found, std::move(done)));
}

void LocalStore::get(const RequestContext& context, std::string_view database, std::vector<std::string> ids,
                     ReadOptions options, Callback<std::vector<std::optional<Record>>> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->get(context, std::move(ids), options, holding(*found, std::move(done)));
}

void LocalStore::count(const RequestContext& context, std::string_view database, Callback<std::uint64_t> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->count(context, holding(*found, std::move(done)));
}

void LocalStore::search(const RequestContext& context, std::string_view database, Query query,
                        Callback<SearchResult> done) {
  auto found = find(database);
  if (!found.ok()) return done(std::move(found).error());
  (*found)->search(context, std::move(query), holding(*found, std::move(done)));
}

}  // namespace jade::engine
