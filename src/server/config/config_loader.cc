#include "server/config/config_loader.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <string_view>
#include <vector>

namespace jade::server {
namespace {

constexpr std::string_view kEnvironmentPrefix = "JADE_";
/// Variables of the test suite, which a server started by a test inherits.
constexpr std::string_view kTestPrefix = "JADE_TEST_";
constexpr std::size_t kFileBytesMax = 1U << 20;

using Environment = std::map<std::string, std::string, std::less<>>;

Error at(const std::string& place, std::string message) {
  return Error(ErrorCode::kInvalidArgument, place + ": " + std::move(message));
}

Result<std::string> read_file(io::FileSystem& files, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const std::unique_ptr<io::File> file, files.open(path, io::OpenMode::kRead));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  if (size > kFileBytesMax) return Error(ErrorCode::kInvalidArgument, path + " is larger than 1 MiB");
  std::string text(size, '\0');
  JADE_ASSIGN_OR_RETURN(const std::size_t got, file->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(got);
  return text;
}

/// What `${name}` stands for.
Result<std::string> expand_one(std::string_view name, const Environment& environment, io::FileSystem& files) {
  constexpr std::string_view kFile = "file:";
  if (name.starts_with(kFile)) {
    JADE_ASSIGN_OR_RETURN(std::string text, read_file(files, std::string(name.substr(kFile.size()))));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
    return text;
  }
  const auto variable = environment.find(name);
  if (variable == environment.end()) {
    return Error(ErrorCode::kInvalidArgument, "the variable '" + std::string(name) + "' is not set");
  }
  return variable->second;
}

Result<std::string> expand(std::string_view text, const Environment& environment, io::FileSystem& files) {
  std::string out;
  while (true) {
    const std::size_t open = text.find("${");
    out.append(text.substr(0, open));
    if (open == std::string_view::npos) return out;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) return Error(ErrorCode::kInvalidArgument, "'${' has no '}'");
    JADE_ASSIGN_OR_RETURN(const std::string value,
                          expand_one(text.substr(open + 2, close - open - 2), environment, files));
    out += value;
    text.remove_prefix(close + 1);
  }
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    lines.push_back(line);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return lines;
}

/// The file that a node comes from.
struct SourceText {
  std::string path;
  std::vector<std::string_view> lines;

  std::string place_of(const YAML::Node& node) const { return path + ":" + std::to_string(node.Mark().line + 1); }

  /// False for a quoted value without an end on its line. yaml-cpp takes 'abc for a value where the file ends.
  bool quote_ends(const YAML::Node& value) const {
    const auto line = static_cast<std::size_t>(value.Mark().line);
    const auto column = static_cast<std::size_t>(value.Mark().column);
    if (line >= lines.size() || column >= lines[line].size()) return true;
    const std::string_view text = lines[line].substr(column);
    const char quote = text.front();
    if (quote != '\'' && quote != '"') return true;
    // In single quotes two of them are one; in double quotes a backslash takes the next character with it.
    std::size_t end = 1;
    while (end < text.size()) {
      const bool escape = quote == '"' ? text[end] == '\\' : text.substr(end).starts_with("''");
      if (!escape && text[end] == quote) break;
      end += escape ? 2 : 1;
    }
    return end < text.size();
  }
};

/// Hears a document and keeps nothing of it.
class DeafHandler final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// Two steps only: on some malformed text yaml-cpp finds empty documents without end, and LoadAll collects them.
bool has_second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DeafHandler handler;
  return parser.HandleNextDocument(handler) && parser.HandleNextDocument(handler);
}

/// Puts values in place, one source after the other.
class Loader {
 public:
  Loader(const ConfigSources& sources, io::FileSystem& files)
      : sources_(sources), files_(files), environment_(sources.environment.begin(), sources.environment.end()) {
    for (const Setting& setting : settings()) {
      loaded_.values.push_back({&setting, setting.get(loaded_.config), "default", false});
    }
  }

  Result<LoadedConfig> load() && {
    if (sources_.file) JADE_RETURN_IF_ERROR(load_file(*sources_.file));
    JADE_RETURN_IF_ERROR(load_environment());
    for (const ConfigSources::Flag& flag : sources_.flags) {
      JADE_RETURN_IF_ERROR(put(flag.key, flag.value, flag.source));
    }
    return std::move(loaded_);
  }

 private:
  Result<void> put(std::string_view key, std::string_view text, const std::string& source, bool secret = false) {
    const Setting* setting = find_setting(key);
    if (setting == nullptr) return at(source, "unknown setting '" + std::string(key) + "'" + did_you_mean(key));
    if (std::ranges::any_of(text, [](char c) { return c >= 0 && c < 0x20; })) {
      return at(source, setting->key + ": a value is one line, without control characters");
    }
    if (Result<void> set = setting->set(loaded_.config, text); !set.ok()) {
      if (secret) return at(source, setting->key + ": the value is not allowed; it is " + setting->range);
      return at(source, setting->key + ": " + set.error().message());
    }
    const auto value = std::ranges::find(loaded_.values, setting, &EffectiveValue::setting);
    value->text = setting->get(loaded_.config);
    value->source = source;
    value->secret = secret;
    return {};
  }

  Result<void> load_file(const std::string& path) {
    JADE_ASSIGN_OR_RETURN(const std::string text, read_file(files_, path));
    try {
      if (has_second_document(text)) return at(path, "this is more than one YAML document");
      const YAML::Node root = YAML::Load(text);
      if (root.IsNull()) return {};
      return load_node(root, "", {path, lines_of(text)});
    } catch (const YAML::Exception& error) {
      return at(path + ":" + std::to_string(error.mark.line + 1), "this is not YAML: " + error.msg);
    }
  }

  Result<void> load_node(const YAML::Node& node, const std::string& key, const SourceText& source) {
    if (node.IsMap()) return load_map(node, key, source);
    const std::string place = source.place_of(node);
    if (!node.IsScalar()) return at(place, "a single value is expected" + (key.empty() ? "" : " for '" + key + "'"));
    if (!source.quote_ends(node)) return at(place, "this is not YAML: the quote does not end on its line");
    Result<std::string> value = expand(node.Scalar(), environment_, files_);
    if (!value.ok()) return at(place, key + ": " + value.error().message());
    return put(key, *value, place, node.Scalar().find("${file:") != std::string::npos);
  }

  Result<void> load_map(const YAML::Node& node, const std::string& key, const SourceText& source) {
    std::set<std::string, std::less<>> seen;
    for (const auto& entry : node) {
      const std::string name = setting_key(entry.first.Scalar());
      const std::string full = key.empty() ? name : key + "." + name;
      const std::string place = source.place_of(entry.first);
      if (!seen.insert(name).second) return at(place, "'" + full + "' is given twice");
      JADE_RETURN_IF_ERROR(check_known(full, entry.second, place));
      JADE_RETURN_IF_ERROR(load_node(entry.second, full, source));
    }
    return {};
  }

  /// A key of a value is a setting, a key of a map begins one.
  static Result<void> check_known(const std::string& key, const YAML::Node& value, const std::string& place) {
    const bool section =
        std::ranges::any_of(settings(), [&](const Setting& setting) { return setting.key.starts_with(key + "."); });
    if (section && value.IsMap()) return {};
    if (section) return at(place, "'" + key + "' is a section: its settings stand below it");
    if (find_setting(key) != nullptr && !value.IsMap()) return {};
    return at(place, "unknown setting '" + key + "'" + did_you_mean(key));
  }

  Result<void> load_environment() {
    for (const auto& [name, value] : environment_) {
      if (!name.starts_with(kEnvironmentPrefix) || name.starts_with(kTestPrefix)) continue;
      const auto setting = std::ranges::find(settings(), name, environment_name);
      if (setting == settings().end()) {
        return at(name, "there is no setting of this name" + did_you_mean_variable(name));
      }
      JADE_RETURN_IF_ERROR(put(setting->key, value, name));
    }
    return {};
  }

  const ConfigSources& sources_;
  io::FileSystem& files_;
  const Environment environment_;
  LoadedConfig loaded_;
};

}  // namespace

Result<LoadedConfig> load_config(const ConfigSources& sources, io::FileSystem& files) {
  return Loader(sources, files).load();
}

}  // namespace jade::server
