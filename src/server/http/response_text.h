// Answers and dates as HTTP/1.1 text.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"
#include "server/http/http_message.h"

namespace jade::server {

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(WallTime time);

/// Status line and header fields up to the empty line, with those that every answer has: Date, Content-Length,
/// X-Request-Id, X-Content-Type-Options and, unless the response says otherwise, Cache-Control: no-store.
std::string response_head(const Response& response, std::string_view request_id, WallTime now, bool keep_alive);

/// True for 1..128 ASCII letters, digits and -._~:/+=@ (UUIDs, trace headers, base64): then a caller's X-Request-Id is
/// taken over. No quotes, brackets or spaces, because answers and logs repeat it and are read by other programs.
bool is_request_id(std::string_view text);

}  // namespace jade::server
