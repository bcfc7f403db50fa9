#include "engine/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <optional>

#include "simd/kernels.h"

namespace jade::engine {
namespace {

/// The number in the first line of a file such as the control group's memory.max; nothing if it says "max", or cannot
/// be read, as on a machine without control groups.
std::optional<std::uint64_t> read_limit(io::FileSystem& files, const std::string& path) {
  Result<std::unique_ptr<io::File>> file = files.open(path, io::OpenMode::kRead);
  if (!file.ok()) return std::nullopt;
  std::array<std::byte, 32> text{};
  const Result<std::size_t> got = (*file)->read_at(0, text);
  if (!got.ok()) return std::nullopt;
  const char* first = reinterpret_cast<const char*>(text.data());
  std::uint64_t limit = 0;
  const auto parsed = std::from_chars(first, first + *got, limit);
  return parsed.ec == std::errc() ? std::optional(limit) : std::nullopt;
}

}  // namespace

std::uint64_t default_memory_budget(io::FileSystem& files) {
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  std::uint64_t bytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    if (const auto limit = read_limit(files, path)) bytes = std::min(bytes, *limit);
  }
  return bytes / 10 * 7;
}

std::uint64_t raise_open_files() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlimit raised{.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? limit.rlim_max : limit.rlim_cur;
}

std::string kernel_target() { return simd::target_name(simd::kernels().target); }

}  // namespace jade::engine
