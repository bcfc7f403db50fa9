// Ties JSON to C++ structs: one description reads request bodies and query parameters strictly, and documents them.
//
//   struct SearchBody { std::vector<float> vector; std::uint32_t top_k = 10; std::optional<double> threshold; };
//
//   Object<SearchBody> body("SearchRequest", "What to search for.");
//   body.field("vector", &SearchBody::vector, float_vector(16384), "The query.").required();
//   body.field("topK", &SearchBody::top_k, integer<std::uint32_t>(1, 10000), "How many hits.");
//   body.field("threshold", &SearchBody::threshold, number(), "Smallest similarity.");
//   body.not_supported("offset", {"0"});
//
// A field with no `required()` keeps the struct's value when it is absent, and that value is its documented default.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/json_value.h"
#include "jade/result.h"
#include "server/http/http_message.h"
#include "server/registry/schema.h"

namespace jade::server {

/// How a V looks and how it is read. The functions that are absent say what it cannot be.
template <class V>
struct Binding {
  SchemaPtr schema;
  std::function<Result<void>(const JsonValue&, V&)> read;
  /// From a query parameter. Absent: only bodies carry it.
  std::function<Result<V>(std::string_view)> read_text;
  /// As JSON, for the documented default. Absent: defaults are not documented.
  std::function<std::string(const V&)> write;
};

/// Puts the path of `json` in front of the error's detail `field`, for errors that know nothing of their place.
Error within(const JsonValue& json, Error error);

/// Puts the error's detail `field` in front of its message, unless the message begins with it.
Error naming_field(Error error);

struct StringRules {
  std::size_t bytes_min = 0;
  std::size_t bytes_max = std::numeric_limits<std::size_t>::max();
  /// A regular expression for the document; `check` is what decides.
  std::string pattern = {};
  std::function<Result<void>(std::string_view)> check = {};
};

Binding<std::string> string(StringRules rules = {});
Binding<bool> boolean();
Binding<double> number(std::optional<double> minimum = {}, std::optional<double> maximum = {});

Binding<std::int64_t> integer_between(std::int64_t minimum, std::int64_t maximum);

template <class I>
Binding<I> integer(std::int64_t minimum, std::int64_t maximum) {
  const auto wide = integer_between(minimum, maximum);
  return {.schema = wide.schema,
          .read = [read = wide.read](const JsonValue& json, I& out) -> Result<void> {
            std::int64_t value = 0;
            JADE_RETURN_IF_ERROR(read(json, value));
            out = static_cast<I>(value);
            return {};
          },
          .read_text = [read_text = wide.read_text](std::string_view text) -> Result<I> {
            JADE_ASSIGN_OR_RETURN(const std::int64_t value, read_text(text));
            return static_cast<I>(value);
          },
          .write = [](const I& value) { return std::to_string(value); }};
}

/// A string out of `names`; the value is its position.
Binding<std::size_t> one_of(std::vector<std::string> names);

/// `enumeration<Metric>({Metric::kCosine, …}, metric_name)`.
template <class E>
Binding<E> enumeration(std::vector<E> values, std::string_view (*name_of)(E)) {
  std::vector<std::string> names;
  for (const E value : values) names.emplace_back(name_of(value));
  const auto position = one_of(std::move(names));
  return {.schema = position.schema,
          .read = [values, read = position.read](const JsonValue& json, E& out) -> Result<void> {
            std::size_t index = 0;
            JADE_RETURN_IF_ERROR(read(json, index));
            out = values[index];
            return {};
          },
          .read_text = [values, read_text = position.read_text](std::string_view text) -> Result<E> {
            JADE_ASSIGN_OR_RETURN(const std::size_t index, read_text(text));
            return values[index];
          },
          .write = [name_of](const E& value) { return '"' + std::string(name_of(value)) + '"'; }};
}

/// Numbers, each rounded once from its text to float32; NaN, infinity and overflow are refused.
Binding<std::vector<float>> float_vector(std::size_t elements_max);

/// Any JSON object, kept as the text that `canonical` makes of it.
Binding<std::string> json_object(std::function<Result<std::string>(const JsonValue&)> canonical);

/// The elements of an array, or entries of an object, of at least `count_min` and at most `count_max`.
Result<JsonArray> array_of_size(const JsonValue& json, std::size_t count_min, std::size_t count_max);
Result<JsonObject> object_of_size(const JsonValue& json, std::size_t count_min, std::size_t count_max);
SchemaPtr array_schema(SchemaPtr items, std::size_t count_min, std::size_t count_max);
SchemaPtr map_schema(SchemaPtr values, std::size_t count_min, std::size_t count_max);

template <class V>
Binding<std::vector<V>> array(Binding<V> items, std::size_t count_min, std::size_t count_max) {
  return {
      .schema = array_schema(items.schema, count_min, count_max),
      .read = [read = items.read, count_min, count_max](const JsonValue& json, std::vector<V>& out) -> Result<void> {
        JADE_ASSIGN_OR_RETURN(const JsonArray elements, array_of_size(json, count_min, count_max));
        out.clear();
        out.reserve(elements.size());
        for (const JsonValue element : elements) JADE_RETURN_IF_ERROR(read(element, out.emplace_back()));
        return {};
      },
      .read_text = {},
      .write = {}};
}

/// An object used as a map from names to values of one kind; in the order in which they are written.
template <class V>
Binding<std::vector<std::pair<std::string, V>>> map(Binding<V> values, std::size_t count_min, std::size_t count_max) {
  using Entries = std::vector<std::pair<std::string, V>>;
  return {.schema = map_schema(values.schema, count_min, count_max),
          .read = [read = values.read, count_min, count_max](const JsonValue& json, Entries& out) -> Result<void> {
            JADE_ASSIGN_OR_RETURN(const JsonObject entries, object_of_size(json, count_min, count_max));
            out.clear();
            for (const JsonField entry : entries) {
              JADE_RETURN_IF_ERROR(read(entry.value, out.emplace_back(entry.key, V{}).second));
            }
            return {};
          },
          .read_text = {},
          .write = {}};
}

/// A field of the contract that is not built, and the values (as JSON) that ask for nothing: its default.
struct NotSupported {
  std::string name;
  std::vector<std::string> allowed_json;
  /// For a field that is an object of such fields: it is allowed where each of its fields is.
  std::vector<NotSupported> fields = {};
};

/// What `Object` does that does not depend on its struct.
class ObjectFields {
 public:
  using ReadMember = std::function<Result<void>(const JsonValue&, void* object)>;
  using ReadText = std::function<Result<void>(std::string_view, void* object)>;

  ObjectFields(std::string name, std::string description);

  void add(SchemaField field, ReadMember read, ReadText read_text);
  void add_not_supported(NotSupported field);
  void require_last();

  SchemaPtr schema() const;
  Result<void> read(const JsonValue& json, void* object) const;
  Result<void> read_query(std::span<const QueryParameter> parameters, void* object) const;

 private:
  struct Field {
    ReadMember read;
    ReadText read_text;
  };
  /// The documented names closest to `name` go into the message.
  std::string unknown_message(std::string_view kind, std::string_view name) const;

  Schema description_;
  /// Beside description_.fields, one for one.
  std::vector<Field> fields_;
  std::vector<NotSupported> not_supported_;
};

/// Describes and reads a T from a JSON object or from query parameters. Build it once, at start; then it is constant
/// and safe from any thread. Copies share nothing.
template <class T>
class Object {
 public:
  /// `name` is the component's name in the OpenAPI document; "" for query parameters.
  explicit Object(std::string name, std::string description = "") : fields_(std::move(name), std::move(description)) {}

  template <class M>
  Object& field(std::string name, M T::* member, Binding<M> binding, std::string description) {
    std::string fallback = binding.write ? binding.write(T{}.*member) : "";
    add(std::move(name), binding, std::move(description), std::move(fallback),
        [member](void* object) -> M& { return static_cast<T*>(object)->*member; });
    return *this;
  }

  /// A field that may be absent. `stands_for` is documented as its default, and is for the reader to apply.
  template <class M>
  Object& field(std::string name, std::optional<M> T::* member, Binding<M> binding, std::string description,
                std::optional<M> stands_for = std::nullopt) {
    std::string fallback = stands_for ? binding.write(*stands_for) : "";
    add(std::move(name), binding, std::move(description), std::move(fallback),
        [member](void* object) -> M& { return (static_cast<T*>(object)->*member).emplace(); });
    return *this;
  }

  /// Makes the field that was added last mandatory.
  Object& required() {
    fields_.require_last();
    return *this;
  }

  /// A field of the contract that is not built: refused with kNotSupported unless its value is one of `allowed_json`,
  /// and absent from the document.
  Object& not_supported(std::string name, std::vector<std::string> allowed_json = {}) {
    fields_.add_not_supported({std::move(name), std::move(allowed_json)});
    return *this;
  }
  /// The same for an object: `not_supported_object("replication", {{"factor", {"1"}}, {"sync", {"false"}}})`.
  Object& not_supported_object(std::string name, std::vector<NotSupported> fields) {
    fields_.add_not_supported({std::move(name), {}, std::move(fields)});
    return *this;
  }

  /// A rule over the whole object, run after every field was read. One; a later call replaces it.
  Object& check(std::function<Result<void>(const T&)> rule) {
    rule_ = std::move(rule);
    return *this;
  }

  SchemaPtr schema() const { return fields_.schema(); }

  Result<void> read(const JsonValue& json, T& out) const {
    JADE_RETURN_IF_ERROR(fields_.read(json, &out));
    if (!rule_) return {};
    auto obeyed = rule_(out);
    return obeyed.ok() ? std::move(obeyed) : within(json, std::move(obeyed).error());
  }

  Result<T> read_query(std::span<const QueryParameter> parameters) const {
    T out{};
    JADE_RETURN_IF_ERROR(fields_.read_query(parameters, &out));
    if (rule_) JADE_RETURN_IF_ERROR(rule_(out));
    return out;
  }

  /// For use as a field or an item of something larger.
  Binding<T> binding() const {
    return {.schema = schema(),
            .read = [self = *this](const JsonValue& json, T& out) { return self.read(json, out); },
            .read_text = {},
            .write = {}};
  }

 private:
  template <class M, class Member>
  void add(std::string name, const Binding<M>& binding, std::string description, std::string fallback, Member member) {
    ObjectFields::ReadText read_text;
    if (binding.read_text) {
      read_text = [parse = binding.read_text, member](std::string_view text, void* object) -> Result<void> {
        JADE_ASSIGN_OR_RETURN(member(object), parse(text));
        return {};
      };
    }
    fields_.add(
        {std::move(name), binding.schema, std::move(description), false, std::move(fallback)},
        [read = binding.read, member](const JsonValue& json, void* object) { return read(json, member(object)); },
        std::move(read_text));
  }

  ObjectFields fields_;
  std::function<Result<void>(const T&)> rule_;
};

/// Parses `body` strictly and hands its root to `read`. Errors name their field in the message, too.
Result<void> read_json_body(std::string_view body, const std::function<Result<void>(const JsonValue&)>& read);

}  // namespace jade::server
