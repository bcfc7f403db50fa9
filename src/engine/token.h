// Names a write, so that a later read can be asked to see it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"

namespace jade::engine {

/// A position in the log of a database; a read that is given it sees at least everything up to it.
struct Token {
  DatabaseKey database{};
  Sequence sequence;
};

std::string encode_token(const Token& token);
/// kInvalidToken for text that `encode_token` cannot have written.
Result<Token> decode_token(std::string_view text);

}  // namespace jade::engine
