// A JSON text that has been checked, read in place: values, objects and arrays are cursors into it, not a tree.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"

namespace jade {

struct JsonDocument;  // base/json_document.h: the text, its tokens and its containers.
class JsonObject;
class JsonArray;

enum class JsonKind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

/// "null", "bool", "number", "string", "array" or "object".
std::string_view json_kind_name(JsonKind kind);

/// A place in a document: which token, and how many containers open before it.
struct JsonPlace {
  std::uint32_t token = 0;
  std::uint32_t container = 0;

  friend bool operator==(const JsonPlace&, const JsonPlace&) = default;
};

/// One value of a document. Cheap to copy; may be asked again and in any order. Valid until its JsonReader parses again
/// or goes. The document is well-formed to its end, so an error here means a value of another kind or range than asked
/// for; errors carry the value's path as detail "field", for instance "vectors[3].metadata". One thread only.
class JsonValue {
 public:
  JsonValue(const JsonDocument& document, JsonPlace place) : document_(&document), place_(place) {}

  JsonKind kind() const;
  bool is_null() const { return kind() == JsonKind::kNull; }

  /// The string without its escapes: a view of the text itself, or of the reader's memory if there were any.
  Result<std::string_view> get_string() const;
  Result<bool> get_bool() const;
  /// A number written without '.' and exponent. kValueOutOfRange outside −2^63..2^63−1.
  Result<std::int64_t> get_int64() const;
  /// The same, from 0 to 2^64−1.
  Result<std::uint64_t> get_uint64() const;
  /// The nearest double. kValueOutOfRange if there is none that is finite.
  Result<double> get_double() const;
  /// The nearest float, rounded once from the text. kValueOutOfRange if there is none that is finite.
  Result<float> get_float() const;
  Result<JsonObject> get_object() const;
  Result<JsonArray> get_array() const;

  /// Replaces `out` by the numbers of an array, each rounded once from its text. At most `max` elements, else
  /// kInvalidArgument. An error about an element names it: "vector[17]". Keeps `out`'s memory for reuse.
  Result<void> read_f32_array(std::vector<float>& out, std::size_t max) const;

  /// True for a number written without '.' and exponent.
  bool is_integer() const;

  /// The value as it is written, without the white space around it.
  std::string_view raw_text() const;

  /// The way from the root, for instance "vectors[3].metadata"; "" for the root. A '.' in a key is written "\.". Long
  /// paths are cut. For messages: it reads the document from its start.
  std::string path() const;

  /// An error about this value, with its path as detail "field" (and none for the root).
  Error error(ErrorCode code, std::string message) const;

 private:
  friend class JsonObject;
  friend class JsonArray;

  Error wrong_kind(JsonKind wanted) const;
  Error out_of_range(std::string_view of) const;
  bool is_a(JsonKind wanted) const { return kind() == wanted; }

  const JsonDocument* document_;
  JsonPlace place_;
};

/// A key and its value.
struct JsonField {
  std::string_view key;
  JsonValue value;
};

/// The fields of an object in the order in which they are written: `for (JsonField field : object)`. No key comes
/// twice.
class JsonObject {
 public:
  class Iterator {
   public:
    JsonField operator*() const;
    Iterator& operator++();
    friend bool operator==(const Iterator& at, std::default_sentinel_t) { return at.remaining_ == 0; }

   private:
    friend class JsonObject;
    Iterator(const JsonDocument& document, JsonPlace key, std::uint32_t remaining)
        : document_(&document), key_(key), remaining_(remaining) {}

    const JsonDocument* document_;
    JsonPlace key_;
    std::uint32_t remaining_;
  };

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }
  std::size_t size() const;

  /// The value of this key, if there is one. Reads the keys one after the other.
  std::optional<JsonValue> find(std::string_view key) const;

 private:
  friend class JsonValue;
  JsonObject(const JsonDocument& document, JsonPlace open) : document_(&document), open_(open) {}

  const JsonDocument* document_;
  JsonPlace open_;
};

/// The elements of an array: `for (JsonValue element : array)`.
class JsonArray {
 public:
  class Iterator {
   public:
    JsonValue operator*() const { return {*document_, element_}; }
    Iterator& operator++();
    friend bool operator==(const Iterator& at, std::default_sentinel_t) { return at.remaining_ == 0; }

   private:
    friend class JsonArray;
    Iterator(const JsonDocument& document, JsonPlace element, std::uint32_t remaining)
        : document_(&document), element_(element), remaining_(remaining) {}

    const JsonDocument* document_;
    JsonPlace element_;
    std::uint32_t remaining_;
  };

  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }
  std::size_t size() const;

 private:
  friend class JsonValue;
  JsonArray(const JsonDocument& document, JsonPlace open) : document_(&document), open_(open) {}

  const JsonDocument* document_;
  JsonPlace open_;
};

}  // namespace jade
