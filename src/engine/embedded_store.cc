// The public face (include/jade/store.h): a store of its own, with its own threads, whose calls wait for their answer.

#include <future>
#include <memory>
#include <utility>

#include "base/inline_executor.h"
#include "base/thread.h"
#include "base/thread_pool.h"
#include "engine/local_store.h"
#include "jade/store.h"

namespace jade {
namespace {

/// Calls `start` with a callback and waits for it to be called.
template <class T, class Start>
Result<T> wait_for(Start start) {
  std::promise<Result<T>> promise;
  std::future<Result<T>> answer = promise.get_future();
  start([&promise](Result<T> result) { promise.set_value(std::move(result)); });
  return answer.get();
}

/// What a store and the handles to its databases share.
struct OpenStore {
  // Searches run on the caller's thread: no hop, no queue.
  InlineExecutor compute;
  std::unique_ptr<ThreadPool> background;
  std::unique_ptr<engine::LocalStore> store;
  engine::RequestContext context;

  Result<void> close() {
    Result<void> closed = store->close();
    background->stop();
    return closed;
  }
};

constexpr std::size_t kBackgroundQueue = 4096;

}  // namespace

struct Database::Impl {
  std::shared_ptr<OpenStore> open;
  DatabaseInfo info;

  engine::LocalStore& store() const { return *open->store; }
  const engine::RequestContext& context() const { return open->context; }
  /// By id: a new database of an old name is another database.
  const std::string& id() const { return info.id; }
};

Database::Database(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

DatabaseInfo Database::info() const { return impl_->info; }

Result<WriteReceipt> Database::upsert(RecordInput record) {
  return wait_for<WriteReceipt>([&](auto done) {
    impl_->store().write(impl_->context(), impl_->id(), std::move(record), engine::WriteMode::kUpsert, std::move(done));
  });
}

Result<BatchReceipt> Database::write_batch(std::vector<RecordInput> records, BatchOptions options) {
  return wait_for<BatchReceipt>([&](auto done) {
    impl_->store().write_batch(impl_->context(), impl_->id(), std::move(records), options, std::move(done));
  });
}

Result<WriteReceipt> Database::update(RecordInput record) {
  return wait_for<WriteReceipt>([&](auto done) {
    impl_->store().write(impl_->context(), impl_->id(), std::move(record), engine::WriteMode::kUpdate, std::move(done));
  });
}

Result<WriteReceipt> Database::remove(std::string_view id) {
  return wait_for<WriteReceipt>(
      [&](auto done) { impl_->store().remove(impl_->context(), impl_->id(), std::string(id), std::move(done)); });
}

Result<std::optional<Record>> Database::get(std::string_view id) const {
  JADE_ASSIGN_OR_RETURN(auto records, wait_for<std::vector<std::optional<Record>>>([&](auto done) {
                          impl_->store().get(impl_->context(), impl_->id(), {std::string(id)}, {}, std::move(done));
                        }));
  return std::move(records.front());
}

Result<std::uint64_t> Database::count() const {
  return wait_for<std::uint64_t>(
      [&](auto done) { impl_->store().count(impl_->context(), impl_->id(), std::move(done)); });
}

Result<SearchResult> Database::search(const Query& query) const {
  return wait_for<SearchResult>(
      [&](auto done) { impl_->store().search(impl_->context(), impl_->id(), query, std::move(done)); });
}

Result<DatabaseStatus> Database::status() const {
  return wait_for<DatabaseStatus>(
      [&](auto done) { impl_->store().status(impl_->context(), impl_->id(), std::move(done)); });
}

struct Store::Impl {
  std::shared_ptr<OpenStore> open;
};

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&&) noexcept = default;

Store::~Store() {
  if (impl_ != nullptr) (void)close().ok();
}

Result<Store> Store::open(const std::string& directory, StoreOptions options) {
  auto open = std::make_shared<OpenStore>();
  const std::size_t threads =
      options.background_threads != 0 ? options.background_threads : std::max<std::size_t>(hardware_threads() / 2, 1);
  JADE_ASSIGN_OR_RETURN(open->background, ThreadPool::start({.kind = ThreadKind::kBackground,
                                                             .name = "jade-back",
                                                             .threads = threads,
                                                             .queue_capacity = kBackgroundQueue}));
  const engine::StoreEnvironment environment{.files = io::real_file_system(),
                                             .clock = system_clock(),
                                             .random = system_random(),
                                             .compute = open->compute,
                                             .background = *open->background};
  JADE_ASSIGN_OR_RETURN(open->store, engine::LocalStore::open(
                                         environment, directory,
                                         {.memory_budget_bytes = options.memory_budget_bytes, .decorate_shard = {}}));
  JADE_RETURN_IF_ERROR(open->store->load());
  return Store(std::make_unique<Impl>(Impl{std::move(open)}));
}

Result<Database> Store::create_database(const std::string& name, DatabaseOptions options) {
  OpenStore& open = *impl_->open;
  JADE_ASSIGN_OR_RETURN(DatabaseInfo info, wait_for<DatabaseInfo>([&](auto done) {
                          open.store->create_database(open.context, name, std::move(options), std::move(done));
                        }));
  return Database(std::make_shared<Database::Impl>(Database::Impl{impl_->open, std::move(info)}));
}

Result<Database> Store::database(const std::string& name_or_id) const {
  OpenStore& open = *impl_->open;
  JADE_ASSIGN_OR_RETURN(DatabaseInfo info, open.store->describe_database(open.context, name_or_id));
  return Database(std::make_shared<Database::Impl>(Database::Impl{impl_->open, std::move(info)}));
}

Result<void> Store::delete_database(const std::string& name_or_id) {
  OpenStore& open = *impl_->open;
  return wait_for<void>([&](auto done) { open.store->delete_database(open.context, name_or_id, std::move(done)); });
}

Result<std::vector<DatabaseInfo>> Store::list_databases() const {
  return impl_->open->store->list_databases(impl_->open->context, "", SIZE_MAX);
}

Result<void> Store::close() { return impl_->open->close(); }

}  // namespace jade
