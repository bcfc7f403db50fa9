// Any bytes through the JSON reader: every value is asked for everything, metadata is canonical once and for all.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json_reader.h"
#include "base/json_writer.h"
#include "base/metadata_json.h"
#include "base/utf8.h"

namespace jade {
namespace {

void walk(const JsonValue& value, JsonWriter& json);

void walk_fields(const JsonObject& object, JsonWriter& json) {
  json.begin_object();
  std::size_t fields = 0;
  for (const JsonField field : object) {
    JADE_CHECK(is_valid_utf8(field.key), "a key is UTF-8");
    json.key(field.key);
    walk(field.value, json);
    ++fields;
  }
  JADE_CHECK(fields == object.size(), "an object has as many fields as it says");
  json.end_object();
}

void walk_elements(const JsonArray& array, JsonWriter& json) {
  json.begin_array();
  std::size_t elements = 0;
  for (const JsonValue element : array) {
    walk(element, json);
    ++elements;
  }
  JADE_CHECK(elements == array.size(), "an array has as many elements as it says");
  json.end_array();
}

void check_numbers(const JsonValue& value) {
  const Result<double> number = value.get_double();
  const Result<float> rounded = value.get_float();
  JADE_CHECK(number.ok() || !rounded.ok(), "what fits a float fits a double");
  if (value.get_int64().ok()) JADE_CHECK(number.ok(), "an integer fits a double");
  static_cast<void>(value.get_uint64().ok());
}

/// Writes the value again, asking it on the way for what it is and for what it is not.
void walk(const JsonValue& value, JsonWriter& json) {
  const std::string_view raw = value.raw_text();
  JADE_CHECK(!raw.empty(), "a value has a text");
  std::vector<float> floats;
  static_cast<void>(value.read_f32_array(floats, 1000).ok());
  switch (value.kind()) {
    case JsonKind::kObject:
      return walk_fields(value.get_object().value(), json);
    case JsonKind::kArray:
      return walk_elements(value.get_array().value(), json);
    case JsonKind::kString:
      JADE_CHECK(is_valid_utf8(value.get_string().value()), "a string is UTF-8");
      json.string(value.get_string().value());
      return;
    case JsonKind::kNumber:
      check_numbers(value);
      break;
    case JsonKind::kNull:
    case JsonKind::kBool:
      break;
  }
  json.raw(raw);
}

void check_rewritten(std::string_view text) {
  JsonReader reader;
  const Result<JsonValue> root = reader.parse(text);
  if (!root.ok()) return;
  std::string rewritten;
  JsonWriter first(rewritten);
  walk(*root, first);
  JsonReader second_reader;
  const Result<JsonValue> again = second_reader.parse(rewritten);
  JADE_CHECK(again.ok(), "what was written reads back");
  std::string twice;
  JsonWriter second(twice);
  walk(*again, second);
  JADE_CHECK(rewritten == twice, "writing again changes nothing");
}

void check_metadata(std::string_view text) {
  const Result<std::string> canonical = canonical_metadata(text);
  if (!canonical.ok()) return;
  const Result<std::string> again = canonical_metadata(*canonical);
  JADE_CHECK(again.ok() && *again == *canonical, "canonical metadata is its own canonical text");
}

}  // namespace
}  // namespace jade

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // A copy of exactly this size, so that a read behind the text is seen.
  const std::vector<char> copy(data, data + size);
  const std::string_view text(copy.data(), copy.size());
  jade::check_rewritten(text);
  jade::check_metadata(text);
  return 0;
}
