#include "server/auth/authenticator.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace jade::server {
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// True for the names that only this machine answers to, with any port or none.
bool is_local_host(std::string_view host) {
  constexpr std::array<std::string_view, 3> kNames = {"127.0.0.1", "[::1]", "localhost"};
  return std::ranges::any_of(kNames, [&](std::string_view name) {
    if (!equal_without_case(host.substr(0, name.size()), name)) return false;
    const std::string_view rest = host.substr(name.size());
    return rest.empty() || (rest.front() == ':' && is_digits(rest.substr(1)));
  });
}

Error unauthenticated(std::string message) { return {ErrorCode::kUnauthenticated, std::move(message)}; }

}  // namespace

Result<Principal> LocalAccess::authenticate(const RequestHead& head, const Operation&) const {
  const std::string_view host = head.headers.find("Host").value_or("");
  if (!is_local_host(host)) {
    return unauthenticated(
        "without credentials this server is for local use: address it as 127.0.0.1, [::1] or localhost");
  }
  const auto origin = head.headers.find("Origin");
  if (origin && !equal_without_case(*origin, "http://" + std::string(host))) {
    return unauthenticated("without credentials this server takes no requests from web pages of another origin");
  }
  return Principal{.kind = Principal::Kind::kLocalAdministrator};
}

bool is_loopback_address(std::string_view host) {
  constexpr std::string_view kV4 = "127.";
  return host == "::1" || (host.starts_with(kV4) && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

Result<void> check_listen_address(std::string_view host) {
  if (is_loopback_address(host)) return {};
  return Error(ErrorCode::kUnauthenticated,
               "refusing to listen on " + std::string(host) +
                   " without a credential: everyone who can connect would be the administrator; listen on 127.0.0.1 "
                   "(behind a proxy that authenticates, if others need access)");
}

}  // namespace jade::server
