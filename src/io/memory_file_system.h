// A file system in memory that knows what a power cut would leave of it. For tests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "io/crash_options.h"
#include "io/file_system.h"

namespace jade::io {

/// Keeps for every file the bytes that programs see and those that the disk has, and for every directory its entries
/// likewise: a new, renamed or removed name is durable only after `sync_directory`. Relative and absolute paths mean
/// the same; the root exists and is durable. Safe from any thread.
///
/// A mapping shows what is written to its file later, as a real one does, and counts as failed once the file was cut
/// below a page of it. A crash leaves it as it is. Its bytes are not guarded against a write at the same time.
///
/// A test that cuts the power at every call hands the code under test a FaultyFileSystem over this one, and in its hook
/// takes a `clone()` of this one, which it crashes, opens anew and examines.
class MemoryFileSystem final : public FileSystem {
 public:
  MemoryFileSystem();
  ~MemoryFileSystem() override;

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::optional<FileStat>> stat(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, const std::string& owner) override;
  Result<Space> space(const std::string& path) override;

  /// Becomes what the disk may hold after a power cut. Open files fail from now on (kIo, errno EIO), locks are free.
  /// A rename inside one directory is lost or kept whole; one between two directories is two changes, each of which
  /// may be lost alone.
  void crash(SeededRandom& random, const CrashOptions& options = {});

  /// An independent copy, unsynced changes and all, with nothing open and nothing locked.
  std::unique_ptr<MemoryFileSystem> clone() const;

  /// What a failed sync leaves behind: the unsynced changes of the file or directory can still be seen, but no later
  /// sync brings them to the disk. A missing path is nothing to forget.
  void forget_unsynced(const std::string& path);

  /// Writes that would take the sum of all file sizes above this fail with kStorageFull after writing what fits.
  void set_capacity_bytes(std::uint64_t bytes);

 private:
  struct State;

  explicit MemoryFileSystem(std::shared_ptr<State> state);

  /// Shared with open files, which may outlive this object.
  std::shared_ptr<State> state_;
};

}  // namespace jade::io
