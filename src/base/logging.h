// Logs: one event a line, with named fields.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <variant>

#include "base/clock.h"

namespace jade {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarn, kError };

/// How an event is written: JSON for programs, text for people, or text where stderr is a terminal and JSON elsewhere.
enum class LogFormat : std::uint8_t { kAuto, kJson, kText };

/// Spellings in the configuration and in the log: "trace" … "error"; "auto", "json", "text".
std::string_view log_level_name(LogLevel level);
std::optional<LogLevel> log_level_from_name(std::string_view name);
std::string_view log_format_name(LogFormat format);
std::optional<LogFormat> log_format_from_name(std::string_view name);

/// A fact about an event. Points to its key and text: for the length of one call.
class LogField {
 public:
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  LogField(std::string_view key, std::string_view text) : key_(key), value_(text) {}
  LogField(std::string_view key, const char* text) : key_(key), value_(std::string_view(text)) {}
  LogField(std::string_view key, std::same_as<bool> auto truth) : key_(key), value_(truth) {}
  LogField(std::string_view key, std::signed_integral auto number) : key_(key), value_(std::int64_t{number}) {}
  template <std::unsigned_integral Number>
    requires(!std::same_as<Number, bool>)
  LogField(std::string_view key, Number number) : key_(key), value_(std::uint64_t{number}) {}
  LogField(std::string_view key, std::floating_point auto number) : key_(key), value_(double{number}) {}

  std::string_view key() const { return key_; }
  const Value& value() const { return value_; }

 private:
  std::string_view key_;
  Value value_;
};

/// Takes log lines in the place of stderr. `write` is called by one thread at a time and must not log.
class LogSink {
 public:
  virtual ~LogSink() = default;
  /// `line` is one event, without its line end.
  virtual void write(std::string_view line) = 0;
};

/// Writes events to stderr, each as a whole line. Safe from any thread; everything can be changed while it is in use.
///
/// JSON: {"ts":"2025-01-31T23:59:59.123456Z","level":"info","event":"database_opened","database":"words","rows":3}.
/// Text: 2025-01-31T23:59:59.123456Z info  database_opened database=words rows=3, with colours on a terminal. A byte
/// that is not UTF-8 becomes U+FFFD, a number that is not finite becomes null in JSON, and a text value is quoted
/// unless it is plain, so that no value can end its line or speak to the terminal.
class Logger {
 public:
  /// Info and above, in the automatic format, with the machine's clock.
  Logger();
  ~Logger();
  Logger(const Logger&) = delete;
  Logger& operator=(const Logger&) = delete;

  LogLevel level() const;
  /// Drops what is below `level`.
  void set_level(LogLevel level);
  void set_format(LogFormat format);
  /// Takes the time of events from `clock`, which outlives its use here.
  void set_clock(const Clock& clock);
  /// Writes to `sink`, which outlives its use here; nullptr for stderr. The automatic format is then JSON.
  void set_sink(LogSink* sink);

  /// `event` is a name, snake_case, always the same for the same thing; what varies goes into the fields.
  void log(LogLevel level, std::string_view event, std::span<const LogField> fields);

 private:
  class Output;
  const std::unique_ptr<Output> output_;
};

/// The logger of this process. Lives until the process ends. Warnings and errors only until its level is set, because a
/// program that embeds the library has not asked for more.
Logger& default_logger();

/// For fields that are gathered in a container.
void log_event(LogLevel level, std::string_view event, std::span<const LogField> fields);

/// log_info("database_opened", {{"database", id}, {"rows", rows}});
void log_trace(std::string_view event, std::initializer_list<LogField> fields = {});
void log_debug(std::string_view event, std::initializer_list<LogField> fields = {});
void log_info(std::string_view event, std::initializer_list<LogField> fields = {});
void log_warn(std::string_view event, std::initializer_list<LogField> fields = {});
void log_error(std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace jade
