#include "server/registry/schema.h"

#include <utility>

namespace jade::server::schema {
namespace {

SchemaPtr share(Schema schema) { return std::make_shared<const Schema>(std::move(schema)); }

Schema of_kind(Schema::Kind kind) {
  Schema schema;
  schema.kind = kind;
  return schema;
}

SchemaPtr bounded(Schema::Kind kind, std::optional<double> minimum, std::optional<double> maximum) {
  Schema schema = of_kind(kind);
  schema.minimum = minimum;
  schema.maximum = maximum;
  return share(std::move(schema));
}

SchemaPtr holding(Schema::Kind kind, SchemaPtr items) {
  Schema schema = of_kind(kind);
  schema.items = std::move(items);
  return share(std::move(schema));
}

}  // namespace

SchemaPtr boolean() { return share(of_kind(Schema::Kind::kBoolean)); }

SchemaPtr integer(std::optional<double> minimum, std::optional<double> maximum) {
  return bounded(Schema::Kind::kInteger, minimum, maximum);
}

SchemaPtr number(std::optional<double> minimum, std::optional<double> maximum) {
  return bounded(Schema::Kind::kNumber, minimum, maximum);
}

SchemaPtr string() { return share(of_kind(Schema::Kind::kString)); }

SchemaPtr string_of_format(std::string format) {
  Schema schema = of_kind(Schema::Kind::kString);
  schema.format = std::move(format);
  return share(std::move(schema));
}

SchemaPtr enumeration(std::vector<std::string> values) {
  Schema schema = of_kind(Schema::Kind::kString);
  schema.values = std::move(values);
  return share(std::move(schema));
}

SchemaPtr array(SchemaPtr items) { return holding(Schema::Kind::kArray, std::move(items)); }

SchemaPtr map(SchemaPtr values) { return holding(Schema::Kind::kMap, std::move(values)); }

SchemaPtr json_object() { return share(of_kind(Schema::Kind::kJsonObject)); }

SchemaPtr object(std::string name, std::string description, std::vector<SchemaField> fields) {
  Schema schema = of_kind(Schema::Kind::kObject);
  schema.name = std::move(name);
  schema.description = std::move(description);
  schema.fields = std::move(fields);
  return share(std::move(schema));
}

SchemaPtr nullable(const SchemaPtr& schema) {
  Schema copy = *schema;
  // A component says what it always is; only this use of it may be null.
  copy.name.clear();
  copy.nullable = true;
  return share(std::move(copy));
}

SchemaPtr either(const SchemaPtr& first, SchemaPtr second) {
  Schema copy = *first;
  copy.alternative = std::move(second);
  return share(std::move(copy));
}

SchemaField field(std::string name, SchemaPtr schema, std::string description) {
  return {std::move(name), std::move(schema), std::move(description), true, ""};
}

SchemaField optional_field(std::string name, SchemaPtr schema, std::string description) {
  return {std::move(name), std::move(schema), std::move(description), false, ""};
}

}  // namespace jade::server::schema
