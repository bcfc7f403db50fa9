// What JsonReader has found out about a text. For base/json_*.cc alone.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/json_value.h"

namespace jade {

/// An object or array, numbered in the order in which they open.
struct JsonContainer {
  /// The token that closes it.
  std::uint32_t close = 0;
  /// The number of the first container that opens after it closes.
  std::uint32_t next = 0;
  /// Fields or elements.
  std::uint32_t size = 0;
};

/// A text and its tokens. A token is the offset of a bracket, comma, colon, opening quote, or of the first character of
/// any other scalar. All of it is well-formed once JsonReader::parse has returned it.
struct JsonDocument {
  std::string_view text;
  /// `token_count` of them and then text.size().
  const std::uint32_t* tokens = nullptr;
  std::uint32_t token_count = 0;
  std::vector<JsonContainer> containers;
  /// Strings that had escapes; a deque, so that views of them stay valid.
  mutable std::deque<std::string> unescaped;

  char at(std::uint32_t token) const { return text[tokens[token]]; }
  bool is_open(std::uint32_t token) const { return at(token) == '{' || at(token) == '['; }

  /// From the token's first character to the next token, less white space.
  std::string_view token_text(std::uint32_t token) const {
    std::uint32_t end = tokens[token + 1];
    while (is_space(text[end - 1])) --end;
    return text.substr(tokens[token], end - tokens[token]);
  }

  /// The token after the value that is here, and the number of the next container.
  JsonPlace after(JsonPlace value) const {
    if (!is_open(value.token)) return {value.token + 1, value.container};
    const JsonContainer& container = containers[value.container];
    return {container.close + 1, container.next};
  }

  /// The string that begins at this token, without quotes and escapes.
  std::string_view string_at(std::uint32_t token) const;

  /// Without a branch: signs of a vector's elements cannot be predicted.
  static bool starts_number(char character) {
    return static_cast<bool>(static_cast<int>(character == '-') |
                             static_cast<int>(character >= '0' && character <= '9'));
  }

  static bool is_space(char character) {
    return character == ' ' || character == '\n' || character == '\r' || character == '\t';
  }
};

/// The way from the root to a token: "vectors[3].metadata". The tokens before it must be well-formed; containers that
/// are still open there need not have been recorded.
std::string json_path(const JsonDocument& document, std::uint32_t token);

}  // namespace jade
