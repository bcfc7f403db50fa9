#include "server/http/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "server/http/connection.h"

namespace jade::server {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// How late a timeout may come.
constexpr std::chrono::milliseconds kTick{50};

// A network thread: its loop, and the clockwork that looks for connections which have waited too long.
class NetworkThread {
 public:
  explicit NetworkThread(const Clock& clock)
      : clock_(clock), loop_(std::make_shared<EventLoop>()), work_(asio::make_work_guard(loop_->context)) {}

  Result<void> start(std::size_t number) {
    asio::co_spawn(loop_->context, tick(this), asio::detached);
    auto thread =
        Thread::start(ThreadKind::kNetwork, "http-" + std::to_string(number), [this] { loop_->context.run(); });
    if (!thread.ok()) return std::move(thread).error();
    thread_ = std::move(thread).value();
    return {};
  }

  const std::shared_ptr<EventLoop>& loop() const { return loop_; }

  /// Calls `member` of each connection, on the thread.
  void for_each(void (Connection::*member)()) {
    asio::post(loop_->context, [this, member] {
      // A connection may leave the set while it is told.
      const std::vector<Connection*> connections(loop_->connections.begin(), loop_->connections.end());
      for (Connection* const connection : connections) (connection->*member)();
    });
  }

  void join() {
    work_.reset();
    loop_->context.stop();
    if (thread_.joinable()) thread_.join();
  }

 private:
  static asio::awaitable<void> tick(NetworkThread* self) {
    asio::steady_timer timer(self->loop_->context);
    for (;;) {
      timer.expires_after(kTick);
      co_await timer.async_wait(kAwait);
      const SteadyTime now = self->clock_.steady_now();
      for (Connection* const connection : self->loop_->connections) connection->check_deadline(now);
    }
  }

  const Clock& clock_;
  const std::shared_ptr<EventLoop> loop_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  Thread thread_;
};

Error listen_error(const HttpServerOptions& options, const error_code& error) {
  const std::string where = options.host + " port " + std::to_string(options.port);
  if (error == asio::error::address_in_use) {
    return {ErrorCode::kAlreadyExists, where + " is taken by another program; stop it or listen on another port"};
  }
  if (error == asio::error::access_denied) {
    return {ErrorCode::kPermissionDenied, "no right to listen on " + where + "; ports below 1024 need privileges"};
  }
  return {ErrorCode::kIo, "cannot listen on " + where + ": " + error.message()};
}

class TcpHttpServer final : public HttpServer {
 public:
  TcpHttpServer(HttpServerOptions options, HttpHandler& handler) : state_(std::move(options), handler) {
    for (std::size_t i = 0; i < state_.options.network_threads; ++i) {
      threads_.push_back(std::make_unique<NetworkThread>(*state_.options.clock));
    }
    acceptor_.emplace(threads_.front()->loop()->context);
  }
  ~TcpHttpServer() override { TcpHttpServer::stop(std::chrono::milliseconds(0)); }
  TcpHttpServer(const TcpHttpServer&) = delete;
  TcpHttpServer& operator=(const TcpHttpServer&) = delete;

  Result<void> listen() {
    error_code error;
    const auto address = asio::ip::make_address(state_.options.host, error);
    if (error) {
      return Error(ErrorCode::kInvalidArgument, "\"" + state_.options.host + "\" is no IP address to listen on");
    }
    const tcp::endpoint endpoint(address, state_.options.port);
    acceptor_->open(endpoint.protocol(), error);
    // A restarted server need not wait for the old one's last connections to be forgotten.
    if (!error) acceptor_->set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_->bind(endpoint, error);
    if (!error) acceptor_->listen(asio::socket_base::max_listen_connections, error);
    if (error) return listen_error(state_.options, error);
    port_ = acceptor_->local_endpoint(error).port();
    asio::co_spawn(acceptor_->get_executor(), accept(this), asio::detached);
    for (std::size_t i = 0; i < threads_.size(); ++i) JADE_RETURN_IF_ERROR(threads_[i]->start(i));
    return {};
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return state_.connections; }

  std::size_t stop(std::chrono::milliseconds patience) override {
    if (std::exchange(stopped_, true)) return 0;
    state_.stopping = true;
    asio::post(acceptor_->get_executor(), [this] {
      error_code ignored;
      acceptor_->close(ignored);
    });
    for (const auto& thread : threads_) thread->for_each(&Connection::finish);
    wait_for_connections(patience);
    const std::size_t left = state_.connections;
    for (const auto& thread : threads_) thread->for_each(&Connection::cut);
    // Coroutines end as soon as their thread gets to them.
    wait_for_connections(std::chrono::seconds(1));
    for (const auto& thread : threads_) thread->join();
    return left;
  }

 private:
  static asio::awaitable<void> accept(TcpHttpServer* self) {
    asio::steady_timer pause(self->acceptor_->get_executor());
    for (std::size_t next = 0;; ++next) {
      NetworkThread& thread = *self->threads_[next % self->threads_.size()];
      auto [error, socket] = co_await self->acceptor_->async_accept(thread.loop()->context, kAwait);
      if (!self->acceptor_->is_open()) co_return;
      if (error) {
        // Out of file descriptors, most likely: others have to close first.
        pause.expires_after(kTick);
        co_await pause.async_wait(kAwait);
        continue;
      }
      self->take(thread, std::move(socket));
    }
  }

  void take(NetworkThread& thread, tcp::socket socket) {
    if (state_.connections >= state_.options.limits.connections_max) {
      refuse_connection(state_, std::move(socket));
      return;
    }
    ++state_.connections;
    asio::post(thread.loop()->context, [this, &thread, moved = std::move(socket)]() mutable {
      serve_connection(state_, thread.loop(), std::move(moved));
    });
  }

  void wait_for_connections(std::chrono::milliseconds patience) {
    const SteadyTime end = state_.options.clock->steady_now() + patience;
    MutexLock lock(wait_mutex_);
    while (state_.connections > 0 && state_.options.clock->steady_now() < end) {
      // Connections end without telling: that would put a lock into the life of each.
      waiting_.wait_for(lock, std::chrono::milliseconds(2));
    }
  }

  ServerState state_;
  std::vector<std::unique_ptr<NetworkThread>> threads_;
  std::optional<tcp::acceptor> acceptor_;
  std::uint16_t port_ = 0;
  bool stopped_ = false;
  Mutex wait_mutex_;
  CondVar waiting_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(HttpServerOptions options, HttpHandler& handler) {
  auto server = std::make_unique<TcpHttpServer>(std::move(options), handler);
  JADE_RETURN_IF_ERROR(server->listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace jade::server
