// A store that waits for its answers, and a shard behind a wire: what the store's tests share.
#pragma once

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/inline_executor.h"
#include "base/random.h"
#include "base/thread_pool.h"
#include "engine/local_store.h"
#include "engine/message_codec.h"
#include "io/faulty_file_system.h"
#include "io/file_system.h"
#include "io/memory_file_system.h"

namespace jade::engine {

template <class T, class Start>
Result<T> wait_for(Start start) {
  std::promise<Result<T>> promise;
  std::future<Result<T>> answer = promise.get_future();
  start([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

/// Everything that crosses it is encoded and decoded, as if there were a wire.
class WiredShard final : public ShardService {
 public:
  explicit WiredShard(ShardService& shard) : shard_(shard) {}

  void apply(const RequestContext& context, ApplyRequest request, Callback<ApplyResponse> done) override {
    shard_.apply(context, carried(request), carrying(std::move(done)));
  }
  void get(const RequestContext& context, GetRequest request, Callback<GetResponse> done) override {
    shard_.get(context, carried(request), carrying(std::move(done)));
  }
  void search(const RequestContext& context, SearchRequest request, Callback<SearchResponse> done) override {
    shard_.search(context, carried(request), carrying(std::move(done)));
  }
  void stats(const RequestContext& context, StatsRequest request, Callback<StatsResponse> done) override {
    shard_.stats(context, carried(request), carrying(std::move(done)));
  }

 private:
  template <class Message>
  static Message carried(const Message& message) {
    Result<Message> decoded = decode_message<Message>(encode_message(message));
    EXPECT_TRUE(decoded.ok());
    return *std::move(decoded);
  }
  template <class Message>
  static Callback<Message> carrying(Callback<Message> done) {
    return [done = std::move(done)](Result<Message> message) mutable {
      if (!message.ok()) return done(std::move(message));
      done(carried(*message));
    };
  }

  ShardService& shard_;
};

/// The files of a shard that is tested alone.
struct ShardGround {
  explicit ShardGround(const storage::Definition& shard_definition)
      : definition(shard_definition),
        files(memory),
        manifest(files, "manifest", {.definition = definition}, system_random()) {
    EXPECT_TRUE(files.create_directories("segments").ok());
  }

  ShardFilesEnvironment environment() {
    return {.files = files,
            .directory = "segments",
            .definition = definition,
            .manifest = manifest,
            .random = system_random()};
  }

  const storage::Definition& definition;
  io::MemoryFileSystem memory;
  io::FaultyFileSystem files;
  storage::ManifestFile manifest;
};

/// A store over a file system that outlives it, so that it can be opened again.
class OpenedStore {
 public:
  explicit OpenedStore(io::FileSystem& files, bool wired = false, std::uint64_t budget = 1U << 30,
                       std::uint64_t flush_bytes = 1U << 28)
      : OpenedStore(files,
                    wired ? [](ShardService& shard) { return std::make_unique<WiredShard>(shard); } : ShardDecorator(),
                    budget, flush_bytes) {}
  OpenedStore(io::FileSystem& files, ShardDecorator decorate_shard, std::uint64_t budget = 1U << 30,
              std::uint64_t flush_bytes = 1U << 28) {
    background_ = *ThreadPool::start({.kind = ThreadKind::kBackground, .name = "store-test", .threads = 1});
    const StoreEnvironment environment{.files = files,
                                       .clock = system_clock(),
                                       .random = system_random(),
                                       .compute = compute_,
                                       .background = *background_};
    LocalStoreOptions options{.memory_budget_bytes = budget,
                              .flush_bytes = flush_bytes,
                              .disk_reserve_bytes = 0,
                              .decorate_shard = std::move(decorate_shard)};
    Result<std::unique_ptr<LocalStore>> store = LocalStore::open(environment, "data", std::move(options));
    if (!store.ok()) {
      failure = store.error();
      return;
    }
    store_ = *std::move(store);
    loaded = store_->load();
  }
  ~OpenedStore() {
    store_.reset();
    background_->stop();
  }

  LocalStore* operator->() { return store_.get(); }

  Result<DatabaseInfo> create(const std::string& name, DatabaseOptions options) {
    return wait_for<DatabaseInfo>(
        [&](auto done) { store_->create_database(context, name, std::move(options), std::move(done)); });
  }
  Result<void> drop(const std::string& name) {
    return wait_for<void>([&](auto done) { store_->delete_database(context, name, std::move(done)); });
  }
  Result<WriteReceipt> write(const std::string& database, RecordInput record, WriteMode mode = WriteMode::kUpsert) {
    return wait_for<WriteReceipt>(
        [&](auto done) { store_->write(context, database, std::move(record), mode, std::move(done)); });
  }
  Result<BatchReceipt> write_batch(const std::string& database, std::vector<RecordInput> records,
                                   BatchOptions options = {.upsert = true}) {
    return wait_for<BatchReceipt>(
        [&](auto done) { store_->write_batch(context, database, std::move(records), options, std::move(done)); });
  }
  Result<WriteReceipt> remove(const std::string& database, const std::string& id) {
    return wait_for<WriteReceipt>([&](auto done) { store_->remove(context, database, id, std::move(done)); });
  }
  Result<std::vector<std::optional<Record>>> get(const std::string& database, std::vector<std::string> ids) {
    return wait_for<std::vector<std::optional<Record>>>(
        [&](auto done) { store_->get(context, database, std::move(ids), {}, std::move(done)); });
  }
  Result<std::uint64_t> count(const std::string& database) {
    return wait_for<std::uint64_t>([&](auto done) { store_->count(context, database, std::move(done)); });
  }
  Result<SearchResult> search(const std::string& database, Query query) {
    return wait_for<SearchResult>(
        [&](auto done) { store_->search(context, database, std::move(query), std::move(done)); });
  }
  Result<DatabaseStatus> status(const std::string& database) {
    return wait_for<DatabaseStatus>([&](auto done) { store_->status(context, database, std::move(done)); });
  }

  RequestContext context;
  std::optional<Error> failure;
  Result<void> loaded;

 private:
  InlineExecutor compute_;
  std::unique_ptr<ThreadPool> background_;
  std::unique_ptr<LocalStore> store_;
};

inline Query near(std::vector<float> vector, std::size_t k = 3) {
  Query query;
  query.vector = std::move(vector);
  query.top_k = k;
  return query;
}

}  // namespace jade::engine
