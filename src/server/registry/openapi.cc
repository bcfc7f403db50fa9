#include "server/registry/openapi.h"

#include <algorithm>
#include <map>
#include <memory>

#include "base/check.h"
#include "base/json_writer.h"
#include "server/error_status.h"
#include "server/registry/docs_page.h"

namespace jade::server {
namespace {

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  return out;
}

std::string_view type_name(Schema::Kind kind) {
  switch (kind) {
    case Schema::Kind::kBoolean:
      return "boolean";
    case Schema::Kind::kInteger:
      return "integer";
    case Schema::Kind::kNumber:
      return "number";
    case Schema::Kind::kString:
      return "string";
    case Schema::Kind::kArray:
      return "array";
    default:
      return "object";
  }
}

// The words of JSON Schema for the size of a value of this kind.
struct SizeWords {
  std::string_view min;
  std::string_view max;
};

SizeWords size_words(Schema::Kind kind) {
  if (kind == Schema::Kind::kString) return {"minLength", "maxLength"};
  return kind == Schema::Kind::kArray ? SizeWords{"minItems", "maxItems"} : SizeWords{"minProperties", "maxProperties"};
}

// Writes the document from the top and collects the components that it mentions.
class DocumentWriter {
 public:
  explicit DocumentWriter(const Registry& registry) : registry_(registry) {}

  std::string write(const ApiInfo& info) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    json.key("openapi").string("3.1.0");
    json.key("info").begin_object();
    json.key("title").string(info.title).key("version").string(info.version);
    json.key("description").string(info.description).end_object();
    write_tags(json);
    write_paths(json);
    write_components(json);
    json.end_object();
    return pretty_json(text);
  }

 private:
  void write_tags(JsonWriter& json) {
    json.key("tags").begin_array();
    std::vector<std::string> written;
    for (const Operation& operation : registry_.operations()) {
      if (operation.tag.empty() || std::ranges::find(written, operation.tag) != written.end()) continue;
      json.begin_object().key("name").string(operation.tag).end_object();
      written.push_back(operation.tag);
    }
    json.end_array();
  }

  // Operations of one path stand together; paths come in the order in which they were first added.
  void write_paths(JsonWriter& json) {
    struct Entry {
      const Operation* operation;
      std::string id;
    };
    std::vector<std::pair<std::string, std::vector<Entry>>> paths;
    const auto add = [&](const std::string& path, const Operation& operation, std::string id) {
      auto found = std::ranges::find(paths, path, [](const auto& entry) { return entry.first; });
      if (found == paths.end()) found = paths.insert(paths.end(), {path, {}});
      found->second.push_back({&operation, std::move(id)});
    };
    for (const Operation& operation : registry_.operations()) {
      add(operation.path, operation, operation.name);
      std::size_t number = 2;
      for (const std::string& alias : operation.aliases)
        add(alias, operation, operation.name + std::to_string(number++));
    }
    json.key("paths").begin_object();
    for (const auto& [path, entries] : paths) {
      json.key(path).begin_object();
      for (const Entry& entry : entries) write_operation(json, path, *entry.operation, entry.id);
      json.end_object();
    }
    json.end_object();
  }

  void write_operation(JsonWriter& json, std::string_view path, const Operation& operation, std::string_view id) {
    json.key(lower(method_name(operation.method))).begin_object();
    json.key("operationId").string(id);
    if (!operation.tag.empty()) json.key("tags").begin_array().string(operation.tag).end_array();
    json.key("summary").string(operation.summary);
    if (!operation.description.empty()) json.key("description").string(operation.description);
    json.key("x-scope").string(scope_name(operation.scope));
    json.key("x-cost").string(cost_class_name(operation.cost));
    write_parameters(json, path, operation);
    write_request(json, operation);
    write_responses(json, operation);
    json.end_object();
  }

  void write_parameters(JsonWriter& json, std::string_view path, const Operation& operation) {
    json.key("parameters").begin_array();
    for (const std::string& name : path_parameter_names(path)) {
      write_parameter(json, "path", registry_.path_parameter(name));
    }
    if (operation.query) {
      for (const SchemaField& field : operation.query->fields) write_parameter(json, "query", field);
    }
    json.begin_object().key("$ref").string("#/components/parameters/RequestId").end_object();
    json.begin_object().key("$ref").string("#/components/parameters/TimeoutMs").end_object();
    json.end_array();
  }

  void write_parameter(JsonWriter& json, std::string_view in, const SchemaField& field) {
    json.begin_object().key("name").string(field.name).key("in").string(in);
    json.key("required").boolean(field.required);
    json.key("description").string(field.description);
    json.key("schema");
    write_schema(json, *field.schema, field.default_json);
    json.end_object();
  }

  void write_request(JsonWriter& json, const Operation& operation) {
    if (operation.request.empty()) return;
    json.key("requestBody").begin_object().key("required").boolean(operation.body_required);
    write_contents(json, operation.request);
    json.end_object();
  }

  void write_contents(JsonWriter& json, const std::vector<ContentDescription>& contents) {
    json.key("content").begin_object();
    for (const ContentDescription& content : contents) {
      json.key(content.media_type).begin_object();
      if (content.schema) {
        json.key("schema");
        write_schema(json, *content.schema);
      }
      json.end_object();
    }
    json.end_object();
  }

  void write_responses(JsonWriter& json, const Operation& operation) {
    json.key("responses").begin_object();
    for (const ResponseDescription& response : operation.responses) {
      json.key(std::to_string(response.status)).begin_object();
      json.key("description").string(response.description);
      write_request_id_header(json);
      write_contents(json, response.contents);
      json.end_object();
    }
    std::map<int, std::string> errors;
    for (const ErrorCode code : possible_errors(operation)) {
      std::string& names = errors[error_status(code).http];
      names += (names.empty() ? "" : ", ") + std::string(error_code_name(code));
    }
    for (const auto& [status, names] : errors) write_error(json, std::to_string(status), names + ".");
    write_error(json, "default", "Any other error.");
    json.end_object();
  }

  void write_error(JsonWriter& json, std::string_view status, std::string_view description) {
    json.key(status).begin_object().key("description").string(description);
    write_request_id_header(json);
    write_contents(json, {{"application/json", error_schema()}});
    json.end_object();
  }

  static void write_request_id_header(JsonWriter& json) {
    json.key("headers").begin_object().key("X-Request-Id").begin_object();
    json.key("$ref").string("#/components/headers/RequestId").end_object().end_object();
  }

  void write_schema(JsonWriter& json, const Schema& schema, std::string_view default_json = "") {
    if (schema.name.empty()) return write_inline(json, schema, default_json);
    json.begin_object().key("$ref").string("#/components/schemas/" + schema.name).end_object();
    // A component is rendered before it is looked up, so that two schemas of one name cannot pass for each other.
    std::string rendered;
    JsonWriter component(rendered);
    write_inline(component, schema, "");
    const auto [found, added] = components_.try_emplace(schema.name, rendered);
    JADE_CHECK(added || found->second == rendered, "schemas of the same name are equal");
  }

  void write_inline(JsonWriter& json, const Schema& schema, std::string_view default_json) {
    if (schema.alternative) return write_either(json, schema, default_json);
    json.begin_object();
    if (schema.nullable) {
      json.key("type").begin_array().string(type_name(schema.kind)).string("null").end_array();
    } else {
      json.key("type").string(type_name(schema.kind));
    }
    if (!schema.description.empty()) json.key("description").string(schema.description);
    if (!schema.format.empty()) json.key("format").string(schema.format);
    if (!schema.pattern.empty()) json.key("pattern").string(schema.pattern);
    if (schema.minimum) json.key("minimum").float64(*schema.minimum);
    if (schema.maximum) json.key("maximum").float64(*schema.maximum);
    const SizeWords words = size_words(schema.kind);
    if (schema.size_min) json.key(words.min).uint64(*schema.size_min);
    if (schema.size_max) json.key(words.max).uint64(*schema.size_max);
    if (!schema.values.empty()) {
      json.key("enum").begin_array();
      for (const std::string& value : schema.values) json.string(value);
      json.end_array();
    }
    if (schema.items) {
      json.key(schema.kind == Schema::Kind::kArray ? "items" : "additionalProperties");
      write_schema(json, *schema.items);
    }
    if (schema.kind == Schema::Kind::kObject) write_fields(json, schema);
    if (!default_json.empty()) json.key("default").raw(default_json);
    json.end_object();
  }

  void write_either(JsonWriter& json, const Schema& schema, std::string_view default_json) {
    Schema first = schema;
    first.alternative = nullptr;
    first.description.clear();
    json.begin_object();
    if (!schema.description.empty()) json.key("description").string(schema.description);
    json.key("oneOf").begin_array();
    write_inline(json, first, "");
    write_schema(json, *schema.alternative);
    json.end_array();
    if (!default_json.empty()) json.key("default").raw(default_json);
    json.end_object();
  }

  void write_fields(JsonWriter& json, const Schema& schema) {
    json.key("properties").begin_object();
    for (const SchemaField& field : schema.fields) {
      json.key(field.name);
      if (field.schema->name.empty()) {
        Schema described = *field.schema;
        described.description = field.description;
        write_inline(json, described, field.default_json);
      } else {
        write_schema(json, *field.schema);
      }
    }
    json.end_object();
    json.key("required").begin_array();
    for (const SchemaField& field : schema.fields) {
      if (field.required) json.string(field.name);
    }
    json.end_array();
    json.key("additionalProperties").boolean(false);
  }

  void write_components(JsonWriter& json) {
    json.key("components").begin_object();
    json.key("schemas").begin_object();
    for (const auto& [name, rendered] : components_) json.key(name).raw(rendered);
    json.end_object();
    json.key("parameters").begin_object();
    json.key("RequestId")
        .raw(R"({"name":"X-Request-Id","in":"header","required":false,)"
             R"("description":"Repeated by the answer and the server's log: 1 to 128 letters, digits and -._~:/+=@. )"
             R"(Any other value is replaced by one that the server makes.",)"
             R"("schema":{"type":"string","minLength":1,"maxLength":128,"pattern":"^[A-Za-z0-9._~:/+=@-]+$"}})");
    json.key("TimeoutMs")
        .raw(R"({"name":"X-Timeout-Ms","in":"header","required":false,)"
             R"("description":"The caller's deadline: work stops when it has passed.",)"
             R"("schema":{"type":"integer","minimum":1,"maximum":3600000}})");
    json.end_object();
    json.key("headers").begin_object();
    json.key("RequestId")
        .raw(R"({"description":"Names this request in the server's log.","schema":{"type":"string"}})");
    json.end_object();
    json.end_object();
  }

  const Registry& registry_;
  std::map<std::string, std::string> components_;
};

}  // namespace

SchemaPtr error_schema() {
  auto inner = schema::object(
      "", "",
      {schema::field("code", schema::string(), "Machine-readable and stable."),
       schema::field("message", schema::string(), "For a person."),
       schema::field("retryable", schema::boolean(), "Whether the same request may succeed later, unchanged."),
       schema::optional_field("details", schema::json_object(), "Facts about the failure, for instance `field`."),
       schema::field("requestId", schema::string(), "As in X-Request-Id.")});
  return schema::object("Error", "How every failure is answered.",
                        {schema::field("error", std::move(inner), "What went wrong.")});
}

std::vector<ErrorCode> possible_errors(const Operation& operation) {
  std::vector<ErrorCode> codes = {ErrorCode::kInvalidArgument, ErrorCode::kInternal, ErrorCode::kOverloaded,
                                  ErrorCode::kRequestTimeout, ErrorCode::kDeadlineExceeded};
  if (operation.scope != Scope::kPublic) {
    codes.insert(codes.end(), {ErrorCode::kUnauthenticated, ErrorCode::kNotSupported, ErrorCode::kNotReady});
  }
  if (!operation.request.empty()) {
    codes.insert(codes.end(), {ErrorCode::kPayloadTooLarge, ErrorCode::kUnsupportedMediaType});
  }
  codes.insert(codes.end(), operation.errors.begin(), operation.errors.end());
  std::ranges::sort(codes);
  codes.erase(std::ranges::unique(codes).begin(), codes.end());
  return codes;
}

std::string openapi_document(const Registry& registry, const ApiInfo& info) {
  return DocumentWriter(registry).write(info);
}

void add_document_operations(Registry& registry, const ApiInfo& info) {
  struct Documents {
    std::string openapi;
    std::string docs;
    std::string docs_policy;
  };
  const auto documents = std::make_shared<Documents>();
  registry.add(operation("getOpenApi", Method::kGet, "/openapi.json", Scope::kPublic)
                   .tag("Documents")
                   .summary("Describes this API as an OpenAPI 3.1 document.")
                   .cost(CostClass::kImmediate)
                   .responds(200, "The document.", schema::json_object())
                   .handle([documents](const Call<>&, const Reply& reply) { reply.json(200, documents->openapi); }));
  registry.add(operation("getDocs", Method::kGet, "/docs", Scope::kPublic)
                   .tag("Documents")
                   .summary("Describes this API on a page for people.")
                   .cost(CostClass::kImmediate)
                   .responds_as(200, "The page.", "text/html; charset=utf-8")
                   .handle([documents](const Call<>&, const Reply& reply) {
                     reply.send({.status = 200,
                                 .content_type = "text/html; charset=utf-8",
                                 .body = documents->docs,
                                 .headers = {{"Content-Security-Policy", documents->docs_policy},
                                             {"X-Frame-Options", "DENY"},
                                             {"Referrer-Policy", "no-referrer"}}});
                   }));
  documents->openapi = openapi_document(registry, info);
  documents->docs = docs_page(registry, info);
  documents->docs_policy = docs_content_security_policy();
}

std::string pretty_json(std::string_view json) {
  std::string out;
  std::size_t depth = 0;
  bool in_string = false;
  const auto new_line = [&] { out.append("\n").append(depth * 2, ' '); };
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      out.push_back(c);
      if (c == '\\') out.push_back(json[++i]);
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
      out.push_back(c);
    } else if (c == '{' || c == '[') {
      out.push_back(c);
      // Empty ones stay on their line.
      if (json[i + 1] == c + 2) {
        out.push_back(json[++i]);
      } else {
        ++depth;
        new_line();
      }
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      out.push_back(c);
    } else {
      out.push_back(c);
      if (c == ',') new_line();
      if (c == ':') out.push_back(' ');
    }
  }
  return out += '\n';
}

}  // namespace jade::server
