// A directory of the operating system for one test.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/check.h"
#include "io/file_system.h"

namespace jade::io {

/// Made empty, removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory() : path_(join_path(std::filesystem::temp_directory_path().string(), "jade-XXXXXX")) {
    JADE_CHECK(::mkdtemp(path_.data()) != nullptr, "no place for temporary files");
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace jade::io
