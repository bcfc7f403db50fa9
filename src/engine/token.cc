#include "engine/token.h"

#include <xxhash.h>

#include <array>
#include <cstring>

#include "base/base64.h"

namespace jade::engine {
namespace {

// database (16 bytes), sequence (8), the first 4 bytes of XXH3-64 of these: a slip of the pen is noticed, a forger is
// not.
constexpr std::size_t kSignedBytes = 24;
constexpr std::size_t kTokenBytes = kSignedBytes + 4;

std::uint32_t checksum(const std::byte* bytes) { return static_cast<std::uint32_t>(XXH3_64bits(bytes, kSignedBytes)); }

}  // namespace

std::string encode_token(const Token& token) {
  std::array<std::byte, kTokenBytes> bytes{};
  const std::uint64_t sequence = token.sequence.value();
  std::memcpy(bytes.data(), token.database.data(), 16);
  std::memcpy(bytes.data() + 16, &sequence, 8);
  const std::uint32_t sum = checksum(bytes.data());
  std::memcpy(bytes.data() + kSignedBytes, &sum, 4);
  return base64_encode(bytes, Base64::kUrl);
}

Result<Token> decode_token(std::string_view text) {
  const Result<std::vector<std::byte>> bytes = base64_decode(text, Base64::kUrl);
  std::uint32_t sum = 0;
  if (bytes.ok() && bytes->size() == kTokenBytes) std::memcpy(&sum, bytes->data() + kSignedBytes, 4);
  if (!bytes.ok() || bytes->size() != kTokenBytes || sum != checksum(bytes->data())) {
    return Error(ErrorCode::kInvalidToken, "the token is not one that a write answered").with("field", "token");
  }
  Token token;
  std::uint64_t sequence = 0;
  std::memcpy(token.database.data(), bytes->data(), 16);
  std::memcpy(&sequence, bytes->data() + 16, 8);
  token.sequence = Sequence(sequence);
  return token;
}

}  // namespace jade::engine
