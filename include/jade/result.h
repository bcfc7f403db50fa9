// A value or the reason why there is none.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "jade/error.h"

namespace jade {

/// Either a `T` or an `Error`. Whatever can fail returns one; nothing in this library throws.
/// Reading the value of a failed result is the caller's mistake and stops the process.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result()
    requires std::is_void_v<T>
  = default;
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` and `return error;` are the point.
  template <class U = T>
    requires(!std::is_void_v<T> && std::is_constructible_v<T, U &&> && !std::is_same_v<std::remove_cvref_t<U>, Error> &&
             !std::is_same_v<std::remove_cvref_t<U>, Result>)
  Result(U&& value) : state_(std::forward<U>(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::unexpected(std::move(error))) {}

  bool ok() const { return state_.has_value(); }
  explicit operator bool() const { return ok(); }

  template <class U = T>
    requires(!std::is_void_v<U>)
  U& value() & {
    require_ok();
    return *state_;
  }
  template <class U = T>
    requires(!std::is_void_v<U>)
  const U& value() const& {
    require_ok();
    return *state_;
  }
  /// By value, so that `for (auto& x : f().value())` loops over something that lives.
  template <class U = T>
    requires(!std::is_void_v<U>)
  U value() && {
    require_ok();
    return *std::move(state_);
  }
  template <class U = T>
    requires(!std::is_void_v<U>)
  U* operator->() {
    return &value();
  }
  template <class U = T>
    requires(!std::is_void_v<U>)
  const U* operator->() const {
    return &value();
  }
  template <class U = T>
    requires(!std::is_void_v<U>)
  U& operator*() & {
    return value();
  }
  template <class U = T>
    requires(!std::is_void_v<U>)
  const U& operator*() const& {
    return value();
  }
  template <class U = T>
    requires(!std::is_void_v<U>)
  U operator*() && {
    return std::move(*this).value();
  }

  const Error& error() const& {
    require_error();
    return state_.error();
  }
  Error error() && {
    require_error();
    return std::move(state_).error();
  }

 private:
  void require_ok() const {
    if (!state_.has_value()) __builtin_trap();
  }
  void require_error() const {
    if (state_.has_value()) __builtin_trap();
  }

  std::expected<T, Error> state_;
};

}  // namespace jade

#define JADE_RESULT_CONCAT_INNER(a, b) a##b
#define JADE_RESULT_CONCAT(a, b) JADE_RESULT_CONCAT_INNER(a, b)

/// Returns the error of `expression` from the enclosing function, if it failed.
#define JADE_RETURN_IF_ERROR(expression)                                 \
  do {                                                                   \
    if (auto jade_result = (expression); !jade_result.ok()) [[unlikely]] \
      return std::move(jade_result).error();                             \
  } while (false)

/// Declares or assigns `target` from `expression`, or returns its error from the enclosing function.
#define JADE_ASSIGN_OR_RETURN(target, expression) \
  JADE_ASSIGN_OR_RETURN_INNER(JADE_RESULT_CONCAT(jade_result_, __LINE__), target, expression)
#define JADE_ASSIGN_OR_RETURN_INNER(result, target, expression) \
  auto result = (expression);                                   \
  if (!result.ok()) [[unlikely]]                                \
    return std::move(result).error();                           \
  target = std::move(result).value()
