#include "server/registry/docs_page.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "base/base64.h"
#include "server/error_status.h"
#include "server/registry/openapi.h"

namespace jade::server {
namespace {

constexpr std::string_view kStyle = R"css(
:root { color-scheme: light dark; --back: #fff; --fore: #1c2321; --soft: #5d6b66; --line: #dfe6e3; --card: #f6f9f8;
  --jade: #00795c; --get: #00795c; --post: #1f5fbf; --put: #9a6200; --patch: #7a4bb0; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --back: #121816; --fore: #e4ebe8; --soft: #97a5a0; --line: #2b3532;
  --card: #1a2220; --jade: #3ec79d; --get: #3ec79d; --post: #7ab0ff; --put: #e0ac4f; --patch: #c3a0f0; --delete: #ff8a80; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--back); color: var(--fore);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
code, .path { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .92em; }
a { color: var(--jade); text-decoration: none; }
a:hover, a:focus { text-decoration: underline; }
.page { display: grid; grid-template-columns: 17rem minmax(0, 54rem); gap: 3rem; max-width: 78rem; margin: 0 auto;
  padding: 0 1.5rem; }
nav { position: sticky; top: 0; max-height: 100vh; overflow-y: auto; padding: 2rem 0; font-size: .9rem; }
nav h2 { margin: 1.4rem 0 .3rem; font-size: .75rem; letter-spacing: .08em; text-transform: uppercase; color: var(--soft); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { padding: .12rem 0; overflow-wrap: anywhere; }
nav a { color: inherit; }
main { padding: 2rem 0 6rem; min-width: 0; }
h1 { margin: 0 0 .3rem; font-size: 2rem; line-height: 1.2; }
h1 small { font-size: .9rem; font-weight: 400; color: var(--soft); }
h2.tag { margin: 3.2rem 0 1rem; padding-bottom: .4rem; border-bottom: 2px solid var(--jade); }
section { margin: 0 0 1.6rem; padding: 1.2rem 1.4rem; border: 1px solid var(--line); border-radius: .6rem;
  background: var(--card); }
section h3 { margin: 0 0 .5rem; font-size: 1.05rem; font-weight: 600; display: flex; flex-wrap: wrap; gap: .6rem;
  align-items: baseline; }
section h4 { margin: 1.2rem 0 .4rem; font-size: .78rem; letter-spacing: .06em; text-transform: uppercase;
  color: var(--soft); }
section p { margin: .3rem 0; }
.path { overflow-wrap: anywhere; }
.method { min-width: 4.2rem; padding: .08rem .5rem; border-radius: .3rem; color: var(--back); text-align: center;
  font: 700 .78rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
.get { background: var(--get); } .post { background: var(--post); } .put { background: var(--put); }
.patch { background: var(--patch); } .delete { background: var(--delete); }
.note { color: var(--soft); font-size: .88rem; }
.table { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; }
td { padding: .38rem .8rem .38rem 0; border-top: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; }
td:nth-child(2) { color: var(--soft); }
.required { color: var(--delete); font-size: .75rem; margin-left: .35rem; }
@media (max-width: 60rem) { .page { grid-template-columns: minmax(0, 1fr); gap: 0; }
  nav { position: static; max-height: none; padding-bottom: 0; } }
@media print { nav { display: none; } .page { display: block; } section { break-inside: avoid; } }
)css";

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

// Descriptions may hold `code`, as in comments.
std::string prose(std::string_view text) {
  std::string out;
  bool code = false;
  for (const char c : escape(text)) {
    if (c != '`') {
      out.push_back(c);
      continue;
    }
    code = !code;
    out += code ? "<code>" : "</code>";
  }
  return out;
}

std::string element(std::string_view name, std::string_view content) {
  std::string out = "<";
  return out.append(name).append(">").append(content).append("</").append(name).append(">");
}

std::string number_text(double number) {
  std::string text = std::to_string(number);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string_view size_unit(Schema::Kind kind) {
  if (kind == Schema::Kind::kString) return " bytes";
  return kind == Schema::Kind::kArray ? " items" : " entries";
}

class PageWriter {
 public:
  explicit PageWriter(const Registry& registry) : registry_(registry) {}

  std::string write(const ApiInfo& info) {
    // The sections come first, since they find the types that the page goes on to describe.
    std::string sections;
    for (const std::string& tag : tags()) sections += tag_sections(tag);
    const std::string types = type_sections();
    std::string page = "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n";
    page += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    page += element("title", escape(info.title)) + "\n";
    page.append("<style>").append(kStyle).append("</style>\n</head>\n<body>\n<div class=\"page\">\n");
    page += navigation();
    page += "<main>\n<h1>" + escape(info.title) + " <small>" + escape(info.version) + "</small></h1>\n";
    page += element("p", prose(info.description)) + "\n";
    page += "<p class=\"note\">The same as a machine reads it: <a href=\"/openapi.json\">openapi.json</a>.</p>\n";
    page += sections + types + "</main>\n</div>\n</body>\n</html>\n";
    return page;
  }

 private:
  std::vector<std::string> tags() const {
    std::vector<std::string> found;
    for (const Operation& operation : registry_.operations()) {
      if (std::ranges::find(found, operation.tag) == found.end()) found.push_back(operation.tag);
    }
    return found;
  }

  std::string navigation() const {
    std::string out = "<nav>\n";
    for (const std::string& tag : tags()) {
      std::string items;
      for (const Operation& operation : registry_.operations()) {
        if (operation.tag != tag) continue;
        items += "<li><a href=\"#" + escape(operation.name) + "\">" + escape(operation.name) + "</a></li>\n";
      }
      out += element("h2", escape(tag)) + "\n" + element("ul", items) + "\n";
    }
    std::string items;
    for (const auto& [name, type] : types_) {
      items += "<li><a href=\"#type-" + escape(name) + "\">" + escape(name) + "</a></li>\n";
    }
    return out + element("h2", "Types") + "\n" + element("ul", items) + "\n</nav>\n";
  }

  std::string tag_sections(const std::string& tag) {
    std::string out = "<h2 class=\"tag\">" + escape(tag) + "</h2>\n";
    for (const Operation& operation : registry_.operations()) {
      if (operation.tag == tag) out += section(operation);
    }
    return out;
  }

  std::string section(const Operation& operation) {
    const std::string method(method_name(operation.method));
    std::string css;
    for (const char c : method) css.push_back(static_cast<char>(c + ('a' - 'A')));
    std::string out = "<section id=\"" + escape(operation.name) + "\">\n<h3><span class=\"method " + css + "\">" +
                      method + "</span><span class=\"path\">" + escape(operation.path) + "</span></h3>\n";
    out += element("p", prose(operation.summary)) + "\n";
    if (!operation.description.empty()) out += element("p", prose(operation.description)) + "\n";
    std::string note = "Scope <code>" + std::string(scope_name(operation.scope)) + "</code>";
    for (const std::string& alias : operation.aliases) note += "; also at <code>" + escape(alias) + "</code>";
    out += "<p class=\"note\">" + note + "</p>\n";
    out += parameters(operation);
    if (!operation.request.empty()) out += element("h4", "Body") + contents(operation.request);
    for (const ResponseDescription& response : operation.responses) {
      out += element("h4", "Answer " + std::to_string(response.status)) + element("p", prose(response.description));
      out += contents(response.contents);
    }
    return out + errors(operation) + "</section>\n";
  }

  std::string parameters(const Operation& operation) {
    std::string rows;
    for (const std::string& name : path_parameter_names(operation.path)) {
      rows += row(registry_.path_parameter(name), "path");
    }
    if (operation.query) {
      for (const SchemaField& field : operation.query->fields) rows += row(field, "query");
    }
    return rows.empty() ? "" : element("h4", "Parameters") + table(rows);
  }

  std::string contents(const std::vector<ContentDescription>& contents) {
    std::string out;
    for (const ContentDescription& content : contents) {
      out += "<p class=\"note\"><code>" + escape(content.media_type) + "</code>";
      if (content.schema) out += ": " + type_of(*content.schema);
      out += "</p>\n";
      if (content.schema && content.schema->name.empty()) out += fields_table(*content.schema);
    }
    return out;
  }

  static std::string errors(const Operation& operation) {
    std::string list;
    for (const ErrorCode code : possible_errors(operation)) {
      list += (list.empty() ? "" : ", ") + std::to_string(error_status(code).http) + " <code>" +
              std::string(error_code_name(code)) + "</code>";
    }
    return element("h4", "Errors") + "<p class=\"note\">" + list + "</p>\n";
  }

  std::string type_sections() {
    std::string out = "<h2 class=\"tag\">Types</h2>\n";
    remember(*error_schema());
    // Describing a type may find further ones.
    std::map<std::string, std::string> sections;
    while (sections.size() < types_.size()) {
      const auto types = types_;
      for (const auto& [name, type] : types) {
        if (!sections.contains(name)) sections.emplace(name, fields_table(type));
      }
    }
    for (const auto& [name, fields] : sections) {
      out += "<section id=\"type-" + escape(name) + "\">\n<h3>" + escape(name) + "</h3>\n";
      out += element("p", prose(types_.at(name).description)) + fields + "</section>\n";
    }
    return out;
  }

  static std::string table(std::string_view rows) {
    return "<div class=\"table\"><table>\n" + std::string(rows) + "</table></div>\n";
  }

  // Objects without a name are written out where they stand, with dotted names.
  std::string fields_table(const Schema& schema, const std::string& prefix = "") {
    const std::string rows = field_rows(schema, prefix);
    return rows.empty() ? "" : table(rows);
  }

  std::string field_rows(const Schema& schema, const std::string& prefix) {
    std::string rows;
    for (const SchemaField& field : schema.fields) {
      rows += row(field, "", prefix);
      if (field.schema->name.empty()) rows += field_rows(*field.schema, prefix + field.name + ".");
    }
    return rows;
  }

  std::string row(const SchemaField& field, std::string_view in, const std::string& prefix = "") {
    std::string name = element("code", escape(prefix + field.name));
    if (field.required) name += "<span class=\"required\">required</span>";
    std::string type = type_of(*field.schema);
    if (!in.empty()) type += ", in the " + std::string(in);
    if (!field.default_json.empty()) type += ", default <code>" + escape(field.default_json) + "</code>";
    return "<tr><td>" + name + "</td><td>" + type + "</td><td>" + prose(field.description) + "</td></tr>\n";
  }

  std::string type_of(const Schema& schema) {
    std::string out = base_type(schema);
    if (schema.minimum) out += ", from " + number_text(*schema.minimum);
    if (schema.maximum) out += (schema.minimum ? " to " : ", to ") + number_text(*schema.maximum);
    if (schema.size_min) out += ", at least " + std::to_string(*schema.size_min) + std::string(size_unit(schema.kind));
    if (schema.size_max) out += ", at most " + std::to_string(*schema.size_max) + std::string(size_unit(schema.kind));
    if (schema.alternative) out += ", or " + type_of(*schema.alternative);
    return schema.nullable ? out + " or null" : out;
  }

  std::string base_type(const Schema& schema) {
    if (!schema.name.empty()) {
      remember(schema);
      return "<a href=\"#type-" + escape(schema.name) + "\">" + escape(schema.name) + "</a>";
    }
    switch (schema.kind) {
      case Schema::Kind::kBoolean:
        return "boolean";
      case Schema::Kind::kInteger:
        return "integer";
      case Schema::Kind::kNumber:
        return "number";
      case Schema::Kind::kString:
        return schema.values.empty() ? (schema.format.empty() ? "string" : escape(schema.format)) : values_of(schema);
      case Schema::Kind::kArray:
        return "array of " + type_of(*schema.items);
      case Schema::Kind::kMap:
        return "map of names to " + type_of(*schema.items);
      default:
        return "object";
    }
  }

  static std::string values_of(const Schema& schema) {
    std::string out;
    for (const std::string& value : schema.values) out += (out.empty() ? "" : " | ") + element("code", escape(value));
    return out;
  }

  void remember(const Schema& schema) { types_.try_emplace(schema.name, schema); }

  const Registry& registry_;
  std::map<std::string, Schema> types_;
};

}  // namespace

std::string docs_page(const Registry& registry, const ApiInfo& info) { return PageWriter(registry).write(info); }

std::string docs_content_security_policy() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int bytes = 0;
  EVP_Digest(kStyle.data(), kStyle.size(), digest.data(), &bytes, EVP_sha256(), nullptr);
  return "default-src 'none'; style-src 'sha256-" +
         base64_encode(std::as_bytes(std::span(digest)).first(bytes), Base64::kStandard) +
         "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
}

}  // namespace jade::server
