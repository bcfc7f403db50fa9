#include "jade/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

namespace jade {
namespace {

Error refusal() { return {ErrorCode::kInvalidArgument, "no"}; }

Result<int> half(int n) {
  if (n % 2 != 0) return refusal();
  return n / 2;
}

Result<int> quarter(int n) {
  JADE_ASSIGN_OR_RETURN(const int once, half(n));
  int twice = 0;
  JADE_ASSIGN_OR_RETURN(twice, half(once));
  return twice;
}

Result<void> check_half(int n) {
  JADE_RETURN_IF_ERROR(half(n));
  return {};
}

TEST(Result, HoldsAValue) {
  Result<std::string> result("abc");
  ASSERT_TRUE(result.ok());
  EXPECT_TRUE(static_cast<bool>(result));
  EXPECT_EQ(result.value(), "abc");
  EXPECT_EQ(*result, "abc");
  EXPECT_EQ(result->size(), 3U);
  result.value() += "d";
  const auto& constant = result;
  EXPECT_EQ(constant.value(), "abcd");
  EXPECT_EQ(*constant, "abcd");
  EXPECT_EQ(constant->size(), 4U);
  EXPECT_EQ(std::move(result).value(), "abcd");
}

TEST(Result, HoldsAnError) {
  Result<int> result = refusal();
  EXPECT_FALSE(result.ok());
  EXPECT_FALSE(static_cast<bool>(result));
  EXPECT_EQ(result.error(), refusal());
  EXPECT_EQ(std::move(result).error(), refusal());
}

TEST(Result, OfNothingIsSuccessOrError) {
  EXPECT_TRUE(Result<void>().ok());
  const Result<void> failed = refusal();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().code(), ErrorCode::kInvalidArgument);
}

TEST(Result, MovesWhatCannotBeCopied) {
  Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
  const std::unique_ptr<int> taken = *std::move(result);
  EXPECT_EQ(*taken, 7);
}

TEST(Result, ConvertsTheValueOnly) {
  static_assert(std::is_convertible_v<const char*, Result<std::string>>);
  static_assert(!std::is_constructible_v<Result<int>, std::string>);
}

TEST(ResultMacros, PassErrorsOn) {
  EXPECT_EQ(quarter(12).value(), 3);
  EXPECT_EQ(quarter(3).error(), refusal());
  EXPECT_EQ(quarter(6).error(), refusal());
  EXPECT_TRUE(check_half(2).ok());
  EXPECT_EQ(check_half(1).error(), refusal());
}

TEST(ResultDeathTest, ReadingTheOtherSideStopsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(static_cast<void>(Result<int>(refusal()).value()), "");
  EXPECT_DEATH(static_cast<void>(Result<int>(1).error()), "");
}

}  // namespace
}  // namespace jade
