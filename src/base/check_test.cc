#include "base/check.h"

#include <gtest/gtest.h>

namespace jade {
namespace {

TEST(Check, LetsTruthPass) {
  int evaluated = 0;
  JADE_CHECK(++evaluated == 1, "evaluated once");
  EXPECT_EQ(evaluated, 1);
}

TEST(CheckDeathTest, SaysWhatFailedAndWhere) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const int rows = 3;
  EXPECT_DEATH(JADE_CHECK(rows == 4, "a row is missing"),
               "jade: check failed: rows == 4 \\(.*check_test.cc:[0-9]+\\): a row is missing");
}

}  // namespace
}  // namespace jade
