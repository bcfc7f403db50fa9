#include "base/percent_decode.h"

#include <gtest/gtest.h>

namespace jade {
namespace {

TEST(PercentDecode, DecodesOnce) {
  struct Case {
    std::string_view segment;
    std::string_view plain;
  };
  const Case cases[] = {{"", ""},
                        {"plain", "plain"},
                        {"a%20b", "a b"},
                        {"%2541", "%41"},
                        {"a+b", "a+b"},
                        {"%2f%2F", "//"},
                        {"%C3%a9", "\u00E9"},
                        {"\u00E9%41", "\u00E9A"},
                        {"%00", std::string_view("\0", 1)}};
  for (const Case& c : cases) EXPECT_EQ(percent_decode(c.segment).value(), c.plain) << c.segment;
}

TEST(PercentDecode, RefusesBadEscapesAndWhatIsNotUtf8) {
  for (const std::string_view segment : {"%", "a%4", "%4", "%zz", "%4z", "%z4", "%%41", "%+4", "%-1", "% 4", "%0x",
                                         "%C3", "%FF", "\xFF", "%ED%A0%80", "%C0%AF"}) {
    EXPECT_EQ(percent_decode(segment).error().code(), ErrorCode::kInvalidArgument) << segment;
  }
}

}  // namespace
}  // namespace jade
