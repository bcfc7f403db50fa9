#include "server/config/config_schema.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include "server/config/listen_address.h"
#include "server/registry/nearest_name.h"

namespace jade::server {
namespace {

constexpr std::array kByteUnits = {std::pair{std::string_view("GiB"), 30}, std::pair{std::string_view("MiB"), 20},
                                   std::pair{std::string_view("KiB"), 10}};

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

Error not_allowed(std::string_view text, std::string_view range) {
  return Error(ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is not allowed; it is " + std::string(range));
}

using Number = std::uint64_t Config::*;
using Text = std::string Config::*;

Setting number_setting(std::string key, Number member, std::uint64_t least, std::uint64_t most, std::string description,
                       std::string special = "") {
  std::string range = std::to_string(least) + ".." + std::to_string(most) + special;
  auto set = [member, least, most, range](Config& config, std::string_view text) -> Result<void> {
    const std::optional<std::uint64_t> number = parse_number(text);
    if (!number || *number < least || *number > most) return not_allowed(text, range);
    config.*member = *number;
    return {};
  };
  return {.key = std::move(key),
          .description = std::move(description),
          .range = std::move(range),
          .set = std::move(set),
          .get = [member](const Config& config) { return std::to_string(config.*member); }};
}

Setting bytes_setting(std::string key, Number member, std::uint64_t least, std::uint64_t most, bool automatic,
                      std::string description) {
  std::string range = format_bytes(least) + ".." + format_bytes(most) + " (bytes, KiB, MiB or GiB)";
  if (automatic) range = "auto, or " + range;
  auto set = [member, least, most, automatic, range](Config& config, std::string_view text) -> Result<void> {
    if (automatic && text == "auto") {
      config.*member = 0;
      return {};
    }
    const std::optional<std::uint64_t> bytes = parse_bytes(text);
    if (!bytes || *bytes < least || *bytes > most) return not_allowed(text, range);
    config.*member = *bytes;
    return {};
  };
  auto get = [member, automatic](const Config& config) {
    return automatic && config.*member == 0 ? std::string("auto") : format_bytes(config.*member);
  };
  return {.key = std::move(key),
          .description = std::move(description),
          .range = std::move(range),
          .set = std::move(set),
          .get = std::move(get)};
}

Setting choice_setting(std::string key, Text member, std::vector<std::string> choices, std::string description) {
  std::string range;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    range += (i == 0 ? "" : i + 1 == choices.size() ? " or " : ", ") + choices[i];
  }
  auto set = [member, choices = std::move(choices), range](Config& config, std::string_view text) -> Result<void> {
    if (std::ranges::find(choices, text) == choices.end()) return not_allowed(text, range);
    config.*member = std::string(text);
    return {};
  };
  return {.key = std::move(key),
          .description = std::move(description),
          .range = std::move(range),
          .set = std::move(set),
          .get = [member](const Config& config) { return config.*member; }};
}

Setting text_setting(std::string key, Text member, std::string range,
                     std::function<Result<void>(std::string_view)> check, std::string description) {
  auto set = [member, check = std::move(check)](Config& config, std::string_view text) -> Result<void> {
    JADE_RETURN_IF_ERROR(check(text));
    config.*member = std::string(text);
    return {};
  };
  return {.key = std::move(key),
          .description = std::move(description),
          .range = std::move(range),
          .set = std::move(set),
          .get = [member](const Config& config) { return config.*member; }};
}

Result<void> check_path(std::string_view text) {
  if (text.empty()) return not_allowed(text, "a path");
  return {};
}

Result<void> check_listen(std::string_view text) {
  const Result<ListenAddress> address = parse_listen_address(text);
  if (address.ok()) return {};
  return address.error();
}

std::vector<Setting> make_settings() {
  constexpr std::uint64_t kMinute = 60'000;
  constexpr std::uint64_t kKiB = 1U << 10;
  constexpr std::uint64_t kMiB = 1U << 20;
  constexpr std::uint64_t kGiB = 1U << 30;
  std::vector<Setting> list;
  list.push_back(text_setting("data_directory", &Config::data_directory, "a path", check_path,
                              "Where the data is. One process at a time holds it."));
  list.push_back(text_setting("listen", &Config::listen, "ADDRESS:PORT, for instance 127.0.0.1:8080 or [::1]:8080",
                              check_listen,
                              "Where the server listens. Only a loopback address starts without a credential; port 0 "
                              "takes any free one."));
  list.push_back(choice_setting("auth", &Config::auth, {"auto"},
                                "auto: on a loopback address with no credential configured, requests are the local "
                                "administrator's."));
  list.push_back(
      bytes_setting("memory_budget", &Config::memory_budget, 16 * kMiB, 64 * 1024 * kGiB, true,
                    "Memory that graphs and rows which are in no file yet may take together; a write beyond it is "
                    "refused with OVERLOADED while rows are being written to files, else with STORAGE_FULL. auto: 70% "
                    "of the machine's or the control group's."));
  list.push_back(number_setting("threads.network", &Config::network_threads, 1, 64, "Threads that speak HTTP."));
  list.push_back(number_setting("threads.compute", &Config::compute_threads, 0, 1024,
                                "Threads that search and parse. 0: one for each core.", " (0: automatic)"));
  list.push_back(number_setting("threads.background", &Config::background_threads, 0, 1024,
                                "Threads that build indexes. 0: one for every two cores.", " (0: automatic)"));
  list.push_back(number_setting("threads.queue_capacity", &Config::queue_capacity, 16, 1U << 20,
                                "Requests that may wait for a compute thread; the rest get OVERLOADED."));
  list.push_back(
      bytes_setting("limits.body_bytes_max", &Config::body_bytes_max, kKiB, kGiB, false, "The largest request body."));
  list.push_back(bytes_setting("limits.body_bytes_in_flight_max", &Config::body_bytes_in_flight_max, kMiB, 1024 * kGiB,
                               false, "All request bodies that are being read or answered, together."));
  list.push_back(bytes_setting("limits.header_bytes_max", &Config::header_bytes_max, kKiB, kMiB, false,
                               "The largest request header."));
  list.push_back(bytes_setting("limits.target_bytes_max", &Config::target_bytes_max, 512, 64 * kKiB, false,
                               "The longest path with its query."));
  list.push_back(number_setting("limits.connections_max", &Config::connections_max, 1, 1'000'000,
                                "Connections at the same time."));
  list.push_back(number_setting("limits.header_timeout_ms", &Config::header_timeout_ms, 100, 10 * kMinute,
                                "From the first byte of a request to the end of its header."));
  list.push_back(number_setting("limits.transfer_timeout_ms", &Config::transfer_timeout_ms, 100, 60 * kMinute,
                                "For a body or an answer that hardly moves."));
  list.push_back(number_setting("limits.idle_timeout_ms", &Config::idle_timeout_ms, 100, 60 * kMinute,
                                "Between two requests of a connection."));
  list.push_back(number_setting("limits.shutdown_timeout_ms", &Config::shutdown_timeout_ms, 0, 10 * kMinute,
                                "For requests in flight when the server is told to stop."));
  list.push_back(choice_setting("log.level", &Config::log_level, {"trace", "debug", "info", "warn", "error"},
                                "The least important events that are logged."));
  list.push_back(choice_setting("log.format", &Config::log_format, {"auto", "json", "text"},
                                "auto: text on a terminal, otherwise one JSON line an event."));
  return list;
}

std::string suggestion(std::string_view name, const std::vector<std::string>& known) {
  const std::optional<std::string> near = nearest_name(name, known);
  return near ? " (did you mean '" + *near + "'?)" : "";
}

std::string_view section_of(std::string_view key) {
  const std::size_t dot = key.find('.');
  return dot == std::string_view::npos ? std::string_view() : key.substr(0, dot);
}

}  // namespace

std::span<const Setting> settings() {
  static const std::vector<Setting> list = make_settings();
  return list;
}

std::string setting_key(std::string_view spelling) {
  std::string key;
  for (const char c : spelling) {
    const bool upper = c >= 'A' && c <= 'Z';
    if (upper) key += '_';
    key += upper ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return key;
}

const Setting* find_setting(std::string_view key) {
  const auto found = std::ranges::find(settings(), setting_key(key), &Setting::key);
  return found == settings().end() ? nullptr : &*found;
}

std::string did_you_mean(std::string_view key) {
  std::vector<std::string> keys;
  for (const Setting& setting : settings()) keys.push_back(setting.key);
  return suggestion(key, keys);
}

std::string did_you_mean_variable(std::string_view name) {
  std::vector<std::string> names;
  for (const Setting& setting : settings()) names.push_back(environment_name(setting));
  return suggestion(name, names);
}

std::string environment_name(const Setting& setting) {
  std::string name = "JADE_" + setting.key;
  for (char& c : name) {
    if (c == '.') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

std::string example_config() {
  const Config defaults;
  std::string text =
      "# Every setting of jade-db at its default. Flags go before the environment, the environment before this file.\n"
      "# Values in this file may use ${VARIABLE} and ${file:/path/to/a/secret}. Keys may be spelled as the API does: "
      "memoryBudget.\n";
  std::string_view section;
  for (const Setting& setting : settings()) {
    const std::string_view own = section_of(setting.key);
    text += '\n';
    if (own != section && !own.empty()) text.append(own).append(":\n");
    section = own;
    const std::string indent = own.empty() ? "" : "  ";
    text += indent + "# " + setting.description + "\n";
    text += indent + "# " + environment_name(setting) + ": " + setting.range + ".\n";
    text += indent + setting.key.substr(own.empty() ? 0 : own.size() + 1) + ": " + setting.get(defaults) + "\n";
  }
  return text;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  int shift = 0;
  for (const auto& [unit, bits] : kByteUnits) {
    if (text.ends_with(unit)) {
      text.remove_suffix(unit.size());
      shift = bits;
      break;
    }
  }
  const std::optional<std::uint64_t> number = parse_number(text);
  if (!number || *number > std::numeric_limits<std::uint64_t>::max() >> shift) return std::nullopt;
  return *number << shift;
}

std::string format_bytes(std::uint64_t bytes) {
  for (const auto& [unit, bits] : kByteUnits) {
    if (bytes != 0 && bytes % (std::uint64_t{1} << bits) == 0) {
      return std::to_string(bytes >> bits) + std::string(unit);
    }
  }
  return std::to_string(bytes);
}

}  // namespace jade::server
