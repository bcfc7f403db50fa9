#include "server/config/listen_address.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>

namespace jade::server {
namespace {

Error invalid(std::string_view text) {
  return Error(ErrorCode::kInvalidArgument, "'" + std::string(text) +
                                                "' is not an address to listen on; write ADDRESS:PORT, for instance "
                                                "127.0.0.1:8080 or [::1]:8080");
}

bool is_ip_address(int family, const std::string& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(family, host.c_str(), bytes.data()) == 1;
}

}  // namespace

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid(text);
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  ListenAddress address{.host = std::string(host == "localhost" ? "127.0.0.1" : host), .port = 0};
  const auto parsed = std::from_chars(port_text.data(), port_text.data() + port_text.size(), address.port);
  const bool port_good =
      !port_text.empty() && parsed.ec == std::errc() && parsed.ptr == port_text.data() + port_text.size();
  if (!port_good || !is_ip_address(bracketed ? AF_INET6 : AF_INET, address.host)) return invalid(text);
  return address;
}

}  // namespace jade::server
