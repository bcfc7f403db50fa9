#include "base/crockford.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "base/random.h"
#include "base/test_env.h"

namespace jade {
namespace {

using Id = std::array<std::byte, 16>;

TEST(Crockford, EncodesKnownIds) {
  Id id{};
  EXPECT_EQ(crockford_encode(id), "00000000000000000000000000");
  id.back() = std::byte{0x21};
  EXPECT_EQ(crockford_encode(id), "00000000000000000000000011");
  id.fill(std::byte{0xFF});
  EXPECT_EQ(crockford_encode(id), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
}

TEST(Crockford, RefusesEveryOtherSpelling) {
  for (const std::string_view text :
       {"", "0000000000000000000000000", "000000000000000000000000000", "80000000000000000000000000",
        "ZZZZZZZZZZZZZZZZZZZZZZZZZZ", "0000000000000000000000000a", "0000000000000000000000000I",
        "0000000000000000000000000L", "0000000000000000000000000O", "0000000000000000000000000U",
        "0000000000000000000000000-", " 0000000000000000000000000", "0000000000000000000000000\xC3"}) {
    EXPECT_EQ(crockford_decode(text).error().code(), ErrorCode::kInvalidArgument) << text;
  }
}

TEST(Crockford, RandomIdsReadBackAndKeepTheirOrder) {
  const std::uint64_t seed = test_seed(22);
  SCOPED_TRACE("JADE_TEST_SEED=" + std::to_string(seed));
  SeededRandom random(seed);
  Id previous{};
  for (std::size_t round = 0; round < test_scale(1000); ++round) {
    Id id{};
    for (std::byte& byte : id) byte = static_cast<std::byte>(random.next_u64());
    const std::string text = crockford_encode(id);
    ASSERT_EQ(crockford_decode(text).value(), id);
    ASSERT_EQ(text < crockford_encode(previous), id < previous);
    previous = id;
  }
}

}  // namespace
}  // namespace jade
