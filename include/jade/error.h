// What can go wrong, in one vocabulary for the library, the wire and the SDKs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace jade {

/// What kind of failure it was. A code exists only where a caller would act differently on it.
/// Names on the wire (`error_code_name`) are part of the contract and never change.
enum class ErrorCode : std::uint16_t {
  kInvalidArgument,
  kDimensionMismatch,
  kValueOutOfRange,
  kInvalidFilter,
  kInvalidCursor,
  kInvalidToken,
  kNotSupported,
  kUnsupportedCombination,
  kUnauthenticated,
  kPermissionDenied,
  kRouteNotFound,
  kDatabaseNotFound,
  kVectorNotFound,
  kMethodNotAllowed,
  kRequestTimeout,
  kAlreadyExists,
  kPayloadTooLarge,
  kUriTooLong,
  kHeadersTooLarge,
  kUnsupportedMediaType,
  kOverloaded,
  kNotReady,
  kStoreReadOnly,
  kDeadlineExceeded,
  kCancelled,
  kStorageFull,
  kDataCorrupted,
  kIo,
  kInternal,
};

/// The code's name on the wire, for instance "DIMENSION_MISMATCH". `kIo` and `kInternal` share "INTERNAL".
std::string_view error_code_name(ErrorCode code);

/// The code that has this name on the wire, if any.
std::optional<ErrorCode> error_code_from_name(std::string_view name);

/// True where the same request may succeed later without being changed.
bool error_is_retryable(ErrorCode code);

/// One machine-readable fact about a failure, for instance {"expected", 128}.
struct ErrorDetail {
  std::string key;
  std::variant<std::int64_t, std::string, std::vector<std::string>> value;

  friend bool operator==(const ErrorDetail&, const ErrorDetail&) = default;
};

/// A failure: a code, a message for a person, and details for a program.
class [[nodiscard]] Error {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  ErrorCode code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::vector<ErrorDetail>& details() const { return details_; }

  /// The detail with this key, or nullptr.
  const ErrorDetail* detail(std::string_view key) const;

  /// Adds a detail; a later one with the same key replaces the earlier.
  Error& with(std::string key, std::int64_t value) &;
  Error& with(std::string key, std::string value) &;
  Error& with(std::string key, std::vector<std::string> value) &;
  template <class Value>
  Error&& with(std::string key, Value value) && {
    return std::move(with(std::move(key), std::move(value)));
  }

  /// Puts what was being done in front of the message: "opening segment 42: checksum mismatch".
  Error&& in_context(std::string_view doing) &&;

  friend bool operator==(const Error&, const Error&) = default;

 private:
  ErrorCode code_;
  std::string message_;
  std::vector<ErrorDetail> details_;
};

}  // namespace jade
