#include "base/named_type.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

#include "base/ids.h"

namespace jade {
namespace {

TEST(NamedType, EqualsOrdersAndHashesByValue) {
  EXPECT_EQ(RowId(3).value(), 3U);
  EXPECT_EQ(RowId().value(), 0U);
  EXPECT_EQ(RowId(3), RowId(3));
  EXPECT_NE(RowId(3), RowId(4));
  EXPECT_LT(RowId(3), RowId(4));
  EXPECT_GE(Sequence(9), Sequence(9));
  const std::unordered_set<RowId> rows = {RowId(1), RowId(2), RowId(1)};
  EXPECT_EQ(rows.size(), 2U);
}

TEST(NamedType, KindsDoNotMix) {
  static_assert(!std::is_convertible_v<std::uint32_t, RowId>);
  static_assert(!std::is_constructible_v<RowId, SlotId>);
  static_assert(!std::is_invocable_v<std::equal_to<>, RowId, SlotId>);
}

}  // namespace
}  // namespace jade
