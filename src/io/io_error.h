// Failures of the operating system in our vocabulary.
#pragma once

#include <string>
#include <string_view>

#include "jade/error.h"

namespace jade::io {

/// "`doing` `path`: what `errno_value` means". No space and no quota are kStorageFull, all others kIo; both carry the
/// detail "errno".
Error io_error(int errno_value, std::string_view doing, std::string_view path);

/// The lock at `path` is held by whoever wrote `owner` into it.
Error lock_held_error(std::string_view path, std::string owner);

/// The detail "errno" of a file-system failure, or 0.
int errno_of(const Error& error);

}  // namespace jade::io
