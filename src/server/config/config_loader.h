// Where settings come from, and which source wins.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"
#include "jade/result.h"
#include "server/config/config.h"
#include "server/config/config_schema.h"

namespace jade::server {

struct ConfigSources {
  /// The YAML file; none: only defaults, environment and flags.
  std::optional<std::string> file;
  /// Name and value of every variable of the process.
  std::vector<std::pair<std::string, std::string>> environment;
  /// Keys and values from the command line, in order; `source` is how the flag is written ("--listen").
  struct Flag {
    std::string key;
    std::string value;
    std::string source;
  };
  std::vector<Flag> flags;
};

/// A setting's text, and where it came from: "default", "jade.yml:12", "JADE_LISTEN", "--listen".
struct EffectiveValue {
  const Setting* setting = nullptr;
  std::string text;
  std::string source;
  /// It came out of a ${file:…}: commands show "***", and errors do not quote it.
  bool secret = false;
};

struct LoadedConfig {
  Config config;
  /// One for each setting, in the schema's order.
  std::vector<EffectiveValue> values;
};

/// Flags override the environment, the environment (JADE_…) overrides the file, the file the defaults. An unknown key
/// or variable and a value outside its range fail, with file and line and the nearest known key.
Result<LoadedConfig> load_config(const ConfigSources& sources, io::FileSystem& files);

}  // namespace jade::server
