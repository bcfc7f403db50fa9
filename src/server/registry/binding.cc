#include "server/registry/binding.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/json_reader.h"
#include "base/json_writer.h"
#include "server/registry/nearest_name.h"

namespace jade::server {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

// Puts the place of `json` into an error about a value that has already been read.
Result<void> at(const JsonValue& json, Result<void> result) {
  return result.ok() ? std::move(result) : within(json, std::move(result).error());
}

std::string number_text(double number) {
  std::string text;
  JsonWriter(text).float64(number);
  return text;
}

// "100000" where JSON would have 1e+05.
std::string bound_text(double bound) {
  constexpr double kExactMax = 9007199254740992;  // 2^53: up to here a double is every integer.
  if (std::trunc(bound) != bound || std::abs(bound) > kExactMax) return number_text(bound);
  return std::to_string(static_cast<std::int64_t>(bound));
}

// "from 1 to 10000", "at least 0", "at most 1".
std::string range_text(std::optional<double> minimum, std::optional<double> maximum) {
  if (minimum && maximum) return "from " + bound_text(*minimum) + " to " + bound_text(*maximum);
  return minimum ? "at least " + bound_text(*minimum) : "at most " + bound_text(*maximum);
}

std::string quoted_list(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) {
    if (!list.empty()) list += ", ";
    list += '"' + name + '"';
  }
  return list;
}

Schema described(Schema::Kind kind) {
  Schema schema;
  schema.kind = kind;
  return schema;
}

SchemaPtr share(Schema schema) { return std::make_shared<const Schema>(std::move(schema)); }

SchemaPtr sized(Schema::Kind kind, SchemaPtr items, std::size_t count_min, std::size_t count_max) {
  Schema schema = described(kind);
  schema.items = std::move(items);
  if (count_min > 0) schema.size_min = count_min;
  schema.size_max = count_max;
  return share(std::move(schema));
}

Result<void> check_size(const JsonValue& json, std::size_t size, std::size_t count_min, std::size_t count_max) {
  if (size >= count_min && size <= count_max) return {};
  return json.error(ErrorCode::kInvalidArgument,
                    "expected " + range_text(static_cast<double>(count_min), static_cast<double>(count_max)) +
                        " entries, got " + std::to_string(size));
}

Result<void> check_string(const StringRules& rules, std::string_view text) {
  if (text.size() < rules.bytes_min) return invalid("is shorter than " + std::to_string(rules.bytes_min) + " bytes");
  if (text.size() > rules.bytes_max) return invalid("is longer than " + std::to_string(rules.bytes_max) + " bytes");
  return rules.check ? rules.check(text) : Result<void>();
}

Result<void> check_number(std::optional<double> minimum, std::optional<double> maximum, double number) {
  if ((!minimum || number >= *minimum) && (!maximum || number <= *maximum)) return {};
  return invalid("must be " + range_text(minimum, maximum));
}

Result<std::size_t> position_of(const std::vector<std::string>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return invalid("must be one of " + quoted_list(names));
  return static_cast<std::size_t>(found - names.begin());
}

Error not_supported_error() { return {ErrorCode::kNotSupported, "is not supported by this version"}; }

const NotSupported* find_named(const std::vector<NotSupported>& fields, std::string_view name) {
  const auto found = std::ranges::find(fields, name, &NotSupported::name);
  return found == fields.end() ? nullptr : &*found;
}

Result<void> refuse_unless_default(const NotSupported& field, const JsonValue& json) {
  if (field.fields.empty() || json.kind() != JsonKind::kObject) {
    if (std::ranges::find(field.allowed_json, json.raw_text()) != field.allowed_json.end()) return {};
    return within(json, not_supported_error());
  }
  JADE_ASSIGN_OR_RETURN(const JsonObject object, json.get_object());
  for (const JsonField entry : object) {
    const NotSupported* const known = find_named(field.fields, entry.key);
    if (known == nullptr) return within(entry.value, invalid("unknown field"));
    JADE_RETURN_IF_ERROR(refuse_unless_default(*known, entry.value));
  }
  return {};
}

// A query parameter's value has no quotes: `consistency=strong` is what {"consistency":"strong"} is in a body.
bool asks_for_default(const NotSupported& parameter, std::string_view text) {
  return std::ranges::any_of(parameter.allowed_json, [&](const std::string& allowed) {
    return allowed == text || allowed == '"' + std::string(text) + '"';
  });
}

std::string join_path(std::string path, std::string_view rest) {
  if (!path.empty() && !rest.empty() && rest.front() != '[') path += '.';
  return path.append(rest);
}

Error in_parameter(std::string_view name, Error error) {
  return std::move(std::move(error).in_context(name)).with("field", std::string(name));
}

// The path that an error has as detail "field"; "" where there is none.
std::string_view field_of(const Error& error) {
  const ErrorDetail* const detail = error.detail("field");
  return detail == nullptr ? std::string_view() : std::get<std::string>(detail->value);
}

Result<void> read_with(JsonReader& reader, std::string_view body,
                       const std::function<Result<void>(const JsonValue&)>& read) {
  auto root = reader.parse(body);
  auto result = root.ok() ? read(*root) : Result<void>(std::move(root).error());
  return result.ok() ? std::move(result) : naming_field(std::move(result).error());
}

}  // namespace

Error within(const JsonValue& json, Error error) {
  std::string path = join_path(json.path(), field_of(error));
  if (path.empty()) return error;
  return std::move(error).with("field", std::move(path));
}

Error naming_field(Error error) {
  const std::string path(field_of(error));
  if (error.message().starts_with(path)) return error;
  return std::move(error).in_context(path);
}

Binding<std::string> string(StringRules rules) {
  Schema schema = described(Schema::Kind::kString);
  schema.pattern = rules.pattern;
  if (rules.bytes_min > 0) schema.size_min = rules.bytes_min;
  if (rules.bytes_max != StringRules().bytes_max) schema.size_max = rules.bytes_max;
  return {.schema = share(std::move(schema)),
          .read = [rules](const JsonValue& json, std::string& out) -> Result<void> {
            JADE_ASSIGN_OR_RETURN(const std::string_view text, json.get_string());
            out = text;
            const auto obeyed = check_string(rules, text);
            if (obeyed.ok()) return {};
            // A rule may name a field of its own; here the place is the string itself.
            return within(json, Error(obeyed.error().code(), obeyed.error().message()));
          },
          .read_text = [rules](std::string_view text) -> Result<std::string> {
            JADE_RETURN_IF_ERROR(check_string(rules, text));
            return std::string(text);
          },
          .write =
              [](const std::string& value) {
                std::string text;
                append_json_string(text, value);
                return text;
              }};
}

Binding<bool> boolean() {
  return {.schema = schema::boolean(),
          .read = [](const JsonValue& json, bool& out) -> Result<void> {
            JADE_ASSIGN_OR_RETURN(out, json.get_bool());
            return {};
          },
          .read_text = [](std::string_view text) -> Result<bool> {
            if (text != "true" && text != "false") return invalid("must be true or false");
            return text == "true";
          },
          .write = [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Binding<double> number(std::optional<double> minimum, std::optional<double> maximum) {
  return {.schema = schema::number(minimum, maximum),
          .read = [=](const JsonValue& json, double& out) -> Result<void> {
            JADE_ASSIGN_OR_RETURN(out, json.get_double());
            return at(json, check_number(minimum, maximum, out));
          },
          .read_text = [=](std::string_view text) -> Result<double> {
            double value = 0;
            const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
              return invalid("must be a number");
            }
            JADE_RETURN_IF_ERROR(check_number(minimum, maximum, value));
            return value;
          },
          .write = [](const double& value) { return number_text(value); }};
}

Binding<std::int64_t> integer_between(std::int64_t minimum, std::int64_t maximum) {
  const auto out_of_range = [=] {
    return invalid("must be from " + std::to_string(minimum) + " to " + std::to_string(maximum));
  };
  return {.schema = schema::integer(static_cast<double>(minimum), static_cast<double>(maximum)),
          .read = [=](const JsonValue& json, std::int64_t& out) -> Result<void> {
            auto value = json.get_int64();
            if (!value.ok() && value.error().code() != ErrorCode::kValueOutOfRange) return std::move(value).error();
            if (!value.ok() || *value < minimum || *value > maximum) return within(json, out_of_range());
            out = *value;
            return {};
          },
          .read_text = [=](std::string_view text) -> Result<std::int64_t> {
            std::int64_t value = 0;
            const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (code == std::errc::invalid_argument || end != text.data() + text.size()) {
              return invalid("must be an integer");
            }
            if (code != std::errc() || value < minimum || value > maximum) return out_of_range();
            return value;
          },
          .write = [](const std::int64_t& value) { return std::to_string(value); }};
}

Binding<std::size_t> one_of(std::vector<std::string> names) {
  return {.schema = schema::enumeration(names),
          .read = [names](const JsonValue& json, std::size_t& out) -> Result<void> {
            JADE_ASSIGN_OR_RETURN(const std::string_view name, json.get_string());
            auto position = position_of(names, name);
            if (!position.ok()) return within(json, std::move(position).error());
            out = *position;
            return {};
          },
          .read_text = [names](std::string_view text) { return position_of(names, text); },
          .write = {}};
}

Binding<std::vector<float>> float_vector(std::size_t elements_max) {
  return {.schema = sized(Schema::Kind::kArray, schema::number(), 1, elements_max),
          .read = [elements_max](const JsonValue& json, std::vector<float>& out) -> Result<void> {
            JADE_RETURN_IF_ERROR(json.read_f32_array(out, elements_max));
            return check_size(json, out.size(), 1, elements_max);
          },
          .read_text = {},
          .write = {}};
}

Binding<std::string> json_object(std::function<Result<std::string>(const JsonValue&)> canonical) {
  return {.schema = schema::json_object(),
          .read = [canonical = std::move(canonical)](const JsonValue& json, std::string& out) -> Result<void> {
            JADE_RETURN_IF_ERROR(json.get_object());
            auto text = canonical(json);
            if (!text.ok()) return std::move(text).error();
            out = std::move(text).value();
            return {};
          },
          .read_text = {},
          .write = {}};
}

Result<JsonArray> array_of_size(const JsonValue& json, std::size_t count_min, std::size_t count_max) {
  JADE_ASSIGN_OR_RETURN(JsonArray elements, json.get_array());
  JADE_RETURN_IF_ERROR(check_size(json, elements.size(), count_min, count_max));
  return elements;
}

Result<JsonObject> object_of_size(const JsonValue& json, std::size_t count_min, std::size_t count_max) {
  JADE_ASSIGN_OR_RETURN(JsonObject entries, json.get_object());
  JADE_RETURN_IF_ERROR(check_size(json, entries.size(), count_min, count_max));
  return entries;
}

SchemaPtr array_schema(SchemaPtr items, std::size_t count_min, std::size_t count_max) {
  return sized(Schema::Kind::kArray, std::move(items), count_min, count_max);
}

SchemaPtr map_schema(SchemaPtr values, std::size_t count_min, std::size_t count_max) {
  return sized(Schema::Kind::kMap, std::move(values), count_min, count_max);
}

ObjectFields::ObjectFields(std::string name, std::string description) {
  description_.kind = Schema::Kind::kObject;
  description_.name = std::move(name);
  description_.description = std::move(description);
}

void ObjectFields::add(SchemaField field, ReadMember read, ReadText read_text) {
  description_.fields.push_back(std::move(field));
  fields_.push_back({std::move(read), std::move(read_text)});
}

void ObjectFields::add_not_supported(NotSupported field) { not_supported_.push_back(std::move(field)); }

void ObjectFields::require_last() {
  description_.fields.back().required = true;
  description_.fields.back().default_json.clear();
}

SchemaPtr ObjectFields::schema() const { return share(description_); }

std::string ObjectFields::unknown_message(std::string_view kind, std::string_view name) const {
  std::vector<std::string> known;
  for (const SchemaField& field : description_.fields) known.push_back(field.name);
  std::string message = "unknown " + std::string(kind);
  if (const auto nearest = nearest_name(name, known)) {
    message += "; did you mean \"" + *nearest + "\"?";
  } else if (!known.empty()) {
    message += "; known are " + quoted_list(known);
  }
  return message;
}

Result<void> ObjectFields::read(const JsonValue& json, void* object) const {
  JADE_ASSIGN_OR_RETURN(const JsonObject entries, json.get_object());
  std::vector<bool> seen(fields_.size());
  for (const JsonField entry : entries) {
    const auto found = std::ranges::find(description_.fields, entry.key, &SchemaField::name);
    if (found != description_.fields.end()) {
      const auto index = static_cast<std::size_t>(found - description_.fields.begin());
      JADE_RETURN_IF_ERROR(fields_[index].read(entry.value, object));
      seen[index] = true;
    } else if (const NotSupported* const known = find_named(not_supported_, entry.key)) {
      JADE_RETURN_IF_ERROR(refuse_unless_default(*known, entry.value));
    } else {
      return within(entry.value, invalid(unknown_message("field", entry.key)));
    }
  }
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const SchemaField& field = description_.fields[i];
    if (field.required && !seen[i]) return within(json, invalid("is missing").with("field", field.name));
  }
  return {};
}

Result<void> ObjectFields::read_query(std::span<const QueryParameter> parameters, void* object) const {
  std::vector<bool> seen(fields_.size());
  for (const QueryParameter& parameter : parameters) {
    const auto found = std::ranges::find(description_.fields, parameter.name, &SchemaField::name);
    if (found != description_.fields.end()) {
      const auto index = static_cast<std::size_t>(found - description_.fields.begin());
      if (seen[index]) return in_parameter(parameter.name, invalid("is given twice"));
      auto read = fields_[index].read_text(parameter.value, object);
      if (!read.ok()) return in_parameter(parameter.name, std::move(read).error());
      seen[index] = true;
    } else if (const NotSupported* const known = find_named(not_supported_, parameter.name)) {
      if (!asks_for_default(*known, parameter.value)) return in_parameter(parameter.name, not_supported_error());
    } else {
      return in_parameter(parameter.name, invalid(unknown_message("query parameter", parameter.name)));
    }
  }
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const SchemaField& field = description_.fields[i];
    if (field.required && !seen[i]) return in_parameter(field.name, invalid("is missing"));
  }
  return {};
}

Result<void> read_json_body(std::string_view body, const std::function<Result<void>(const JsonValue&)>& read) {
  // A parser keeps 4 bytes for each byte of the longest text: one a thread serves the many small bodies, and a large
  // one gets its own.
  constexpr std::size_t kKeptBytesMax = std::size_t{1} << 20;
  if (body.size() > kKeptBytesMax) {
    JsonReader reader;
    return read_with(reader, body, read);
  }
  thread_local JsonReader kept;
  return read_with(kept, body, read);
}

}  // namespace jade::server
