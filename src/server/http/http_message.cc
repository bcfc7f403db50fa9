#include "server/http/http_message.h"

#include <algorithm>
#include <array>

namespace jade::server {
namespace {

struct MethodRow {
  Method method;
  std::string_view name;
};

constexpr std::array kMethods = {
    MethodRow{Method::kGet, "GET"}, MethodRow{Method::kHead, "HEAD"},   MethodRow{Method::kPost, "POST"},
    MethodRow{Method::kPut, "PUT"}, MethodRow{Method::kPatch, "PATCH"}, MethodRow{Method::kDelete, "DELETE"},
};

}  // namespace

std::string_view method_name(Method method) {
  const auto* const row = std::ranges::find(kMethods, method, &MethodRow::method);
  return row == kMethods.end() ? "OTHER" : row->name;
}

Method method_from_name(std::string_view name) {
  const auto* const row = std::ranges::find(kMethods, name, &MethodRow::name);
  return row == kMethods.end() ? Method::kOther : row->method;
}

bool equal_without_case(std::string_view left, std::string_view right) {
  constexpr auto kLower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
  return std::ranges::equal(left, right, {}, kLower, kLower);
}

std::optional<std::string_view> Headers::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields_, [&](const Header& header) { return equal_without_case(header.name, name); });
  if (found == fields_.end()) return std::nullopt;
  return found->value;
}

std::size_t Headers::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const Header& header) { return equal_without_case(header.name, name); }));
}

}  // namespace jade::server
