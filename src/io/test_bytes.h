// Bytes and whole files in tests.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "io/file_system.h"

namespace jade::io {

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// The whole file, or the error of the first call that failed.
inline Result<std::string> read_file(FileSystem& file_system, const std::string& path) {
  JADE_ASSIGN_OR_RETURN(const auto file, file_system.open(path, OpenMode::kRead));
  JADE_ASSIGN_OR_RETURN(const std::uint64_t size, file->size());
  std::string text(size, '\0');
  JADE_ASSIGN_OR_RETURN(const std::size_t got, file->read_at(0, std::as_writable_bytes(std::span(text))));
  text.resize(got);
  return text;
}

/// Makes the file hold exactly `text`, unsynced.
inline Result<void> write_file(FileSystem& file_system, const std::string& path, std::string_view text) {
  JADE_ASSIGN_OR_RETURN(const auto file, file_system.open(path, OpenMode::kCreate));
  JADE_RETURN_IF_ERROR(file->truncate(0));
  return file->write_at(0, as_bytes(text));
}

}  // namespace jade::io
