#include "server/error_status.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"

namespace jade::server {
namespace {

struct StatusRow {
  ErrorCode code;
  ErrorStatus status;
};

// In the order of the enumerators, so that a code is its row's index. gRPC: 1 CANCELLED, 3 INVALID_ARGUMENT, 4
// DEADLINE_EXCEEDED, 5 NOT_FOUND, 6 ALREADY_EXISTS, 7 PERMISSION_DENIED, 8 RESOURCE_EXHAUSTED, 9 FAILED_PRECONDITION,
// 12 UNIMPLEMENTED, 13 INTERNAL, 14 UNAVAILABLE, 15 DATA_LOSS, 16 UNAUTHENTICATED.
constexpr std::array kStatuses = {
    StatusRow{ErrorCode::kInvalidArgument, {400, 3}},
    StatusRow{ErrorCode::kDimensionMismatch, {400, 3}},
    StatusRow{ErrorCode::kValueOutOfRange, {400, 3}},
    StatusRow{ErrorCode::kInvalidFilter, {400, 3}},
    StatusRow{ErrorCode::kInvalidCursor, {400, 3}},
    StatusRow{ErrorCode::kInvalidToken, {400, 3}},
    StatusRow{ErrorCode::kNotSupported, {400, 12}},
    StatusRow{ErrorCode::kUnsupportedCombination, {400, 3}},
    StatusRow{ErrorCode::kUnauthenticated, {401, 16}},
    StatusRow{ErrorCode::kPermissionDenied, {403, 7}},
    StatusRow{ErrorCode::kRouteNotFound, {404, 12}},
    StatusRow{ErrorCode::kDatabaseNotFound, {404, 5}},
    StatusRow{ErrorCode::kVectorNotFound, {404, 5}},
    StatusRow{ErrorCode::kMethodNotAllowed, {405, 12}},
    StatusRow{ErrorCode::kRequestTimeout, {408, 4}},
    StatusRow{ErrorCode::kAlreadyExists, {409, 6}},
    StatusRow{ErrorCode::kPayloadTooLarge, {413, 8}},
    StatusRow{ErrorCode::kUriTooLong, {414, 3}},
    StatusRow{ErrorCode::kHeadersTooLarge, {431, 8}},
    StatusRow{ErrorCode::kUnsupportedMediaType, {415, 3}},
    StatusRow{ErrorCode::kOverloaded, {503, 14}},
    StatusRow{ErrorCode::kNotReady, {503, 14}},
    StatusRow{ErrorCode::kStoreReadOnly, {503, 9}},
    StatusRow{ErrorCode::kDeadlineExceeded, {504, 4}},
    // Nobody waits for this answer; the number is nginx's for a caller that went away.
    StatusRow{ErrorCode::kCancelled, {499, 1}},
    StatusRow{ErrorCode::kStorageFull, {507, 8}},
    StatusRow{ErrorCode::kDataCorrupted, {500, 15}},
    StatusRow{ErrorCode::kIo, {500, 13}},
    StatusRow{ErrorCode::kInternal, {500, 13}},
};
static_assert(kStatuses.size() == static_cast<std::size_t>(ErrorCode::kInternal) + 1);
static_assert([] {
  for (std::size_t i = 0; i < kStatuses.size(); ++i) {
    if (static_cast<std::size_t>(kStatuses[i].code) != i) return false;
  }
  return true;
}());

// A failed call of the operating system carries its number under this name (io/io_error.h).
constexpr std::string_view kErrnoDetail = "errno";

struct ReasonRow {
  int status;
  std::string_view reason;
};

constexpr std::array kReasons = {
    ReasonRow{200, "OK"},
    ReasonRow{201, "Created"},
    ReasonRow{202, "Accepted"},
    ReasonRow{400, "Bad Request"},
    ReasonRow{401, "Unauthorized"},
    ReasonRow{403, "Forbidden"},
    ReasonRow{404, "Not Found"},
    ReasonRow{405, "Method Not Allowed"},
    ReasonRow{408, "Request Timeout"},
    ReasonRow{409, "Conflict"},
    ReasonRow{412, "Precondition Failed"},
    ReasonRow{413, "Payload Too Large"},
    ReasonRow{414, "URI Too Long"},
    ReasonRow{415, "Unsupported Media Type"},
    ReasonRow{422, "Unprocessable Content"},
    ReasonRow{429, "Too Many Requests"},
    ReasonRow{431, "Request Header Fields Too Large"},
    ReasonRow{499, "Client Closed Request"},
    ReasonRow{500, "Internal Server Error"},
    ReasonRow{503, "Service Unavailable"},
    ReasonRow{504, "Gateway Timeout"},
    ReasonRow{507, "Insufficient Storage"},
};

void write_detail(JsonWriter& json, const ErrorDetail& detail) {
  json.key(detail.key);
  if (const auto* number = std::get_if<std::int64_t>(&detail.value)) {
    json.int64(*number);
  } else if (const auto* text = std::get_if<std::string>(&detail.value)) {
    json.string(*text);
  } else {
    json.begin_array();
    for (const std::string& item : std::get<std::vector<std::string>>(detail.value)) json.string(item);
    json.end_array();
  }
}

// Seconds that a caller should wait, or 0 where waiting is no help.
int retry_after_seconds(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOverloaded:
    case ErrorCode::kNotReady:
      return 1;
    case ErrorCode::kStoreReadOnly:
      // Ends when somebody repairs and reopens the store.
      return 30;
    default:
      return 0;
  }
}

// What a caller is told where the error's own message is for the operator.
std::string_view private_message(ErrorCode code) {
  switch (code) {
    case ErrorCode::kStorageFull:
      return "the server's disk is full; its log has the reason under this request id";
    case ErrorCode::kStoreReadOnly:
      return "the database takes no writes after a failure of its disk; the server's log has the reason under this "
             "request id";
    default:
      return "the server failed; its log has the reason under this request id";
  }
}

}  // namespace

ErrorStatus error_status(ErrorCode code) { return kStatuses[static_cast<std::size_t>(code)].status; }

std::string_view http_reason(int status) {
  const auto* const row = std::ranges::find(kReasons, status, &ReasonRow::status);
  return row == kReasons.end() ? "" : row->reason;
}

bool error_is_private(const Error& error) {
  const ErrorCode code = error.code();
  if (code == ErrorCode::kStorageFull) return error.detail(kErrnoDetail) != nullptr;
  return code == ErrorCode::kStoreReadOnly || error_status(code).http == 500;
}

Response error_response(const Error& error, std::string_view request_id) {
  const bool hidden = error_is_private(error);
  Response response{
      .status = error_status(error.code()).http, .content_type = "application/json", .body = {}, .headers = {}};
  JsonWriter json(response.body);
  json.begin_object().key("error").begin_object();
  json.key("code").string(error_code_name(error.code()));
  json.key("message").string(hidden ? private_message(error.code()) : error.message());
  json.key("retryable").boolean(error_is_retryable(error.code()));
  if (!hidden && !error.details().empty()) {
    json.key("details").begin_object();
    for (const ErrorDetail& detail : error.details()) write_detail(json, detail);
    json.end_object();
  }
  json.key("requestId").string(request_id);
  json.end_object().end_object();
  if (const int seconds = retry_after_seconds(error.code()); seconds > 0) {
    response.headers.add("Retry-After", std::to_string(seconds));
  }
  if (error.code() == ErrorCode::kUnauthenticated) response.headers.add("WWW-Authenticate", "Bearer");
  if (const ErrorDetail* const allow = error.detail("allow")) {
    response.headers.add("Allow", std::get<std::string>(allow->value));
  }
  return response;
}

}  // namespace jade::server
