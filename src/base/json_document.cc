#include "base/json_document.h"

#include <cstddef>

#include "base/json_text.h"
#include "base/utf8.h"

namespace jade {
namespace {

/// Longest path in a message; a key alone may have 64 KiB.
constexpr std::size_t kPathBytesMax = 256;

/// A container on the way to a token, and where in it the way goes on.
struct Step {
  bool is_object = false;
  /// Elements of an array before the one on the way.
  std::uint64_t index = 0;
  /// The key's token + 1 in an object; 0 before the key.
  std::uint32_t key = 0;
};

void append_key(std::string& path, std::string_view key) {
  if (!path.empty()) path.push_back('.');
  for (const char character : key) {
    if (character == '.' || character == '\\') path.push_back('\\');
    path.push_back(character);
  }
}

std::string join(const JsonDocument& document, const std::vector<Step>& steps) {
  std::string path;
  for (const Step& step : steps) {
    if (path.size() > kPathBytesMax) break;
    if (!step.is_object) {
      path.append("[").append(std::to_string(step.index)).append("]");
    } else if (step.key != 0) {
      append_key(path, document.string_at(step.key - 1));
    }
  }
  if (path.size() <= kPathBytesMax) return path;
  return std::string(utf8_prefix(path, kPathBytesMax)).append("…");
}

}  // namespace

std::string_view JsonDocument::string_at(std::uint32_t token) const {
  const std::string_view quoted = token_text(token);
  const std::string_view body = quoted.substr(1, quoted.size() - 2);
  if (body.find('\\') == std::string_view::npos) return body;
  std::string& plain = unescaped.emplace_back();
  append_json_unescaped(plain, body);
  return plain;
}

std::string json_path(const JsonDocument& document, std::uint32_t token) {
  std::vector<Step> steps;
  bool key_next = false;
  for (std::uint32_t at = 0; at < document.token_count; ++at) {
    const char character = document.at(at);
    if (key_next && character == '"') steps.back().key = at + 1;
    key_next = false;
    if (at == token) break;
    if (character == '{' || character == '[') {
      key_next = character == '{';
      steps.push_back({.is_object = key_next});
    } else if (character == '}' || character == ']') {
      steps.pop_back();
    } else if (character == ',') {
      Step& step = steps.back();
      ++step.index;
      step.key = 0;
      key_next = step.is_object;
    }
  }
  return join(document, steps);
}

}  // namespace jade
