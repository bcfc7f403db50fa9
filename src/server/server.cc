#include "server/server.h"

#include <algorithm>
#include <utility>

#include "base/clock.h"
#include "base/executors.h"
#include "base/logging.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/thread.h"
#include "engine/local_store.h"
#include "engine/machine.h"
#include "io/file_system.h"
#include "jade/version.h"
#include "server/auth/authenticator.h"
#include "server/config/listen_address.h"
#include "server/dispatcher.h"
#include "server/http/http_server.h"
#include "server/rest/api.h"

namespace jade::server {
namespace {

void fill(Registry& registry, const ApiEnvironment& environment) {
  add_operations(registry, environment);
  add_document_operations(registry, api_info());
}

/// Connections must not take the descriptors that the store needs: a log that cannot be opened takes no more writes.
std::uint64_t connections_within(std::uint64_t wanted) {
  constexpr std::uint64_t kKeptForFiles = 256;
  const std::uint64_t descriptors = engine::raise_open_files();
  const std::uint64_t most = descriptors > 2 * kKeptForFiles ? descriptors - kKeptForFiles : descriptors / 2;
  if (wanted <= most) return wanted;
  log_warn("connections_limited", {{"limits.connections_max", static_cast<std::int64_t>(wanted)},
                                   {"connections", static_cast<std::int64_t>(most)},
                                   {"open_files", static_cast<std::int64_t>(descriptors)}});
  return most;
}

HttpServerOptions http_options(const Config& config, const ListenAddress& address) {
  HttpServerOptions options;
  options.host = address.host;
  options.port = address.port;
  options.network_threads = config.network_threads;
  options.limits.connections_max = config.connections_max;
  options.limits.target_bytes_max = config.target_bytes_max;
  options.limits.header_bytes_max = config.header_bytes_max;
  options.limits.body_bytes_in_flight_max = config.body_bytes_in_flight_max;
  options.limits.header_timeout = std::chrono::milliseconds(config.header_timeout_ms);
  options.limits.transfer_timeout = std::chrono::milliseconds(config.transfer_timeout_ms);
  options.limits.idle_timeout = std::chrono::milliseconds(config.idle_timeout_ms);
  return options;
}

class LocalServer final : public Server {
 public:
  LocalServer(const Config& config, std::unique_ptr<Executors> executors, std::unique_ptr<engine::LocalStore> store)
      : config_(config),
        executors_(std::move(executors)),
        store_(std::move(store)),
        cursors_(store_->signing_key()),
        dispatcher_(registry_, access_, executors_->compute(), {.body_bytes_max = config.body_bytes_max}) {
    fill(registry_, {.router = *store_,
                     .cursors = cursors_,
                     .body_bytes_max = config.body_bytes_max,
                     .connections_max = config.connections_max,
                     .memory_budget_bytes = store_->budget().limit_bytes()});
  }
  ~LocalServer() override { (void)stop().ok(); }

  Result<void> listen(const ListenAddress& address) {
    JADE_ASSIGN_OR_RETURN(http_, HttpServer::start(http_options(config_, address), dispatcher_));
    return {};
  }

  Result<void> load_in_background() {
    JADE_ASSIGN_OR_RETURN(loader_, Thread::start(ThreadKind::kBackground, "jade-load", [this] { load(); }));
    return {};
  }

  std::uint16_t port() const override { return http_->port(); }

  std::string load_failure() const override {
    const MutexLock lock(mutex_);
    return load_failure_;
  }

  Result<void> stop() override {
    if (stopped_) return {};
    stopped_ = true;
    if (http_ != nullptr) {
      const std::size_t cut = http_->stop(std::chrono::milliseconds(config_.shutdown_timeout_ms));
      if (cut > 0) log_warn("connections_cut", {{"count", static_cast<std::int64_t>(cut)}});
    }
    store_->stop_loading();
    if (loader_.joinable()) loader_.join();
    // What was accepted is applied by compute threads, so the store closes while they run.
    Result<void> closed = store_->close();
    executors_->stop();
    return closed;
  }

 private:
  void load() {
    const SteadyTime began = system_clock().steady_now();
    if (Result<void> loaded = store_->load(); !loaded.ok()) {
      if (loaded.error().code() == ErrorCode::kCancelled) return;
      log_error("store_not_loaded", {{"reason", loaded.error().message()}});
      const MutexLock lock(mutex_);
      load_failure_ = loaded.error().message();
      return;
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(system_clock().steady_now() - began);
    log_info("ready", {{"duration_ms", static_cast<std::int64_t>(took.count())}});
  }

  const Config config_;
  std::unique_ptr<Executors> executors_;
  std::unique_ptr<engine::LocalStore> store_;
  const CursorSigner cursors_;
  Registry registry_;
  const LocalAccess access_;
  Dispatcher dispatcher_;
  std::unique_ptr<HttpServer> http_;
  Thread loader_;
  bool stopped_ = false;

  mutable Mutex mutex_;
  std::string load_failure_ JADE_GUARDED_BY(mutex_);
};

}  // namespace

ApiInfo api_info() {
  return {.title = "JadeVectorDB",
          .version = kVersion,
          .description = "Store vectors with metadata and search them by similarity."};
}

Result<void> try_listen(const std::string& listen) {
  JADE_ASSIGN_OR_RETURN(const ListenAddress address, parse_listen_address(listen));
  JADE_RETURN_IF_ERROR(check_listen_address(address.host));
  /// Answers nobody: the listener goes again at once.
  class Nobody final : public HttpHandler {
   public:
    std::variant<std::shared_ptr<HttpExchange>, Response> on_head(const RequestHead&) override { return Response(); }
    Response on_malformed(const RequestHead&, const Error&) override { return {}; }
  };
  Nobody nobody;
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<HttpServer> probe,
                        HttpServer::start(http_options(Config(), address), nobody));
  return {};
}

Result<std::unique_ptr<Server>> Server::start(const Config& configured) {
  Config config = configured;
  config.connections_max = connections_within(config.connections_max);
  JADE_ASSIGN_OR_RETURN(const ListenAddress address, parse_listen_address(config.listen));
  JADE_RETURN_IF_ERROR(check_listen_address(address.host));
  const std::size_t background =
      config.background_threads != 0 ? config.background_threads : std::max<std::size_t>(hardware_threads() / 2, 1);
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<Executors> executors,
                        Executors::start({.compute_threads = config.compute_threads,
                                          .background_threads = background,
                                          .queue_capacity = config.queue_capacity}));
  const engine::StoreEnvironment environment{.files = io::real_file_system(),
                                             .clock = system_clock(),
                                             .random = system_random(),
                                             .compute = executors->compute(),
                                             .background = executors->background()};
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<engine::LocalStore> store,
                        engine::LocalStore::open(environment, config.data_directory,
                                                 {.memory_budget_bytes = config.memory_budget, .decorate_shard = {}}));
  auto server = std::make_unique<LocalServer>(config, std::move(executors), std::move(store));
  JADE_RETURN_IF_ERROR(server->listen(address));
  JADE_RETURN_IF_ERROR(server->load_in_background());
  return server;
}

}  // namespace jade::server
