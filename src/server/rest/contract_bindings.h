// Bindings for parts of the contract of which some values are not built yet.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/registry/binding.h"

namespace jade::server {

/// Refuses the strings in `not_built` with kNotSupported; the document shows only what `built` takes.
template <class E>
Binding<E> partly_built(Binding<E> built, std::vector<std::string> not_built) {
  return {.schema = built.schema,
          .read = [read = built.read, not_built = std::move(not_built)](const JsonValue& json, E& out) -> Result<void> {
            if (json.kind() == JsonKind::kString) {
              JADE_ASSIGN_OR_RETURN(const std::string_view text, json.get_string());
              if (std::ranges::find(not_built, text) != not_built.end()) {
                return json.error(ErrorCode::kNotSupported, "'" + std::string(text) + "' is not supported yet");
              }
            }
            return read(json, out);
          },
          .read_text = built.read_text,
          .write = built.write};
}

}  // namespace jade::server
