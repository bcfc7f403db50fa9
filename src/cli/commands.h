// The commands, each a function from what was parsed to an exit status.
#pragma once

#include <string>
#include <vector>

#include "jade/result.h"
#include "server/config/config_loader.h"

namespace jade::cli {

/// The environment of this process, as the configuration reads it.
std::vector<std::pair<std::string, std::string>> process_environment();

/// Runs the server until SIGINT or SIGTERM. Prints where it listens once it does.
int serve(const server::ConfigSources& sources);
int print_openapi();
int print_version();

/// Says whether the configuration is good.
int check_config(const server::ConfigSources& sources);
/// Every setting, its effective value and where it comes from; secrets are masked.
int show_config(const server::ConfigSources& sources);
/// The same for what differs from the defaults.
int diff_config(const server::ConfigSources& sources);
/// The example file.
int print_example_config();

/// Looks at the machine, the configuration, the data directory and the port, and says what would go wrong.
int doctor(const server::ConfigSources& sources);

/// Prints "jade-db: message" to stderr and returns 1.
int fail(const Error& error);

}  // namespace jade::cli
