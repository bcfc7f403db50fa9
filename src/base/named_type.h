// Distinct types for ids and counters, so that one cannot be passed where another is meant.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>

namespace jade {

/// A `T` that only equals, orders and hashes against its own kind. `Tag` is an undefined struct.
template <class T, class Tag>
class NamedType {
 public:
  using value_type = T;

  constexpr NamedType() = default;
  constexpr explicit NamedType(T value) : value_(value) {}

  constexpr T value() const { return value_; }

  friend constexpr auto operator<=>(const NamedType&, const NamedType&) = default;

 private:
  T value_{};
};

}  // namespace jade

template <class T, class Tag>
struct std::hash<jade::NamedType<T, Tag>> {
  std::size_t operator()(const jade::NamedType<T, Tag>& id) const noexcept { return std::hash<T>{}(id.value()); }
};
