// A request target never crashes the parser, and what it takes apart goes together again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/http/target.h"

namespace {

std::string encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::string write(const jade::server::Target& target) {
  std::string text;
  for (const std::string& segment : target.path) text += '/' + encode(segment);
  if (text.empty()) text = "/";
  char separator = '?';
  for (const jade::server::QueryParameter& parameter : target.query) {
    text += separator + encode(parameter.name) + '=' + encode(parameter.value);
    separator = '&';
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto target = jade::server::parse_target(text);
  if (!target.ok()) return 0;
  const auto again = jade::server::parse_target(write(*target));
  JADE_CHECK(again.ok() && *again == *target, "a target survives being written");
  return 0;
}
