#include "base/logging.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "base/log_capture.h"
#include "base/thread.h"

namespace jade {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class FixedClock final : public Clock {
 public:
  WallTime wall_now() const override { return WallTime(std::chrono::microseconds(1'738'367'999'000'042)); }
  SteadyTime steady_now() const override { return {}; }
};

class Lines final : public LogSink {
 public:
  void write(std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

// A logger at the end of January 2025 that writes to a vector.
struct Fixture {
  explicit Fixture(LogFormat format) {
    logger.set_clock(clock);
    logger.set_format(format);
    logger.set_sink(&sink);
  }
  std::string line_of(std::string_view event, std::initializer_list<LogField> fields) {
    logger.log(LogLevel::kInfo, event, std::span(fields.begin(), fields.size()));
    return sink.lines.back();
  }
  FixedClock clock;
  Lines sink;
  Logger logger;
};

TEST(Logger, WritesAnEventAsOneJsonObject) {
  Fixture log(LogFormat::kJson);
  const std::string name = "words";
  EXPECT_EQ(log.line_of("database_opened", {{"database", name},
                                            {"kind", "sample"},
                                            {"rows", 20'000},
                                            {"bytes", std::uint64_t{1} << 63},
                                            {"change", std::int64_t{-1}},
                                            {"seconds", 0.25},
                                            {"ratio", 0.5F},
                                            {"new", true}}),
            R"({"ts":"2025-01-31T23:59:59.000042Z","level":"info","event":"database_opened","database":"words",)"
            R"("kind":"sample","rows":20000,"bytes":9223372036854775808,"change":-1,"seconds":0.25,"ratio":0.5,)"
            R"("new":true})");
}

TEST(Logger, WritesAnEventAsText) {
  Fixture log(LogFormat::kText);
  EXPECT_EQ(log.line_of("database_opened", {{"database", "words"}, {"rows", 3}, {"new", false}, {"note", "two words"}}),
            R"(2025-01-31T23:59:59.000042Z info  database_opened database=words rows=3 new=false note="two words")");
}

TEST(Logger, CapturedLinesAreJsonByDefault) {
  Fixture log(LogFormat::kAuto);
  EXPECT_THAT(log.line_of("started", {}), StartsWith("{"));
}

TEST(Logger, EscapesWhatWouldBreakALine) {
  struct Row {
    std::string value;
    std::string json;
    std::string text;
  };
  const std::vector<Row> rows = {
      {"", R"("")", R"("")"},
      {"a-b_c.d/e:f@g+h%20", R"("a-b_c.d/e:f@g+h%20")", "a-b_c.d/e:f@g+h%20"},
      {"AZaz09", R"("AZaz09")", "AZaz09"},
      {"a=b", R"("a=b")", R"("a=b")"},
      {"say \"no\"\\", R"("say \"no\"\\")", R"("say \"no\"\\")"},
      {"line\nend\r\t", R"("line\nend\r\t")", R"("line\nend\r\t")"},
      {std::string("\0\x1b[31m", 6), R"("\u0000\u001b[31m")", R"("\u0000\u001b[31m")"},
      {"bad \xff\xc3 end", "\"bad \xef\xbf\xbd\xef\xbf\xbd end\"", "\"bad \xef\xbf\xbd\xef\xbf\xbd end\""},
      {"cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\"", "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
      {"caf\xc3\xa9", "\"caf\xc3\xa9\"", "\"caf\xc3\xa9\""},
      {"\xc2\xa0", "\"\xc2\xa0\"", "\"\xc2\xa0\""},
      {"del \x7f", "\"del \x7f\"", R"("del \u007f")"},
      {"csi \xc2\x9b", "\"csi \xc2\x9b\"", R"("csi \u009b")"},
  };
  Fixture json(LogFormat::kJson);
  Fixture text(LogFormat::kText);
  for (const Row& row : rows) {
    SCOPED_TRACE(row.json);
    EXPECT_THAT(json.line_of("e", {{"v", row.value}}), testing::EndsWith(R"("event":"e","v":)" + row.json + "}"));
    EXPECT_THAT(text.line_of("e", {{"v", row.value}}), testing::EndsWith(" e v=" + row.text));
  }
}

TEST(Logger, EscapesNamesToo) {
  Fixture json(LogFormat::kJson);
  EXPECT_THAT(json.line_of("a\"b", {{"c\nd", 1}}), HasSubstr(R"("event":"a\"b","c\nd":1)"));
  Fixture text(LogFormat::kText);
  EXPECT_THAT(text.line_of("a b", {{"c d", 1}}), HasSubstr(R"("a b" "c d"=1)"));
}

TEST(Logger, PercentSignsAreNotPatterns) {
  Fixture log(LogFormat::kJson);
  EXPECT_THAT(log.line_of("e", {{"v", "%v%H{}"}}), HasSubstr(R"("v":"%v%H{}")"));
}

TEST(Logger, WritesNumbersThatAreNotFiniteAsNull) {
  Fixture log(LogFormat::kJson);
  EXPECT_THAT(log.line_of("e", {{"nan", std::numeric_limits<double>::quiet_NaN()},
                                {"inf", std::numeric_limits<double>::infinity()}}),
              HasSubstr(R"("nan":null,"inf":null)"));
}

TEST(Logger, DropsWhatIsBelowTheLevel) {
  Fixture log(LogFormat::kText);
  for (const LogLevel least : {LogLevel::kTrace, LogLevel::kInfo, LogLevel::kError}) {
    log.logger.set_level(least);
    EXPECT_EQ(log.logger.level(), least);
    for (const LogLevel level :
         {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
      log.sink.lines.clear();
      log.logger.log(level, "e", {});
      EXPECT_EQ(log.sink.lines.size(), level >= least ? 1U : 0U);
    }
  }
}

TEST(Logger, NamesOfLevelsAndFormatsReadBack) {
  for (const LogLevel level :
       {LogLevel::kTrace, LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarn, LogLevel::kError}) {
    EXPECT_EQ(log_level_from_name(log_level_name(level)), level);
  }
  for (const LogFormat format : {LogFormat::kAuto, LogFormat::kJson, LogFormat::kText}) {
    EXPECT_EQ(log_format_from_name(log_format_name(format)), format);
  }
  EXPECT_FALSE(log_level_from_name("warning").has_value());
  EXPECT_FALSE(log_format_from_name("").has_value());
}

// Puts a pseudo-terminal in the place of stderr, with a TERM that has colours.
class TerminalStderr {
 public:
  TerminalStderr() : stderr_before_(::dup(STDERR_FILENO)) {
    int slave = -1;
    EXPECT_EQ(::openpty(&master_, &slave, nullptr, nullptr, nullptr), 0);
    ::dup2(slave, STDERR_FILENO);
    ::close(slave);
    const char* term = std::getenv("TERM");
    if (term != nullptr) term_before_ = term;
    ::setenv("TERM", "xterm-256color", 1);
  }
  ~TerminalStderr() {
    ::dup2(stderr_before_, STDERR_FILENO);
    ::close(stderr_before_);
    ::close(master_);
    ::setenv("TERM", term_before_.c_str(), 1);
  }
  TerminalStderr(const TerminalStderr&) = delete;
  TerminalStderr& operator=(const TerminalStderr&) = delete;

  // The next line, in as many pieces as the terminal hands it over; it turns line ends into "\r\n".
  std::string read_line() const {
    std::string line;
    char byte = 0;
    while (!line.ends_with('\n') && ::read(master_, &byte, 1) == 1) line.push_back(byte);
    return line;
  }

 private:
  const int stderr_before_;
  int master_ = -1;
  std::string term_before_;
};

TEST(Logger, WritesColouredTextToATerminal) {
  const TerminalStderr terminal;
  const FixedClock clock;
  Logger logger;
  logger.set_clock(clock);
  logger.log(LogLevel::kWarn, "disk_low", {});
  const std::string seen = terminal.read_line();
  EXPECT_THAT(seen, StartsWith("2025-01-31T23:59:59.000042Z \x1b["));
  EXPECT_THAT(seen, HasSubstr("warn  disk_low"));
  logger.set_format(LogFormat::kJson);
  logger.log(LogLevel::kWarn, "disk_low", {});
  EXPECT_EQ(terminal.read_line(),
            "{\"ts\":\"2025-01-31T23:59:59.000042Z\",\"level\":\"warn\",\"event\":\"disk_low\"}\r\n");
}

TEST(Logger, WritesWholeJsonLinesToWhatIsNoTerminal) {
  const FixedClock clock;
  testing::internal::CaptureStderr();
  Logger logger;
  logger.set_clock(clock);
  logger.log(LogLevel::kError, "one", {});
  logger.set_format(LogFormat::kText);
  logger.log(LogLevel::kError, "two", {});
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "{\"ts\":\"2025-01-31T23:59:59.000042Z\",\"level\":\"error\",\"event\":\"one\"}\n"
            "2025-01-31T23:59:59.000042Z error two\n");
}

TEST(LogCapture, SeesTheEventsOfItsLife) {
  const LogLevel before = default_logger().level();
  {
    const LogCapture capture(LogLevel::kTrace);
    log_trace("at_trace");
    log_debug("at_debug", {{"n", 1}});
    log_info("at_info");
    log_warn("at_warn");
    log_error("at_error");
    log_error("at_error");
    const std::vector<LogField> fields = {{"n", 1}, {"m", 2}};
    log_event(LogLevel::kInfo, "gathered", fields);
    EXPECT_THAT(capture.lines(), ElementsAre(HasSubstr("at_trace"), HasSubstr(R"("event":"at_debug","n":1})"),
                                             HasSubstr("at_info"), HasSubstr("at_warn"), HasSubstr("at_error"),
                                             HasSubstr("at_error"), HasSubstr(R"("event":"gathered","n":1,"m":2})")));
    EXPECT_EQ(capture.count("at_error"), 2U);
    EXPECT_EQ(capture.count("at"), 0U);
  }
  EXPECT_EQ(default_logger().level(), before);
}

TEST(LogCapture, LinesOfManyThreadsStayWhole) {
  const LogCapture capture;
  {
    std::vector<Thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.push_back(Thread::start(ThreadKind::kCompute, "logs", [t] {
                          for (int i = 0; i < 200; ++i) {
                            log_info("from_thread", {{"thread", t}, {"i", i}});
                            default_logger().set_format(i % 2 == 0 ? LogFormat::kJson : LogFormat::kAuto);
                          }
                        }).value());
    }
  }
  EXPECT_EQ(capture.count("from_thread"), 800U);
  for (const std::string& line : capture.lines()) {
    EXPECT_THAT(line, StartsWith(R"({"ts":")"));
    EXPECT_EQ(line.back(), '}');
    EXPECT_THAT(line, Not(HasSubstr("\n")));
  }
  default_logger().set_format(LogFormat::kAuto);
}

}  // namespace
}  // namespace jade
