// A file system that passes every call on, for tests to bend in one place.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "io/file_system.h"

namespace jade::io {

class PassingFile : public File {
 public:
  explicit PassingFile(std::shared_ptr<File> base) : base_(std::move(base)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) override {
    return base_->read_at(offset, out);
  }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return base_->write_at(offset, bytes);
  }
  Result<std::uint64_t> size() override { return base_->size(); }
  Result<void> truncate(std::uint64_t size) override { return base_->truncate(size); }
  Result<void> allocate(std::uint64_t bytes) override { return base_->allocate(bytes); }
  Result<void> sync() override { return base_->sync(); }
  Result<std::unique_ptr<Mapping>> map() override { return base_->map(); }

 protected:
  const std::shared_ptr<File> base_;
};

class PassingFileSystem : public FileSystem {
 public:
  /// `base` outlives this.
  explicit PassingFileSystem(FileSystem& base) : base_(base) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    JADE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, base_.open(path, mode));
    return wrap(path, std::move(file));
  }
  Result<std::optional<FileStat>> stat(const std::string& path) override { return base_.stat(path); }
  Result<void> rename(const std::string& from, const std::string& to) override { return base_.rename(from, to); }
  Result<void> remove(const std::string& path) override { return base_.remove(path); }
  Result<void> create_directories(const std::string& path) override { return base_.create_directories(path); }
  Result<std::vector<std::string>> list(const std::string& path) override { return base_.list(path); }
  Result<void> sync_directory(const std::string& path) override { return base_.sync_directory(path); }
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, const std::string& owner) override {
    return base_.lock(path, owner);
  }
  Result<Space> space(const std::string& path) override { return base_.space(path); }

 protected:
  /// What is handed out for a file that was opened.
  virtual std::unique_ptr<File> wrap(const std::string&, std::unique_ptr<File> file) { return file; }

  FileSystem& base_;
};

}  // namespace jade::io
