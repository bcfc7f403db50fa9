#include "server/dispatcher.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include "base/logging.h"
#include "server/error_status.h"
#include "server/http/target.h"

namespace jade::server {
namespace {

// Headers of the contract that are not built yet.
constexpr std::array<std::string_view, 4> kNotSupportedHeaders = {"Idempotency-Key", "If-Match", "X-API-Key",
                                                                  "Authorization"};

// One request on its way to an answer, as the log tells of it.
struct Answering {
  const Clock& clock;
  SteadyTime received_at;
  std::string_view method;
  // The operation's path template, so that no id of a user's gets into the log; "" where no route matched.
  std::string_view route;
  std::string request_id;
  std::string remote_address;

  // The answer for `error`, logged.
  Response refuse(const Error& error) const {
    if (error_is_private(error)) {
      log_error("request_failed", {{"request_id", request_id}, {"route", route}, {"reason", error.message()}});
    }
    Response response = error_response(error, request_id);
    note(response.status);
    return response;
  }

  void note(int status) const {
    const auto duration = std::chrono::duration_cast<std::chrono::microseconds>(clock.steady_now() - received_at);
    log_info("request", {{"method", method},
                         {"route", route},
                         {"status", status},
                         {"duration_us", duration.count()},
                         {"request_id", request_id},
                         {"remote", remote_address}});
  }
};

// The way back of one call. The first answer counts; without any, the caller is told that something went wrong.
class CallReply final : public Reply::Target {
 public:
  CallReply(std::shared_ptr<const Answering> answering, std::shared_ptr<ResponseSink> sink)
      : answering_(std::move(answering)), sink_(std::move(sink)) {}
  ~CallReply() override { CallReply::fail(Error(ErrorCode::kInternal, "the operation gave no answer")); }
  CallReply(const CallReply&) = delete;
  CallReply& operator=(const CallReply&) = delete;

  void send(Response response) override {
    if (answered_.exchange(true)) return;
    answering_->note(response.status);
    sink_->send(std::move(response));
  }
  void fail(const Error& error) override {
    if (answered_.exchange(true)) return;
    sink_->send(answering_->refuse(error));
  }

 private:
  const std::shared_ptr<const Answering> answering_;
  const std::shared_ptr<ResponseSink> sink_;
  std::atomic<bool> answered_ = false;
};

Priority priority_of(CostClass cost) {
  if (cost == CostClass::kHeavy) return Priority::kLow;
  return cost == CostClass::kLight ? Priority::kHigh : Priority::kNormal;
}

// What one call needs when its turn comes.
struct PendingCall {
  const Operation& operation;
  CallContext context;
  std::vector<QueryParameter> parameters;
  std::string body;
};

void run(PendingCall call, const Reply& reply) {
  if (const auto in_time = call.context.cancellation->check(); !in_time.ok()) return reply.error(in_time.error());
  try {
    call.operation.invoke(std::move(call.context), call.parameters, std::move(call.body), reply);
  } catch (const std::bad_alloc&) {
    reply.error(Error(ErrorCode::kOverloaded, "there is no memory for this request"));
  } catch (const std::exception& thrown) {
    reply.error(Error(ErrorCode::kInternal, std::string("exception: ") + thrown.what()));
  }
}

class Exchange final : public HttpExchange {
 public:
  Exchange(PendingCall call, std::uint64_t body_bytes_max, Executor& compute,
           std::shared_ptr<const Answering> answering)
      : call_(std::move(call)),
        cancellation_(call_.context.cancellation),
        body_bytes_max_(body_bytes_max),
        compute_(compute),
        answering_(std::move(answering)) {}

  std::uint64_t body_bytes_max() const override { return body_bytes_max_; }

  void on_body(std::string body, std::shared_ptr<ResponseSink> sink) override {
    const Reply reply(std::make_shared<CallReply>(answering_, std::move(sink)));
    if (body.empty() && !call_.operation.request.empty() && call_.operation.body_required) {
      return reply.error(Error(ErrorCode::kInvalidArgument, "the request has no body"));
    }
    call_.body = std::move(body);
    const CostClass cost = call_.operation.cost;
    if (cost == CostClass::kImmediate) return run(std::move(call_), reply);
    auto task = [call = std::move(call_), reply]() mutable { run(std::move(call), reply); };
    const auto queued = compute_.submit(std::move(task), priority_of(cost));
    if (!queued.ok()) reply.error(Error(ErrorCode::kOverloaded, queued.error().message()));
  }

  Response on_body_refused(const Error& error) override { return answering_->refuse(error); }

  void on_disconnected() override { cancellation_->cancel(); }

 private:
  PendingCall call_;
  const std::shared_ptr<Cancellation> cancellation_;
  const std::uint64_t body_bytes_max_;
  Executor& compute_;
  const std::shared_ptr<const Answering> answering_;
};

Error invalid_header(std::string_view name, std::string message) {
  return std::move(Error(ErrorCode::kInvalidArgument, std::move(message)).in_context(name))
      .with("field", std::string(name));
}

// The cancellation that X-Timeout-Ms asks for, counted from the request's arrival.
Result<std::shared_ptr<Cancellation>> read_timeout(const RequestHead& head, const Clock& clock,
                                                   SteadyTime received_at) {
  constexpr std::string_view kName = "X-Timeout-Ms";
  constexpr std::int64_t kTimeoutMsMax = 3'600'000;
  const auto text = head.headers.find(kName);
  if (!text) return std::make_shared<Cancellation>();
  std::int64_t timeout_ms = 0;
  const auto [end, code] = std::from_chars(text->data(), text->data() + text->size(), timeout_ms);
  if (code != std::errc() || end != text->data() + text->size() || timeout_ms < 1 || timeout_ms > kTimeoutMsMax) {
    return invalid_header(kName, "must be a whole number of milliseconds from 1 to " + std::to_string(kTimeoutMsMax));
  }
  return std::make_shared<Cancellation>(clock, received_at + std::chrono::milliseconds(timeout_ms));
}

Error not_supported_header(std::string_view name, std::string_view what) {
  return Error(ErrorCode::kNotSupported, std::string(what) + " is not supported by this version")
      .with("field", std::string(name));
}

Result<void> refuse_unbuilt_headers(const RequestHead& head) {
  for (const std::string_view name : kNotSupportedHeaders) {
    if (head.headers.find(name)) return not_supported_header(name, "the header " + std::string(name));
  }
  // A caller that takes JSON too, or anything, gets JSON.
  const std::string_view accept = head.headers.find("Accept").value_or("");
  const auto takes = [&](std::string_view type) { return accept.find(type) != std::string_view::npos; };
  if (takes("application/x-jade-") && !takes("application/json") && !takes("/*")) {
    return not_supported_header("Accept", "a binary answer");
  }
  return {};
}

// "application/json" out of "application/JSON; charset=utf-8".
std::string_view media_type(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  return type.substr(0, type.find_last_not_of(" \t") + 1);
}

// Which of the operation's media types the body has; 0 where there is no body.
Result<std::size_t> read_content_type(const RequestHead& head, const Operation& operation) {
  if (head.content_length == 0) return std::size_t{0};
  if (operation.request.empty()) {
    return Error(ErrorCode::kInvalidArgument, "this operation takes no body");
  }
  std::vector<std::string> types;
  for (const ContentDescription& content : operation.request) types.push_back(content.media_type);
  const std::string_view encoding = head.headers.find("Content-Encoding").value_or("identity");
  if (!equal_without_case(encoding, "identity")) {
    return Error(ErrorCode::kUnsupportedMediaType, "compressed bodies are not supported").with("allowed", types);
  }
  const std::string_view sent = media_type(head.headers.find("Content-Type").value_or(""));
  const auto found =
      std::ranges::find_if(types, [&](const std::string& type) { return equal_without_case(type, sent); });
  if (found == types.end()) {
    const auto same = [&](const std::string& type) { return equal_without_case(type, sent); };
    if (std::ranges::any_of(operation.request_not_built, same)) {
      return not_supported_header("Content-Type", "a binary body of this operation");
    }
    return Error(ErrorCode::kUnsupportedMediaType,
                 "the Content-Type must be " + types.front() + (types.size() > 1 ? " or " + types.back() : ""))
        .with("allowed", types);
  }
  return static_cast<std::size_t>(found - types.begin());
}

Answering answering(const Clock& clock, const RequestHead& head, SteadyTime received_at, std::string_view route) {
  return {clock, received_at, method_name(head.method), route, head.request_id, head.remote_address};
}

}  // namespace

Dispatcher::Dispatcher(const Registry& registry, const Authenticator& authenticator, Executor& compute,
                       DispatcherOptions options)
    : registry_(registry), authenticator_(authenticator), compute_(compute), options_(options) {}

std::variant<std::shared_ptr<HttpExchange>, Response> Dispatcher::on_head(const RequestHead& head) {
  const SteadyTime received_at = options_.clock->steady_now();
  std::string_view route_template;
  auto accepted = accept(head, received_at, route_template);
  if (accepted.ok()) return std::move(accepted).value();
  return answering(*options_.clock, head, received_at, route_template).refuse(accepted.error());
}

Result<std::shared_ptr<HttpExchange>> Dispatcher::accept(const RequestHead& head, SteadyTime received_at,
                                                         std::string_view& route_template) const {
  JADE_ASSIGN_OR_RETURN(Target target, parse_target(head.target));
  JADE_ASSIGN_OR_RETURN(Route route, registry_.route(head.method, target.path));
  const Operation& operation = *route.operation;
  route_template = operation.path;
  Principal principal;
  if (operation.scope != Scope::kPublic) {
    JADE_ASSIGN_OR_RETURN(principal, authenticator_.authenticate(head, operation));
    JADE_RETURN_IF_ERROR(refuse_unbuilt_headers(head));
  }
  JADE_ASSIGN_OR_RETURN(const std::size_t content, read_content_type(head, operation));
  JADE_ASSIGN_OR_RETURN(std::shared_ptr<Cancellation> cancellation, read_timeout(head, *options_.clock, received_at));
  CallContext context{.request_id = head.request_id,
                      .principal = principal,
                      .cancellation = std::move(cancellation),
                      .received_at = received_at,
                      .path = std::move(route.path),
                      .content = content,
                      .accept = std::string(head.headers.find("Accept").value_or(""))};
  const std::uint64_t body_bytes_max =
      operation.body_bytes_max == 0 ? options_.body_bytes_max : operation.body_bytes_max;
  return std::make_shared<Exchange>(
      PendingCall{operation, std::move(context), std::move(target.query), {}}, body_bytes_max, compute_,
      std::make_shared<const Answering>(answering(*options_.clock, head, received_at, operation.path)));
}

Response Dispatcher::on_malformed(const RequestHead& head, const Error& error) {
  return answering(*options_.clock, head, options_.clock->steady_now(), "").refuse(error);
}

}  // namespace jade::server
