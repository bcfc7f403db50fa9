#include "server/rest/test_api.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <utility>

#include "base/clock.h"
#include "base/json_reader.h"
#include "base/random.h"
#include "jade/error.h"
#include "server/http/target.h"
#include "server/registry/openapi.h"
#include "server/registry/schema_check.h"

namespace jade::server {
namespace {

class CaughtAnswer final : public ResponseSink {
 public:
  void send(Response response) override { answer.set_value(std::move(response)); }
  std::promise<Response> answer;
};

void check_answer(const Operation& operation, const Response& response) {
  SCOPED_TRACE(operation.name + ": " + response.body);
  if (response.status >= 400) {
    const Result<void> same = check_against_schema(*error_schema(), response.body);
    EXPECT_TRUE(same.ok()) << same.error().message();
    const std::vector<ErrorCode> possible = possible_errors(operation);
    const std::string code = code_of(response);
    EXPECT_TRUE(std::ranges::any_of(possible, [&](ErrorCode one) { return error_code_name(one) == code; }))
        << code << " is not documented";
    return;
  }
  for (const ResponseDescription& described : operation.responses) {
    if (described.status != response.status) continue;
    const SchemaPtr& schema = described.contents.front().schema;
    if (schema == nullptr) return;
    const Result<void> same = check_against_schema(*schema, response.body);
    EXPECT_TRUE(same.ok()) << same.error().message();
    return;
  }
  ADD_FAILURE() << response.status << " is not documented";
}

}  // namespace

TestApi::TestApi() : background_(*ThreadPool::start({.kind = ThreadKind::kBackground, .name = "api", .threads = 1})) {
  const engine::StoreEnvironment environment{.files = files,
                                             .clock = system_clock(),
                                             .random = system_random(),
                                             .compute = compute_,
                                             .background = *background_};
  store_ = *engine::LocalStore::open(environment, "data",
                                     {.memory_budget_bytes = 1U << 30, .disk_reserve_bytes = 0, .decorate_shard = {}});
  cursors_ = std::make_unique<CursorSigner>(store_->signing_key());
  add_operations(registry, {.router = *store_,
                            .cursors = *cursors_,
                            .body_bytes_max = 1U << 24,
                            .connections_max = 100,
                            .memory_budget_bytes = 1U << 30});
  dispatcher_ =
      std::make_unique<Dispatcher>(registry, access_, compute_, DispatcherOptions{.body_bytes_max = 1U << 24});
}

TestApi::~TestApi() {
  EXPECT_EQ(store_->close().ok(), closes_cleanly);
  store_.reset();
  background_->stop();
}

void TestApi::load() { ASSERT_TRUE(store_->load().ok()); }

Response TestApi::ask(Method method, std::string target, std::string body, std::string type) {
  RequestHead head;
  head.method = method;
  head.target = std::move(target);
  head.request_id = "request-1";
  head.headers.add("Host", "localhost");
  head.content_length = body.size();
  if (!body.empty()) head.headers.add("Content-Type", std::move(type));
  auto decision = dispatcher_->on_head(head);
  Response response;
  if (auto* const refused = std::get_if<Response>(&decision)) {
    response = std::move(*refused);
  } else {
    const auto caught = std::make_shared<CaughtAnswer>();
    std::get<0>(decision)->on_body(std::move(body), caught);
    response = caught->answer.get_future().get();
  }
  if (const Result<Target> parsed = parse_target(head.target); parsed.ok()) {
    const Result<Route> route = registry.route(method, parsed->path);
    if (route.ok()) check_answer(*route->operation, response);
  }
  return response;
}

std::string TestApi::expect(int status, const Response& response) {
  EXPECT_EQ(response.status, status) << response.body;
  return response.body;
}

std::string field_of(std::string_view json, std::string_view path) {
  JsonReader reader;
  const Result<JsonValue> root = reader.parse(json);
  if (!root.ok()) return "";
  JsonValue value = *root;
  while (!path.empty()) {
    const std::string_view step = path.substr(0, path.find('.'));
    path.remove_prefix(std::min(path.size(), step.size() + 1));
    std::optional<JsonValue> next;
    if (value.kind() == JsonKind::kArray) {
      std::size_t left = static_cast<std::size_t>(std::stoi(std::string(step)));
      for (const JsonValue element : value.get_array().value()) {
        if (left-- == 0) next = element;
      }
    } else if (value.kind() == JsonKind::kObject) {
      next = value.get_object().value().find(step);
    }
    if (!next) return "";
    value = *next;
  }
  if (value.kind() == JsonKind::kString) return std::string(*value.get_string());
  return std::string(value.raw_text());
}

std::string code_of(const Response& response) { return field_of(response.body, "error.code"); }

}  // namespace jade::server
