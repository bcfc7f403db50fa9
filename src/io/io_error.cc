#include "io/io_error.h"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

namespace jade::io {

Error io_error(int errno_value, std::string_view doing, std::string_view path) {
  const bool full = errno_value == ENOSPC || errno_value == EDQUOT;
  std::string message(doing);
  message.append(" ").append(path).append(": ").append(std::generic_category().message(errno_value));
  return Error(full ? ErrorCode::kStorageFull : ErrorCode::kIo, std::move(message))
      .with("errno", static_cast<std::int64_t>(errno_value));
}

Error lock_held_error(std::string_view path, std::string owner) {
  std::string message = "locking ";
  message.append(path).append(": held by ").append(owner);
  return Error(ErrorCode::kAlreadyExists, std::move(message)).with("owner", std::move(owner));
}

int errno_of(const Error& error) {
  const ErrorDetail* detail = error.detail("errno");
  if (detail == nullptr) return 0;
  const auto* value = std::get_if<std::int64_t>(&detail->value);
  return value == nullptr ? 0 : static_cast<int>(*value);
}

}  // namespace jade::io
