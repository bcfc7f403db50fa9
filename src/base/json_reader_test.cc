#include "base/json_reader.h"

#include <gtest/gtest.h>
#include <simdjson.h>
#include <sys/mman.h>

#include <cstring>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

/// A recursive reading of JSON by the letter of RFC 8259, the twin that shares nothing with JsonReader. Spells what it
/// read: strings as they mean, numbers as they are written. None for what is refused.
class NaiveReader {
 public:
  static std::optional<std::string> read(std::string_view text) {
    NaiveReader reader(text);
    reader.value(0);
    reader.space();
    if (!reader.ok_ || reader.at_ != text.size()) return std::nullopt;
    return reader.out_;
  }

 private:
  explicit NaiveReader(std::string_view text) : text_(text) {}

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  void space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) != nullptr && text_[at_] != '\0') ++at_;
  }
  bool take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  void expect(std::string_view word) { ok_ = take(word) && ok_; }

  void value(int depth) {
    space();
    if (!ok_) return;
    if (depth > 64) {
      ok_ = false;
    } else if (take("{")) {
      members('}', depth, true);
    } else if (take("[")) {
      members(']', depth, false);
    } else if (peek() == '"') {
      out_ += "'" + string() + "'";
    } else if (take("true")) {
      out_ += "T";
    } else if (take("false")) {
      out_ += "F";
    } else if (take("null")) {
      out_ += "N";
    } else {
      number();
    }
  }

  void members(char close, int depth, bool keys) {
    ok_ = ok_ && depth < 64;
    out_ += keys ? "{" : "[";
    std::set<std::string> seen;
    space();
    for (bool first = true; ok_ && peek() != close; first = false) {
      if (!first) expect(",");
      space();
      if (keys) {
        const std::string key = string();
        ok_ = seen.insert(key).second && ok_;
        out_ += key + ":";
        space();
        expect(":");
      }
      value(depth + 1);
      out_ += ",";
      space();
    }
    if (ok_) expect(std::string_view(&close, 1));
    out_ += keys ? "}" : "]";
  }

  std::string string() {
    std::string plain;
    expect("\"");
    while (ok_ && !take("\"")) {
      if (at_ >= text_.size() || static_cast<unsigned char>(peek()) < 0x20) {
        ok_ = false;
      } else if (take("\\u")) {
        unicode(plain);
      } else if (take("\\")) {
        const char* const kFrom = "\"\\/bfnrt";
        const char* const which = peek() == '\0' ? nullptr : std::strchr(kFrom, peek());
        ok_ = which != nullptr;
        if (ok_) plain += "\"\\/\b\f\n\r\t"[which - kFrom];
        ++at_;
      } else {
        plain += text_[at_++];
      }
    }
    return plain;
  }

  unsigned hex() {
    unsigned code = 0;
    for (int i = 0; i < 4; ++i, ++at_) {
      ok_ = ok_ && std::isxdigit(static_cast<unsigned char>(peek())) != 0;
      if (ok_) code = code * 16 + static_cast<unsigned>(std::stoi(std::string(1, peek()), nullptr, 16));
    }
    return code;
  }

  void unicode(std::string& plain) {
    unsigned code = hex();
    if (code >= 0xDC00 && code < 0xE000) ok_ = false;
    if (code >= 0xD800 && code < 0xDC00) {
      expect("\\u");
      const unsigned low = hex();
      if (low < 0xDC00 || low > 0xDFFF) ok_ = false;
      code = 0x10000 + (code - 0xD800) * 0x400 + (low - 0xDC00);
    }
    if (code < 0x80) {
      plain += static_cast<char>(code);
    } else if (code < 0x800) {
      plain += {static_cast<char>(0xC0 + code / 64), static_cast<char>(0x80 + code % 64)};
    } else if (code < 0x10000) {
      plain += {static_cast<char>(0xE0 + code / 4096), static_cast<char>(0x80 + code / 64 % 64),
                static_cast<char>(0x80 + code % 64)};
    } else {
      plain += {static_cast<char>(0xF0 + code / 262144), static_cast<char>(0x80 + code / 4096 % 64),
                static_cast<char>(0x80 + code / 64 % 64), static_cast<char>(0x80 + code % 64)};
    }
  }

  void digits() {
    ok_ = ok_ && std::isdigit(static_cast<unsigned char>(peek())) != 0;
    while (std::isdigit(static_cast<unsigned char>(peek())) != 0) ++at_;
  }

  void number() {
    const std::size_t begin = at_;
    take("-");
    if (!take("0")) digits();
    if (take(".")) digits();
    if (take("e") || take("E")) {
      if (!take("+")) take("-");
      digits();
    }
    out_ += text_.substr(begin, at_ - begin);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool ok_ = true;
  std::string out_;
};

/// What NaiveReader would spell, from the cursors.
void spell(const JsonValue& value, std::string& out) {
  switch (value.kind()) {
    case JsonKind::kNull:
      out += "N";
      break;
    case JsonKind::kBool:
      out += value.get_bool().value() ? "T" : "F";
      break;
    case JsonKind::kNumber:
      out += value.raw_text();
      break;
    case JsonKind::kString:
      out.append("'").append(value.get_string().value()).append("'");
      break;
    case JsonKind::kArray: {
      const JsonArray array = value.get_array().value();
      out += "[";
      for (const JsonValue element : array) {
        spell(element, out);
        out += ",";
      }
      out += "]";
      break;
    }
    case JsonKind::kObject: {
      const JsonObject object = value.get_object().value();
      out += "{";
      for (const JsonField field : object) {
        out.append(field.key).append(":");
        spell(field.value, out);
        out += ",";
      }
      out += "}";
      break;
    }
  }
}

std::optional<std::string> spell_text(std::string_view text) {
  JsonReader reader;
  const Result<JsonValue> root = reader.parse(text);
  if (!root.ok()) return std::nullopt;
  std::string out;
  spell(*root, out);
  return out;
}

/// Runs `body` with each of simdjson's implementations that this machine can run.
void with_every_tokenizer(const std::function<void()>& body) {
  const simdjson::implementation* const active = simdjson::get_active_implementation();
  for (const simdjson::implementation* implementation : simdjson::get_available_implementations()) {
    if (!implementation->supported_by_runtime_system()) continue;
    SCOPED_TRACE(implementation->name());
    simdjson::get_active_implementation() = implementation;
    body();
  }
  simdjson::get_active_implementation() = active;
}

constexpr std::string_view kGood[] = {
    "null",
    " true ",
    "false\n",
    "0",
    "-0",
    "1234567890123456789012345678901234567890",
    "-1.5e-10",
    "1e999",
    "\"\"",
    "\"\x7F\"",
    "\"a\\u0000b\"",
    "\"\xC3\xA9\xF0\x9F\x98\x80\"",
    "[]",
    " [ ] ",
    "{}",
    "\t{\r\n} ",
    "[1,2 , 3]",
    "[[[[]]],[],{}]",
    R"({"a":{"b":[{"c":null}]},"b":1})",
    R"({"":1})",
    R"({"a":1,"A":2,"\u0062":3})",
    R"(["\"","\\","\\\"",",","]","{",":"])",
    R"(["\ud83d\ude00"])",
    R"([{"a":1},{"a":1}])",
    R"({"a":{"a":{"a":1}}})",
};

constexpr std::string_view kBad[] = {
    "",
    " ",
    "nul",
    "nulll",
    "null null",
    "truex",
    "True",
    "NaN",
    "Infinity",
    "-Infinity",
    "undefined",
    "'a'",
    "1 2",
    "1,",
    "01",
    "-01",
    "1.",
    ".5",
    "+1",
    "1e",
    "-",
    "0x10",
    "1a",
    "1\"a\"",
    "1\f",
    "1\f2",
    "1\x1A",
    "\xEF\xBB\xBF{}",
    "\"",
    "\"abc",
    "\"a\\\"",
    "\"a\"b",
    "\"a\"\"b\"",
    "\"a\" \"b\"",
    "\"a\nb\"",
    "\"a\x01\"",
    "\"\xC3\"",
    "\"\xED\xA0\x80\"",
    "\"\xC0\x80\"",
    "\"\xF4\x90\x80\x80\"",
    "\xFF",
    "[\xC3\xA9]",
    R"("\x")",
    R"("\u12")",
    R"("\ud800")",
    R"("\udc00\ud800")",
    R"({"\ud800":1})",
    "[",
    "]",
    "{",
    "}",
    "[}",
    "{]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1:2]",
    "[1,,2]",
    "[1}",
    "[]]",
    "[[]",
    "[]{}",
    "[] []",
    "{\"a\"}",
    "{\"a\"",
    "{\"a\":",
    "{\"a\":}",
    "{\"a\":1",
    "{\"a\":1,",
    "{\"a\":1,}",
    "{\"a\":1 \"b\":2}",
    "{\"a\" 1}",
    "{\"a\":1]",
    "{\"a\":1:2}",
    "{a:1}",
    "{1:2}",
    "{null:2}",
    "{[]:2}",
    "{,}",
    "{\"a\":1}}",
    "{\"a\":1}x",
    "{\"a\":1}/**/",
    "[1]//",
    R"({"a":1,"a":2})",
    R"({"a":1,"\u0061":2})",
    R"({"":1,"":2})",
    R"([{"x":{"a":1,"b":2,"a":3}}])",
    ",",
    ":",
};

TEST(JsonReader, AcceptsJson) {
  with_every_tokenizer([] {
    for (const std::string_view text : kGood) {
      const std::optional<std::string> naive = NaiveReader::read(text);
      ASSERT_TRUE(naive.has_value()) << text;
      EXPECT_EQ(spell_text(text), naive) << text;
    }
  });
}

TEST(JsonReader, RefusesWhatIsNotStrictJson) {
  with_every_tokenizer([] {
    for (const std::string_view text : kBad) {
      JsonReader reader;
      const Result<JsonValue> root = reader.parse(text);
      ASSERT_FALSE(root.ok()) << text;
      EXPECT_EQ(root.error().code(), ErrorCode::kInvalidArgument) << text;
    }
    EXPECT_EQ(spell_text(std::string_view("[1]\0", 4)), std::nullopt);
    EXPECT_EQ(spell_text(std::string_view("\0", 1)), std::nullopt);
  });
}

/// Random JSON, most of it well-formed before it is damaged.
class Generator {
 public:
  explicit Generator(SeededRandom& random) : random_(random) {}

  std::string text() {
    out_.clear();
    value(0);
    return out_;
  }

 private:
  void space() {
    constexpr std::string_view kSpaces[] = {"", "", "", " ", "\n", "\t ", "\r"};
    out_ += kSpaces[random_.next_below(std::size(kSpaces))];
  }

  void string() {
    constexpr std::string_view kPieces[] = {
        "a", "b", "c", "\\n", "\\\"", "\\\\", "\\/", "\\u0061", "\xC3\xA9", "\\ud83d\\ude00", ",", "]"};
    out_ += '"';
    for (std::uint64_t i = random_.next_below(4); i > 0; --i) out_ += kPieces[random_.next_below(std::size(kPieces))];
    out_ += '"';
  }

  void value(int depth) {
    constexpr std::string_view kScalars[] = {"null", "true", "false", "0", "-0", "12", "-1.5", "1e5", "0.25E-3"};
    space();
    const std::uint64_t kind = random_.next_below(depth > 5 ? 6 : 10);
    if (kind < 4) {
      out_ += kScalars[random_.next_below(std::size(kScalars))];
    } else if (kind < 6) {
      string();
    } else {
      const bool keys = kind < 8;
      out_ += keys ? '{' : '[';
      for (std::uint64_t i = random_.next_below(5), first = 1; i > 0; --i, first = 0) {
        if (first == 0) out_ += ',';
        space();
        if (keys) {
          string();
          space();
          out_ += ':';
        }
        value(depth + 1);
      }
      space();
      out_ += keys ? '}' : ']';
    }
    space();
  }

  SeededRandom& random_;
  std::string out_;
};

TEST(JsonReader, RandomTextsAgreeWithTwin) {
  const std::uint64_t seed = test_seed(41);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  Generator generator(random);
  constexpr std::string_view kBytes = "{}[]:,\"\\ \n0123456789.eE+-truefalsn\x01u";
  for (std::size_t round = 0; round < test_scale(6000); ++round) {
    std::string text = generator.text();
    ASSERT_EQ(spell_text(text), NaiveReader::read(text)) << text;
    for (int damage = 0; damage < 3; ++damage) {
      const std::size_t at = random.next_below(text.size());
      switch (random.next_below(3)) {
        case 0:
          text[at] = kBytes[random.next_below(kBytes.size())];
          break;
        case 1:
          text.erase(at, 1 + random.next_below(3));
          break;
        default:
          text.insert(at, 1, kBytes[random.next_below(kBytes.size())]);
      }
      if (text.empty()) break;
      const std::optional<std::string> twin = NaiveReader::read(text);
      const bool utf8 = simdjson::validate_utf8(text);
      ASSERT_EQ(spell_text(text), utf8 ? twin : std::nullopt) << text;
    }
  }
}

TEST(JsonReader, ReadsNothingBehindTheText) {
  constexpr std::size_t kPage = 4096;
  void* const pages = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(pages, MAP_FAILED);
  char* const end = static_cast<char*>(pages) + kPage;
  ASSERT_EQ(mprotect(end, kPage, PROT_NONE), 0);
  with_every_tokenizer([&] {
    for (std::size_t size = 1; size < 300; ++size) {
      for (const std::string& text : {std::string(size, '1'), "\"" + std::string(size, 'a') + "\"",
                                      "[" + std::string(size, ' ') + "1", "\"" + std::string(size, 'a')}) {
        char* const at = end - text.size();
        std::memcpy(at, text.data(), text.size());
        ASSERT_EQ(spell_text({at, text.size()}), NaiveReader::read(text));
      }
    }
  });
  ASSERT_EQ(munmap(pages, 2 * kPage), 0);
}

TEST(JsonReader, RefusesDeepNestingAndSurvivesIt) {
  JsonReader reader;
  EXPECT_TRUE(reader.parse(std::string(64, '[') + std::string(64, ']')).ok());
  for (const std::size_t depth : {65UL, 5000UL, 10000UL, 1000000UL}) {
    for (const std::string& text : {std::string(depth, '['), std::string(depth, '[') + std::string(depth, ']')}) {
      EXPECT_EQ(reader.parse(text).error().code(), ErrorCode::kInvalidArgument);
    }
  }
  std::string objects;
  for (int i = 0; i < 10000; ++i) objects += "{\"a\":";
  EXPECT_EQ(reader.parse(objects).error().code(), ErrorCode::kInvalidArgument);
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_TRUE(reader.parse(deep, {.depth_max = 5000}).ok());
  EXPECT_FALSE(reader.parse(deep, {.depth_max = 4999}).ok());
  EXPECT_TRUE(reader.parse("1", {.depth_max = 0}).ok());
  EXPECT_FALSE(reader.parse("[]", {.depth_max = 0}).ok());
}

TEST(JsonReader, RefusesTextsBeyondItsOffsets) {
  JsonReader reader;
  const char byte = '1';
  const Result<JsonValue> root = reader.parse(std::string_view(&byte, (std::size_t{1} << 31U) + 1));
  EXPECT_EQ(root.error().code(), ErrorCode::kPayloadTooLarge);
}

TEST(JsonReader, FindsRepeatedKeysAmongMany) {
  std::string text = "{";
  for (int i = 0; i < 100000; ++i) text += "\"key" + std::to_string(i * 7919 % 100000) + "\":0,";
  JsonReader reader;
  EXPECT_EQ(reader.parse(text + "\"last\":0}").value().get_object().value().size(), 100001U);
  const Error error = reader.parse(text + "\"k\\u0065y500\":0}").error();
  EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(error.detail("field")->value, ErrorDetail("", "key500").value);
  EXPECT_EQ(error.detail("offset")->value, ErrorDetail("", static_cast<std::int64_t>(text.size())).value);
}

std::string field_of(const Error& error) {
  const ErrorDetail* detail = error.detail("field");
  return detail == nullptr ? "-" : std::get<std::string>(detail->value);
}

TEST(JsonReader, SaysWhereTheTextIsWrong) {
  struct Case {
    std::string_view text;
    std::string_view field;
    std::int64_t offset;
  };
  const Case cases[] = {
      {"nope", "-", 0},
      {"[1", "[0]", 2},
      {"{\"a\":1}x", "-", 7},
      {R"({"vector":[1,NaN]})", "vector[1]", 13},
      {R"({"vectors":[{"a":{}},{"metadata":{"x":1,"y":2,"x":3}}]})", "vectors[1].metadata.x", 46},
      {R"({"a":{"b":tru}})", "a.b", 10},
      {R"({"a":[[],[1,{"c":"\q"}]]})", "a[1][1].c", 17},
      {R"({"a":1,b})", "-", 7},
      {R"({"a.b":{"c\\d":nul}})", "a\\.b.c\\\\d", 15},
      {R"({"a":{"\q":1}})", "a.", 6},
  };
  for (const Case& c : cases) {
    JsonReader reader;
    const Error error = reader.parse(c.text).error();
    EXPECT_EQ(field_of(error), c.field) << c.text;
    EXPECT_EQ(std::get<std::int64_t>(error.detail("offset")->value), c.offset) << c.text;
  }
}

TEST(JsonReader, CutsLongPaths) {
  const std::string key = std::string(255, 'k') + "\u00E9" + std::string(1000, 'k');
  const std::string text = "{\"" + key + "\":{\"" + key + "\":[1, nope]}}";
  JsonReader reader;
  EXPECT_EQ(field_of(reader.parse(text).error()), std::string(255, 'k') + "\u2026");
}

TEST(JsonReader, CanBeMovedAndUsedAgain) {
  JsonReader first;
  ASSERT_FALSE(first.parse("[{").ok());
  JsonReader reader = std::move(first);
  for (const std::string_view text : {"[1,{\"a\":\"\\n\"}]", "{}", "[[],[[\"a longer text\"]]]"}) {
    std::string out;
    spell(reader.parse(text).value(), out);
    EXPECT_EQ(out, NaiveReader::read(text).value());
  }
  first = std::move(reader);
  EXPECT_EQ(first.parse("7").value().get_int64().value(), 7);
}

}  // namespace
}  // namespace jade
