#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "jade/version.h"

namespace jade::cli {
namespace {

/// Flags that name settings.
struct SettingFlags {
  std::string config;
  std::string data;
  std::string listen;
  std::vector<std::string> set;
};

void add_setting_flags(CLI::App& command, SettingFlags& flags) {
  command.add_option("--config", flags.config, "A YAML file; see `jade-db config example`")->type_name("FILE");
  command.add_option("--data", flags.data, "The data directory")->type_name("DIR");
  command.add_option("--listen", flags.listen, "Where to listen, for instance 127.0.0.1:8080")
      ->type_name("ADDRESS:PORT");
  command.add_option("--set", flags.set, "Any setting, for instance log.level=debug; may be repeated")
      ->type_name("KEY=VALUE")
      ->take_all();
}

Result<server::ConfigSources> to_sources(const SettingFlags& flags) {
  server::ConfigSources sources;
  if (!flags.config.empty()) sources.file = flags.config;
  sources.environment = process_environment();
  if (!flags.data.empty()) sources.flags.push_back({"data_directory", flags.data, "--data"});
  if (!flags.listen.empty()) sources.flags.push_back({"listen", flags.listen, "--listen"});
  for (const std::string& pair : flags.set) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos) {
      return Error(ErrorCode::kInvalidArgument, "--set takes KEY=VALUE, not '" + pair + "'");
    }
    sources.flags.push_back({pair.substr(0, equals), pair.substr(equals + 1), "--set"});
  }
  return sources;
}

using ConfigCommand = int (*)(const server::ConfigSources&);

int run_with_sources(const SettingFlags& flags, ConfigCommand command) {
  const Result<server::ConfigSources> sources = to_sources(flags);
  return sources.ok() ? command(*sources) : fail(sources.error());
}

}  // namespace

int run(int argc, char** argv) {
  CLI::App app("JadeVectorDB: stores vectors with metadata and searches them by similarity.", "jade-db");
  app.require_subcommand(1);
  int status = 0;
  SettingFlags flags;

  const auto add = [&](CLI::App& parent, const char* name, const char* help, ConfigCommand command) {
    CLI::App* added = parent.add_subcommand(name, help);
    add_setting_flags(*added, flags);
    added->callback([&status, &flags, command] { status = run_with_sources(flags, command); });
  };
  add(app, "serve", "Run the server until SIGINT or SIGTERM", serve);
  add(app, "doctor", "Look at machine, configuration, data directory and port, and say what would go wrong", doctor);
  CLI::App* config = app.add_subcommand("config", "Look at the configuration");
  config->require_subcommand(1);
  add(*config, "check", "Say whether the configuration is good", check_config);
  add(*config, "show", "Print every setting, its value and where it comes from", show_config);
  add(*config, "diff", "Print the settings that differ from their defaults", diff_config);
  config->add_subcommand("example", "Print a commented file with every default")->callback([&status] {
    status = print_example_config();
  });
  app.add_subcommand("openapi", "Print the API as an OpenAPI document")->callback([&status] {
    status = print_openapi();
  });
  app.set_version_flag("--version", "jade-db " + std::string(kVersion));
  app.add_subcommand("version", "Print the version")->callback([&status] { status = print_version(); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // 0 for --help, otherwise what was not understood, on stderr.
    return app.exit(error) == 0 ? 0 : 2;
  }
  return status;
}

}  // namespace jade::cli
