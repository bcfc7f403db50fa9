// The OpenAPI 3.1 document of a registry, and what the documents share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/registry/registry.h"

namespace jade::server {

struct ApiInfo {
  std::string title;
  std::string version;
  std::string description;
};

/// Pretty JSON with an end-of-line at the end; the same registry gives the same bytes. Schemas that share a name are
/// one component and must be equal: anything else stops the process.
std::string openapi_document(const Registry& registry, const ApiInfo& info);

/// Adds `GET /openapi.json` and `GET /docs`, which describe everything in `registry`, themselves included. Last of all.
void add_document_operations(Registry& registry, const ApiInfo& info);

/// The error codes that `operation` can answer with: its own, and those of every operation of its kind.
std::vector<ErrorCode> possible_errors(const Operation& operation);

/// What every error body looks like.
SchemaPtr error_schema();

/// JSON text, which must be valid and without white space, with two spaces for each level.
std::string pretty_json(std::string_view json);

}  // namespace jade::server
