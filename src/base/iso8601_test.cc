#include "base/iso8601.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

// What the ends of the years 0000 to 9999 are in microseconds.
constexpr std::int64_t kFirst = -62167219200'000000;
constexpr std::int64_t kLast = 253402300799'999999;

TEST(Iso8601, FormatsKnownTimes) {
  EXPECT_EQ(format_iso8601(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_iso8601(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(format_iso8601(1767323045'123456), "2026-01-02T03:04:05.123456Z");
  EXPECT_EQ(format_iso8601(kFirst), "0000-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_iso8601(kLast), "9999-12-31T23:59:59.999999Z");
}

TEST(Iso8601, FormatsTimesOutsideItsYearsAsTheNearestEnd) {
  EXPECT_EQ(format_iso8601(std::numeric_limits<std::int64_t>::min()), format_iso8601(kFirst));
  EXPECT_EQ(format_iso8601(std::numeric_limits<std::int64_t>::max()), format_iso8601(kLast));
}

TEST(Iso8601, ParsesZoneAndFraction) {
  struct Case {
    std::string_view text;
    std::int64_t microseconds;
  };
  const Case cases[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"1970-01-01T00:00:00.5Z", 500000},
      {"1970-01-01T00:00:00.123456Z", 123456},
      {"1970-01-01T00:00:00.123456789Z", 123456},
      {"1970-01-01T05:30:00+05:30", 0},
      {"1969-12-31T16:00:00-08:00", 0},
      {"1970-01-01T00:00:00-00:00", 0},
      {"2024-02-29T00:00:00Z", 1709164800'000000},
      {"0000-01-01T00:00:00Z", kFirst},
      {"9999-12-31T23:59:59.999999Z", kLast},
  };
  for (const Case& c : cases) EXPECT_EQ(parse_iso8601(c.text).value(), c.microseconds) << c.text;
}

TEST(Iso8601, RefusesEverythingElse) {
  for (const std::string_view text : {"",
                                      "2026-01-02",
                                      "2026-01-02T03:04:05",
                                      "2026-01-02T03:04Z",
                                      "2026-01-02 03:04:05Z",
                                      "2026-01-02t03:04:05Z",
                                      "2026-01-02T03:04:05z",
                                      "2026-1-02T03:04:05Z",
                                      "26-01-02T03:04:05Z",
                                      "+2026-01-02T03:04:05Z",
                                      "2026-13-02T03:04:05Z",
                                      "2026-00-02T03:04:05Z",
                                      "2026-01-00T03:04:05Z",
                                      "2026-01-32T03:04:05Z",
                                      "2026-02-29T03:04:05Z",
                                      "2026-04-31T03:04:05Z",
                                      "2026-01-02T24:00:00Z",
                                      "2026-01-02T03:60:05Z",
                                      "2026-01-02T03:04:60Z",
                                      "2026-01-02T03:04:05.Z",
                                      "2026-01-02T03:04:05.1234567890Z",
                                      "2026-01-02T03:04:05,5Z",
                                      "2026-01-02T03:04:05+0530",
                                      "2026-01-02T03:04:05+05",
                                      "2026-01-02T03:04:05+24:00",
                                      "2026-01-02T03:04:05+05:60",
                                      "2026-01-02T03:04:05Zx",
                                      "2026-01-02T03:04:05ZZ",
                                      " 2026-01-02T03:04:05Z",
                                      "0000-01-01T00:00:00+00:01",
                                      "9999-12-31T23:59:59-00:01",
                                      "2026-01-02T03:04:0/Z"}) {
    EXPECT_EQ(parse_iso8601(text).error().code(), ErrorCode::kInvalidArgument) << text;
  }
}

TEST(Iso8601, RandomTimesReadBack) {
  const std::uint64_t seed = test_seed(23);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(2000); ++round) {
    const std::int64_t time = kFirst + static_cast<std::int64_t>(random.next_below(kLast - kFirst + 1));
    ASSERT_EQ(parse_iso8601(format_iso8601(time)).value(), time);
  }
}

}  // namespace
}  // namespace jade
