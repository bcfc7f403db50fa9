// "127.0.0.1:8080", "[::1]:0".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "jade/result.h"

namespace jade::server {

struct ListenAddress {
  /// An IP address without brackets.
  std::string host;
  std::uint16_t port = 0;
};

/// kInvalidArgument, saying what is expected, for anything that is not an IP address and a port. "localhost" is
/// 127.0.0.1; other names are not looked up.
Result<ListenAddress> parse_listen_address(std::string_view text);

}  // namespace jade::server
