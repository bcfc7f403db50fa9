#include "server/http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"
#include "server/error_status.h"
#include "server/http/test_client.h"

namespace jade::server {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using testing::Not;

// Answers by path: /echo gives the body back, /refuse is refused from its head, /later waits until the test answers,
// /forget never answers, /large gives 8 MiB.
class ScriptedHandler final : public HttpHandler {
 public:
  std::variant<std::shared_ptr<HttpExchange>, Response> on_head(const RequestHead& head) override {
    ++heads;
    if (head.target == "/refuse") return error_response(Error(ErrorCode::kRouteNotFound, "no"), head.request_id);
    return std::make_shared<Exchange>(*this, head);
  }
  Response on_malformed(const RequestHead& head, const Error& error) override {
    return error_response(error, head.request_id);
  }

  // Waits until `count` requests wait in /later.
  void await_later(std::size_t count) {
    MutexLock lock(mutex_);
    while (later_.size() < count) changed_.wait(lock);
  }
  void await_disconnected(int count) {
    MutexLock lock(mutex_);
    while (disconnected_ < count) changed_.wait(lock);
  }
  void answer_later() {
    MutexLock lock(mutex_);
    for (const auto& sink : later_) {
      sink->send({.status = 200, .content_type = "text/plain", .body = "late", .headers = {}});
      sink->send({.status = 500, .content_type = "text/plain", .body = "twice", .headers = {}});
    }
    later_.clear();
  }
  void forget_later() {
    MutexLock lock(mutex_);
    later_.clear();
  }

  std::atomic<int> heads = 0;
  std::atomic<int> bodies = 0;

 private:
  class Exchange final : public HttpExchange {
   public:
    Exchange(ScriptedHandler& handler, const RequestHead& head) : handler_(handler), head_(head) {}

    std::uint64_t body_bytes_max() const override { return 1 << 20; }
    void on_body(std::string body, std::shared_ptr<ResponseSink> sink) override {
      ++handler_.bodies;
      if (head_.target == "/forget") return;
      if (head_.target == "/later") {
        MutexLock lock(handler_.mutex_);
        handler_.later_.push_back(std::move(sink));
        handler_.changed_.notify_all();
        return;
      }
      if (head_.target == "/large") body.assign(std::size_t{8} << 20, 'x');
      if (head_.target == "/address") body = head_.remote_address;
      sink->send({.status = 200, .content_type = "text/plain", .body = std::move(body), .headers = {}});
    }
    Response on_body_refused(const Error& error) override { return error_response(error, head_.request_id); }
    void on_disconnected() override {
      MutexLock lock(handler_.mutex_);
      ++handler_.disconnected_;
      handler_.changed_.notify_all();
    }

   private:
    ScriptedHandler& handler_;
    const RequestHead head_;
  };

  Mutex mutex_;
  CondVar changed_;
  std::vector<std::shared_ptr<ResponseSink>> later_ JADE_GUARDED_BY(mutex_);
  int disconnected_ JADE_GUARDED_BY(mutex_) = 0;
};

HttpServerOptions quick_options() {
  HttpServerOptions options;
  options.port = 0;
  options.network_threads = 2;
  options.limits.header_bytes_max = 4096;
  options.limits.target_bytes_max = 1024;
  options.limits.drain_timeout = milliseconds(200);
  return options;
}

struct Running {
  explicit Running(HttpServerOptions options = quick_options()) {
    auto started = HttpServer::start(std::move(options), handler);
    EXPECT_TRUE(started.ok()) << started.error().message();
    server = std::move(started).value();
  }
  TestClient connect() const { return TestClient(server->port()); }
  void await_connections(std::size_t count) const {
    for (int i = 0; i < 2000 && server->connections() != count; ++i) wait();
    EXPECT_EQ(server->connections(), count);
  }
  static void wait() {
    Mutex mutex;
    CondVar never;
    MutexLock lock(mutex);
    never.wait_for(lock, milliseconds(5));
  }

  ScriptedHandler handler;
  std::unique_ptr<HttpServer> server;
};

constexpr std::string_view kGet = "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n";

std::string post(std::string_view target, std::string_view body, std::string_view more_headers = "") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more_headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

TEST(HttpServer, AnswersWithTheHeadersThatEveryAnswerHas) {
  const Running running;
  TestClient client = running.connect();
  const auto response = client.ask(post("/echo", "hello", "X-Request-Id: my-id\r\n"));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello");
  EXPECT_EQ(response->headers.find("X-Request-Id"), "my-id");
  EXPECT_EQ(response->headers.find("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(response->headers.find("Cache-Control"), "no-store");
  EXPECT_TRUE(response->headers.find("Date"));
  EXPECT_EQ(response->headers.find("Connection"), "keep-alive");
}

TEST(HttpServer, MakesARequestIdWhereTheCallersIsNone) {
  const Running running;
  TestClient client = running.connect();
  std::string last;
  for (const std::string& given : std::vector<std::string>{"", "has space", std::string(129, 'x')}) {
    const auto response = client.ask(post("/echo", "", "X-Request-Id: " + given + "\r\n"));
    ASSERT_TRUE(response);
    const std::string id(*response->headers.find("X-Request-Id"));
    EXPECT_THAT(id, testing::StartsWith("req-"));
    EXPECT_NE(id, last);
    last = id;
  }
}

TEST(HttpServer, KeepsConnectionsAndAnswersPipelinedRequestsInOrder) {
  const Running running;
  TestClient client = running.connect();
  std::string requests;
  for (int i = 0; i < 50; ++i) requests += post("/echo", "body " + std::to_string(i));
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 50; ++i) {
    const auto response = client.read_response();
    ASSERT_TRUE(response);
    EXPECT_EQ(response->body, "body " + std::to_string(i));
  }
  EXPECT_EQ(running.server->connections(), 1U);
}

TEST(HttpServer, AnswersPipelinedRequestsBehindASlowOne) {
  Running running;
  TestClient client = running.connect();
  // More than is read ahead while the first one waits.
  std::string requests = post("/later", "");
  for (int i = 0; i < 20; ++i) requests += post("/echo", std::string(500, static_cast<char>('a' + i)));
  ASSERT_TRUE(client.send(requests));
  running.handler.await_later(1);
  Running::wait();
  running.handler.answer_later();
  EXPECT_EQ(client.read_response()->body, "late");
  for (int i = 0; i < 20; ++i) EXPECT_EQ(client.read_response()->body, std::string(500, static_cast<char>('a' + i)));
}

TEST(HttpServer, ClosesWhenAsked) {
  const Running running;
  TestClient close = running.connect();
  EXPECT_EQ(close.ask("GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")->headers.find("Connection"),
            "close");
  EXPECT_TRUE(close.ends());
  TestClient old = running.connect();
  EXPECT_EQ(old.ask("GET /echo HTTP/1.0\r\n\r\n")->status, 200);
  EXPECT_TRUE(old.ends());
}

TEST(HttpServer, ReadsChunkedBodies) {
  const Running running;
  TestClient client = running.connect();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(client.ask(head + "5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n")->body, "hello!");
  EXPECT_EQ(client.ask(head + "0\r\n\r\n")->body, "");
  EXPECT_EQ(client.ask(head + "zz\r\nhello\r\n")->status, 400);
  EXPECT_TRUE(client.ends());
}

TEST(HttpServer, ReadsBodiesLargerThanItsBuffers) {
  const Running running;
  TestClient client = running.connect();
  std::string body(1 << 20, 'x');
  for (std::size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>('a' + i % 26);
  EXPECT_EQ(client.ask(post("/echo", body))->body, body);
  EXPECT_EQ(client.ask(post("/echo", "small"))->body, "small") << "and the connection goes on";
}

TEST(HttpServer, WritesLargeAnswers) {
  const Running running;
  TestClient client = running.connect();
  EXPECT_EQ(client.ask(post("/large", ""))->body.size(), std::size_t{8} << 20);
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  const Running running;
  TestClient client = running.connect();
  client.send("HEAD /address HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.read_response(true);
  ASSERT_TRUE(response);
  EXPECT_THAT(std::string(*response->headers.find("Content-Length")), Not("0"));
  EXPECT_THAT(client.ask("GET /address HTTP/1.1\r\nHost: a\r\n\r\n")->body, HasSubstr("127.0.0.1:"));
}

TEST(HttpServer, InvitesBodiesThatWait) {
  const Running running;
  TestClient client = running.connect();
  client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response()->status, 100);
  EXPECT_EQ(client.ask("ok")->body, "ok");
  // A caller that did not wait needs no invitation.
  EXPECT_EQ(client.ask(post("/echo", "ok", "Expect: 100-continue\r\n"))->body, "ok");
}

TEST(HttpServer, RefusesFromTheHeadAndStillGetsTheAnswerThrough) {
  const Running running;
  TestClient client = running.connect();
  EXPECT_EQ(client.ask("GET /refuse HTTP/1.1\r\nHost: a\r\n\r\n")->status, 404);
  EXPECT_EQ(client.ask(kGet)->status, 200) << "nothing was left unread, so the connection goes on";
  const auto refused = client.ask(post("/refuse", std::string(500'000, 'x')));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 404);
  EXPECT_EQ(refused->headers.find("Connection"), "close");
  EXPECT_TRUE(client.ends());
  EXPECT_EQ(running.handler.bodies, 1);
}

TEST(HttpServer, RefusesLargeBodiesUnread) {
  const Running running;
  TestClient declared = running.connect();
  const auto response = declared.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\nabc");
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 413);
  EXPECT_THAT(response->body, HasSubstr("\"limitBytes\":1048576"));
  EXPECT_TRUE(declared.ends());

  TestClient chunked = running.connect();
  std::string bytes = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 5; ++i) bytes += "40000\r\n" + std::string(0x40000, 'x') + "\r\n";
  EXPECT_EQ(chunked.ask(bytes)->status, 413);
  EXPECT_EQ(running.handler.bodies, 0);
}

TEST(HttpServer, DrainsOnlySoMuchOfWhatItRefuses) {
  HttpServerOptions options = quick_options();
  options.limits.drain_bytes_max = 10'000;
  options.limits.drain_timeout = milliseconds(60'000);
  const Running running(options);
  TestClient client = running.connect();
  client.send("POST /refuse HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\n");
  EXPECT_EQ(client.read_response()->status, 404);
  client.send(std::string(100'000, 'x'));
  running.await_connections(0);
}

TEST(HttpServer, BoundsTheMemoryOfAllBodies) {
  HttpServerOptions options = quick_options();
  options.limits.body_bytes_in_flight_max = 1000;
  Running running(options);
  TestClient first = running.connect();
  first.send(post("/later", std::string(800, 'x')));
  running.handler.await_later(1);
  TestClient second = running.connect();
  const auto response = second.ask(post("/echo", std::string(800, 'x')));
  EXPECT_EQ(response->status, 503);
  EXPECT_EQ(response->headers.find("Retry-After"), "1");
  running.handler.answer_later();
  EXPECT_EQ(first.read_response()->body, "late");
  running.await_connections(1);
  TestClient third = running.connect();
  EXPECT_EQ(third.ask(post("/echo", std::string(800, 'x')))->status, 200);
}

TEST(HttpServer, RefusesWhatIsNoRequest) {
  const Running running;
  const std::vector<std::pair<std::string, int>> rows = {
      {"hello\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", 400},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /echo HTTP/1.1\r\n\r\n", 400},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET /echo HTTP/2.0\r\nHost: a\r\n\r\n", 400},
      {"GET /echo HTTP/1.7\r\nHost: a\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\nx", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", 400},
      {"GET /echo HTTP/1.1\r\nHost: a\r\nX: " + std::string(5000, 'x') + "\r\n\r\n", 431},
      {"GET /" + std::string(1500, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + std::string(100'000, 'x'), 414},
      {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
  };
  for (const auto& [bytes, status] : rows) {
    SCOPED_TRACE(bytes.substr(0, 60));
    TestClient client = running.connect();
    const auto response = client.ask(bytes);
    ASSERT_TRUE(response);
    EXPECT_EQ(response->status, status);
    EXPECT_THAT(response->body, HasSubstr("requestId"));
    EXPECT_EQ(response->headers.find("Connection"), "close");
    EXPECT_TRUE(client.ends());
  }
  EXPECT_EQ(running.handler.heads, 0);
}

TEST(HttpServer, DropsCallersThatLeaveInTheMiddle) {
  const Running running;
  for (const std::string_view bytes :
       {"", "GET /ec", "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"}) {
    TestClient client = running.connect();
    client.send(bytes);
    client.finish_sending();
    EXPECT_TRUE(client.ends()) << bytes;
  }
  running.await_connections(0);
}

TEST(HttpServer, TimesOutSlowHeadersAndBodiesAndIdleConnections) {
  HttpServerOptions options = quick_options();
  options.limits.header_timeout = milliseconds(100);
  options.limits.transfer_timeout = milliseconds(100);
  options.limits.idle_timeout = milliseconds(100);
  const Running running(options);
  TestClient header = running.connect();
  EXPECT_EQ(header.ask("GET /echo HTTP/1.1\r\nHos")->status, 408);
  EXPECT_TRUE(header.ends());
  TestClient body = running.connect();
  EXPECT_EQ(body.ask("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")->status, 408);
  EXPECT_TRUE(body.ends());
  TestClient silent = running.connect();
  EXPECT_TRUE(silent.ends());
  TestClient idle = running.connect();
  EXPECT_EQ(idle.ask(kGet)->status, 200);
  EXPECT_TRUE(idle.ends());
}

TEST(HttpServer, DropsCallersThatDoNotReadTheirAnswer) {
  HttpServerOptions options = quick_options();
  options.limits.transfer_timeout = milliseconds(100);
  options.limits.bytes_per_second_min = std::uint64_t{1} << 40;
  const Running running(options);
  TestClient client = running.connect();
  for (int i = 0; i < 4; ++i) client.send(post("/large", ""));
  running.await_connections(0);
}

TEST(HttpServer, TellsTheExchangeThatItsCallerIsGone) {
  Running running;
  {
    TestClient client = running.connect();
    client.send(post("/later", "x"));
    running.handler.await_later(1);
  }
  running.handler.await_disconnected(1);
  running.handler.answer_later();
  running.await_connections(0);
}

TEST(HttpServer, AnswersForAnExchangeThatForgets) {
  const Running running;
  TestClient client = running.connect();
  EXPECT_EQ(client.ask(post("/forget", ""))->status, 500);
}

TEST(HttpServer, RefusesConnectionsBeyondItsLimit) {
  HttpServerOptions options = quick_options();
  options.limits.connections_max = 1;
  const Running running(options);
  {
    TestClient first = running.connect();
    EXPECT_EQ(first.ask(kGet)->status, 200);
    TestClient second = running.connect();
    EXPECT_EQ(second.read_response()->status, 503);
    EXPECT_TRUE(second.ends());
  }
  running.await_connections(0);
  TestClient third = running.connect();
  EXPECT_EQ(third.ask(kGet)->status, 200);
}

TEST(HttpServer, ServesAThousandConnections) {
  const Running running;
  std::vector<TestClient> clients;
  for (int i = 0; i < 1000; ++i) clients.push_back(running.connect());
  for (std::size_t i = 0; i < clients.size(); ++i) ASSERT_TRUE(clients[i].send(post("/echo", std::to_string(i))));
  for (std::size_t i = 0; i < clients.size(); ++i) EXPECT_EQ(clients[i].read_response()->body, std::to_string(i));
  EXPECT_EQ(running.server->connections(), 1000U);
}

TEST(HttpServerStop, FinishesWhatHasBegunAndClosesTheRest) {
  Running running;
  TestClient idle = running.connect();
  EXPECT_EQ(idle.ask(kGet)->status, 200);
  TestClient busy = running.connect();
  busy.send(post("/later", ""));
  running.handler.await_later(1);
  std::size_t cut = 99;
  auto stopping =
      Thread::start(ThreadKind::kBackground, "stop", [&] { cut = running.server->stop(std::chrono::seconds(10)); });
  ASSERT_TRUE(stopping.ok());
  EXPECT_TRUE(idle.ends());
  running.handler.answer_later();
  const auto last = busy.read_response();
  ASSERT_TRUE(last);
  EXPECT_EQ(last->body, "late");
  EXPECT_EQ(last->headers.find("Connection"), "close");
  EXPECT_TRUE(busy.ends());
  stopping->join();
  EXPECT_EQ(cut, 0U);
}

TEST(HttpServerStop, CutsWhatTakesTooLong) {
  Running running;
  TestClient waiting = running.connect();
  waiting.send(post("/later", ""));
  TestClient ahead = running.connect();
  ahead.send(post("/later", "") + post("/echo", std::string(10'000, 'x')));
  running.handler.await_later(2);
  TestClient reading = running.connect();
  reading.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
  while (running.handler.heads < 3) Running::wait();
  EXPECT_EQ(running.server->stop(milliseconds(20)), 3U);
  EXPECT_EQ(running.server->stop(milliseconds(20)), 0U) << "once is enough";
  EXPECT_FALSE(waiting.read_response());
  EXPECT_FALSE(ahead.read_response());
  EXPECT_FALSE(reading.read_response());
  // An answer that comes after the server is gone goes nowhere.
  const std::uint16_t port = running.server->port();
  EXPECT_GT(port, 0);
  running.server.reset();
  running.handler.answer_later();
}

TEST(HttpServerStart, SaysWhyItCannotListen) {
  const Running running;
  ScriptedHandler handler;
  HttpServerOptions taken = quick_options();
  taken.port = running.server->port();
  const auto second = HttpServer::start(taken, handler);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_THAT(second.error().message(), HasSubstr("127.0.0.1 port " + std::to_string(taken.port) + " is taken"));
  EXPECT_THAT(second.error().message(), Not(HasSubstr("\n")));
  HttpServerOptions name = quick_options();
  name.host = "localhost";
  EXPECT_EQ(HttpServer::start(name, handler).error().code(), ErrorCode::kInvalidArgument);
  HttpServerOptions foreign = quick_options();
  foreign.host = "192.0.2.1";
  EXPECT_EQ(HttpServer::start(foreign, handler).error().code(), ErrorCode::kIo);
}

TEST(HttpServerStart, ListensOnVersionSix) {
  HttpServerOptions options = quick_options();
  options.host = "::";
  const Running running(options);
  TestClient client = running.connect();
  EXPECT_THAT(client.ask("GET /address HTTP/1.1\r\nHost: a\r\n\r\n")->body, HasSubstr("["));
}

}  // namespace
}  // namespace jade::server
