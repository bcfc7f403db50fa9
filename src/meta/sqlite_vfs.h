// SQLite's files through our FileSystem, so that our crash and fault tests cover them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/random.h"
#include "io/file_system.h"

struct sqlite3_vfs;

namespace jade::meta {

/// Registers itself with SQLite under a name of its own and goes when destroyed; no connection may outlive it. For
/// connections of one process with exclusive locking: it has no locks (the data directory's lock guards the files) and
/// no shared memory. One thread at a time.
///
/// After a failed sync, or a write that failed for another reason than a full disk, nobody knows what the disk holds:
/// from then on nothing is written, synced or removed.
class SqliteVfs {
 public:
  SqliteVfs(io::FileSystem& file_system, Clock& clock, Random& random);
  ~SqliteVfs();
  SqliteVfs(const SqliteVfs&) = delete;
  SqliteVfs& operator=(const SqliteVfs&) = delete;

  const char* name() const { return name_.c_str(); }

  bool broken() const { return broken_; }
  /// Why the last call of SQLite failed, if a file was to blame; forgets it.
  std::optional<Error> take_error() { return std::exchange(error_, std::nullopt); }

 private:
  struct OpenFile;
  struct Callbacks;

  /// Keeps the error for `take_error` and returns `sqlite_code`.
  int failed(Error error, int sqlite_code);
  int change_failed(Error error, int sqlite_code);
  int sync_failed(Error error, int sqlite_code);

  io::FileSystem& file_system_;
  Clock& clock_;
  Random& random_;
  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  std::optional<Error> error_;
  bool broken_ = false;
};

}  // namespace jade::meta
