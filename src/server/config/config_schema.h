// Every setting: its key, what it may be, what it means. The loader, the example file and the commands follow it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"
#include "server/config/config.h"

namespace jade::server {

struct Setting {
  /// "limits.body_bytes_max". The environment spells it JADE_LIMITS_BODY_BYTES_MAX.
  std::string key;
  std::string description;
  /// What it may be, for people: "1..1024", "auto, json or text".
  std::string range;
  /// kInvalidArgument, saying what is allowed, for a text that is no value of it.
  std::function<Result<void>(Config&, std::string_view)> set;
  /// A text that `set` takes.
  std::function<std::string(const Config&)> get;
};

/// In the order of the example file; sections ("limits.") stand together.
std::span<const Setting> settings();

/// The key that somebody wrote in the spelling of the API: "limits.bodyBytesMax" is "limits.body_bytes_max".
std::string setting_key(std::string_view spelling);
/// The setting of this key, in either spelling, or nullptr.
const Setting* find_setting(std::string_view key);
/// " (did you mean '…'?)", or nothing where no key is near.
std::string did_you_mean(std::string_view key);
/// The same for the name of a variable, " (did you mean 'JADE_…'?)".
std::string did_you_mean_variable(std::string_view name);
/// "JADE_LIMITS_BODY_BYTES_MAX".
std::string environment_name(const Setting& setting);

/// The commented example configuration: every setting at its default.
std::string example_config();

/// "64KiB", "1GiB", "1000": bytes. Nothing for any other text.
std::optional<std::uint64_t> parse_bytes(std::string_view text);
/// The shortest spelling that `parse_bytes` reads back.
std::string format_bytes(std::uint64_t bytes);

}  // namespace jade::server
