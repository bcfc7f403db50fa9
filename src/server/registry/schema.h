// How JSON values look: the one description from which bodies are read, the OpenAPI document is written and answers
// are checked in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace jade::server {

struct Schema;
/// Shared by everything that mentions it; never changes once it is built.
using SchemaPtr = std::shared_ptr<const Schema>;

struct SchemaField {
  std::string name;
  SchemaPtr schema;
  std::string description;
  bool required = true;
  /// As JSON; empty where absence has no equal.
  std::string default_json;
};

struct Schema {
  enum class Kind : std::uint8_t {
    kBoolean,
    kInteger,
    kNumber,
    kString,
    kArray,       ///< of `items`
    kObject,      ///< with `fields` and no others
    kMap,         ///< an object whose every value is like `items`
    kJsonObject,  ///< any JSON object
  };

  Kind kind = Kind::kJsonObject;
  /// Schemas with a name are written once, under #/components/schemas.
  std::string name;
  std::string description;
  /// JSON Schema's words, where they apply.
  std::string format;
  std::string pattern;
  std::optional<double> minimum;
  std::optional<double> maximum;
  /// Of a string's bytes, an array's items, a map's entries.
  std::optional<std::size_t> size_min;
  std::optional<std::size_t> size_max;
  /// The strings that an enumeration allows.
  std::vector<std::string> values;
  SchemaPtr items;
  std::vector<SchemaField> fields;
  bool nullable = false;
  /// Another form that the same value may have.
  SchemaPtr alternative;
};

/// Builds descriptions of answers, which are written by hand: see `check_against_schema` for the test that keeps both
/// together. Requests use `Binding` and `Object` (binding.h), which describe and read at once.
namespace schema {

SchemaPtr boolean();
SchemaPtr integer(std::optional<double> minimum = {}, std::optional<double> maximum = {});
SchemaPtr number(std::optional<double> minimum = {}, std::optional<double> maximum = {});
SchemaPtr string();
/// A string that JSON Schema has a word for, for instance "date-time".
SchemaPtr string_of_format(std::string format);
SchemaPtr enumeration(std::vector<std::string> values);
SchemaPtr array(SchemaPtr items);
SchemaPtr map(SchemaPtr values);
SchemaPtr json_object();
/// `name` is the component's name in the OpenAPI document; "" writes it inline.
SchemaPtr object(std::string name, std::string description, std::vector<SchemaField> fields);
/// The same, or null.
SchemaPtr nullable(const SchemaPtr& schema);
/// One form or the other. `first` has no name.
SchemaPtr either(const SchemaPtr& first, SchemaPtr second);

SchemaField field(std::string name, SchemaPtr schema, std::string description);
/// A field that may be absent.
SchemaField optional_field(std::string name, SchemaPtr schema, std::string description);

}  // namespace schema
}  // namespace jade::server
