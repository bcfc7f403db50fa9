#include "server/registry/schema_check.h"

#include <algorithm>
#include <string>

#include "base/json_reader.h"

namespace jade::server {
namespace {

Result<void> check(const Schema& schema, const JsonValue& json);

Error differs(const JsonValue& json, std::string message) {
  const std::string path = json.path();
  return json.error(ErrorCode::kInvalidArgument, (path.empty() ? "the body" : path) + ": " + std::move(message));
}

Result<void> check_bounds(const Schema& schema, const JsonValue& json, double number) {
  if (schema.minimum && number < *schema.minimum) return differs(json, "is below the minimum");
  if (schema.maximum && number > *schema.maximum) return differs(json, "is above the maximum");
  return {};
}

Result<void> check_size(const Schema& schema, const JsonValue& json, std::size_t size) {
  if (schema.size_min && size < *schema.size_min) return differs(json, "is too small");
  if (schema.size_max && size > *schema.size_max) return differs(json, "is too large");
  return {};
}

Result<void> check_string(const Schema& schema, const JsonValue& json) {
  JADE_ASSIGN_OR_RETURN(const std::string_view text, json.get_string());
  if (!schema.values.empty() && std::ranges::find(schema.values, text) == schema.values.end()) {
    return differs(json, "is not one of the values that are described");
  }
  return check_size(schema, json, text.size());
}

Result<void> check_array(const Schema& schema, const JsonValue& json) {
  JADE_ASSIGN_OR_RETURN(const JsonArray array, json.get_array());
  for (const JsonValue element : array) JADE_RETURN_IF_ERROR(check(*schema.items, element));
  return check_size(schema, json, array.size());
}

Result<void> check_map(const Schema& schema, const JsonValue& json) {
  JADE_ASSIGN_OR_RETURN(const JsonObject object, json.get_object());
  for (const JsonField entry : object) JADE_RETURN_IF_ERROR(check(*schema.items, entry.value));
  return check_size(schema, json, object.size());
}

Result<void> check_fields(const Schema& schema, const JsonValue& json) {
  JADE_ASSIGN_OR_RETURN(const JsonObject object, json.get_object());
  for (const SchemaField& field : schema.fields) {
    const auto value = object.find(field.name);
    if (value) {
      JADE_RETURN_IF_ERROR(check(*field.schema, *value));
    } else if (field.required) {
      return differs(json, "lacks \"" + field.name + '"');
    }
  }
  for (const JsonField entry : object) {
    if (std::ranges::find(schema.fields, entry.key, &SchemaField::name) == schema.fields.end()) {
      return differs(entry.value, "is not described");
    }
  }
  return {};
}

Result<void> check(const Schema& schema, const JsonValue& json) {
  if (schema.nullable && json.is_null()) return {};
  if (schema.alternative && check(*schema.alternative, json).ok()) return {};
  switch (schema.kind) {
    case Schema::Kind::kBoolean: {
      JADE_RETURN_IF_ERROR(json.get_bool());
      return {};
    }
    case Schema::Kind::kInteger: {
      JADE_ASSIGN_OR_RETURN(const std::int64_t number, json.get_int64());
      return check_bounds(schema, json, static_cast<double>(number));
    }
    case Schema::Kind::kNumber: {
      JADE_ASSIGN_OR_RETURN(const double number, json.get_double());
      return check_bounds(schema, json, number);
    }
    case Schema::Kind::kString:
      return check_string(schema, json);
    case Schema::Kind::kArray:
      return check_array(schema, json);
    case Schema::Kind::kObject:
      return check_fields(schema, json);
    case Schema::Kind::kMap:
      return check_map(schema, json);
    default: {
      JADE_RETURN_IF_ERROR(json.get_object());
      return {};
    }
  }
}

}  // namespace

Result<void> check_against_schema(const Schema& schema, std::string_view json) {
  JsonReader reader;
  JADE_ASSIGN_OR_RETURN(const JsonValue root, reader.parse(json));
  return check(schema, root);
}

}  // namespace jade::server
