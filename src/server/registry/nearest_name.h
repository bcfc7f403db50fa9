// Which known name somebody may have meant.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace jade::server {

/// The name with the fewest letters to change, or none where even that would be a guess.
std::optional<std::string> nearest_name(std::string_view name, std::span<const std::string> known);

}  // namespace jade::server
