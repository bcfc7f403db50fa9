#include "server/http/response_text.h"

#include <gtest/gtest.h>

namespace jade::server {
namespace {

WallTime at_second(std::int64_t second) { return WallTime(std::chrono::seconds(second)); }

TEST(HttpDate, WritesTheFixedForm) {
  EXPECT_EQ(http_date(at_second(784111777)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(http_date(at_second(0)), "Thu, 01 Jan 1970 00:00:00 GMT");
  EXPECT_EQ(http_date(at_second(1709251199)), "Thu, 29 Feb 2024 23:59:59 GMT");
}

TEST(ResponseHead, HasWhatEveryAnswerHas) {
  const Response response{.status = 200, .content_type = "text/plain", .body = "12345", .headers = {{"Allow", "GET"}}};
  EXPECT_EQ(response_head(response, "id-1", at_second(0), true),
            "HTTP/1.1 200 OK\r\n"
            "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            "X-Request-Id: id-1\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Content-Type: text/plain\r\n"
            "Content-Length: 5\r\n"
            "Cache-Control: no-store\r\n"
            "Allow: GET\r\n"
            "Connection: keep-alive\r\n\r\n");
}

TEST(ResponseHead, LeavesCachingToTheResponseThatSaysSo) {
  const Response response{.status = 404, .content_type = "", .body = "", .headers = {{"cache-control", "max-age=60"}}};
  EXPECT_EQ(response_head(response, "id-1", at_second(0), false),
            "HTTP/1.1 404 Not Found\r\n"
            "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
            "X-Request-Id: id-1\r\n"
            "X-Content-Type-Options: nosniff\r\n"
            "Content-Length: 0\r\n"
            "cache-control: max-age=60\r\n"
            "Connection: close\r\n\r\n");
}

TEST(IsRequestId, TakesHarmlessAsciiOfABoundedLength) {
  EXPECT_TRUE(is_request_id("a"));
  EXPECT_TRUE(is_request_id("0123456789-abcxyz-ABCXYZ"));
  EXPECT_TRUE(is_request_id("Root=1-67891233:x/y+z._~@"));
  EXPECT_TRUE(is_request_id(std::string(128, 'x')));
  EXPECT_FALSE(is_request_id(""));
  EXPECT_FALSE(is_request_id(std::string(129, 'x')));
  EXPECT_FALSE(is_request_id("a b"));
  EXPECT_FALSE(is_request_id("a\x7f"));
  for (const char c : std::string_view("\"'`{}[]()<>\\%&;,|$!*?#^\t")) {
    EXPECT_FALSE(is_request_id(std::string("a") + c)) << c;
  }
  EXPECT_FALSE(is_request_id("\xc3\xa9"));
}

TEST(Methods, HaveNamesBothWays) {
  for (const Method method :
       {Method::kGet, Method::kHead, Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    EXPECT_EQ(method_from_name(method_name(method)), method);
  }
  EXPECT_EQ(method_from_name("get"), Method::kOther);
  EXPECT_EQ(method_name(Method::kOther), "OTHER");
}

TEST(Headers, CompareNamesWithoutCase) {
  Headers headers = {{"Host", "a"}, {"X-One", "1"}};
  headers.add("host", "b");
  EXPECT_EQ(headers.find("HOST"), "a");
  EXPECT_EQ(headers.count("hOsT"), 2U);
  EXPECT_EQ(headers.find("X-On"), std::nullopt);
  EXPECT_EQ(headers.find("X-One["), std::nullopt);
}

}  // namespace
}  // namespace jade::server
