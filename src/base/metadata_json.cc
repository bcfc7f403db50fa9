#include "base/metadata_json.h"

#include <array>
#include <charconv>
#include <cstdint>

#include "base/json_reader.h"
#include "base/json_writer.h"

namespace jade {
namespace {

/// The shortest text of a double that does not read back as an integer.
std::string double_text(double number) {
  std::array<char, 32> buffer;
  std::string text(buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), number).ptr);
  if (text.find_first_of(".e") == std::string::npos) text.append(".0");
  return text;
}

class Canonicalizer {
 public:
  explicit Canonicalizer(const MetadataLimits& limits) : limits_(limits) {}

  Result<std::string> run(const JsonValue& root) {
    if (root.kind() != JsonKind::kObject) {
      return root.error(ErrorCode::kInvalidArgument, "metadata must be a JSON object");
    }
    JADE_RETURN_IF_ERROR(value(root, 1));
    return std::move(text_);
  }

 private:
  // Recursion goes no deeper than the limit.
  Result<void> value(const JsonValue& value, std::size_t depth) {
    switch (value.kind()) {
      case JsonKind::kObject:
        JADE_RETURN_IF_ERROR(object(value, depth));
        break;
      case JsonKind::kArray:
        JADE_RETURN_IF_ERROR(array(value, depth));
        break;
      case JsonKind::kString:
        json_.string(value.get_string().value());
        break;
      case JsonKind::kNumber:
        JADE_RETURN_IF_ERROR(number(value));
        break;
      case JsonKind::kNull:
      case JsonKind::kBool:
        json_.raw(value.raw_text());
    }
    if (text_.size() <= limits_.bytes_max) return {};
    return value
        .error(ErrorCode::kInvalidArgument, "metadata has more than " + std::to_string(limits_.bytes_max) + " bytes")
        .with("limitBytes", static_cast<std::int64_t>(limits_.bytes_max));
  }

  Result<void> object(const JsonValue& value, std::size_t depth) {
    JADE_RETURN_IF_ERROR(check_depth(value, depth));
    const JsonObject fields = value.get_object().value();
    json_.begin_object();
    for (const JsonField field : fields) {
      if (field.key.starts_with('$')) {
        return field.value.error(ErrorCode::kInvalidArgument, "a metadata key must not begin with '$'");
      }
      json_.key(field.key);
      JADE_RETURN_IF_ERROR(this->value(field.value, depth + 1));
    }
    json_.end_object();
    return {};
  }

  Result<void> array(const JsonValue& value, std::size_t depth) {
    JADE_RETURN_IF_ERROR(check_depth(value, depth));
    const JsonArray elements = value.get_array().value();
    json_.begin_array();
    for (const JsonValue element : elements) JADE_RETURN_IF_ERROR(this->value(element, depth + 1));
    json_.end_array();
    return {};
  }

  Result<void> number(const JsonValue& value) {
    if (value.is_integer()) {
      JADE_ASSIGN_OR_RETURN(const std::int64_t integer, value.get_int64());
      json_.int64(integer);
    } else {
      JADE_ASSIGN_OR_RETURN(const double real, value.get_double());
      json_.raw(double_text(real));
    }
    return {};
  }

  Result<void> check_depth(const JsonValue& value, std::size_t depth) const {
    if (depth <= limits_.depth_max) return {};
    return value
        .error(ErrorCode::kInvalidArgument,
               "metadata is nested more than " + std::to_string(limits_.depth_max) + " levels deep")
        .with("limitDepth", static_cast<std::int64_t>(limits_.depth_max));
  }

  const MetadataLimits& limits_;
  std::string text_;
  JsonWriter json_{text_};
};

}  // namespace

Result<std::string> canonical_metadata(const JsonValue& value, const MetadataLimits& limits) {
  return Canonicalizer(limits).run(value);
}

Result<std::string> canonical_metadata(std::string_view json, const MetadataLimits& limits) {
  JsonReader reader;
  // One level more than allowed, so that the refusal is this file's, with its limit.
  JADE_ASSIGN_OR_RETURN(const JsonValue root, reader.parse(json, {.depth_max = limits.depth_max + 1}));
  return canonical_metadata(root, limits);
}

}  // namespace jade
