// Who is asking, decided from the head of a request.
#pragma once

#include <string_view>

#include "jade/result.h"
#include "server/http/http_message.h"
#include "server/registry/operation.h"

namespace jade::server {

/// Safe from any thread.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  /// The principal, or kUnauthenticated, or kPermissionDenied where it lacks the operation's scope. Not asked for
  /// operations of Scope::kPublic. Uses memory only: no disk, no network.
  virtual Result<Principal> authenticate(const RequestHead& head, const Operation& operation) const = 0;
};

/// `auth: auto` on a loopback listener without any credential: whoever is on this machine is the administrator, but no
/// web page is. A page's requests give themselves away by a foreign Origin, or, where a name was made to point here, by
/// a Host that is not this machine's.
class LocalAccess final : public Authenticator {
 public:
  Result<Principal> authenticate(const RequestHead& head, const Operation& operation) const override;
};

/// `auth: auto` without any credential refuses to listen where others can connect. The message says what to do.
Result<void> check_listen_address(std::string_view host);

/// True for 127.0.0.0/8 and ::1.
bool is_loopback_address(std::string_view host);

}  // namespace jade::server
