#include "meta/sqlite_vfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "base/check.h"

namespace jade::meta {
namespace {

std::string next_name() {
  static std::atomic<std::uint64_t> count = 0;
  return "jade-" + std::to_string(count.fetch_add(1));
}

}  // namespace

/// SQLite allocates the bytes and sees only the first member.
struct SqliteVfs::OpenFile {
  sqlite3_file base;
  SqliteVfs* vfs;
  std::unique_ptr<io::File> file;
  std::string path;
  /// The file may be new: its name becomes durable with its first bytes.
  bool directory_unsynced;
};

/// What SQLite calls. None of these may throw.
struct SqliteVfs::Callbacks {
  static OpenFile& of(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }
  static SqliteVfs& of(sqlite3_vfs* vfs) { return *static_cast<SqliteVfs*>(vfs->pAppData); }

  static int close(sqlite3_file* file) {
    of(file).~OpenFile();
    return SQLITE_OK;
  }

  static int read(sqlite3_file* file, void* out, int size, sqlite3_int64 offset) {
    const std::span bytes(static_cast<std::byte*>(out), static_cast<std::size_t>(size));
    auto got = of(file).file->read_at(static_cast<std::uint64_t>(offset), bytes);
    if (!got.ok()) return of(file).vfs->failed(std::move(got).error(), SQLITE_IOERR_READ);
    if (*got == bytes.size()) return SQLITE_OK;
    std::ranges::fill(bytes.subspan(*got), std::byte{0});
    return SQLITE_IOERR_SHORT_READ;
  }

  static int write(sqlite3_file* file, const void* in, int size, sqlite3_int64 offset) {
    SqliteVfs& vfs = *of(file).vfs;
    if (vfs.broken_) return SQLITE_IOERR_WRITE;
    const std::span bytes(static_cast<const std::byte*>(in), static_cast<std::size_t>(size));
    auto written = of(file).file->write_at(static_cast<std::uint64_t>(offset), bytes);
    if (written.ok()) return SQLITE_OK;
    return vfs.change_failed(std::move(written).error(), SQLITE_IOERR_WRITE);
  }

  static int truncate(sqlite3_file* file, sqlite3_int64 size) {
    SqliteVfs& vfs = *of(file).vfs;
    if (vfs.broken_) return SQLITE_IOERR_TRUNCATE;
    auto truncated = of(file).file->truncate(static_cast<std::uint64_t>(size));
    return truncated.ok() ? SQLITE_OK : vfs.change_failed(std::move(truncated).error(), SQLITE_IOERR_TRUNCATE);
  }

  static Result<void> sync_with_name(OpenFile& file) {
    JADE_RETURN_IF_ERROR(file.file->sync());
    if (!file.directory_unsynced) return {};
    JADE_RETURN_IF_ERROR(file.vfs->file_system_.sync_directory(io::parent_path(file.path)));
    file.directory_unsynced = false;
    return {};
  }

  static int sync(sqlite3_file* file, int /*flags*/) {
    SqliteVfs& vfs = *of(file).vfs;
    if (vfs.broken_) return SQLITE_IOERR_FSYNC;
    auto synced = sync_with_name(of(file));
    if (synced.ok()) return SQLITE_OK;
    return vfs.sync_failed(std::move(synced).error(), SQLITE_IOERR_FSYNC);
  }

  static int size(sqlite3_file* file, sqlite3_int64* out) {
    auto size = of(file).file->size();
    if (!size.ok()) return of(file).vfs->failed(std::move(size).error(), SQLITE_IOERR_FSTAT);
    *out = static_cast<sqlite3_int64>(*size);
    return SQLITE_OK;
  }

  static int lock(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }
  static int unlock(sqlite3_file* /*file*/, int /*level*/) { return SQLITE_OK; }
  static int check_reserved_lock(sqlite3_file* /*file*/, int* out) {
    *out = 0;
    return SQLITE_OK;
  }
  static int control(sqlite3_file* /*file*/, int /*operation*/, void* /*argument*/) { return SQLITE_NOTFOUND; }
  static int sector_bytes(sqlite3_file* /*file*/) { return 4096; }
  /// Claims nothing, so that SQLite assumes the worst of the disk.
  static int device_characteristics(sqlite3_file* /*file*/) { return 0; }

  static int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* out, int flags, int* out_flags) {
    out->pMethods = nullptr;
    SqliteVfs& self = of(vfs);
    // Temporary files have no name; they are kept in memory (temp_store).
    if (name == nullptr) return SQLITE_CANTOPEN;
    const bool may_create = (flags & SQLITE_OPEN_CREATE) != 0;
    auto file = self.file_system_.open(name, may_create ? io::OpenMode::kCreate : io::OpenMode::kReadWrite);
    if (!file.ok()) return self.failed(std::move(file).error(), SQLITE_CANTOPEN);
    auto* opened = new (out) OpenFile{
        .base = {}, .vfs = &self, .file = std::move(file).value(), .path = name, .directory_unsynced = may_create};
    opened->base.pMethods = &kMethods;
    if (out_flags != nullptr) *out_flags = flags;
    return SQLITE_OK;
  }

  static int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
    SqliteVfs& self = of(vfs);
    if (self.broken_) return SQLITE_IOERR_DELETE;
    auto present = self.file_system_.stat(name);
    if (!present.ok()) return self.failed(std::move(present).error(), SQLITE_IOERR_DELETE);
    if (!present->has_value()) return SQLITE_IOERR_DELETE_NOENT;
    if (auto removed = self.file_system_.remove(name); !removed.ok()) {
      return self.change_failed(std::move(removed).error(), SQLITE_IOERR_DELETE);
    }
    if (sync_directory == 0) return SQLITE_OK;
    auto synced = self.file_system_.sync_directory(io::parent_path(name));
    if (synced.ok()) return SQLITE_OK;
    return self.sync_failed(std::move(synced).error(), SQLITE_IOERR_DIR_FSYNC);
  }

  static int access(sqlite3_vfs* vfs, const char* name, int /*flags*/, int* out) {
    auto present = of(vfs).file_system_.stat(name);
    if (!present.ok()) return of(vfs).failed(std::move(present).error(), SQLITE_IOERR_ACCESS);
    *out = present->has_value() ? 1 : 0;
    return SQLITE_OK;
  }

  static int full_path(sqlite3_vfs* vfs, const char* name, int size, char* out) {
    const std::size_t length = std::strlen(name) + 1;
    if (length > static_cast<std::size_t>(size)) {
      return of(vfs).failed(Error(ErrorCode::kInvalidArgument, "the path is too long"), SQLITE_CANTOPEN);
    }
    std::memcpy(out, name, length);
    return SQLITE_OK;
  }

  static int randomness(sqlite3_vfs* vfs, int size, char* out) {
    of(vfs).random_.fill(std::as_writable_bytes(std::span(out, static_cast<std::size_t>(size))));
    return size;
  }

  /// Waits for no one: only a lock would make SQLite sleep.
  static int sleep(sqlite3_vfs* /*vfs*/, int /*microseconds*/) { return 0; }

  /// Milliseconds since noon of 24 November 4714 BC, as SQLite counts.
  static int current_time(sqlite3_vfs* vfs, sqlite3_int64* out) {
    constexpr sqlite3_int64 kUnixEpochMs = 210866760000000;
    const auto since_1970 = of(vfs).clock_.wall_now().time_since_epoch();
    *out = kUnixEpochMs + std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
    return SQLITE_OK;
  }

  static int last_error(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*out*/) { return 0; }

  /// Version 1: no shared memory, no mapping.
  static constexpr sqlite3_io_methods kMethods = {.iVersion = 1,
                                                  .xClose = &close,
                                                  .xRead = &read,
                                                  .xWrite = &write,
                                                  .xTruncate = &truncate,
                                                  .xSync = &sync,
                                                  .xFileSize = &size,
                                                  .xLock = &lock,
                                                  .xUnlock = &unlock,
                                                  .xCheckReservedLock = &check_reserved_lock,
                                                  .xFileControl = &control,
                                                  .xSectorSize = &sector_bytes,
                                                  .xDeviceCharacteristics = &device_characteristics,
                                                  .xShmMap = nullptr,
                                                  .xShmLock = nullptr,
                                                  .xShmBarrier = nullptr,
                                                  .xShmUnmap = nullptr,
                                                  .xFetch = nullptr,
                                                  .xUnfetch = nullptr};
};

SqliteVfs::SqliteVfs(io::FileSystem& file_system, Clock& clock, Random& random)
    : file_system_(file_system),
      clock_(clock),
      random_(random),
      name_(next_name()),
      vfs_(std::make_unique<sqlite3_vfs>()) {
  vfs_->iVersion = 2;
  vfs_->szOsFile = sizeof(OpenFile);
  vfs_->mxPathname = 4096;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->xOpen = &Callbacks::open;
  vfs_->xDelete = &Callbacks::remove;
  vfs_->xAccess = &Callbacks::access;
  vfs_->xFullPathname = &Callbacks::full_path;
  vfs_->xRandomness = &Callbacks::randomness;
  vfs_->xSleep = &Callbacks::sleep;
  vfs_->xGetLastError = &Callbacks::last_error;
  vfs_->xCurrentTimeInt64 = &Callbacks::current_time;
  const int code = sqlite3_vfs_register(vfs_.get(), 0);
  JADE_CHECK(code == SQLITE_OK, "SQLite cannot be initialised");
}

SqliteVfs::~SqliteVfs() { sqlite3_vfs_unregister(vfs_.get()); }

int SqliteVfs::failed(Error error, int sqlite_code) {
  error_ = std::move(error);
  return sqlite_code;
}

int SqliteVfs::change_failed(Error error, int sqlite_code) {
  broken_ = error.code() != ErrorCode::kStorageFull;
  return failed(std::move(error), sqlite_code);
}

int SqliteVfs::sync_failed(Error error, int sqlite_code) {
  broken_ = true;
  return failed(std::move(error), sqlite_code);
}

}  // namespace jade::meta
