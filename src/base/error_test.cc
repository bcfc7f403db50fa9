#include "jade/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace jade {
namespace {

constexpr int kCodes = static_cast<int>(ErrorCode::kInternal) + 1;

TEST(ErrorCode, NamesReadBack) {
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const auto name = error_code_name(code);
    SCOPED_TRACE(name);
    const auto back = error_code_from_name(name);
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, code == ErrorCode::kIo ? ErrorCode::kInternal : code);
  }
  EXPECT_FALSE(error_code_from_name("NO_SUCH_CODE").has_value());
  EXPECT_FALSE(error_code_from_name("").has_value());
}

TEST(ErrorCode, NamesOnTheWireDoNotChange) {
  EXPECT_EQ(error_code_name(ErrorCode::kDimensionMismatch), "DIMENSION_MISMATCH");
  EXPECT_EQ(error_code_name(ErrorCode::kOverloaded), "OVERLOADED");
  EXPECT_EQ(error_code_name(ErrorCode::kIo), "INTERNAL");
  EXPECT_EQ(error_code_name(ErrorCode::kInternal), "INTERNAL");
}

TEST(ErrorCode, RetryableAreThoseThatMayPass) {
  const std::vector<ErrorCode> retryable = {
      ErrorCode::kRequestTimeout,   ErrorCode::kOverloaded, ErrorCode::kNotReady,   ErrorCode::kStoreReadOnly,
      ErrorCode::kDeadlineExceeded, ErrorCode::kCancelled,  ErrorCode::kStorageFull};
  for (int i = 0; i < kCodes; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    EXPECT_EQ(error_is_retryable(code), std::ranges::find(retryable, code) != retryable.end()) << error_code_name(code);
  }
}

TEST(Error, CarriesCodeMessageAndDetails) {
  const Error error = Error(ErrorCode::kDimensionMismatch, "wrong dimension")
                          .with("expected", std::int64_t{128})
                          .with("field", std::string("title"))
                          .with("known", std::vector<std::string>{"a", "b"});
  EXPECT_EQ(error.code(), ErrorCode::kDimensionMismatch);
  EXPECT_EQ(error.message(), "wrong dimension");
  ASSERT_EQ(error.details().size(), 3U);
  ASSERT_NE(error.detail("expected"), nullptr);
  EXPECT_EQ(std::get<std::int64_t>(error.detail("expected")->value), 128);
  EXPECT_EQ(std::get<std::string>(error.detail("field")->value), "title");
  EXPECT_EQ(std::get<std::vector<std::string>>(error.detail("known")->value).size(), 2U);
  EXPECT_EQ(error.detail("absent"), nullptr);
}

TEST(Error, ALaterDetailReplacesTheEarlierInItsPlace) {
  Error error(ErrorCode::kIo, "m");
  error.with("path", std::string("a")).with("errno", std::int64_t{5});
  error.with("path", std::string("b"));
  ASSERT_EQ(error.details().size(), 2U);
  EXPECT_EQ(error.details()[0], (ErrorDetail{"path", std::string("b")}));
}

TEST(Error, ContextGoesInFront) {
  const Error error = Error(ErrorCode::kDataCorrupted, "checksum mismatch").in_context("opening segment 42");
  EXPECT_EQ(error.message(), "opening segment 42: checksum mismatch");
  EXPECT_EQ(error.code(), ErrorCode::kDataCorrupted);
}

TEST(Error, EqualsByEverything) {
  const Error error(ErrorCode::kIo, "m");
  EXPECT_EQ(error, Error(ErrorCode::kIo, "m"));
  EXPECT_FALSE(error == Error(ErrorCode::kInternal, "m"));
  EXPECT_FALSE(error == Error(ErrorCode::kIo, "n"));
  EXPECT_FALSE(error == Error(ErrorCode::kIo, "m").with("k", std::int64_t{1}));
}

}  // namespace
}  // namespace jade
