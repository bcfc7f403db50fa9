// The one table from error codes to HTTP and gRPC statuses, and the error as the wire shows it.
#pragma once

#include <string>
#include <string_view>

#include "jade/error.h"
#include "server/http/http_message.h"

namespace jade::server {

struct ErrorStatus {
  int http = 500;
  /// The number of a google.rpc.Code.
  int grpc = 13;
};

ErrorStatus error_status(ErrorCode code);

/// "Not Found" …; "" for a status that this server does not use.
std::string_view http_reason(int status);

/// The answer for a failure: its status, the error body, `Retry-After` where the caller should wait, `Allow` where the
/// error's detail says what is allowed, `WWW-Authenticate` with 401. The message and details of a private error stay
/// inside: log them.
Response error_response(const Error& error, std::string_view request_id);

/// True for errors whose message is for the operator and not for the caller, as it may name files of the server's:
/// kInternal, kIo, kDataCorrupted, kStoreReadOnly, and a kStorageFull that the disk caused and no limit of ours.
bool error_is_private(const Error& error);

}  // namespace jade::server
