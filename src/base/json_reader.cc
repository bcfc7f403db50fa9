#include "base/json_reader.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json_document.h"
#include "base/json_text.h"

namespace jade {
namespace {

/// A key of an object that is still open.
struct Key {
  std::string_view name;
  std::uint32_t token = 0;
};

/// An object or array that is still open.
struct Level {
  std::uint32_t container = 0;
  bool is_object = false;
  /// Where its keys begin among those of all open objects.
  std::size_t first_key = 0;
};

/// The later of two equal keys, if there are any. Sorts many keys, so that no choice of keys makes it quadratic.
const Key* repeated_key(std::span<Key> keys) {
  constexpr std::size_t kFew = 12;
  if (keys.size() <= kFew) {
    for (std::size_t i = 1; i < keys.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        if (keys[i].name == keys[j].name) return &keys[i];
      }
    }
    return nullptr;
  }
  std::ranges::sort(keys, [](const Key& a, const Key& b) {
    const auto order = a.name <=> b.name;
    return order != 0 ? order < 0 : a.token > b.token;
  });
  const auto found = std::ranges::adjacent_find(keys, {}, &Key::name);
  return found == keys.end() ? nullptr : &*found;
}

/// Memory of a check, kept for the next one.
struct CheckMemory {
  std::vector<Level> levels;
  std::vector<Key> keys;
  std::string unescaped;
};

/// Holds the tokens of a document against JSON's grammar, one pass and no recursion, and records its containers.
class Checker {
 public:
  Checker(JsonDocument& document, CheckMemory& memory, std::size_t depth_max)
      : document_(document),
        levels_(memory.levels),
        keys_(memory.keys),
        scratch_(memory.unescaped),
        depth_max_(depth_max) {
    levels_.clear();
    keys_.clear();
  }

  /// What is wrong, or nullptr; then `token()` is where.
  const char* run() {
    for (; token_ < document_.token_count; ++token_) {
      if (const char* problem = step()) return problem;
    }
    if (expected_ == Expected::kSeparator && levels_.empty()) return nullptr;
    return "ends before its last value does";
  }

  std::uint32_t token() const { return token_; }

 private:
  enum class Expected : std::uint8_t { kValue, kValueOrClose, kKey, kKeyOrClose, kSeparator };

  const char* step() {
    const char character = document_.at(token_);
    switch (expected_) {
      case Expected::kValueOrClose:
        if (character == ']') return close();
        [[fallthrough]];
      case Expected::kValue:
        return value(character);
      case Expected::kKeyOrClose:
        if (character == '}') return close();
        [[fallthrough]];
      case Expected::kKey:
        return key(character);
      case Expected::kSeparator:
        break;
    }
    return separator(character);
  }

  const char* value(char character) {
    if (!levels_.empty() && !levels_.back().is_object) ++document_.containers[levels_.back().container].size;
    expected_ = Expected::kSeparator;
    switch (character) {
      case '{':
      case '[':
        return open(character == '{');
      case '"':
        return string() ? nullptr : "has an escape in a string that is not JSON";
      case 't':
        return literal("true");
      case 'f':
        return literal("false");
      case 'n':
        return literal("null");
      default:
        return !levels_.empty() && !levels_.back().is_object ? numbers() : number();
    }
  }

  /// A number in an array, and those that follow it with nothing but commas between: most of a body of vectors.
  const char* numbers() {
    JsonContainer& container = document_.containers[levels_.back().container];
    for (;;) {
      if (const char* problem = number()) return problem;
      if (token_ + 2 >= document_.token_count || document_.at(token_ + 1) != ',') return nullptr;
      if (!JsonDocument::starts_number(document_.at(token_ + 2))) return nullptr;
      token_ += 2;
      ++container.size;
    }
  }

  const char* open(bool is_object) {
    if (levels_.size() >= depth_max_) return "is nested too deeply";
    levels_.push_back({.container = static_cast<std::uint32_t>(document_.containers.size()),
                       .is_object = is_object,
                       .first_key = keys_.size()});
    document_.containers.emplace_back();
    expected_ = is_object ? Expected::kKeyOrClose : Expected::kValueOrClose;
    return nullptr;
  }

  const char* close() {
    const Level level = levels_.back();
    if (const Key* key = repeated_key(std::span(keys_).subspan(level.first_key))) {
      token_ = key->token;
      return "is a key that comes twice in its object";
    }
    JsonContainer& container = document_.containers[level.container];
    container.close = token_;
    container.next = static_cast<std::uint32_t>(document_.containers.size());
    levels_.pop_back();
    keys_.resize(level.first_key);
    expected_ = Expected::kSeparator;
    return nullptr;
  }

  const char* key(char character) {
    if (character != '"') return "needs a key in quotes here";
    if (!string()) return "has an escape in a key that is not JSON";
    keys_.push_back({.name = document_.string_at(token_), .token = token_});
    ++document_.containers[levels_.back().container].size;
    if (token_ + 1 >= document_.token_count || document_.at(token_ + 1) != ':') return "needs a ':' after the key";
    ++token_;
    expected_ = Expected::kValue;
    return nullptr;
  }

  const char* separator(char character) {
    if (levels_.empty()) return "goes on after its value";
    const bool is_object = levels_.back().is_object;
    if (character == ',') {
      expected_ = is_object ? Expected::kKey : Expected::kValue;
      return nullptr;
    }
    if (character == (is_object ? '}' : ']')) return close();
    return is_object ? "needs ',' or '}' here" : "needs ',' or ']' here";
  }

  /// Checks the escapes; the rest of a string was checked when its token was found.
  bool string() {
    const std::string_view quoted = document_.token_text(token_);
    const std::string_view body = quoted.substr(1, quoted.size() - 2);
    if (body.find('\\') == std::string_view::npos) return true;
    scratch_.clear();
    return append_json_unescaped(scratch_, body);
  }

  const char* literal(std::string_view word) const {
    return document_.token_text(token_) == word ? nullptr : "is no JSON value";
  }

  const char* number() const {
    const std::string_view text = document_.text.substr(document_.tokens[token_]);
    const std::size_t bytes = json_number_bytes(text);
    if (bytes == 0) return "is no JSON value";
    const bool ends =
        document_.tokens[token_] + bytes == document_.tokens[token_ + 1] || JsonDocument::is_space(text[bytes]);
    return ends ? nullptr : "is no JSON number";
  }

  JsonDocument& document_;
  std::vector<Level>& levels_;
  std::vector<Key>& keys_;
  std::string& scratch_;
  const std::size_t depth_max_;
  Expected expected_ = Expected::kValue;
  std::uint32_t token_ = 0;
};

}  // namespace

struct JsonReader::State {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> tokenizer;
  JsonDocument document;
  CheckMemory memory;

  simdjson::error_code tokenize(std::string_view text) {
    if (!tokenizer || tokenizer->capacity() < text.size()) {
      // The second argument is the depth of simdjson's own second stage, which is not used.
      const simdjson::error_code error =
          simdjson::get_active_implementation()->create_dom_parser_implementation(text.size(), 1, tokenizer);
      if (error != simdjson::SUCCESS) return error;
    }
    return tokenizer->stage1(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                             simdjson::stage1_mode::regular);
  }
};

JsonReader::JsonReader() : state_(std::make_unique<State>()) {}
JsonReader::~JsonReader() = default;
JsonReader::JsonReader(JsonReader&&) noexcept = default;
JsonReader& JsonReader::operator=(JsonReader&&) noexcept = default;

Result<JsonValue> JsonReader::parse(std::string_view text, const JsonLimits& limits) {
  // Tokens are 32-bit offsets, and simdjson asks for less than its own maximum, just below 4 GiB.
  constexpr std::size_t kTextBytesMax = std::size_t{1} << 31U;
  if (text.size() > kTextBytesMax) {
    return Error(ErrorCode::kPayloadTooLarge, "JSON text is too long")
        .with("limitBytes", static_cast<std::int64_t>(kTextBytesMax));
  }
  JsonDocument& document = state_->document;
  document.containers.clear();
  document.unescaped.clear();
  if (const simdjson::error_code code = state_->tokenize(text); code != simdjson::SUCCESS) {
    static constexpr std::array kCodes{ErrorCode::kInvalidArgument, ErrorCode::kOverloaded};
    return Error(kCodes[static_cast<std::size_t>(code == simdjson::MEMALLOC)],
                 std::string("JSON text: ") + simdjson::error_message(code));
  }
  document.text = text;
  document.token_count = state_->tokenizer->n_structural_indexes;
  document.tokens = state_->tokenizer->structural_indexes.get();
  Checker checker(document, state_->memory, limits.depth_max);
  if (const char* problem = checker.run()) {
    const std::uint32_t offset = document.tokens[checker.token()];
    std::string field = json_path(document, checker.token());
    Error error(ErrorCode::kInvalidArgument, (field.empty() ? std::string("JSON text") : field) + " " + problem +
                                                 " (byte " + std::to_string(offset) + ")");
    error.with("offset", std::int64_t{offset});
    if (!field.empty()) error.with("field", std::move(field));
    return error;
  }
  return JsonValue(document, {});
}

}  // namespace jade
