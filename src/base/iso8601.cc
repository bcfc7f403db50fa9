#include "base/iso8601.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <optional>

namespace jade {
namespace {

using std::chrono::microseconds;
using std::chrono::sys_days;
using std::chrono::sys_time;
using Time = sys_time<microseconds>;

constexpr Time kFirst = sys_days(std::chrono::year(0) / 1 / 1);
constexpr Time kLast = sys_days(std::chrono::year(10000) / 1 / 1) - microseconds(1);

void append_digits(std::string& out, std::int64_t number, std::size_t width) {
  const std::string digits = std::to_string(number);
  out.append(width - digits.size(), '0').append(digits);
}

/// Takes a text from its front. After the first thing that is not there, it stays failed.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  /// A number of exactly `width` digits, from `min` to `max`.
  int number(std::size_t width, int min, int max) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value * 10 + digit();
    ok_ = ok_ && value >= min && value <= max;
    return value;
  }

  void literal(char character) {
    if (!take(character)) ok_ = false;
  }

  bool take(char character) {
    if (!rest_.starts_with(character)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// What stands after the decimal point: 1 to 9 digits.
  microseconds fraction() {
    int value = 0;
    std::size_t digits = 0;
    while (digits < 9 && at_digit()) {
      const int next = digit();
      if (digits++ < 6) value = value * 10 + next;
    }
    ok_ = ok_ && digits > 0;
    for (; digits < 6; ++digits) value *= 10;
    return microseconds(value);
  }

  bool done() const { return ok_ && rest_.empty(); }

 private:
  bool at_digit() const { return !rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9'; }

  int digit() {
    if (!at_digit()) {
      ok_ = false;
      return 0;
    }
    const int value = rest_.front() - '0';
    rest_.remove_prefix(1);
    return value;
  }

  std::string_view rest_;
  bool ok_ = true;
};

std::chrono::minutes read_offset(Scanner& scanner) {
  if (scanner.take('Z')) return {};
  const bool west = scanner.take('-');
  if (!west) scanner.literal('+');
  const std::chrono::hours hours(scanner.number(2, 0, 23));
  scanner.literal(':');
  const std::chrono::minutes offset = hours + std::chrono::minutes(scanner.number(2, 0, 59));
  return west ? -offset : offset;
}

std::optional<Time> read_time(std::string_view text) {
  Scanner scanner(text);
  const std::chrono::year year(scanner.number(4, 0, 9999));
  scanner.literal('-');
  const std::chrono::month month(static_cast<unsigned>(scanner.number(2, 1, 12)));
  scanner.literal('-');
  const std::chrono::year_month_day date = year / month / scanner.number(2, 1, 31);
  scanner.literal('T');
  const std::chrono::hours hours(scanner.number(2, 0, 23));
  scanner.literal(':');
  const std::chrono::minutes minutes(scanner.number(2, 0, 59));
  scanner.literal(':');
  const std::chrono::seconds seconds(scanner.number(2, 0, 59));
  microseconds fraction(0);
  if (scanner.take('.')) fraction = scanner.fraction();
  const std::chrono::minutes offset = read_offset(scanner);
  if (!scanner.done() || !date.ok()) return std::nullopt;
  const Time time = sys_days(date) + hours + minutes + seconds + fraction - offset;
  if (time < kFirst || time > kLast) return std::nullopt;
  return time;
}

}  // namespace

std::string format_iso8601(std::int64_t microseconds_since_epoch) {
  const Time time = std::clamp(Time(microseconds(microseconds_since_epoch)), kFirst, kLast);
  const sys_days day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::string out;
  append_digits(out, static_cast<int>(date.year()), 4);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(date.month()), 2);
  out.push_back('-');
  append_digits(out, static_cast<unsigned>(date.day()), 2);
  out.push_back('T');
  append_digits(out, clock.hours().count(), 2);
  out.push_back(':');
  append_digits(out, clock.minutes().count(), 2);
  out.push_back(':');
  append_digits(out, clock.seconds().count(), 2);
  out.push_back('.');
  append_digits(out, clock.subseconds().count(), 6);
  out.push_back('Z');
  return out;
}

Result<std::int64_t> parse_iso8601(std::string_view text) {
  const std::optional<Time> time = read_time(text);
  if (!time) {
    return Error(ErrorCode::kInvalidArgument, "is not a time such as 2026-01-02T03:04:05.123456Z");
  }
  return time->time_since_epoch().count();
}

}  // namespace jade
