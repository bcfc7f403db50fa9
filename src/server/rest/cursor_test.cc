#include "server/rest/cursor.h"

#include <gtest/gtest.h>

namespace jade::server {
namespace {

TEST(CursorSigner, OpensWhatItSigned) {
  const CursorSigner signer({std::byte{1}, std::byte{2}});
  for (const std::string& position : std::vector<std::string>{"", "a", "word with spaces / and \xC3\xA4"}) {
    EXPECT_EQ(signer.open("list", signer.sign("list", position)).value(), position);
  }
}

TEST(CursorSigner, RefusesEverythingElse) {
  const CursorSigner signer({std::byte{1}});
  const std::string cursor = signer.sign("list", "abcdef");
  EXPECT_EQ(signer.open("other", cursor).error().code(), ErrorCode::kInvalidCursor);
  EXPECT_FALSE(CursorSigner({std::byte{2}}).open("list", cursor).ok());
  for (const std::string& bad : {std::string(), std::string("!"), cursor.substr(0, 10), cursor + "AAAA"}) {
    EXPECT_EQ(signer.open("list", bad).error().code(), ErrorCode::kInvalidCursor) << bad;
  }
  for (std::size_t at = 0; at < cursor.size(); ++at) {
    std::string changed = cursor;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(signer.open("list", changed).ok()) << at;
  }
}

TEST(CursorSigner, TellsScopeFromPosition) {
  const CursorSigner signer({std::byte{1}});
  const std::string cursor = signer.sign("ab", "c");
  EXPECT_FALSE(signer.open("a", cursor).ok());
}

}  // namespace
}  // namespace jade::server
