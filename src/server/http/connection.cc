// The one file that includes Beast: it takes long to compile.
#include "server/http/connection.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <optional>
#include <string>
#include <utility>

#include "server/http/response_text.h"

namespace jade::server {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

// Completions hand over their error code instead of throwing it.
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// What is read at once while there is no body; also how far ahead a pipelining caller is read.
constexpr std::size_t kReadBytes = 4096;
constexpr std::size_t kBodyReadBytes = 64 * 1024;
constexpr SteadyTime kNever = SteadyTime::max();

std::string new_request_id(Random& random) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string id = "req-";
  for (std::uint64_t bits = random.next_u64(), i = 0; i < 16; ++i, bits >>= 4) id.push_back(kDigits[bits & 15]);
  return id;
}

std::string address_text(const tcp::socket& socket) {
  error_code error;
  const tcp::endpoint endpoint = socket.remote_endpoint(error);
  const std::string address = endpoint.address().to_string();
  const bool v6 = endpoint.address().is_v6();
  return (v6 ? '[' + address + ']' : address) + ':' + std::to_string(endpoint.port());
}

// Body bytes that count against the server's limit, given back at the end.
class BodyMemory {
 public:
  BodyMemory(std::atomic<std::uint64_t>& in_flight, std::uint64_t bytes_max)
      : in_flight_(in_flight), bytes_max_(bytes_max) {}
  ~BodyMemory() { in_flight_ -= held_; }
  BodyMemory(const BodyMemory&) = delete;
  BodyMemory& operator=(const BodyMemory&) = delete;

  /// False if the server holds too much already.
  bool hold(std::uint64_t bytes) {
    const std::uint64_t more = bytes - held_;
    held_ = bytes;
    return in_flight_.fetch_add(more) + more <= bytes_max_;
  }

 private:
  std::atomic<std::uint64_t>& in_flight_;
  const std::uint64_t bytes_max_;
  std::uint64_t held_ = 0;
};

// A body in a string that grows as the bytes come in: http::string_body takes all the memory that a header claims.
struct GrowingBody {
  using value_type = std::string;

  class reader {
   public:
    template <bool kIsRequest, class Fields>
    reader(http::header<kIsRequest, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<std::uint64_t>& length, error_code& error) {
      constexpr std::uint64_t kTrustedBytes = std::uint64_t{1} << 20;
      if (length) body_.reserve(std::min(*length, kTrustedBytes));
      error = {};
    }
    template <class Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      std::size_t bytes = 0;
      for (const asio::const_buffer buffer : beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
        bytes += buffer.size();
      }
      error = {};
      return bytes;
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

class HttpConnection;

// Carries an answer from any thread to the connection's, and nothing if either is gone.
class PostingSink final : public ResponseSink {
 public:
  PostingSink(std::weak_ptr<EventLoop> loop, std::weak_ptr<HttpConnection> connection)
      : loop_(std::move(loop)), connection_(std::move(connection)) {}
  // An exchange that forgets to answer must not leave its caller waiting.
  ~PostingSink() override {
    Response response;
    response.status = 500;
    PostingSink::send(std::move(response));
  }
  PostingSink(const PostingSink&) = delete;
  PostingSink& operator=(const PostingSink&) = delete;

  void send(Response response) override;

 private:
  const std::weak_ptr<EventLoop> loop_;
  const std::weak_ptr<HttpConnection> connection_;
  std::atomic<bool> sent_ = false;
};

class HttpConnection final : public Connection, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(ServerState& state, const std::shared_ptr<EventLoop>& loop, tcp::socket socket)
      : state_(state),
        limits_(state.options.limits),
        loop_(loop),
        connections_(loop->connections),
        socket_(std::move(socket)),
        wake_(loop->context, kNever),
        buffer_(limits_.header_bytes_max + kBodyReadBytes),
        remote_address_(address_text(socket_)) {
    loop->connections.insert(this);
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
  }
  ~HttpConnection() override {
    connections_.erase(this);
    --state_.connections;
  }
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  void finish() override {
    open_ = false;
    if (idle_) socket_.cancel();
  }
  void cut() override {
    open_ = false;
    cut_ = true;
    error_code ignored;
    socket_.close(ignored);
    wake_.cancel();
  }
  void check_deadline(SteadyTime now) override {
    if (now < deadline_) return;
    deadline_ = kNever;
    timed_out_ = true;
    socket_.cancel();
  }

  // Takes the answer and wakes the coroutine that waits for it.
  void deliver(Response response) {
    response_ = std::move(response);
    socket_.cancel();
    wake_.cancel();
  }

  // Answers requests, one after the other.
  static asio::awaitable<void> run(std::shared_ptr<HttpConnection> self) {
    while (self->open_) co_await self->serve_request();
  }

 private:
  using Parser = http::request_parser<GrowingBody>;

  asio::awaitable<void> serve_request() {
    if (!co_await read_first_byte()) co_return;
    Parser parser;
    RequestHead head;
    head.request_id = new_request_id(*state_.options.random);
    head.remote_address = remote_address_;
    const std::optional<Error> malformed = co_await read_head(parser, head);
    if (peer_gone_) {
      open_ = false;
      co_return;
    }
    if (malformed) {
      co_await refuse(head, state_.handler.on_malformed(head, *malformed));
      co_return;
    }
    open_ = open_ && parser.keep_alive();
    auto decision = state_.handler.on_head(head);
    if (auto* const refusal = std::get_if<Response>(&decision)) {
      if (head.content_length == 0) {
        co_await write(head, std::move(*refusal));
      } else {
        co_await refuse(head, std::move(*refusal));
      }
      co_return;
    }
    const std::shared_ptr<HttpExchange> exchange = std::get<0>(std::move(decision));
    BodyMemory memory(state_.body_bytes_in_flight, limits_.body_bytes_in_flight_max);
    const std::optional<Error> unread = co_await read_body(parser, head, *exchange, memory);
    if (peer_gone_) {
      exchange->on_disconnected();
      open_ = false;
      co_return;
    }
    if (unread) {
      co_await refuse(head, exchange->on_body_refused(*unread));
      co_return;
    }
    exchange->on_body(std::move(parser.get().body()), std::make_shared<PostingSink>(loop_, weak_from_this()));
    co_await wait_for_response(*exchange);
    if (!response_) co_return;
    Response response = std::move(*response_);
    response_.reset();
    co_await write(head, std::move(response));
  }

  // Waits for a request; false if none comes.
  asio::awaitable<bool> read_first_byte() {
    if (buffer_.size() > 0) co_return true;
    if (buffer_.capacity() > kBodyReadBytes / 2) buffer_.shrink_to_fit();
    idle_ = true;
    expect_within(served_ ? limits_.idle_timeout : limits_.header_timeout);
    const auto [error, bytes] = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    deadline_ = kNever;
    idle_ = false;
    if (error) {
      open_ = false;
      co_return false;
    }
    buffer_.commit(bytes);
    co_return true;
  }

  // Fills `head`, or says why the bytes are no request. `peer_gone_` is set if there is nobody to tell.
  asio::awaitable<std::optional<Error>> read_head(Parser& parser, RequestHead& head) {
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes_max));
    parser.body_limit(boost::none);
    expect_within(limits_.header_timeout);
    const auto [error, bytes] = co_await http::async_read_header(socket_, buffer_, parser, kAwait);
    deadline_ = kNever;
    if (error) co_return head_error(error, parser.get().target());
    const auto& message = parser.get();
    head.method = method_from_name(message.method_string());
    head.target = message.target();
    for (const auto& field : message) head.headers.add(std::string(field.name_string()), std::string(field.value()));
    head.content_length = parser.content_length() ? *parser.content_length() : 0;
    if (parser.chunked()) head.content_length.reset();
    const auto id = head.headers.find("X-Request-Id");
    if (id && is_request_id(*id)) head.request_id = *id;
    if (head.target.size() > limits_.target_bytes_max) co_return target_too_long();
    if (message.version() != 11 && message.version() != 10) {
      co_return Error(ErrorCode::kInvalidArgument, "this server speaks HTTP/1.1");
    }
    if (message.version() == 11 && head.headers.count("Host") != 1) {
      co_return Error(ErrorCode::kInvalidArgument, "a request has exactly one Host header");
    }
    if (!transfer_encoding_is_read(head.headers)) {
      co_return Error(ErrorCode::kInvalidArgument, "the only Transfer-Encoding is \"chunked\", given once");
    }
    co_return std::nullopt;
  }

  // The parser takes any encoding, and sees no body where the last one is not chunked; what follows would be read as a
  // request that a proxy before this server took for the body.
  static bool transfer_encoding_is_read(const Headers& headers) {
    constexpr std::string_view kName = "Transfer-Encoding";
    const std::size_t count = headers.count(kName);
    return count == 0 || (count == 1 && equal_without_case(*headers.find(kName), "chunked"));
  }

  std::optional<Error> head_error(const error_code& error, std::string_view target) {
    if (timed_out_) return Error(ErrorCode::kRequestTimeout, "the request's header took too long");
    if (error == http::error::header_limit || error == http::error::buffer_overflow) return head_too_large(target);
    if (is_http_error(error)) {
      return Error(ErrorCode::kInvalidArgument, "this is no HTTP/1.1 request: " + error.message());
    }
    peer_gone_ = true;
    return std::nullopt;
  }

  // Of the peer's making, as opposed to a connection that ended.
  static bool is_http_error(const error_code& error) {
    return error.category() == http::make_error_code(http::error::bad_method).category() &&
           error != http::error::end_of_stream && error != http::error::partial_message;
  }

  // The parser has the target as soon as it has seen the end of the first line.
  Error head_too_large(std::string_view target) const {
    if (target.empty() || target.size() > limits_.target_bytes_max) return target_too_long();
    return Error(ErrorCode::kHeadersTooLarge, "the request's header is too large")
        .with("limitBytes", static_cast<std::int64_t>(limits_.header_bytes_max));
  }

  Error target_too_long() const {
    return Error(ErrorCode::kUriTooLong, "the request's target is too long")
        .with("limitBytes", static_cast<std::int64_t>(limits_.target_bytes_max));
  }

  // Reads the body into the parser, or says why not.
  asio::awaitable<std::optional<Error>> read_body(Parser& parser, const RequestHead& head, const HttpExchange& exchange,
                                                  BodyMemory& memory) {
    const std::uint64_t bytes_max = exchange.body_bytes_max();
    if (head.content_length && *head.content_length > bytes_max) co_return body_too_large(bytes_max);
    parser.body_limit(bytes_max);
    if (!parser.is_done() && buffer_.size() == 0 &&
        equal_without_case(head.headers.find("Expect").value_or(""), "100-continue")) {
      co_await write_all("HTTP/1.1 100 Continue\r\n\r\n", "");
    }
    const SteadyTime begun = now();
    while (!parser.is_done()) {
      const std::uint64_t received = parser.get().body().size();
      if (received >= kBodyReadBytes) buffer_.reserve(kBodyReadBytes);
      deadline_ = begun + limits_.transfer_timeout + time_for(received);
      const auto [error, bytes] = co_await http::async_read_some(socket_, buffer_, parser, kAwait);
      deadline_ = kNever;
      if (error == http::error::body_limit) co_return body_too_large(bytes_max);
      if (error) co_return body_error(error);
      if (!memory.hold(parser.get().body().size())) {
        co_return Error(ErrorCode::kOverloaded, "too many large requests at the same time");
      }
    }
    co_return std::nullopt;
  }

  std::optional<Error> body_error(const error_code& error) {
    if (timed_out_) return Error(ErrorCode::kRequestTimeout, "the request's body took too long");
    if (is_http_error(error)) {
      return Error(ErrorCode::kInvalidArgument, "the request's body is malformed: " + error.message());
    }
    peer_gone_ = true;
    return std::nullopt;
  }

  static Error body_too_large(std::uint64_t bytes_max) {
    return Error(ErrorCode::kPayloadTooLarge, "the body is larger than " + std::to_string(bytes_max) + " bytes")
        .with("limitBytes", static_cast<std::int64_t>(bytes_max));
  }

  // Waits until `response_` is there or the connection is cut. Reads ahead meanwhile, to see the caller go.
  asio::awaitable<void> wait_for_response(HttpExchange& exchange) {
    bool present = true;
    while (!response_ && !cut_) {
      if (!present || buffer_.size() >= kReadBytes) {
        co_await wake_.async_wait(kAwait);
        continue;
      }
      const auto [error, bytes] = co_await socket_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
      buffer_.commit(bytes);
      present = !error || response_.has_value();
      if (present) continue;
      open_ = false;
      exchange.on_disconnected();
    }
  }

  asio::awaitable<void> write(const RequestHead& head, Response response) {
    served_ = true;
    // A stop that began in the meantime makes this the last answer.
    if (state_.stopping) open_ = false;
    const std::string text = response_head(response, head.request_id, state_.options.clock->wall_now(), open_);
    const std::string_view body = head.method == Method::kHead ? std::string_view() : response.body;
    co_await write_all(text, body);
  }

  asio::awaitable<void> write_all(std::string_view first, std::string_view second) {
    const SteadyTime begun = now();
    const std::size_t total = first.size() + second.size();
    for (std::size_t written = 0; written < total && !cut_;) {
      const std::array<asio::const_buffer, 2> rest = {
          asio::buffer(first) + written, asio::buffer(second) + (written > first.size() ? written - first.size() : 0)};
      deadline_ = begun + limits_.transfer_timeout + time_for(written);
      const auto [error, bytes] = co_await socket_.async_write_some(rest, kAwait);
      deadline_ = kNever;
      written += bytes;
      if (error) {
        open_ = false;
        co_return;
      }
    }
  }

  // Answers before all of the request was read. A connection that is closed with bytes unread is reset, and the caller
  // might never see the answer: so some of the rest is taken in first.
  asio::awaitable<void> refuse(const RequestHead& head, Response response) {
    open_ = false;
    timed_out_ = false;
    co_await write(head, std::move(response));
    error_code error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    expect_within(limits_.drain_timeout);
    std::array<char, kReadBytes> scratch;
    std::size_t drained = 0;
    while (!error && drained < limits_.drain_bytes_max) {
      const auto [read_error, bytes] = co_await socket_.async_read_some(asio::buffer(scratch), kAwait);
      drained += bytes;
      error = read_error;
    }
    deadline_ = kNever;
  }

  SteadyTime now() const { return state_.options.clock->steady_now(); }
  void expect_within(std::chrono::milliseconds duration) {
    timed_out_ = false;
    deadline_ = now() + duration;
  }
  // How long the slowest tolerated caller takes for so many bytes.
  std::chrono::milliseconds time_for(std::uint64_t bytes) const {
    return std::chrono::milliseconds(bytes * 1000 / limits_.bytes_per_second_min);
  }

  ServerState& state_;
  const HttpLimits& limits_;
  const std::weak_ptr<EventLoop> loop_;
  std::unordered_set<Connection*>& connections_;
  tcp::socket socket_;
  // Expires never; cancelled when there is something to look at.
  asio::steady_timer wake_;
  beast::flat_buffer buffer_;
  const std::string remote_address_;
  std::optional<Response> response_;
  SteadyTime deadline_ = kNever;
  bool timed_out_ = false;
  bool idle_ = false;
  bool served_ = false;
  bool cut_ = false;
  // Whether another request is read after this one.
  bool open_ = true;
  // Set where reading a request found that nobody is there any more.
  bool peer_gone_ = false;
};

void PostingSink::send(Response response) {
  if (sent_.exchange(true)) return;
  const std::shared_ptr<EventLoop> loop = loop_.lock();
  if (!loop) return;
  asio::post(loop->context, [connection = connection_, answer = std::move(response)]() mutable {
    if (const auto alive = connection.lock()) alive->deliver(std::move(answer));
  });
}

}  // namespace

void serve_connection(ServerState& state, const std::shared_ptr<EventLoop>& loop, tcp::socket socket) {
  auto connection = std::make_shared<HttpConnection>(state, loop, std::move(socket));
  if (state.stopping) connection->finish();
  asio::co_spawn(loop->context, HttpConnection::run(std::move(connection)), asio::detached);
}

void refuse_connection(ServerState& state, tcp::socket socket) {
  RequestHead head;
  head.request_id = new_request_id(*state.options.random);
  head.remote_address = address_text(socket);
  const Response response =
      state.handler.on_malformed(head, Error(ErrorCode::kOverloaded, "the server has as many connections as it takes"));
  const std::string text =
      response_head(response, head.request_id, state.options.clock->wall_now(), false) + response.body;
  error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(text), ignored);
  socket.shutdown(tcp::socket::shutdown_send, ignored);
}

}  // namespace jade::server
