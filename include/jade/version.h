// Which release this is.
#pragma once

namespace jade {

/// Semantic version; the same as the project's in CMakeLists.txt, which a test compares.
inline constexpr const char* kVersion = "0.1.0";

}  // namespace jade
