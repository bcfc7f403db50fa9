#include "base/json_writer.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>

#include "base/utf8.h"

namespace jade {
namespace {

/// Room for any number's shortest text: 24 characters for a double, 20 for an integer.
constexpr std::size_t kNumberBytes = 32;

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// True for bytes that a JSON string holds as they are, whatever stands around them.
constexpr std::array<bool, 256> kPlain = [] {
  std::array<bool, 256> plain{};
  for (std::size_t byte = 0x20; byte < 0x80; ++byte) plain[byte] = byte != '"' && byte != '\\';
  return plain;
}();

void append_escape(std::string& out, char character) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (character) {
    case '"':
    case '\\':
      out.append({'\\', character});
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    default:
      out.append("\\u00");
      out.push_back(kHex[static_cast<unsigned char>(character) >> 4U]);
      out.push_back(kHex[static_cast<unsigned char>(character) & 0xFU]);
  }
}

/// Writes the shortest text of a number that JSON can say, else null. Returns the end. Negative zero is -0.0, because
/// many readers take -0 for the integer 0 and lose its sign.
template <class Float>
char* write_float(char* begin, char* end, Float number) {
  if (!std::isfinite(number)) {
    constexpr std::string_view kNull = "null";
    return begin + kNull.copy(begin, kNull.size());
  }
  if (number == 0 && std::signbit(number)) {
    constexpr std::string_view kNegativeZero = "-0.0";
    return begin + kNegativeZero.copy(begin, kNegativeZero.size());
  }
  return std::to_chars(begin, end, number).ptr;
}

template <class Integer>
void append_integer(std::string& out, Integer number) {
  std::array<char, kNumberBytes> text;
  out.append(text.data(), std::to_chars(text.data(), text.data() + text.size(), number).ptr);
}

template <class Float>
void append_float(std::string& out, Float number) {
  std::array<char, kNumberBytes> text;
  out.append(text.data(), write_float(text.data(), text.data() + text.size(), number));
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out.push_back('"');
  std::size_t run = 0;  // Where the bytes begin that are copied as they are.
  std::size_t i = 0;
  while (i < text.size()) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (kPlain[byte]) {
      ++i;
      continue;
    }
    const std::size_t bytes = byte < 0x80 ? 0 : utf8_character_bytes(text.substr(i));
    if (bytes > 0) {
      i += bytes;
      continue;
    }
    out.append(text.substr(run, i - run));
    if (byte < 0x80) {
      append_escape(out, text[i]);
    } else {
      out.append(kReplacement);
    }
    run = ++i;
  }
  out.append(text.substr(run));
  out.push_back('"');
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_.push_back(':');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::int64(std::int64_t number) {
  separate();
  append_integer(out_, number);
  return *this;
}

JsonWriter& JsonWriter::uint64(std::uint64_t number) {
  separate();
  append_integer(out_, number);
  return *this;
}

JsonWriter& JsonWriter::float64(double number) {
  separate();
  append_float(out_, number);
  return *this;
}

JsonWriter& JsonWriter::float32(float number) {
  separate();
  append_float(out_, number);
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) { return raw(value ? "true" : "false"); }

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_.append(json);
  return *this;
}

JsonWriter& JsonWriter::float_array(std::span<const float> numbers) {
  begin_array();
  // Numbers go through a buffer: appending each to the string costs as much again as making its text.
  std::array<char, 1024> buffer;
  char* const limit = buffer.data() + buffer.size();
  char* end = buffer.data();
  for (const float number : numbers) {
    if (limit - end < static_cast<std::ptrdiff_t>(kNumberBytes)) {
      out_.append(buffer.data(), end);
      end = buffer.data();
    }
    end = write_float(end, limit, number);
    *end++ = ',';
  }
  if (end != buffer.data()) --end;  // The comma after the last number.
  out_.append(buffer.data(), end);
  return end_array();
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  out_.push_back(bracket);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  out_.push_back(bracket);
  comma_ = true;
  return *this;
}

void JsonWriter::separate() {
  if (comma_) out_.push_back(',');
  comma_ = true;
}

}  // namespace jade
