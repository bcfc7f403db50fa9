#include "server/rest/cursor.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstring>

#include "base/base64.h"
#include "base/check.h"

namespace jade::server {
namespace {

// Half of SHA-256: 2^128 guesses, and a cursor that still fits in a line.
constexpr std::size_t kMacBytes = 16;

Error invalid() {
  return Error(ErrorCode::kInvalidCursor, "the cursor is not one that this listing gave out; begin again without it")
      .with("field", "cursor");
}

}  // namespace

std::vector<std::byte> CursorSigner::mac(std::string_view scope, std::string_view position) const {
  // The scope's length first, so that no two pairs spell the same message.
  std::string message = std::to_string(scope.size()) + ':';
  message.append(scope).append(position);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  const unsigned char* done =
      HMAC(EVP_sha256(), key_.data(), static_cast<int>(key_.size()),
           reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest, &size);
  JADE_CHECK(done != nullptr && size >= kMacBytes, "HMAC-SHA-256 is always there");
  const auto* first = reinterpret_cast<const std::byte*>(digest);
  return {first, first + kMacBytes};
}

std::string CursorSigner::sign(std::string_view scope, std::string_view position) const {
  std::vector<std::byte> bytes = mac(scope, position);
  const auto* first = reinterpret_cast<const std::byte*>(position.data());
  bytes.insert(bytes.end(), first, first + position.size());
  return base64_encode(bytes, Base64::kUrl);
}

Result<std::string> CursorSigner::open(std::string_view scope, std::string_view cursor) const {
  const Result<std::vector<std::byte>> bytes = base64_decode(cursor, Base64::kUrl);
  if (!bytes.ok() || bytes->size() < kMacBytes) return invalid();
  std::string position(reinterpret_cast<const char*>(bytes->data()) + kMacBytes, bytes->size() - kMacBytes);
  const std::vector<std::byte> expected = mac(scope, position);
  if (CRYPTO_memcmp(expected.data(), bytes->data(), kMacBytes) != 0) return invalid();
  return position;
}

}  // namespace jade::server
