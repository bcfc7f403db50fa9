// All operations of a server, and the way from a request line to one of them.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"
#include "server/http/target.h"
#include "server/registry/operation.h"

namespace jade::server {

/// Where a request goes.
struct Route {
  const Operation* operation = nullptr;
  PathValues path;
};

/// Filled at start, constant and safe from any thread afterwards. A route that is not here does not exist.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  /// Names and routes are unique, every `{parameter}` of a path is described: a mistake in either stops the process.
  void add(Operation operation);

  /// What `{name}` in paths is; before the operations that use it.
  void describe_path_parameter(std::string name, SchemaPtr schema, std::string description);

  /// The operation for `method` and `path`. HEAD finds what GET finds. kRouteNotFound, or kMethodNotAllowed with the
  /// detail `allow`. A literal segment goes before a parameter where both take the method.
  Result<Route> route(Method method, const std::vector<std::string>& path) const;

  /// In the order in which they were added.
  const std::deque<Operation>& operations() const { return operations_; }
  const Operation* find(std::string_view name) const;
  /// The description of a path parameter.
  const SchemaField& path_parameter(std::string_view name) const;

 private:
  struct Node;

  void add_path(const std::string& path, const Operation& operation);

  std::deque<Operation> operations_;
  std::map<std::string, SchemaField, std::less<>> parameters_;
  std::unique_ptr<Node> root_;
};

/// The names between braces in a path template, in order.
std::vector<std::string> path_parameter_names(std::string_view path);

}  // namespace jade::server
