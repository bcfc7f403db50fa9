// What travels with every request.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/cancellation.h"
#include "jade/result.h"

namespace jade::engine {

/// Who asks, until when, and under which id. Copied freely.
struct RequestContext {
  std::string principal;
  std::string request_id;
  /// Never null.
  std::shared_ptr<const Cancellation> cancellation = std::make_shared<Cancellation>();
};

/// Called once, from any thread, with the answer.
template <class T>
using Callback = std::move_only_function<void(Result<T>)>;

}  // namespace jade::engine
