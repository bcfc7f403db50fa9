#include "server/http/response_text.h"

#include <array>
#include <chrono>

#include "server/error_status.h"

namespace jade::server {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string two_digits(unsigned number) {
  return {static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10)};
}

void append_field(std::string& text, std::string_view name, std::string_view value) {
  text.append(name).append(": ").append(value).append("\r\n");
}

}  // namespace

std::string http_date(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::seconds>(time - day));
  std::string text(kDays[std::chrono::weekday(day).c_encoding()]);
  text += ", " + two_digits(static_cast<unsigned>(date.day())) + ' ';
  text += kMonths[static_cast<unsigned>(date.month()) - 1];
  text += ' ' + std::to_string(static_cast<int>(date.year())) + ' ';
  text += two_digits(static_cast<unsigned>(clock.hours().count())) + ':';
  text += two_digits(static_cast<unsigned>(clock.minutes().count())) + ':';
  text += two_digits(static_cast<unsigned>(clock.seconds().count())) + " GMT";
  return text;
}

std::string response_head(const Response& response, std::string_view request_id, WallTime now, bool keep_alive) {
  std::string text = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  text.append(http_reason(response.status)).append("\r\n");
  append_field(text, "Date", http_date(now));
  append_field(text, "X-Request-Id", request_id);
  append_field(text, "X-Content-Type-Options", "nosniff");
  if (!response.content_type.empty()) append_field(text, "Content-Type", response.content_type);
  append_field(text, "Content-Length", std::to_string(response.body.size()));
  if (!response.headers.find("Cache-Control")) append_field(text, "Cache-Control", "no-store");
  for (const Header& header : response.headers) append_field(text, header.name, header.value);
  append_field(text, "Connection", keep_alive ? "keep-alive" : "close");
  return text += "\r\n";
}

bool is_request_id(std::string_view text) {
  constexpr std::size_t kLengthMax = 128;
  constexpr std::string_view kCharacters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~:/+=@";
  return !text.empty() && text.size() <= kLengthMax && text.find_first_not_of(kCharacters) == std::string_view::npos;
}

}  // namespace jade::server
