// A file system that fails when it is told to, and remembers what it was asked. For tests.
#pragma once

#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "io/file_system.h"

namespace jade::io {

class MemoryFileSystem;

enum class CallKind : std::uint8_t {
  kOpen,
  kRead,
  kWrite,
  kSize,
  kTruncate,
  kSync,
  kStat,
  kRename,
  kRemove,
  kCreateDirectories,
  kList,
  kSyncDirectory,
  kLock,
  kSpace,
  kMap,
  kAllocate,
};

std::string_view call_kind_name(CallKind kind);

/// One call as it was made; it may have failed.
struct Call {
  CallKind kind = CallKind::kOpen;
  /// Of a rename: the old name.
  std::string path = {};
  std::uint64_t offset = 0;
  /// Bytes asked for by a read, write or allocate; the new size of a truncate.
  std::uint64_t bytes = 0;
};

/// Which call fails, and how.
struct Fault {
  /// The first, second, … call that matches `kind` and `path_contains`, counted from when the fault was set.
  std::uint64_t nth = 1;
  /// Only calls of this kind; nullopt: of any.
  std::optional<CallKind> kind = {};
  /// Only calls whose path contains this.
  std::string path_contains = {};
  int errno_value = EIO;
  /// Every matching call after the n-th fails too.
  bool for_good = false;
  /// A failing write first writes this many of its bytes.
  std::uint64_t short_bytes = 0;
};

/// Passes calls on to another file system, which must outlive it as it must outlive the files that it opened. Over a
/// MemoryFileSystem a failed sync loses what it should have synced, as a disk does. Safe from any thread.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& base);
  explicit FaultyFileSystem(MemoryFileSystem& base);
  ~FaultyFileSystem() override;

  /// Replaces the fault that is set, if any.
  void set_fault(Fault fault) JADE_EXCLUDES(mutex_);
  void clear_fault() JADE_EXCLUDES(mutex_);
  /// How many calls failed because of a fault.
  std::uint64_t failures() const JADE_EXCLUDES(mutex_);

  /// Runs before every call, in the calling thread, with no lock held. Set it while nothing else calls.
  void set_hook(std::function<void(const Call&)> hook) { hook_ = std::move(hook); }

  /// All calls since the start or the last `clear_calls`, in order.
  std::vector<Call> calls() const JADE_EXCLUDES(mutex_);
  std::uint64_t count(CallKind kind) const JADE_EXCLUDES(mutex_);
  void clear_calls() JADE_EXCLUDES(mutex_);

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override;
  Result<std::optional<FileStat>> stat(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> create_directories(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::unique_ptr<FileLock>> lock(const std::string& path, const std::string& owner) override;
  Result<Space> space(const std::string& path) override;

 private:
  class FaultyFile;

  /// Records the call. The fault when the call has to fail, and nullopt when it goes through.
  std::optional<Fault> begin(Call call) JADE_EXCLUDES(mutex_);
  Result<void> begin_or_fail(Call call) JADE_EXCLUDES(mutex_);
  void forget_unsynced(const std::string& path);

  FileSystem& base_;
  MemoryFileSystem* const memory_ = nullptr;
  std::function<void(const Call&)> hook_;

  mutable Mutex mutex_;
  std::optional<Fault> fault_ JADE_GUARDED_BY(mutex_);
  /// Calls that matched the fault since it was set.
  std::uint64_t matched_ JADE_GUARDED_BY(mutex_) = 0;
  std::uint64_t failures_ JADE_GUARDED_BY(mutex_) = 0;
  std::vector<Call> calls_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade::io
