#include "base/base64.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

TEST(Base64, EncodesExamplesOfTheStandard) {
  struct Case {
    std::string_view plain;
    std::string_view standard;
    std::string_view url;
  };
  const Case cases[] = {{"", "", ""},
                        {"f", "Zg==", "Zg"},
                        {"fo", "Zm8=", "Zm8"},
                        {"foo", "Zm9v", "Zm9v"},
                        {"foob", "Zm9vYg==", "Zm9vYg"},
                        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
                        {"\xFB\xFF\xFE", "+//+", "-__-"}};
  for (const Case& c : cases) {
    EXPECT_EQ(base64_encode(bytes_of(c.plain), Base64::kStandard), c.standard);
    EXPECT_EQ(base64_encode(bytes_of(c.plain), Base64::kUrl), c.url);
    EXPECT_EQ(base64_decode(c.standard, Base64::kStandard).value(), bytes_of(c.plain));
    EXPECT_EQ(base64_decode(c.url, Base64::kUrl).value(), bytes_of(c.plain));
  }
}

TEST(Base64, RefusesEveryOtherSpelling) {
  for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Z===", "====", "=", "Zh==", "Zm9=", "Zm9v=", "Zm9v====",
                                      "Zm 9v", "Zm9v\n", "-__-", "Z=g=", "Zm9vY", "Zm\xFF="}) {
    EXPECT_EQ(base64_decode(text, Base64::kStandard).error().code(), ErrorCode::kInvalidArgument) << text;
  }
  for (const std::string_view text : {"Zg==", "Z", "Zh", "Zm9", "+//+", "Zm9vY"}) {
    EXPECT_FALSE(base64_decode(text, Base64::kUrl).ok()) << text;
  }
}

TEST(Base64, RandomBytesReadBack) {
  const std::uint64_t seed = test_seed(21);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  for (std::size_t round = 0; round < test_scale(500); ++round) {
    std::vector<std::byte> bytes(random.next_below(100));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next_u64());
    for (const Base64 alphabet : {Base64::kStandard, Base64::kUrl}) {
      ASSERT_EQ(base64_decode(base64_encode(bytes, alphabet), alphabet).value(), bytes);
    }
  }
}

}  // namespace
}  // namespace jade
