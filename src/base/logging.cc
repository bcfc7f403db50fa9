#include "base/logging.h"

#include <spdlog/common.h>
#include <spdlog/details/log_msg.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "base/json_writer.h"
#include "base/mutex.h"

namespace jade {
namespace {

// In the order of the enumerators.
constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warn", "error"};
constexpr std::array<std::string_view, 3> kFormats = {"auto", "json", "text"};

// The library's patterns do the time, the colours and the line; the event and its fields (%v) are ours. Its names of
// levels differ from ours, so ours come with the event, and the colour (%^ to %$) goes round both.
constexpr const char* kJsonPattern = R"({"ts":"%Y-%m-%dT%H:%M:%S.%fZ",%v})";
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%fZ %^%v%$";

template <class Enum, std::size_t kCount>
std::optional<Enum> from_name(const std::array<std::string_view, kCount>& names, std::string_view name) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Enum>(found - names.begin());
}

spdlog::level::level_enum backend_level(LogLevel level) {
  return static_cast<spdlog::level::level_enum>(static_cast<int>(level));
}
static_assert(static_cast<int>(LogLevel::kTrace) == SPDLOG_LEVEL_TRACE);
static_assert(static_cast<int>(LogLevel::kError) == SPDLOG_LEVEL_ERROR);

void append_value(JsonWriter& json, const LogField::Value& value) {
  struct Append {
    JsonWriter& json;
    void operator()(std::string_view text) const { json.string(text); }
    void operator()(std::int64_t number) const { json.int64(number); }
    void operator()(std::uint64_t number) const { json.uint64(number); }
    void operator()(double number) const { json.float64(number); }
    void operator()(bool truth) const { json.boolean(truth); }
  };
  std::visit(Append{json}, value);
}

// The members of the event's object, without the braces: the pattern has them, and the time.
std::string json_body(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("level").string(log_level_name(level)).key("event").string(event);
  for (const LogField& field : fields) append_value(json.key(field.key()), field.value());
  out.erase(0, 1);
  return out;
}

bool is_plain(char c) {
  constexpr std::string_view kPlain = "_-./:@+%";
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || kPlain.contains(c);
}

// JSON escapes C0 controls only, but terminals also obey DEL and the C1 controls, U+0080 to U+009F.
void append_escaped_for_terminal(std::string& out, std::string_view json) {
  constexpr std::string_view kHex = "0123456789abcdef";
  for (std::size_t i = 0; i < json.size(); ++i) {
    auto byte = static_cast<unsigned char>(json[i]);
    // Within valid UTF-8 the byte c2 starts U+0080 to U+00BF, and its second byte is the character.
    const bool c1 = byte == 0xc2 && static_cast<unsigned char>(json[i + 1]) < 0xa0;
    if (c1) byte = static_cast<unsigned char>(json[++i]);
    if (c1 || byte == 0x7f) {
      out.append("\\u00").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out += static_cast<char>(byte);
    }
  }
}

void append_text(std::string& out, std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_plain)) {
    out += text;
    return;
  }
  std::string json;
  append_json_string(json, text);
  append_escaped_for_terminal(out, json);
}

std::string text_body(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  constexpr std::size_t kLevelWidth = 6;
  std::string out(log_level_name(level));
  out.resize(kLevelWidth, ' ');
  append_text(out, event);
  for (const LogField& field : fields) {
    out += ' ';
    append_text(out, field.key());
    out += '=';
    if (const auto* text = std::get_if<std::string_view>(&field.value())) {
      append_text(out, *text);
    } else {
      JsonWriter json(out);
      append_value(json, field.value());
    }
  }
  return out;
}

}  // namespace

std::string_view log_level_name(LogLevel level) { return kLevels[static_cast<std::size_t>(level)]; }
std::optional<LogLevel> log_level_from_name(std::string_view name) { return from_name<LogLevel>(kLevels, name); }
std::string_view log_format_name(LogFormat format) { return kFormats[static_cast<std::size_t>(format)]; }
std::optional<LogFormat> log_format_from_name(std::string_view name) { return from_name<LogFormat>(kFormats, name); }

// Everything behind the logger: what is set, and where lines go.
class Logger::Output {
 public:
  Output() {
    json_stderr_.set_formatter(make_formatter(kJsonPattern, "\n"));
    text_stderr_.set_formatter(make_formatter(kTextPattern, "\n"));
  }

  LogLevel level() const { return level_.load(std::memory_order_relaxed); }
  void set_level(LogLevel level) { level_.store(level, std::memory_order_relaxed); }
  void set_clock(const Clock& clock) { clock_.store(&clock); }

  void set_format(LogFormat format) JADE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    format_ = format;
  }

  void set_sink(LogSink* sink) JADE_EXCLUDES(mutex_) {
    const MutexLock lock(mutex_);
    sink_ = sink;
  }

  void log(LogLevel level, std::string_view event, std::span<const LogField> fields) JADE_EXCLUDES(mutex_) {
    if (level < this->level()) return;
    const WallTime now = clock_.load()->wall_now();
    const MutexLock lock(mutex_);
    const bool text = writes_text();
    const std::string body = text ? text_body(level, event, fields) : json_body(level, event, fields);
    const spdlog::details::log_msg message(now, {}, {}, backend_level(level), body);
    if (sink_ == nullptr) {
      (text ? text_stderr_ : json_stderr_).log(message);
    } else {
      spdlog::memory_buf_t line;
      (text ? text_line_ : json_line_)->format(message, line);
      sink_->write({line.data(), line.size()});
    }
  }

 private:
  // Without a mutex of its own.
  using Stderr = spdlog::sinks::ansicolor_stderr_sink_st;
  using Formatter = std::unique_ptr<spdlog::formatter>;

  static Formatter make_formatter(const char* pattern, const char* line_end) {
    return std::make_unique<spdlog::pattern_formatter>(pattern, spdlog::pattern_time_type::utc, line_end);
  }

  bool writes_text() const JADE_REQUIRES(mutex_) {
    if (format_ != LogFormat::kAuto) return format_ == LogFormat::kText;
    return sink_ == nullptr && stderr_is_terminal_;
  }

  const bool stderr_is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::atomic<LogLevel> level_{LogLevel::kInfo};
  std::atomic<const Clock*> clock_{&system_clock()};

  Mutex mutex_;
  LogFormat format_ JADE_GUARDED_BY(mutex_) = LogFormat::kAuto;
  LogSink* sink_ JADE_GUARDED_BY(mutex_) = nullptr;
  // The formatters remember the second that they wrote last, so they are guarded too.
  Stderr json_stderr_ JADE_GUARDED_BY(mutex_){spdlog::color_mode::never};
  Stderr text_stderr_ JADE_GUARDED_BY(mutex_){spdlog::color_mode::automatic};
  const Formatter json_line_ JADE_GUARDED_BY(mutex_) = make_formatter(kJsonPattern, "");
  const Formatter text_line_ JADE_GUARDED_BY(mutex_) = make_formatter(kTextPattern, "");
};

Logger::Logger() : output_(std::make_unique<Output>()) {}
Logger::~Logger() = default;

LogLevel Logger::level() const { return output_->level(); }
void Logger::set_level(LogLevel level) { output_->set_level(level); }
void Logger::set_format(LogFormat format) { output_->set_format(format); }
void Logger::set_clock(const Clock& clock) { output_->set_clock(clock); }
void Logger::set_sink(LogSink* sink) { output_->set_sink(sink); }

void Logger::log(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  output_->log(level, event, fields);
}

Logger& default_logger() {
  // Never destroyed: a thread or a destructor may log while the process ends.
  static Logger& logger = [] -> Logger& {
    auto* made = new Logger;
    made->set_level(LogLevel::kWarn);
    return *made;
  }();
  return logger;
}

void log_event(LogLevel level, std::string_view event, std::span<const LogField> fields) {
  default_logger().log(level, event, fields);
}

void log_trace(std::string_view event, std::initializer_list<LogField> fields) {
  log_event(LogLevel::kTrace, event, std::span(fields.begin(), fields.size()));
}

void log_debug(std::string_view event, std::initializer_list<LogField> fields) {
  log_event(LogLevel::kDebug, event, std::span(fields.begin(), fields.size()));
}

void log_info(std::string_view event, std::initializer_list<LogField> fields) {
  log_event(LogLevel::kInfo, event, std::span(fields.begin(), fields.size()));
}

void log_warn(std::string_view event, std::initializer_list<LogField> fields) {
  log_event(LogLevel::kWarn, event, std::span(fields.begin(), fields.size()));
}

void log_error(std::string_view event, std::initializer_list<LogField> fields) {
  log_event(LogLevel::kError, event, std::span(fields.begin(), fields.size()));
}

}  // namespace jade
