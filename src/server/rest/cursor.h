// Where a listing goes on: opaque to the client, signed so that it comes back as it was given out.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"

namespace jade::server {

/// Signs with HMAC-SHA-256 under the store's own key. Safe from any thread.
class CursorSigner {
 public:
  explicit CursorSigner(std::vector<std::byte> key) : key_(std::move(key)) {}

  /// A cursor that stands at `position`, good for the listing that `scope` names (operation, database, filter, order).
  std::string sign(std::string_view scope, std::string_view position) const;
  /// The position; kInvalidCursor for text that was not signed for `scope`.
  Result<std::string> open(std::string_view scope, std::string_view cursor) const;

 private:
  std::vector<std::byte> mac(std::string_view scope, std::string_view position) const;

  std::vector<std::byte> key_;
};

}  // namespace jade::server
