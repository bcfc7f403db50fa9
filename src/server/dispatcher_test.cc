#include "server/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <optional>
#include <stdexcept>

#include "base/inline_executor.h"
#include "base/log_capture.h"
#include "base/manual_executor.h"

namespace jade::server {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Text {
  std::string text = "none";
};

// Catches what the dispatcher sends back.
class CaughtAnswer final : public ResponseSink {
 public:
  void send(Response response) override {
    ++count;
    answer = std::move(response);
  }
  int count = 0;
  std::optional<Response> answer;
};

class FixedClock final : public Clock {
 public:
  WallTime wall_now() const override { return {}; }
  SteadyTime steady_now() const override { return now; }
  SteadyTime now{};
};

// Operations that show what they were given, and ways to go wrong.
void fill(Registry& registry) {
  registry.describe_path_parameter("id", schema::string(), "An id.");
  Object<Text> text("Text", "A text.");
  text.field("text", &Text::text, string(), "The text.");
  Object<Text> query("");
  query.field("text", &Text::text, string(), "The text.");
  registry.add(operation("echo", Method::kPost, "/v1/echo/{id}", Scope::kVectorAdd)
                   .body(text)
                   .body_as("application/x-jade-f32",
                            [](std::string bytes) -> Result<Text> {
                              if (bytes == "bad") return Error(ErrorCode::kInvalidArgument, "bad bytes");
                              return Text{"bytes " + bytes};
                            })
                   .query(query)
                   .handle([](const Call<Text, Text>& call, const Reply& reply) {
                     reply.bytes(201, "text/plain",
                                 call.context.path["id"] + "|" + call.query.text + "|" + call.body.text + "|" +
                                     call.context.accept);
                   }));
  registry.add(operation("optional", Method::kPost, "/v1/optional", Scope::kVectorAdd)
                   .body(text)
                   .body_not_built("application/x-jade-f32")
                   .body_optional()
                   .body_bytes_max(10)
                   .cost(CostClass::kHeavy)
                   .handle([](const Call<Text>& call, const Reply& reply) {
                     reply.send({.status = 200, .content_type = "", .body = call.body.text, .headers = {}});
                   }));
  registry.add(operation("open", Method::kGet, "/open", Scope::kPublic)
                   .cost(CostClass::kImmediate)
                   .handle([](const Call<>& call, const Reply& reply) {
                     reply.json(200, call.context.principal.kind == Principal::Kind::kAnonymous ? "{}" : "[]");
                   }));
  const auto add_failing = [&](std::string name, auto handler) {
    registry.add(operation(name, Method::kGet, "/v1/" + name, Scope::kVectorRead)
                     .cost(CostClass::kSearch)
                     .handle([handler](const Call<>&, const Reply& reply) { handler(reply); }));
  };
  add_failing("silent", [](const Reply&) {});
  add_failing("twice", [](const Reply& reply) {
    reply.json(200, "1");
    reply.json(200, "2");
    reply.error(Error(ErrorCode::kInternal, "3"));
  });
  add_failing("memory", [](const Reply&) { throw std::bad_alloc(); });
  add_failing("throws", [](const Reply&) { throw std::runtime_error("secret"); });
  add_failing("fails", [](const Reply& reply) { reply.error(Error(ErrorCode::kIo, "secret disk")); });
}

struct Server {
  explicit Server(Executor& compute)
      : dispatcher((fill(registry), registry), access, compute, {.body_bytes_max = 1000, .clock = &clock}) {}

  std::variant<std::shared_ptr<HttpExchange>, Response> head(RequestHead head) {
    if (head.request_id.empty()) head.request_id = "id-1";
    return dispatcher.on_head(head);
  }

  // The whole way, for executors that run at once.
  Response ask(RequestHead request, std::string body = "") {
    if (!body.empty()) request.content_length = body.size();
    auto decision = head(std::move(request));
    if (auto* const refused = std::get_if<Response>(&decision)) return *refused;
    const auto caught = std::make_shared<CaughtAnswer>();
    std::get<0>(decision)->on_body(std::move(body), caught);
    EXPECT_EQ(caught->count, 1);
    return *caught->answer;
  }

  Registry registry;
  LocalAccess access;
  FixedClock clock;
  Dispatcher dispatcher;
};

RequestHead post(std::string target, Headers headers = {}, std::string_view type = "application/json") {
  headers.add("Host", "localhost");
  if (!type.empty()) headers.add("Content-Type", std::string(type));
  RequestHead head;
  head.method = Method::kPost;
  head.target = std::move(target);
  head.headers = std::move(headers);
  return head;
}

RequestHead get(std::string target, Headers headers = {}) {
  RequestHead head = post(std::move(target), std::move(headers), "");
  head.method = Method::kGet;
  return head;
}

std::string code_of(const Response& response) {
  const auto begin = response.body.find("\"code\":\"") + 8;
  return response.body.substr(begin, response.body.find('"', begin) - begin);
}

struct DispatcherTest : testing::Test {
  LogCapture log;
  InlineExecutor compute;
  Server server{compute};
};

TEST_F(DispatcherTest, GivesTheHandlerEverything) {
  const Response response = server.ask(post("/v1/echo/a%2Fb?text=q", {{"Accept", "text/plain"}}), R"({"text":"body"})");
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.content_type, "text/plain");
  EXPECT_EQ(response.body, "a/b|q|body|text/plain");
}

TEST_F(DispatcherTest, TakesEachMediaTypeOfTheOperation) {
  EXPECT_EQ(server.ask(post("/v1/echo/a", {}, "Application/X-Jade-F32"), "xyz").body, "a|none|bytes xyz|");
  EXPECT_EQ(code_of(server.ask(post("/v1/echo/a", {}, "application/x-jade-f32"), "bad")), "INVALID_ARGUMENT");
  EXPECT_EQ(server.ask(post("/v1/echo/a", {}, "application/json ; charset=utf-8"), "{}").status, 201);
  EXPECT_EQ(server.ask(post("/v1/echo/a", {{"Content-Encoding", "identity"}}), "{}").status, 201);
}

TEST_F(DispatcherTest, RefusesFromTheHeadAlone) {
  struct Row {
    RequestHead head;
    int status;
    std::string code;
  };
  const std::vector<Row> rows = {
      {get("/v1//x"), 400, "INVALID_ARGUMENT"},
      {get("/v1/nothing"), 404, "ROUTE_NOT_FOUND"},
      {get("/v1/echo/a"), 405, "METHOD_NOT_ALLOWED"},
      {get("/v1/fails", {{"Origin", "http://example.com"}}), 401, "UNAUTHENTICATED"},
      {get("/v1/fails", {{"Authorization", "Bearer x"}}), 400, "NOT_SUPPORTED"},
      {get("/v1/fails", {{"x-api-key", "x"}}), 400, "NOT_SUPPORTED"},
      {get("/v1/fails", {{"If-Match", "x"}}), 400, "NOT_SUPPORTED"},
      {get("/v1/fails", {{"Idempotency-Key", "x"}}), 400, "NOT_SUPPORTED"},
      {get("/v1/fails", {{"Accept", "application/x-jade-hits"}}), 400, "NOT_SUPPORTED"},
      {get("/v1/fails", {{"X-Timeout-Ms", "0"}}), 400, "INVALID_ARGUMENT"},
      {get("/v1/fails", {{"X-Timeout-Ms", "3600001"}}), 400, "INVALID_ARGUMENT"},
      {get("/v1/fails", {{"X-Timeout-Ms", "1s"}}), 400, "INVALID_ARGUMENT"},
      {get("/v1/fails", {{"X-Timeout-Ms", ""}}), 400, "INVALID_ARGUMENT"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.head.target);
    const auto decision = server.head(row.head);
    ASSERT_TRUE(std::holds_alternative<Response>(decision));
    EXPECT_EQ(std::get<Response>(decision).status, row.status);
    EXPECT_EQ(code_of(std::get<Response>(decision)), row.code);
  }
  RequestHead body = post("/v1/echo/a", {}, "text/plain");
  body.content_length = 3;
  EXPECT_EQ(std::get<Response>(server.head(body)).status, 415);
  body.content_length.reset();
  EXPECT_EQ(std::get<Response>(server.head(body)).status, 415);
  RequestHead compressed = post("/v1/echo/a", {{"Content-Encoding", "gzip"}});
  compressed.content_length = 3;
  EXPECT_EQ(std::get<Response>(server.head(compressed)).status, 415);
  RequestHead untyped = post("/v1/optional", {}, "");
  untyped.content_length = 3;
  EXPECT_THAT(std::get<Response>(server.head(untyped)).body, HasSubstr("must be application/json\""));
  RequestHead unbuilt = post("/v1/optional", {}, "application/X-jade-f32; v=1");
  unbuilt.content_length = 3;
  EXPECT_EQ(code_of(std::get<Response>(server.head(unbuilt))), "NOT_SUPPORTED");
  for (const char* const accept : {"", "*/*", "application/x-jade-hits, application/json;q=0.5", "text/html"}) {
    EXPECT_TRUE(
        std::holds_alternative<std::shared_ptr<HttpExchange>>(server.head(get("/v1/fails", {{"Accept", accept}}))));
  }
  RequestHead unwanted = get("/v1/fails");
  unwanted.content_length = 3;
  EXPECT_EQ(code_of(std::get<Response>(server.head(unwanted))), "INVALID_ARGUMENT");
}

TEST_F(DispatcherTest, OpensPublicOperationsToEverybody) {
  RequestHead head = get("/open", {{"Authorization", "Bearer x"}, {"Origin", "http://example.com"}});
  EXPECT_EQ(server.ask(std::move(head)).body, "{}");
}

TEST_F(DispatcherTest, RefusesWrongQueriesAndBodies) {
  EXPECT_EQ(code_of(server.ask(post("/v1/echo/a?x=1"), "{}")), "INVALID_ARGUMENT");
  EXPECT_EQ(code_of(server.ask(get("/v1/fails?x=1"))), "INVALID_ARGUMENT");
  EXPECT_EQ(code_of(server.ask(post("/v1/echo/a"), R"({"txt":""})")), "INVALID_ARGUMENT");
  EXPECT_THAT(server.ask(post("/v1/echo/a")).body, HasSubstr("the request has no body"));
  EXPECT_EQ(server.ask(post("/v1/optional")).body, "none");
}

TEST_F(DispatcherTest, LimitsBodiesByOperation) {
  EXPECT_EQ(std::get<0>(server.head(post("/v1/echo/a")))->body_bytes_max(), 1000U);
  const auto exchange = std::get<0>(server.head(post("/v1/optional")));
  EXPECT_EQ(exchange->body_bytes_max(), 10U);
  EXPECT_EQ(exchange->on_body_refused(Error(ErrorCode::kPayloadTooLarge, "large")).status, 413);
}

TEST_F(DispatcherTest, AnswersOnceWhateverTheHandlerDoes) {
  EXPECT_EQ(server.ask(get("/v1/silent")).status, 500);
  EXPECT_EQ(server.ask(get("/v1/twice")).body, "1");
  EXPECT_EQ(server.ask(get("/v1/memory")).status, 503);
}

TEST_F(DispatcherTest, LogsWhatItDoesNotShow) {
  for (const char* const target : {"/v1/throws", "/v1/fails"}) {
    const Response response = server.ask(get(target));
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, Not(HasSubstr("secret")));
    EXPECT_THAT(response.body, HasSubstr("id-1"));
  }
  EXPECT_EQ(log.count("request_failed"), 2U);
  EXPECT_THAT(log.lines(), testing::Contains(testing::AllOf(HasSubstr("secret disk"), HasSubstr("id-1"))));
}

TEST_F(DispatcherTest, LogsEachRequestWithItsRouteAndNoIds) {
  server.ask(post("/v1/echo/private-id?text=private-text"), "{}");
  const auto lines = log.lines();
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], HasSubstr(R"("event":"request","method":"POST","route":"/v1/echo/{id}","status":201,)"
                                  R"("duration_us":0,"request_id":"id-1")"));
  EXPECT_THAT(lines[0], Not(HasSubstr("private")));
}

TEST_F(DispatcherTest, AnswersMalformedRequests) {
  RequestHead head;
  head.request_id = "id-2";
  const Response response = server.dispatcher.on_malformed(head, Error(ErrorCode::kInvalidArgument, "no request"));
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("id-2"));
  EXPECT_EQ(log.count("request"), 1U);
}

TEST(DispatcherQueue, RefusesWhenItIsFull) {
  const LogCapture log;
  ManualExecutor compute(1);
  Server server(compute);
  const auto first = std::make_shared<CaughtAnswer>();
  const auto second = std::make_shared<CaughtAnswer>();
  std::get<0>(server.head(get("/v1/twice")))->on_body("", first);
  std::get<0>(server.head(get("/v1/twice")))->on_body("", second);
  EXPECT_FALSE(first->answer);
  ASSERT_TRUE(second->answer);
  EXPECT_EQ(second->answer->status, 503);
  EXPECT_EQ(second->answer->headers.find("Retry-After"), "1");
  EXPECT_EQ(server.ask(get("/open")).status, 200) << "what costs nothing is answered all the same";
  compute.run_all();
  EXPECT_EQ(first->answer->status, 200);
}

TEST(DispatcherQueue, AnswersWhatAStoppingExecutorDrops) {
  const LogCapture log;
  ManualExecutor compute;
  Server server(compute);
  compute.stop();
  EXPECT_EQ(server.ask(get("/v1/twice")).status, 503);
}

TEST(DispatcherQueue, DoesNotBeginWhatIsTooLate) {
  const LogCapture log;
  ManualExecutor compute;
  Server server(compute);
  const auto late = std::make_shared<CaughtAnswer>();
  const auto gone = std::make_shared<CaughtAnswer>();
  std::get<0>(server.head(get("/v1/twice", {{"X-Timeout-Ms", "100"}})))->on_body("", late);
  const auto exchange = std::get<0>(server.head(get("/v1/twice")));
  exchange->on_body("", gone);
  exchange->on_disconnected();
  server.clock.now += std::chrono::milliseconds(101);
  compute.run_all();
  EXPECT_EQ(late->answer->status, 504);
  EXPECT_EQ(gone->answer->status, 499);
}

TEST(DispatcherQueue, TakesLightWorkFirst) {
  const LogCapture log;
  ManualExecutor compute;
  Server server(compute);
  const auto heavy = std::make_shared<CaughtAnswer>();
  const auto search = std::make_shared<CaughtAnswer>();
  const auto light = std::make_shared<CaughtAnswer>();
  std::get<0>(server.head(post("/v1/optional")))->on_body("", heavy);
  std::get<0>(server.head(get("/v1/twice")))->on_body("", search);
  std::get<0>(server.head(post("/v1/echo/a")))->on_body("{}", light);
  compute.run_one();
  EXPECT_TRUE(light->answer);
  EXPECT_FALSE(search->answer);
  compute.run_one();
  EXPECT_TRUE(search->answer);
  EXPECT_FALSE(heavy->answer);
  compute.run_one();
  EXPECT_TRUE(heavy->answer);
}

}  // namespace
}  // namespace jade::server
