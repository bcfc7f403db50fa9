// Files as a seam. Nothing of ours calls open, read, write or rename but the real implementation of this.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "jade/result.h"

namespace jade::io {

enum class OpenMode : std::uint8_t {
  kRead,       ///< The file exists; reading only.
  kReadWrite,  ///< The file exists.
  kCreate,     ///< Created when absent.
  kCreateNew,  ///< kAlreadyExists when present.
};

/// A file's bytes in memory, fetched from the disk when they are touched. Lives on when the file is closed, renamed or
/// removed. Safe from any thread.
class Mapping {
 public:
  virtual ~Mapping() = default;

  /// As many as the file had when it was mapped. They begin on a page. What is written to the file shows here.
  std::span<const std::byte> bytes() const { return bytes_; }

  /// True once a page was touched that could not be read: the disk failed, or the file was cut below it. Such a page
  /// reads as zeros from then on. Ask after having used the bytes.
  virtual bool failed() const = 0;

  /// Advice: fetch this range ahead. The range lies in `bytes()`.
  virtual void will_need(std::uint64_t offset, std::uint64_t count) = 0;
  /// Advice: fetch no more than what is touched.
  virtual void random_access() = 0;

 protected:
  explicit Mapping(std::span<const std::byte> bytes) : bytes_(bytes) {}

 private:
  const std::span<const std::byte> bytes_;
};

/// An open file. Reads, writes of different ranges and `map` may run at the same time; the rest is for one thread at a
/// time. Failures are kStorageFull (no space, no quota) or kIo; both carry the detail "errno". After a failed sync
/// nothing is known about what was written since the last good one: the caller must not retry it.
class File {
 public:
  virtual ~File() = default;

  /// Reads into `out` from `offset`; shorter only at the end of the file. Returns the bytes read.
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) = 0;
  /// Writes all of `bytes` or fails. Durable only after a sync. Bytes between the old end and `offset` read as zero.
  virtual Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  virtual Result<std::uint64_t> size() = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  /// Makes the file at least `bytes` (not 0) long, with zeros, and takes the room for them from the disk now.
  /// kStorageFull: the file may have grown by some of it.
  virtual Result<void> allocate(std::uint64_t bytes) = 0;
  /// When it returns, the file's bytes and size survive power loss (fdatasync). The file's name only survives after
  /// `FileSystem::sync_directory` on its directory.
  virtual Result<void> sync() = 0;
  /// Maps the whole file, as large as it is now, for reading.
  virtual Result<std::unique_ptr<Mapping>> map() = 0;
};

/// Holds an exclusive lock on a path until destroyed (or the process dies).
class FileLock {
 public:
  virtual ~FileLock() = default;
};

struct FileStat {
  std::uint64_t size = 0;
  bool is_directory = false;
};

struct Space {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
};

/// Paths are '/'-separated. Safe from any thread.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) = 0;
  /// Absent: nullopt.
  virtual Result<std::optional<FileStat>> stat(const std::string& path) = 0;
  /// Replaces `to` if it exists, atomically. The change survives power loss after `sync_directory` of both parents.
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  /// Removes a file or an empty directory; a missing one is an error (kIo, errno ENOENT).
  virtual Result<void> remove(const std::string& path) = 0;
  /// Creates the directory and its missing parents; an existing one is fine. Durable after `sync_directory` of each
  /// parent.
  virtual Result<void> create_directories(const std::string& path) = 0;
  /// Names (not paths) in a directory, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
  /// When it returns, the directory's entries survive power loss.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Locks the file at `path` (created when absent) for this process and writes `owner` into it. Held elsewhere:
  /// kAlreadyExists, with what the holder wrote as detail "owner".
  virtual Result<std::unique_ptr<FileLock>> lock(const std::string& path, const std::string& owner) = 0;
  virtual Result<Space> space(const std::string& path) = 0;
};

/// The operating system's file system. Lives for the whole process.
FileSystem& real_file_system();

/// Joins two parts with exactly one '/' between them.
std::string join_path(std::string_view directory, std::string_view name);
/// What comes before the last '/', or "." when there is none.
std::string parent_path(std::string_view path);

}  // namespace jade::io
