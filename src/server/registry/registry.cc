#include "server/registry/registry.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/check.h"

namespace jade::server {
namespace {

bool is_parameter(std::string_view segment) { return segment.starts_with('{') && segment.ends_with('}'); }

std::vector<std::string_view> split_path(std::string_view path) {
  JADE_CHECK(path.starts_with('/'), "a path template begins with a slash");
  std::vector<std::string_view> segments;
  // "/" alone has none.
  while (path.size() > 1) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    segments.push_back(segment);
    path.remove_prefix(segment.size());
  }
  return segments;
}

}  // namespace

const std::string& PathValues::operator[](std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &std::pair<std::string, std::string>::first);
  JADE_CHECK(found != values_.end(), "the operation's path has a parameter of this name");
  return found->second;
}

// A tree over path segments; at each node the literal ones and at most one parameter.
struct Registry::Node {
  struct Entry {
    Method method;
    const Operation* operation;
    // The parameters of the path that led here, in order. Aliases have their own.
    std::vector<std::string> names;
  };

  std::map<std::string, std::unique_ptr<Node>, std::less<>> literals;
  std::unique_ptr<Node> parameter;
  std::vector<Entry> entries;

  Node& child(std::string_view segment) {
    std::unique_ptr<Node>& slot = is_parameter(segment) ? parameter : literals[std::string(segment)];
    if (!slot) slot = std::make_unique<Node>();
    return *slot;
  }

  const Entry* find(Method method) const {
    const auto found = std::ranges::find(entries, method, &Entry::method);
    if (found != entries.end()) return &*found;
    return method == Method::kHead ? find(Method::kGet) : nullptr;
  }

  // One request's way down the tree.
  struct Walk {
    Method method;
    const std::vector<std::string>& path;
    // The segments that stood for parameters.
    std::vector<std::string> values = {};
    // What the path's nodes take, where none takes `method`.
    std::set<std::string, std::less<>> allowed = {};
  };

  // The entry for `path[from..]`. A literal that does not take the method leaves the path to the parameter beside it.
  const Entry* walk(Walk& way, std::size_t from) const {
    if (from == way.path.size()) {
      const Entry* const entry = find(way.method);
      if (entry == nullptr) add_allowed(way.allowed);
      return entry;
    }
    if (const auto literal = literals.find(way.path[from]); literal != literals.end()) {
      if (const Entry* const found = literal->second->walk(way, from + 1)) return found;
    }
    if (!parameter) return nullptr;
    way.values.push_back(way.path[from]);
    const Entry* const found = parameter->walk(way, from + 1);
    if (found == nullptr) way.values.pop_back();
    return found;
  }

  void add_allowed(std::set<std::string, std::less<>>& names) const {
    for (const Entry& entry : entries) names.emplace(method_name(entry.method));
    if (find(Method::kGet) != nullptr) names.emplace("HEAD");
  }
};

Registry::Registry() : root_(std::make_unique<Node>()) {}
Registry::~Registry() = default;

void Registry::describe_path_parameter(std::string name, SchemaPtr schema, std::string description) {
  SchemaField field = schema::field(name, std::move(schema), std::move(description));
  parameters_.insert_or_assign(std::move(name), std::move(field));
}

const SchemaField& Registry::path_parameter(std::string_view name) const {
  const auto found = parameters_.find(name);
  JADE_CHECK(found != parameters_.end(), "every path parameter is described");
  return found->second;
}

void Registry::add(Operation operation) {
  JADE_CHECK(find(operation.name) == nullptr, "operation names are unique");
  JADE_CHECK(operation.method != Method::kHead && operation.method != Method::kOther, "HEAD comes with GET");
  const Operation& added = operations_.emplace_back(std::move(operation));
  add_path(added.path, added);
  for (const std::string& alias : added.aliases) add_path(alias, added);
}

void Registry::add_path(const std::string& path, const Operation& operation) {
  Node* node = root_.get();
  for (const std::string_view segment : split_path(path)) node = &node->child(segment);
  JADE_CHECK(node->find(operation.method) == nullptr, "routes are unique");
  std::vector<std::string> names = path_parameter_names(path);
  for (const std::string& name : names) path_parameter(name);
  node->entries.push_back({operation.method, &operation, std::move(names)});
}

Result<Route> Registry::route(Method method, const std::vector<std::string>& path) const {
  Node::Walk way{.method = method, .path = path};
  const Node::Entry* const entry = root_->walk(way, 0);
  if (entry == nullptr && way.allowed.empty()) {
    return Error(ErrorCode::kRouteNotFound, "there is no such route; GET /openapi.json lists them");
  }
  if (entry == nullptr) {
    std::string allowed;
    for (const std::string& name : way.allowed) allowed += (allowed.empty() ? "" : ", ") + name;
    return Error(ErrorCode::kMethodNotAllowed, "this route takes " + allowed).with("allow", std::move(allowed));
  }
  Route route{.operation = entry->operation, .path = {}};
  for (std::size_t i = 0; i < way.values.size(); ++i) route.path.add(entry->names[i], std::move(way.values[i]));
  return route;
}

const Operation* Registry::find(std::string_view name) const {
  const auto found = std::ranges::find(operations_, name, &Operation::name);
  return found == operations_.end() ? nullptr : &*found;
}

std::vector<std::string> path_parameter_names(std::string_view path) {
  std::vector<std::string> names;
  for (const std::string_view segment : split_path(path)) {
    if (is_parameter(segment)) names.emplace_back(segment.substr(1, segment.size() - 2));
  }
  return names;
}

}  // namespace jade::server
