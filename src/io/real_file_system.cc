#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "io/bus_error_guard.h"
#include "io/file_system.h"
#include "io/io_error.h"
#include "io/transfer.h"

namespace jade::io {
namespace {

/// Owns a descriptor. What close returns is not looked at: what had to be durable was synced before.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ != -1) ::close(fd_);
  }

  int get() const { return fd_; }

 private:
  int fd_;
};

Result<Descriptor> open_descriptor(const std::string& path, int flags, std::string_view doing) {
  const int fd = retry_interrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
  if (fd == -1) return io_error(errno, doing, path);
  return Descriptor(fd);
}

int flags_of(OpenMode mode) {
  switch (mode) {
    case OpenMode::kRead:
      return O_RDONLY;
    case OpenMode::kReadWrite:
      return O_RDWR;
    case OpenMode::kCreate:
      return O_RDWR | O_CREAT;
    case OpenMode::kCreateNew:
      break;
  }
  return O_RDWR | O_CREAT | O_EXCL;
}

Result<void> checked(int result, std::string_view doing, const std::string& path) {
  if (result == -1) return io_error(errno, doing, path);
  return {};
}

Result<std::size_t> read_descriptor(int fd, std::uint64_t offset, std::span<std::byte> out, const std::string& path) {
  const auto got = transfer_all(out.size(), [&](std::size_t done) {
    return ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
  });
  if (!got) return io_error(got.error(), "reading", path);
  return *got;
}

Result<void> write_descriptor(int fd, std::uint64_t offset, std::span<const std::byte> bytes, const std::string& path) {
  const auto put = transfer_all(bytes.size(), [&](std::size_t done) {
    return ::pwrite(fd, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
  });
  if (!put) return io_error(put.error(), "writing", path);
  return {};
}

class RealMapping final : public Mapping {
 public:
  explicit RealMapping(std::span<std::byte> pages) : Mapping(pages), pages_(pages), guard_(std::in_place, pages) {}
  ~RealMapping() override {
    // Before the addresses can be another mapping's.
    guard_.reset();
    ::munmap(pages_.data(), pages_.size());
  }

  bool failed() const override { return guard_->failed(); }
  // The advice may be refused: the pages come when they are touched all the same.
  void will_need(std::uint64_t offset, std::uint64_t count) override {
    const std::uint64_t begin = offset / kPageBytes * kPageBytes;
    ::madvise(pages_.data() + begin, offset + count - begin, MADV_WILLNEED);
  }
  void random_access() override { ::madvise(pages_.data(), pages_.size(), MADV_RANDOM); }

 private:
  // Larger pages than that make the advice fail, no more.
  static constexpr std::uint64_t kPageBytes = 4096;

  const std::span<std::byte> pages_;
  std::optional<BusErrorGuard> guard_;
};

/// An empty file cannot be mapped.
class EmptyMapping final : public Mapping {
 public:
  EmptyMapping() : Mapping({}) {}
  bool failed() const override { return false; }
  void will_need(std::uint64_t, std::uint64_t) override {}
  void random_access() override {}
};

class RealFile final : public File {
 public:
  RealFile(Descriptor descriptor, std::string path) : descriptor_(std::move(descriptor)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) override {
    return read_descriptor(descriptor_.get(), offset, out, path_);
  }
  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    return write_descriptor(descriptor_.get(), offset, bytes, path_);
  }
  Result<std::uint64_t> size() override {
    struct stat status = {};
    JADE_RETURN_IF_ERROR(checked(::fstat(descriptor_.get(), &status), "measuring", path_));
    return static_cast<std::uint64_t>(status.st_size);
  }
  Result<void> truncate(std::uint64_t size) override {
    const int result = retry_interrupted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); });
    return checked(result, "truncating", path_);
  }
  Result<void> allocate(std::uint64_t bytes) override {
    const int result = retry_interrupted([&] {
      // Unlike the others it returns what is wrong.
      errno = ::posix_fallocate(descriptor_.get(), 0, static_cast<off_t>(bytes));
      return errno == 0 ? 0 : -1;
    });
    return checked(result, "allocating", path_);
  }
  // An interrupted sync is a failed one: nobody knows what became of the pages that it had taken.
  Result<void> sync() override { return checked(::fdatasync(descriptor_.get()), "syncing", path_); }
  Result<std::unique_ptr<Mapping>> map() override {
    JADE_ASSIGN_OR_RETURN(const std::uint64_t bytes, size());
    if (bytes == 0) return std::make_unique<EmptyMapping>();
    void* pages = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, descriptor_.get(), 0);
    if (pages == MAP_FAILED) return io_error(errno, "mapping", path_);
    return std::make_unique<RealMapping>(std::span(static_cast<std::byte*>(pages), bytes));
  }

 private:
  Descriptor descriptor_;
  const std::string path_;
};

/// The lock goes with the descriptor. The file stays: removing it would let two processes lock two files of one name.
class RealFileLock final : public FileLock {
 public:
  explicit RealFileLock(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Descriptor descriptor_;
};

Result<std::string> read_owner(int fd, const std::string& path) {
  constexpr std::size_t kOwnerBytesMax = 1024;
  std::string owner(kOwnerBytesMax, '\0');
  JADE_ASSIGN_OR_RETURN(const std::size_t size, read_descriptor(fd, 0, std::as_writable_bytes(std::span(owner)), path));
  owner.resize(size);
  return owner;
}

class RealFileSystem final : public FileSystem {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode) override {
    auto descriptor = open_descriptor(path, flags_of(mode), "opening");
    if (!descriptor.ok()) {
      if (mode == OpenMode::kCreateNew && errno_of(descriptor.error()) == EEXIST) {
        return Error(ErrorCode::kAlreadyExists, descriptor.error().message()).with("errno", std::int64_t{EEXIST});
      }
      return std::move(descriptor).error();
    }
    struct stat status = {};
    JADE_RETURN_IF_ERROR(checked(::fstat(descriptor->get(), &status), "opening", path));
    // Opening a directory for reading succeeds, and only reading it fails.
    if (S_ISDIR(status.st_mode)) return io_error(EISDIR, "opening", path);
    return std::make_unique<RealFile>(std::move(descriptor).value(), path);
  }

  Result<std::optional<FileStat>> stat(const std::string& path) override {
    struct stat status = {};
    if (::stat(path.c_str(), &status) == -1) {
      if (errno == ENOENT || errno == ENOTDIR) return std::optional<FileStat>();
      return io_error(errno, "looking at", path);
    }
    return std::optional(
        FileStat{.size = static_cast<std::uint64_t>(status.st_size), .is_directory = S_ISDIR(status.st_mode)});
  }

  Result<void> rename(const std::string& from, const std::string& to) override {
    return checked(::rename(from.c_str(), to.c_str()), "renaming to " + to, from);
  }

  Result<void> remove(const std::string& path) override { return checked(std::remove(path.c_str()), "removing", path); }

  Result<void> create_directories(const std::string& path) override {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) return io_error(code.value(), "creating directory", path);
    return {};
  }

  Result<std::vector<std::string>> list(const std::string& path) override {
    std::vector<std::string> names;
    std::error_code code;
    std::filesystem::directory_iterator entry(path, code);
    for (; entry != std::filesystem::directory_iterator(); entry.increment(code)) {
      names.push_back(entry->path().filename().string());
    }
    // An iterator that failed equals the end.
    if (code) return io_error(code.value(), "listing", path);
    std::ranges::sort(names);
    return names;
  }

  Result<void> sync_directory(const std::string& path) override {
    JADE_ASSIGN_OR_RETURN(const Descriptor descriptor,
                          open_descriptor(path, O_RDONLY | O_DIRECTORY, "syncing directory"));
    return checked(::fsync(descriptor.get()), "syncing directory", path);
  }

  Result<std::unique_ptr<FileLock>> lock(const std::string& path, const std::string& owner) override {
    JADE_ASSIGN_OR_RETURN(Descriptor descriptor, open_descriptor(path, O_RDWR | O_CREAT, "locking"));
    if (::flock(descriptor.get(), LOCK_EX | LOCK_NB) == -1) {
      if (errno != EWOULDBLOCK) return io_error(errno, "locking", path);
      JADE_ASSIGN_OR_RETURN(std::string holder, read_owner(descriptor.get(), path));
      return lock_held_error(path, std::move(holder));
    }
    JADE_RETURN_IF_ERROR(checked(::ftruncate(descriptor.get(), 0), "locking", path));
    JADE_RETURN_IF_ERROR(write_descriptor(descriptor.get(), 0, std::as_bytes(std::span(owner)), path));
    return std::make_unique<RealFileLock>(std::move(descriptor));
  }

  Result<Space> space(const std::string& path) override {
    struct statvfs status = {};
    JADE_RETURN_IF_ERROR(checked(::statvfs(path.c_str(), &status), "measuring space of", path));
    return Space{.total_bytes = status.f_blocks * status.f_frsize,
                 .available_bytes = status.f_bavail * status.f_frsize};
  }
};

}  // namespace

FileSystem& real_file_system() {
  static RealFileSystem file_system;
  return file_system;
}

}  // namespace jade::io
