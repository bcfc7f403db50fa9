#include "io/cached_file.h"

#include <algorithm>
#include <set>
#include <utility>

namespace jade::io {
namespace {

bool coin(SeededRandom& random) { return random.next_below(2) == 0; }

/// Copies the sector from `cache`, with zeros after the end, as the kernel writes a page.
void write_back(std::uint64_t sector, std::uint64_t sector_bytes, const std::vector<std::byte>& cache,
                std::vector<std::byte>& disk) {
  const std::uint64_t begin = sector * sector_bytes;
  const std::uint64_t end = begin + sector_bytes;
  if (disk.size() < end) disk.resize(end);
  std::fill(disk.begin() + static_cast<std::ptrdiff_t>(begin), disk.begin() + static_cast<std::ptrdiff_t>(end),
            std::byte{0});
  if (begin >= cache.size()) return;
  const std::uint64_t count = std::min<std::uint64_t>(sector_bytes, cache.size() - begin);
  std::copy_n(cache.begin() + static_cast<std::ptrdiff_t>(begin), count,
              disk.begin() + static_cast<std::ptrdiff_t>(begin));
}

void fill_with_noise(SeededRandom& random, std::span<std::byte> out) {
  for (std::byte& byte : out) byte = static_cast<std::byte>(random.next_u64());
}

}  // namespace

std::size_t CachedFile::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (offset >= cache_.size()) return 0;
  const std::size_t count = std::min<std::size_t>(out.size(), cache_.size() - offset);
  std::copy_n(cache_.begin() + static_cast<std::ptrdiff_t>(offset), count, out.begin());
  return count;
}

void CachedFile::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  changes_.push_back({.offset = offset, .bytes = {bytes.begin(), bytes.end()}});
  apply(changes_.back(), cache_);
}

void CachedFile::truncate(std::uint64_t size) {
  changes_.push_back({.offset = size, .cuts = true, .bytes = {}});
  apply(changes_.back(), cache_);
}

void CachedFile::sync() {
  // Not a copy of the cache: bytes forgotten by a failed sync stay off the disk.
  for (const Change& change : changes_) apply(change, disk_);
  changes_.clear();
}

void CachedFile::crash(SeededRandom& random, const CrashOptions& options) {
  constexpr std::uint64_t kSectorBytes[] = {512, 4096};
  const std::uint64_t drawn = kSectorBytes[random.next_below(std::size(kSectorBytes))];
  const std::uint64_t sector_bytes = options.sector_bytes == 0 ? drawn : options.sector_bytes;
  switch (options.bytes) {
    case CrashFate::kDropped:
      break;
    case CrashFate::kKept:
      sync();
      break;
    case CrashFate::kRandom:
      if (coin(random)) {
        keep_prefix(random, sector_bytes);
      } else {
        scatter(random, sector_bytes, options.foreign_bytes);
      }
      break;
  }
  changes_.clear();
  cache_ = disk_;
}

void CachedFile::apply(const Change& change, std::vector<std::byte>& image) {
  if (change.cuts) {
    image.resize(change.offset);
    return;
  }
  const std::uint64_t end = change.offset + change.bytes.size();
  if (image.size() < end) image.resize(end);
  std::ranges::copy(change.bytes, image.begin() + static_cast<std::ptrdiff_t>(change.offset));
}

void CachedFile::keep_prefix(SeededRandom& random, std::uint64_t sector_bytes) {
  const std::size_t whole = random.next_below(changes_.size() + 1);
  for (std::size_t i = 0; i < whole; ++i) apply(changes_[i], disk_);
  if (whole == changes_.size() || changes_[whole].cuts) return;
  // The next write is torn where a sector begins.
  Change torn = std::move(changes_[whole]);
  const std::uint64_t first_sector = torn.offset / sector_bytes;
  const std::uint64_t last_sector = (torn.offset + torn.bytes.size() - 1) / sector_bytes;
  const std::uint64_t cut = (first_sector + random.next_below(last_sector - first_sector + 1)) * sector_bytes;
  if (cut <= torn.offset) return;
  torn.bytes.resize(cut - torn.offset);
  apply(torn, disk_);
}

void CachedFile::scatter(SeededRandom& random, std::uint64_t sector_bytes, bool foreign_bytes) {
  // Plays the changes again into a page cache whose dirty sectors, and whose size, reach the disk at moments of chance.
  const std::uint64_t synced_size = disk_.size();
  std::vector<std::byte> cache = disk_;
  std::uint64_t size = synced_size;
  std::set<std::uint64_t> dirty;
  std::set<std::uint64_t> written;
  for (const Change& change : changes_) {
    const std::uint64_t old_size = cache.size();
    apply(change, cache);
    const std::uint64_t begin = std::min(old_size, change.offset);
    const std::uint64_t end = std::max(change.cuts ? old_size : 0, change.offset + change.bytes.size());
    for (std::uint64_t sector = begin / sector_bytes; sector * sector_bytes < end; ++sector) {
      if (coin(random)) {
        write_back(sector, sector_bytes, cache, disk_);
        dirty.erase(sector);
        written.insert(sector);
      } else {
        dirty.insert(sector);
      }
    }
    if (coin(random)) size = cache.size();
  }
  for (const std::uint64_t sector : dirty) {
    if (!coin(random)) continue;
    write_back(sector, sector_bytes, cache, disk_);
    written.insert(sector);
  }
  disk_.resize(size);
  if (!foreign_bytes) return;
  for (const std::uint64_t sector : dirty) {
    const std::uint64_t begin = sector * sector_bytes;
    if (begin < synced_size || begin >= size || written.contains(sector)) continue;
    fill_with_noise(random, std::span(disk_).subspan(begin, std::min(sector_bytes, size - begin)));
  }
}

}  // namespace jade::io
