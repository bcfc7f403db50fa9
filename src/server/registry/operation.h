// One operation of the API: what a route, a document entry and later a tool or a command are made from.
//
//   registry.add(operation("searchVectors", Method::kPost, "/v1/databases/{database}/search", Scope::kSearchExecute)
//                    .summary("Finds the nearest records.")
//                    .cost(CostClass::kSearch)
//                    .body(search_body)                       // Object<SearchBody>
//                    .responds(200, "The hits.", search_result_schema)
//                    .fails_with({ErrorCode::kDimensionMismatch})
//                    .handle([&service](Call<SearchBody> call, Reply reply) { … }));
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/cancellation.h"
#include "base/clock.h"
#include "jade/result.h"
#include "server/http/http_message.h"
#include "server/registry/binding.h"
#include "server/registry/scope.h"

namespace jade::server {

/// Who is asking.
struct Principal {
  enum class Kind : std::uint8_t { kAnonymous, kLocalAdministrator };
  Kind kind = Kind::kAnonymous;

  friend bool operator==(const Principal&, const Principal&) = default;
};

/// The segments that a path template names, decoded.
class PathValues {
 public:
  void add(std::string name, std::string value) { values_.emplace_back(std::move(name), std::move(value)); }
  /// `name` is one of the template's.
  const std::string& operator[](std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};

/// Everything of a call but its query and body. Cheap to copy but for the strings.
struct CallContext {
  std::string request_id;
  Principal principal;
  /// Deadline and disconnection; never null.
  std::shared_ptr<Cancellation> cancellation;
  SteadyTime received_at{};
  PathValues path;
  /// Which of the operation's request media types the body has.
  std::size_t content = 0;
  /// The Accept header; empty if there was none.
  std::string accept;
};

/// Answers one call, from any thread. Exactly one answer counts: the first. When every copy is gone without an answer,
/// the caller gets kInternal.
class Reply {
 public:
  class Target {
   public:
    virtual ~Target() = default;
    virtual void send(Response response) = 0;
    virtual void fail(const Error& error) = 0;
  };

  explicit Reply(std::shared_ptr<Target> target) : target_(std::move(target)) {}

  void json(int status, std::string body) const {
    target_->send({.status = status, .content_type = "application/json", .body = std::move(body), .headers = {}});
  }
  void bytes(int status, std::string content_type, std::string body) const {
    target_->send({.status = status, .content_type = std::move(content_type), .body = std::move(body), .headers = {}});
  }
  void send(Response response) const { target_->send(std::move(response)); }
  void error(const Error& error) const { target_->fail(error); }

 private:
  std::shared_ptr<Target> target_;
};

/// The body or query of an operation that has none.
struct Nothing {};

template <class Body = Nothing, class Query = Nothing>
struct Call {
  CallContext context;
  Query query;
  Body body;
};

struct ContentDescription {
  std::string media_type;
  /// Null for bytes that JSON Schema cannot describe.
  SchemaPtr schema;
};

struct ResponseDescription {
  int status = 200;
  std::string description;
  std::vector<ContentDescription> contents;
};

/// An operation as the router and the document see it. Made by `operation(…)…handle(…)` only.
struct Operation {
  Operation(std::string operation_name, Method operation_method, std::string operation_path, Scope operation_scope)
      : name(std::move(operation_name)),
        method(operation_method),
        path(std::move(operation_path)),
        scope(operation_scope) {}

  /// The operationId of the document, camelCase.
  std::string name;
  Method method;
  std::string path;
  std::vector<std::string> aliases;
  Scope scope;
  CostClass cost = CostClass::kLight;
  std::string tag;
  std::string summary;
  std::string description;
  SchemaPtr query;
  /// The media types that it takes; empty where it has no body.
  std::vector<ContentDescription> request;
  /// Media types of the contract that are not built: kNotSupported, where any other is kUnsupportedMediaType.
  std::vector<std::string> request_not_built;
  bool body_required = true;
  /// 0: the server's own limit.
  std::uint64_t body_bytes_max = 0;
  std::vector<ResponseDescription> responses;
  std::vector<ErrorCode> errors;
  /// Parses query and body and runs the handler, on the thread that `cost` says. The dispatcher has seen to it that the
  /// body is empty, or that the operation takes one and `context.content` is its type.
  std::function<void(CallContext, std::span<const QueryParameter>, std::string body, Reply)> invoke;
};

template <class Body, class Query>
class OperationBuilder {
 public:
  /// Turns a body of one media type into a Body.
  using Decode = std::function<Result<Body>(std::string bytes)>;
  using Decoders = std::vector<Decode>;
  using ReadQuery = std::function<Result<Query>(std::span<const QueryParameter>)>;

  OperationBuilder(Operation operation, ReadQuery read_query, Decoders decoders)
      : operation_(std::move(operation)), read_query_(std::move(read_query)), decoders_(std::move(decoders)) {}

  /// A second path of the same operation, with the same parameters.
  OperationBuilder&& alias(std::string path) && {
    operation_.aliases.push_back(std::move(path));
    return std::move(*this);
  }
  /// The group in the document, for instance "Search".
  OperationBuilder&& tag(std::string tag) && {
    operation_.tag = std::move(tag);
    return std::move(*this);
  }
  /// One line, ending with a full stop.
  OperationBuilder&& summary(std::string summary) && {
    operation_.summary = std::move(summary);
    return std::move(*this);
  }
  OperationBuilder&& description(std::string description) && {
    operation_.description = std::move(description);
    return std::move(*this);
  }
  OperationBuilder&& cost(CostClass cost) && {
    operation_.cost = cost;
    return std::move(*this);
  }
  /// Besides those that every operation of its kind has (see openapi.h).
  OperationBuilder&& fails_with(std::vector<ErrorCode> codes) && {
    operation_.errors = std::move(codes);
    return std::move(*this);
  }
  OperationBuilder&& body_bytes_max(std::uint64_t bytes) && {
    operation_.body_bytes_max = bytes;
    return std::move(*this);
  }
  /// An empty body means the body's default values.
  OperationBuilder&& body_optional() && {
    operation_.body_required = false;
    return std::move(*this);
  }

  /// The JSON body.
  template <class B>
  OperationBuilder<B, Query> body(Object<B> object) && {
    operation_.request.push_back({"application/json", object.schema()});
    auto decode = [object = std::move(object)](std::string bytes) -> Result<B> {
      B out{};
      JADE_RETURN_IF_ERROR(read_json_body(bytes, [&](const JsonValue& json) { return object.read(json, out); }));
      return out;
    };
    return {std::move(operation_), std::move(read_query_), {std::move(decode)}};
  }
  /// The same body in another form; `body` comes first.
  OperationBuilder&& body_as(std::string media_type, Decode decode) && {
    operation_.request.push_back({std::move(media_type), nullptr});
    decoders_.push_back(std::move(decode));
    return std::move(*this);
  }
  /// A form of the body that the contract has and this version has not.
  OperationBuilder&& body_not_built(std::string media_type) && {
    operation_.request_not_built.push_back(std::move(media_type));
    return std::move(*this);
  }
  /// The query parameters. Without this, any query parameter is refused.
  template <class Q>
  OperationBuilder<Body, Q> query(Object<Q> object) && {
    operation_.query = object.schema();
    auto read = [object = std::move(object)](std::span<const QueryParameter> parameters) {
      return object.read_query(parameters);
    };
    return {std::move(operation_), std::move(read), std::move(decoders_)};
  }

  OperationBuilder&& responds(int status, std::string description, SchemaPtr schema) && {
    return std::move(*this).responds_as(status, std::move(description), "application/json", std::move(schema));
  }
  /// An answer that is not JSON (`schema` null), or a second form of one that was described before.
  OperationBuilder&& responds_as(int status, std::string description, std::string media_type,
                                 SchemaPtr schema = nullptr) && {
    for (ResponseDescription& response : operation_.responses) {
      if (response.status == status) {
        response.contents.push_back({std::move(media_type), std::move(schema)});
        return std::move(*this);
      }
    }
    operation_.responses.push_back({status, std::move(description), {{std::move(media_type), std::move(schema)}}});
    return std::move(*this);
  }

  /// Ends the description. `handler(Call<Body, Query>, Reply)` is called once for each valid request and may answer
  /// later, from another thread.
  template <class Handler>
  Operation handle(Handler handler) && {
    operation_.invoke = [read_query = std::move(read_query_), decoders = std::move(decoders_),
                         handler = std::move(handler)](CallContext context, std::span<const QueryParameter> parameters,
                                                       std::string body, const Reply& reply) {
      auto query = read_query(parameters);
      if (!query.ok()) return reply.error(query.error());
      auto decoded = body.empty() ? Result<Body>(Body{}) : decoders[context.content](std::move(body));
      if (!decoded.ok()) return reply.error(decoded.error());
      handler(Call<Body, Query>{std::move(context), std::move(query).value(), std::move(decoded).value()}, reply);
    };
    return std::move(operation_);
  }

 private:
  Operation operation_;
  ReadQuery read_query_;
  Decoders decoders_;
};

/// Begins an operation. There is none without a scope. `path` is a template such as "/v1/databases/{database}".
inline OperationBuilder<Nothing, Nothing> operation(std::string name, Method method, std::string path, Scope scope) {
  return {
      Operation(std::move(name), method, std::move(path), scope),
      [none = Object<Nothing>("")](std::span<const QueryParameter> parameters) { return none.read_query(parameters); },
      {}};
}

}  // namespace jade::server
