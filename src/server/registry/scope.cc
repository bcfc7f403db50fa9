#include "server/registry/scope.h"

#include <array>

namespace jade::server {
namespace {

// In the order of the enumerators, which start at 1.
constexpr std::array<std::string_view, 27> kScopes = {
    "public",        "database:create", "database:list",  "database:read", "database:update",    "database:delete",
    "vector:add",    "vector:read",     "vector:update",  "vector:delete", "vector:purge",       "search:execute",
    "index:create",  "index:read",      "index:update",   "index:delete",  "embedding:generate", "monitoring:read",
    "alerts:manage", "audit:read",      "user:manage",    "role:manage",   "key:manage",         "backup:manage",
    "job:read",      "cluster:read",    "cluster:manage",
};
static_assert(kScopes.size() == static_cast<std::size_t>(Scope::kClusterManage));

constexpr std::array<std::string_view, 5> kCostClasses = {"immediate", "light", "search", "write", "heavy"};
static_assert(kCostClasses.size() == static_cast<std::size_t>(CostClass::kHeavy) + 1);

}  // namespace

std::string_view scope_name(Scope scope) { return kScopes[static_cast<std::size_t>(scope) - 1]; }

std::string_view cost_class_name(CostClass cost) { return kCostClasses[static_cast<std::size_t>(cost)]; }

}  // namespace jade::server
