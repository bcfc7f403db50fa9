#include "io/memory_file_system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>
#include <span>
#include <utility>

#include "base/mutex.h"
#include "io/cached_file.h"
#include "io/io_error.h"
#include "io/memory_mapping.h"

namespace jade::io {
namespace {

/// Above this a size is a mistake of ours: a real file system says EFBIG too, only later.
constexpr std::uint64_t kFileBytesMax = std::uint64_t{1} << 34;

struct Node;
using NodePointer = std::shared_ptr<Node>;
using Entries = std::map<std::string, NodePointer, std::less<>>;

/// Names and what they mean from now on; nullptr where the name goes. Survives a crash whole or not at all.
using EntryChange = std::vector<std::pair<std::string, NodePointer>>;

void apply_change(const EntryChange& change, Entries& entries) {
  for (const auto& [name, node] : change) {
    if (node == nullptr) {
      entries.erase(name);
    } else {
      entries.insert_or_assign(name, node);
    }
  }
}

/// A file or a directory.
struct Node {
  bool is_directory = false;
  CachedFile file;
  Entries entries;
  Entries disk_entries;
  std::vector<EntryChange> changes;
  MemoryMappings mappings;

  void write(std::uint64_t offset, std::span<const std::byte> bytes) {
    file.write(offset, bytes);
    mappings.write(offset, bytes);
  }
  void truncate(std::uint64_t size) {
    file.truncate(size);
    mappings.truncate(size);
  }
  void change(EntryChange entry_change) {
    apply_change(entry_change, entries);
    changes.push_back(std::move(entry_change));
  }
  void sync_entries() {
    for (const EntryChange& entry_change : changes) apply_change(entry_change, disk_entries);
    changes.clear();
  }
};

NodePointer new_node(bool is_directory) {
  auto node = std::make_shared<Node>();
  node->is_directory = is_directory;
  return node;
}

std::vector<std::string> components(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(slash + 1, path.size()));
  }
  return parts;
}

/// A name and the directory that it is or would be in.
struct Place {
  NodePointer directory;
  std::string name;
  NodePointer node;  ///< nullptr: absent.
};

NodePointer child(const Node& directory, std::string_view name) {
  const auto found = directory.entries.find(name);
  return found == directory.entries.end() ? nullptr : found->second;
}

std::uint64_t bytes_below(const Node& node) {
  std::uint64_t bytes = node.file.size();
  for (const auto& [name, entry] : node.entries) bytes += bytes_below(*entry);
  return bytes;
}

bool contains(const Node& directory, const Node* wanted) {
  return &directory == wanted || std::ranges::any_of(directory.entries, [wanted](const auto& entry) {
    return contains(*entry.second, wanted);
  });
}

/// Why `from` cannot become `to`, as errno, or 0.
int rename_conflict(const Place& from, const Place& to) {
  if (from.node == nullptr) return ENOENT;
  if (from.node->is_directory && contains(*from.node, to.directory.get())) return EINVAL;
  if (to.node == nullptr) return 0;
  if (from.node->is_directory && !to.node->is_directory) return ENOTDIR;
  if (!from.node->is_directory && to.node->is_directory) return EISDIR;
  return to.node->entries.empty() ? 0 : ENOTEMPTY;
}

void crash_node(Node& node, SeededRandom& random, const CrashOptions& options, std::set<const Node*>& seen) {
  if (!seen.insert(&node).second) return;
  node.file.crash(random, options);
  // Whole directories are often lost or kept together: a chance of their own for both.
  CrashFate fate = options.entries;
  if (fate == CrashFate::kRandom) {
    fate = std::array{CrashFate::kDropped, CrashFate::kKept, CrashFate::kRandom}[random.next_below(3)];
  }
  for (const EntryChange& change : node.changes) {
    const bool kept = fate == CrashFate::kKept || (fate == CrashFate::kRandom && random.next_below(2) == 0);
    if (kept) apply_change(change, node.disk_entries);
  }
  node.changes.clear();
  node.entries = node.disk_entries;
  for (const auto& [name, entry] : node.entries) crash_node(*entry, random, options, seen);
}

/// Copies a tree so that a node with several names or places in the history of names stays one node.
class TreeCopy {
 public:
  NodePointer copy(const NodePointer& node) {
    if (node == nullptr) return nullptr;
    NodePointer& made = made_[node.get()];
    if (made != nullptr) return made;
    const NodePointer result = made = new_node(node->is_directory);
    result->file = node->file;
    result->entries = copy(node->entries);
    result->disk_entries = copy(node->disk_entries);
    for (const EntryChange& change : node->changes) {
      EntryChange& changed = result->changes.emplace_back();
      for (const auto& [name, entry] : change) changed.emplace_back(name, copy(entry));
    }
    return result;
  }

 private:
  Entries copy(const Entries& entries) {
    Entries copied;
    for (const auto& [name, entry] : entries) copied.emplace(name, copy(entry));
    return copied;
  }

  std::map<const Node*, NodePointer> made_;
};

}  // namespace

struct MemoryFileSystem::State {
  mutable Mutex mutex;
  NodePointer root JADE_GUARDED_BY(mutex) = new_node(true);
  /// Counts crashes: what was opened before the last one is dead.
  std::uint64_t generation JADE_GUARDED_BY(mutex) = 0;
  std::set<const Node*> locked JADE_GUARDED_BY(mutex);
  std::optional<std::uint64_t> capacity_bytes JADE_GUARDED_BY(mutex);

  Result<Place> find(const std::string& path, std::string_view doing) const JADE_REQUIRES(mutex);
  Result<NodePointer> find_directory(const std::string& path, std::string_view doing) const JADE_REQUIRES(mutex);
  Result<NodePointer> open_node(const std::string& path, OpenMode mode) JADE_REQUIRES(mutex);
  std::uint64_t bytes_left(std::uint64_t wanted) const JADE_REQUIRES(mutex);

  class OpenFile;
  class HeldLock;
};

Result<Place> MemoryFileSystem::State::find(const std::string& path, std::string_view doing) const {
  const std::vector<std::string> parts = components(path);
  // The root has no name to make, move or remove.
  if (parts.empty()) return io_error(EISDIR, doing, path);
  NodePointer directory = root;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    directory = child(*directory, parts[i]);
    if (directory == nullptr) return io_error(ENOENT, doing, path);
    if (!directory->is_directory) return io_error(ENOTDIR, doing, path);
  }
  NodePointer node = child(*directory, parts.back());
  return Place{.directory = std::move(directory), .name = parts.back(), .node = std::move(node)};
}

Result<NodePointer> MemoryFileSystem::State::find_directory(const std::string& path, std::string_view doing) const {
  if (components(path).empty()) return root;
  JADE_ASSIGN_OR_RETURN(const Place place, find(path, doing));
  if (place.node == nullptr) return io_error(ENOENT, doing, path);
  if (!place.node->is_directory) return io_error(ENOTDIR, doing, path);
  return place.node;
}

Result<NodePointer> MemoryFileSystem::State::open_node(const std::string& path, OpenMode mode) {
  JADE_ASSIGN_OR_RETURN(const Place place, find(path, "opening"));
  const bool may_create = mode == OpenMode::kCreate || mode == OpenMode::kCreateNew;
  if (place.node == nullptr) {
    if (!may_create) return io_error(ENOENT, "opening", path);
    NodePointer created = new_node(false);
    place.directory->change({{place.name, created}});
    return created;
  }
  if (mode == OpenMode::kCreateNew) {
    return Error(ErrorCode::kAlreadyExists, io_error(EEXIST, "opening", path).message())
        .with("errno", std::int64_t{EEXIST});
  }
  if (place.node->is_directory) return io_error(EISDIR, "opening", path);
  return place.node;
}

std::uint64_t MemoryFileSystem::State::bytes_left(std::uint64_t wanted) const {
  if (!capacity_bytes) return wanted;
  const std::uint64_t used = bytes_below(*root);
  return std::min(wanted, *capacity_bytes - std::min(*capacity_bytes, used));
}

class MemoryFileSystem::State::OpenFile final : public File {
 public:
  OpenFile(std::shared_ptr<State> state, NodePointer node, std::string path, bool writable) JADE_REQUIRES(state->mutex)
      : state_(std::move(state)),
        generation_(state_->generation),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(writable) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> out) override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("reading"));
    return node_->file.read(offset, out);
  }

  Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("writing"));
    if (!writable_) return io_error(EBADF, "writing", path_);
    if (offset > kFileBytesMax || bytes.size() > kFileBytesMax - offset) return io_error(EFBIG, "writing", path_);
    const std::uint64_t size = node_->file.size();
    const std::uint64_t end = offset + bytes.size();
    const std::uint64_t growth = end > size ? end - size : 0;
    const std::uint64_t missing = std::min<std::uint64_t>(growth - state_->bytes_left(growth), bytes.size());
    node_->write(offset, bytes.first(bytes.size() - missing));
    if (missing > 0) return io_error(ENOSPC, "writing", path_);
    return {};
  }

  Result<std::uint64_t> size() override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("measuring"));
    return node_->file.size();
  }

  Result<void> truncate(std::uint64_t size) override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("truncating"));
    if (!writable_) return io_error(EINVAL, "truncating", path_);
    if (size > kFileBytesMax) return io_error(EFBIG, "truncating", path_);
    node_->truncate(size);
    return {};
  }

  Result<void> allocate(std::uint64_t bytes) override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("allocating"));
    if (!writable_) return io_error(EBADF, "allocating", path_);
    if (bytes > kFileBytesMax) return io_error(EFBIG, "allocating", path_);
    const std::uint64_t size = node_->file.size();
    if (bytes <= size) return {};
    if (state_->bytes_left(bytes - size) < bytes - size) return io_error(ENOSPC, "allocating", path_);
    node_->file.truncate(bytes);
    return {};
  }

  Result<void> sync() override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("syncing"));
    node_->file.sync();
    return {};
  }

  Result<std::unique_ptr<Mapping>> map() override {
    const MutexLock lock(state_->mutex);
    JADE_RETURN_IF_ERROR(check_alive("mapping"));
    return node_->mappings.map(node_->file);
  }

 private:
  Result<void> check_alive(std::string_view doing) const JADE_REQUIRES(state_->mutex) {
    if (generation_ != state_->generation) return io_error(EIO, doing, path_);
    return {};
  }

  const std::shared_ptr<State> state_;
  const std::uint64_t generation_;
  const NodePointer node_;
  const std::string path_;
  const bool writable_;
};

class MemoryFileSystem::State::HeldLock final : public FileLock {
 public:
  HeldLock(std::shared_ptr<State> state, NodePointer node) JADE_REQUIRES(state->mutex)
      : state_(std::move(state)), generation_(state_->generation), node_(std::move(node)) {
    state_->locked.insert(node_.get());
  }
  ~HeldLock() override {
    const MutexLock lock(state_->mutex);
    // After a crash another may hold a lock of the same name.
    if (generation_ == state_->generation) state_->locked.erase(node_.get());
  }

 private:
  const std::shared_ptr<State> state_;
  const std::uint64_t generation_;
  const NodePointer node_;
};

MemoryFileSystem::MemoryFileSystem() : state_(std::make_shared<State>()) {}
MemoryFileSystem::MemoryFileSystem(std::shared_ptr<State> state) : state_(std::move(state)) {}
MemoryFileSystem::~MemoryFileSystem() = default;

Result<std::unique_ptr<File>> MemoryFileSystem::open(const std::string& path, OpenMode mode) {
  const MutexLock lock(state_->mutex);
  JADE_ASSIGN_OR_RETURN(NodePointer node, state_->open_node(path, mode));
  return std::make_unique<State::OpenFile>(state_, std::move(node), path, mode != OpenMode::kRead);
}

Result<std::optional<FileStat>> MemoryFileSystem::stat(const std::string& path) {
  const MutexLock lock(state_->mutex);
  if (components(path).empty()) return std::optional(FileStat{.size = 0, .is_directory = true});
  const auto place = state_->find(path, "looking at");
  if (!place.ok() || place->node == nullptr) return std::optional<FileStat>();
  return std::optional(FileStat{.size = place->node->file.size(), .is_directory = place->node->is_directory});
}

Result<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const MutexLock lock(state_->mutex);
  JADE_ASSIGN_OR_RETURN(const Place source, state_->find(from, "renaming"));
  JADE_ASSIGN_OR_RETURN(const Place target, state_->find(to, "renaming to"));
  if (const int conflict = rename_conflict(source, target); conflict != 0) {
    return io_error(conflict, "renaming to " + to, from);
  }
  if (source.node == target.node) return {};
  if (source.directory == target.directory) {
    source.directory->change({{source.name, nullptr}, {target.name, source.node}});
  } else {
    source.directory->change({{source.name, nullptr}});
    target.directory->change({{target.name, source.node}});
  }
  return {};
}

Result<void> MemoryFileSystem::remove(const std::string& path) {
  const MutexLock lock(state_->mutex);
  JADE_ASSIGN_OR_RETURN(const Place place, state_->find(path, "removing"));
  if (place.node == nullptr) return io_error(ENOENT, "removing", path);
  if (!place.node->entries.empty()) return io_error(ENOTEMPTY, "removing", path);
  place.directory->change({{place.name, nullptr}});
  return {};
}

Result<void> MemoryFileSystem::create_directories(const std::string& path) {
  const MutexLock lock(state_->mutex);
  NodePointer directory = state_->root;
  for (const std::string& name : components(path)) {
    NodePointer next = child(*directory, name);
    if (next == nullptr) {
      next = new_node(true);
      directory->change({{name, next}});
    }
    if (!next->is_directory) return io_error(ENOTDIR, "creating directory", path);
    directory = std::move(next);
  }
  return {};
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& path) {
  const MutexLock lock(state_->mutex);
  JADE_ASSIGN_OR_RETURN(const NodePointer directory, state_->find_directory(path, "listing"));
  std::vector<std::string> names;
  for (const auto& [name, node] : directory->entries) names.push_back(name);
  return names;
}

Result<void> MemoryFileSystem::sync_directory(const std::string& path) {
  const MutexLock lock(state_->mutex);
  JADE_ASSIGN_OR_RETURN(const NodePointer directory, state_->find_directory(path, "syncing directory"));
  directory->sync_entries();
  return {};
}

Result<std::unique_ptr<FileLock>> MemoryFileSystem::lock(const std::string& path, const std::string& owner) {
  const MutexLock lock(state_->mutex);
  JADE_ASSIGN_OR_RETURN(NodePointer node, state_->open_node(path, OpenMode::kCreate));
  if (state_->locked.contains(node.get())) {
    std::string holder(node->file.size(), '\0');
    node->file.read(0, std::as_writable_bytes(std::span(holder)));
    return lock_held_error(path, std::move(holder));
  }
  node->file.truncate(0);
  node->file.write(0, std::as_bytes(std::span(owner)));
  return std::make_unique<State::HeldLock>(state_, std::move(node));
}

Result<Space> MemoryFileSystem::space(const std::string& path) {
  const MutexLock lock(state_->mutex);
  JADE_RETURN_IF_ERROR(state_->find_directory(path, "measuring space of"));
  const std::uint64_t total = state_->capacity_bytes.value_or(kFileBytesMax);
  return Space{.total_bytes = total, .available_bytes = state_->bytes_left(total)};
}

void MemoryFileSystem::crash(SeededRandom& random, const CrashOptions& options) {
  const MutexLock lock(state_->mutex);
  ++state_->generation;
  state_->locked.clear();
  std::set<const Node*> seen;
  crash_node(*state_->root, random, options, seen);
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::clone() const {
  auto state = std::make_shared<State>();
  {
    const MutexLock lock(state_->mutex);
    const MutexLock copy_lock(state->mutex);
    state->root = TreeCopy().copy(state_->root);
    state->capacity_bytes = state_->capacity_bytes;
  }
  return std::unique_ptr<MemoryFileSystem>(new MemoryFileSystem(std::move(state)));
}

void MemoryFileSystem::forget_unsynced(const std::string& path) {
  const MutexLock lock(state_->mutex);
  if (const auto directory = state_->find_directory(path, "forgetting"); directory.ok()) {
    (*directory)->changes.clear();
  } else if (const auto place = state_->find(path, "forgetting"); place.ok() && place->node != nullptr) {
    place->node->file.forget_unsynced();
  }
}

void MemoryFileSystem::set_capacity_bytes(std::uint64_t bytes) {
  const MutexLock lock(state_->mutex);
  state_->capacity_bytes = bytes;
}

}  // namespace jade::io
