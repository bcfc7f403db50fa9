#include "base/json_value.h"

#include <charconv>
#include <system_error>

#include "base/json_document.h"
#include "base/json_text.h"

namespace jade {
namespace {

template <class Integer>
std::optional<Integer> to_integer(std::string_view number) {
  Integer value = 0;
  const char* const end = number.data() + number.size();
  if (std::from_chars(number.data(), end, value).ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

std::string_view json_kind_name(JsonKind kind) {
  switch (kind) {
    case JsonKind::kNull:
      return "null";
    case JsonKind::kBool:
      return "bool";
    case JsonKind::kNumber:
      return "number";
    case JsonKind::kString:
      return "string";
    case JsonKind::kArray:
      return "array";
    case JsonKind::kObject:
      break;
  }
  return "object";
}

JsonKind JsonValue::kind() const {
  switch (document_->at(place_.token)) {
    case 'n':
      return JsonKind::kNull;
    case 't':
    case 'f':
      return JsonKind::kBool;
    case '"':
      return JsonKind::kString;
    case '[':
      return JsonKind::kArray;
    case '{':
      return JsonKind::kObject;
    default:
      return JsonKind::kNumber;
  }
}

bool JsonValue::is_integer() const { return is_a(JsonKind::kNumber) && json_number_is_integer(raw_text()); }

Result<std::string_view> JsonValue::get_string() const {
  if (!is_a(JsonKind::kString)) return wrong_kind(JsonKind::kString);
  return document_->string_at(place_.token);
}

Result<bool> JsonValue::get_bool() const {
  if (!is_a(JsonKind::kBool)) return wrong_kind(JsonKind::kBool);
  return document_->at(place_.token) == 't';
}

Result<std::int64_t> JsonValue::get_int64() const {
  if (!is_integer()) return error(ErrorCode::kInvalidArgument, "must be an integer");
  const std::optional<std::int64_t> number = to_integer<std::int64_t>(raw_text());
  if (!number) return out_of_range("64-bit integers");
  return *number;
}

Result<std::uint64_t> JsonValue::get_uint64() const {
  if (!is_integer()) return error(ErrorCode::kInvalidArgument, "must be an integer");
  const std::optional<std::uint64_t> number = to_integer<std::uint64_t>(raw_text());
  if (!number) return out_of_range("64-bit integers that are not negative");
  return *number;
}

Result<double> JsonValue::get_double() const {
  if (!is_a(JsonKind::kNumber)) return wrong_kind(JsonKind::kNumber);
  const std::optional<double> number = json_number_to_double(raw_text());
  if (!number) return out_of_range("64-bit floating-point numbers");
  return *number;
}

Result<float> JsonValue::get_float() const {
  if (!is_a(JsonKind::kNumber)) return wrong_kind(JsonKind::kNumber);
  const std::optional<float> number = json_number_to_float(raw_text());
  if (!number) return out_of_range("32-bit floating-point numbers");
  return *number;
}

Result<JsonObject> JsonValue::get_object() const {
  if (!is_a(JsonKind::kObject)) return wrong_kind(JsonKind::kObject);
  return JsonObject(*document_, place_);
}

Result<JsonArray> JsonValue::get_array() const {
  if (!is_a(JsonKind::kArray)) return wrong_kind(JsonKind::kArray);
  return JsonArray(*document_, place_);
}

Result<void> JsonValue::read_f32_array(std::vector<float>& out, std::size_t max) const {
  JADE_ASSIGN_OR_RETURN(const JsonArray array, get_array());
  if (array.size() > max) {
    return error(ErrorCode::kInvalidArgument,
                 "must have at most " + std::to_string(max) + " elements, has " + std::to_string(array.size()));
  }
  out.clear();
  out.reserve(array.size());
  // An element is the second token after the one before it, as long as all are numbers.
  std::uint32_t token = place_.token + 1;
  for (std::size_t i = 0; i < array.size(); ++i, token += 2) {
    const JsonValue element(*document_, {token, place_.container + 1});
    if (!JsonDocument::starts_number(document_->at(token))) return element.wrong_kind(JsonKind::kNumber);
    const std::optional<float> number = json_number_to_float(document_->text.substr(document_->tokens[token]));
    if (!number) return element.out_of_range("32-bit floating-point numbers");
    out.push_back(*number);
  }
  return {};
}

std::string_view JsonValue::raw_text() const {
  const std::uint32_t last = document_->after(place_).token - 1;
  const std::string_view end = document_->token_text(last);
  const std::uint32_t begin = document_->tokens[place_.token];
  return document_->text.substr(begin, document_->tokens[last] + end.size() - begin);
}

std::string JsonValue::path() const { return json_path(*document_, place_.token); }

Error JsonValue::error(ErrorCode code, std::string message) const {
  std::string field = path();
  if (field.empty()) return {code, std::move(message)};
  return Error(code, field + ": " + message).with("field", std::move(field));
}

Error JsonValue::wrong_kind(JsonKind wanted) const {
  std::string message = "must be of type ";
  message.append(json_kind_name(wanted)).append(", is ").append(json_kind_name(kind()));
  return error(ErrorCode::kInvalidArgument, std::move(message));
}

Error JsonValue::out_of_range(std::string_view of) const {
  return error(ErrorCode::kValueOutOfRange, std::string("is outside the range of ").append(of));
}

JsonField JsonObject::Iterator::operator*() const {
  return {document_->string_at(key_.token), JsonValue(*document_, {key_.token + 2, key_.container})};
}

JsonObject::Iterator& JsonObject::Iterator::operator++() {
  key_ = document_->after({key_.token + 2, key_.container});
  ++key_.token;  // The comma, or the closing bracket of the last field.
  --remaining_;
  return *this;
}

JsonObject::Iterator JsonObject::begin() const {
  return {*document_, {open_.token + 1, open_.container + 1}, document_->containers[open_.container].size};
}

std::size_t JsonObject::size() const { return document_->containers[open_.container].size; }

std::optional<JsonValue> JsonObject::find(std::string_view key) const {
  for (const JsonField field : *this) {
    if (field.key == key) return field.value;
  }
  return std::nullopt;
}

JsonArray::Iterator& JsonArray::Iterator::operator++() {
  element_ = document_->after(element_);
  ++element_.token;  // The comma, or the closing bracket of the last element.
  --remaining_;
  return *this;
}

JsonArray::Iterator JsonArray::begin() const {
  return {*document_, {open_.token + 1, open_.container + 1}, document_->containers[open_.container].size};
}

std::size_t JsonArray::size() const { return document_->containers[open_.container].size; }

}  // namespace jade
