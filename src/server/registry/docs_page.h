// The API reference as one HTML page that needs nothing else: no script, no font, no network.
#pragma once

#include <string>

#include "server/registry/registry.h"

namespace jade::server {

struct ApiInfo;

std::string docs_page(const Registry& registry, const ApiInfo& info);

/// Allows the page its own style sheet, by hash, and nothing more.
std::string docs_content_security_policy();

}  // namespace jade::server
