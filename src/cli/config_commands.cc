#include <cstdio>

#include "cli/commands.h"
#include "io/file_system.h"

extern char** environ;

namespace jade::cli {
namespace {

/// Prints the settings that `shown` picks, in columns.
template <class Shown>
int print_settings(const server::ConfigSources& sources, Shown shown) {
  const auto loaded = server::load_config(sources, io::real_file_system());
  if (!loaded.ok()) return fail(loaded.error());
  for (const server::EffectiveValue& value : loaded->values) {
    if (!shown(value)) continue;
    const std::string text = value.secret ? "***" : value.text;
    std::printf("%-34s %-24s # %s\n", value.setting->key.c_str(), text.c_str(), value.source.c_str());
  }
  return 0;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

int fail(const Error& error) {
  std::fprintf(stderr, "jade-db: %s\n", error.message().c_str());
  return 1;
}

int check_config(const server::ConfigSources& sources) {
  const auto loaded = server::load_config(sources, io::real_file_system());
  if (!loaded.ok()) return fail(loaded.error());
  std::printf("the configuration is good\n");
  return 0;
}

int show_config(const server::ConfigSources& sources) {
  return print_settings(sources, [](const server::EffectiveValue&) { return true; });
}

int diff_config(const server::ConfigSources& sources) {
  const server::Config defaults;
  return print_settings(
      sources, [&](const server::EffectiveValue& value) { return value.text != value.setting->get(defaults); });
}

int print_example_config() {
  std::fputs(server::example_config().c_str(), stdout);
  return 0;
}

}  // namespace jade::cli
