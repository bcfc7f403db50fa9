#include "io/faulty_file_system.h"

#include <algorithm>
#include <array>
#include <utility>

#include "io/io_error.h"
#include "io/memory_file_system.h"

namespace jade::io {

std::string_view call_kind_name(CallKind kind) {
  constexpr std::array<std::string_view, 16> kNames = {
      "open",    "read",           "write",  "size",   "truncate",
      "sync",    "stat",           "rename", "remove", "create_directories",
      "list",    "sync_directory", "lock",   "space",  "map",
      "allocate"};
  return kNames[static_cast<std::size_t>(kind)];
}

class FaultyFileSystem::FaultyFile final : public File {
 public:
  FaultyFile(FaultyFileSystem& owner, std::unique_ptr<File> base, std::string path)
      : owner_(owner), base_(std::move(base)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) override {
    JADE_RETURN_IF_ERROR(
        owner_.begin_or_fail({.kind = CallKind::kRead, .path = path_, .offset = offset, .bytes = out.size()}));
    return base_->read_at(offset, out);
  }

  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const auto fault = owner_.begin({.kind = CallKind::kWrite, .path = path_, .offset = offset, .bytes = bytes.size()});
    if (!fault) return base_->write_at(offset, bytes);
    const std::size_t written = std::min<std::size_t>(fault->short_bytes, bytes.size());
    JADE_RETURN_IF_ERROR(base_->write_at(offset, bytes.first(written)));
    return io_error(fault->errno_value, "writing", path_);
  }

  Result<std::uint64_t> size() override {
    JADE_RETURN_IF_ERROR(owner_.begin_or_fail({.kind = CallKind::kSize, .path = path_}));
    return base_->size();
  }

  Result<void> truncate(std::uint64_t size) override {
    JADE_RETURN_IF_ERROR(owner_.begin_or_fail({.kind = CallKind::kTruncate, .path = path_, .bytes = size}));
    return base_->truncate(size);
  }

  Result<void> allocate(std::uint64_t bytes) override {
    JADE_RETURN_IF_ERROR(owner_.begin_or_fail({.kind = CallKind::kAllocate, .path = path_, .bytes = bytes}));
    return base_->allocate(bytes);
  }

  Result<void> sync() override {
    if (auto begun = owner_.begin_or_fail({.kind = CallKind::kSync, .path = path_}); !begun.ok()) {
      owner_.forget_unsynced(path_);
      return begun;
    }
    return base_->sync();
  }

  Result<std::unique_ptr<Mapping>> map() override {
    JADE_RETURN_IF_ERROR(owner_.begin_or_fail({.kind = CallKind::kMap, .path = path_}));
    return base_->map();
  }

 private:
  FaultyFileSystem& owner_;
  const std::unique_ptr<File> base_;
  const std::string path_;
};

FaultyFileSystem::FaultyFileSystem(FileSystem& base) : base_(base) {}
FaultyFileSystem::FaultyFileSystem(MemoryFileSystem& base) : base_(base), memory_(&base) {}
FaultyFileSystem::~FaultyFileSystem() = default;

void FaultyFileSystem::set_fault(Fault fault) {
  const MutexLock lock(mutex_);
  fault_ = std::move(fault);
  matched_ = 0;
}

void FaultyFileSystem::clear_fault() {
  const MutexLock lock(mutex_);
  fault_.reset();
}

std::uint64_t FaultyFileSystem::failures() const {
  const MutexLock lock(mutex_);
  return failures_;
}

std::vector<Call> FaultyFileSystem::calls() const {
  const MutexLock lock(mutex_);
  return calls_;
}

std::uint64_t FaultyFileSystem::count(CallKind kind) const {
  const MutexLock lock(mutex_);
  return static_cast<std::uint64_t>(std::ranges::count(calls_, kind, &Call::kind));
}

void FaultyFileSystem::clear_calls() {
  const MutexLock lock(mutex_);
  calls_.clear();
}

std::optional<Fault> FaultyFileSystem::begin(Call call) {
  if (hook_) hook_(call);
  const MutexLock lock(mutex_);
  calls_.push_back(std::move(call));
  const Call& made = calls_.back();
  if (!fault_) return std::nullopt;
  if (fault_->kind.value_or(made.kind) != made.kind) return std::nullopt;
  if (!made.path.contains(fault_->path_contains)) return std::nullopt;
  ++matched_;
  if (matched_ != fault_->nth && !(fault_->for_good && matched_ > fault_->nth)) return std::nullopt;
  ++failures_;
  return fault_;
}

Result<void> FaultyFileSystem::begin_or_fail(Call call) {
  const std::string doing(call_kind_name(call.kind));
  const std::string path = call.path;
  if (const auto fault = begin(std::move(call))) return io_error(fault->errno_value, doing, path);
  return {};
}

void FaultyFileSystem::forget_unsynced(const std::string& path) {
  if (memory_ != nullptr) memory_->forget_unsynced(path);
}

Result<std::unique_ptr<File>> FaultyFileSystem::open(const std::string& path, OpenMode mode) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kOpen, .path = path}));
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<File> file, base_.open(path, mode));
  return std::make_unique<FaultyFile>(*this, std::move(file), path);
}

Result<std::optional<FileStat>> FaultyFileSystem::stat(const std::string& path) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kStat, .path = path}));
  return base_.stat(path);
}

Result<void> FaultyFileSystem::rename(const std::string& from, const std::string& to) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kRename, .path = from}));
  return base_.rename(from, to);
}

Result<void> FaultyFileSystem::remove(const std::string& path) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kRemove, .path = path}));
  return base_.remove(path);
}

Result<void> FaultyFileSystem::create_directories(const std::string& path) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kCreateDirectories, .path = path}));
  return base_.create_directories(path);
}

Result<std::vector<std::string>> FaultyFileSystem::list(const std::string& path) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kList, .path = path}));
  return base_.list(path);
}

Result<void> FaultyFileSystem::sync_directory(const std::string& path) {
  if (auto begun = begin_or_fail({.kind = CallKind::kSyncDirectory, .path = path}); !begun.ok()) {
    forget_unsynced(path);
    return begun;
  }
  return base_.sync_directory(path);
}

Result<std::unique_ptr<FileLock>> FaultyFileSystem::lock(const std::string& path, const std::string& owner) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kLock, .path = path}));
  return base_.lock(path, owner);
}

Result<Space> FaultyFileSystem::space(const std::string& path) {
  JADE_RETURN_IF_ERROR(begin_or_fail({.kind = CallKind::kSpace, .path = path}));
  return base_.space(path);
}

}  // namespace jade::io
