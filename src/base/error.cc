#include "jade/error.h"

#include <algorithm>
#include <array>

namespace jade {
namespace {

struct CodeRow {
  ErrorCode code;
  std::string_view name;
  bool retryable;
};

// In the order of the enumerators, so that a code is its row's index.
constexpr std::array kCodes = {
    CodeRow{ErrorCode::kInvalidArgument, "INVALID_ARGUMENT", false},
    CodeRow{ErrorCode::kDimensionMismatch, "DIMENSION_MISMATCH", false},
    CodeRow{ErrorCode::kValueOutOfRange, "VALUE_OUT_OF_RANGE", false},
    CodeRow{ErrorCode::kInvalidFilter, "INVALID_FILTER", false},
    CodeRow{ErrorCode::kInvalidCursor, "INVALID_CURSOR", false},
    CodeRow{ErrorCode::kInvalidToken, "INVALID_TOKEN", false},
    CodeRow{ErrorCode::kNotSupported, "NOT_SUPPORTED", false},
    CodeRow{ErrorCode::kUnsupportedCombination, "UNSUPPORTED_COMBINATION", false},
    CodeRow{ErrorCode::kUnauthenticated, "UNAUTHENTICATED", false},
    CodeRow{ErrorCode::kPermissionDenied, "PERMISSION_DENIED", false},
    CodeRow{ErrorCode::kRouteNotFound, "ROUTE_NOT_FOUND", false},
    CodeRow{ErrorCode::kDatabaseNotFound, "DATABASE_NOT_FOUND", false},
    CodeRow{ErrorCode::kVectorNotFound, "VECTOR_NOT_FOUND", false},
    CodeRow{ErrorCode::kMethodNotAllowed, "METHOD_NOT_ALLOWED", false},
    CodeRow{ErrorCode::kRequestTimeout, "REQUEST_TIMEOUT", true},
    CodeRow{ErrorCode::kAlreadyExists, "ALREADY_EXISTS", false},
    CodeRow{ErrorCode::kPayloadTooLarge, "PAYLOAD_TOO_LARGE", false},
    CodeRow{ErrorCode::kUriTooLong, "URI_TOO_LONG", false},
    CodeRow{ErrorCode::kHeadersTooLarge, "HEADERS_TOO_LARGE", false},
    CodeRow{ErrorCode::kUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", false},
    CodeRow{ErrorCode::kOverloaded, "OVERLOADED", true},
    CodeRow{ErrorCode::kNotReady, "NOT_READY", true},
    CodeRow{ErrorCode::kStoreReadOnly, "STORE_READ_ONLY", true},
    CodeRow{ErrorCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", true},
    CodeRow{ErrorCode::kCancelled, "CANCELLED", true},
    CodeRow{ErrorCode::kStorageFull, "STORAGE_FULL", true},
    CodeRow{ErrorCode::kDataCorrupted, "DATA_CORRUPTED", false},
    CodeRow{ErrorCode::kIo, "INTERNAL", false},
    CodeRow{ErrorCode::kInternal, "INTERNAL", false},
};
static_assert(kCodes.size() == static_cast<std::size_t>(ErrorCode::kInternal) + 1);
static_assert([] {
  for (std::size_t i = 0; i < kCodes.size(); ++i) {
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  }
  return true;
}());

const CodeRow& row_of(ErrorCode code) { return kCodes[static_cast<std::size_t>(code)]; }

void set_detail(std::vector<ErrorDetail>& details, ErrorDetail detail) {
  const auto same = std::ranges::find(details, detail.key, &ErrorDetail::key);
  if (same == details.end()) {
    details.push_back(std::move(detail));
  } else {
    *same = std::move(detail);
  }
}

}  // namespace

std::string_view error_code_name(ErrorCode code) { return row_of(code).name; }

std::optional<ErrorCode> error_code_from_name(std::string_view name) {
  // From the end, so that the shared name "INTERNAL" means kInternal.
  for (auto row = kCodes.rbegin(); row != kCodes.rend(); ++row) {
    if (row->name == name) return row->code;
  }
  return std::nullopt;
}

bool error_is_retryable(ErrorCode code) { return row_of(code).retryable; }

const ErrorDetail* Error::detail(std::string_view key) const {
  const auto found = std::ranges::find(details_, key, &ErrorDetail::key);
  return found == details_.end() ? nullptr : &*found;
}

Error& Error::with(std::string key, std::int64_t value) & {
  set_detail(details_, {std::move(key), value});
  return *this;
}

Error& Error::with(std::string key, std::string value) & {
  set_detail(details_, {std::move(key), std::move(value)});
  return *this;
}

Error& Error::with(std::string key, std::vector<std::string> value) & {
  set_detail(details_, {std::move(key), std::move(value)});
  return *this;
}

Error&& Error::in_context(std::string_view doing) && {
  message_.insert(0, std::string(doing) + ": ");
  return std::move(*this);
}

}  // namespace jade
