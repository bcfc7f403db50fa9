// Writes JSON text: a small appender, with no tree behind it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace jade {

/// Appends `text` to `out` as a JSON string with its quotes. Escapes what JSON demands and nothing else; a byte that is
/// not part of valid UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// Appends JSON to a string. Commas and colons are its work; that begins and ends match, and that a key stands before
/// each value of an object, is the caller's. One thread only; `out` must outlive it.
///
///   JsonWriter json(body);
///   json.begin_object().key("id").string(id).key("distance").float32(distance).end_object();
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& int64(std::int64_t number);
  JsonWriter& uint64(std::uint64_t number);
  /// The shortest text that reads back as the same number. What JSON cannot say (NaN, infinities) becomes null.
  JsonWriter& float64(double number);
  /// The shortest text that reads back as the same float; a double of it would be 70% longer.
  JsonWriter& float32(float number);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// Appends `json`, which must be one complete value, as it is.
  JsonWriter& raw(std::string_view json);

  /// An array of numbers, as `float32` writes each.
  JsonWriter& float_array(std::span<const float> numbers);

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();

  std::string& out_;
  /// True where the next key or value follows another one.
  bool comma_ = false;
};

}  // namespace jade
