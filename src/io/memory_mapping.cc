#include "io/memory_mapping.h"

#include <algorithm>
#include <atomic>
#include <utility>

namespace jade::io {

class MemoryMappings::Pages {
 public:
  explicit Pages(const CachedFile& file) : size_(file.size()), units_(page_count(size_)) { file.read(0, writable()); }

  std::span<std::byte> writable() { return std::as_writable_bytes(std::span(units_)).first(size_); }
  bool failed() const { return failed_.load(); }

  void write(std::uint64_t offset, std::span<const std::byte> bytes) {
    if (offset >= size_) return;
    std::ranges::copy(bytes.first(std::min<std::uint64_t>(bytes.size(), size_ - offset)),
                      writable().begin() + static_cast<std::ptrdiff_t>(offset));
  }

  void truncate(std::uint64_t size) {
    if (size >= size_) return;
    std::ranges::fill(writable().subspan(size), std::byte{0});
    if (page_count(size) < units_.size()) failed_.store(true);
  }

 private:
  struct alignas(4096) Page {
    std::byte bytes[4096];
  };

  static std::size_t page_count(std::uint64_t size) { return (size + sizeof(Page) - 1) / sizeof(Page); }

  const std::uint64_t size_;
  std::vector<Page> units_;
  std::atomic<bool> failed_{false};
};

class MemoryMappings::MemoryMapping final : public Mapping {
 public:
  explicit MemoryMapping(std::shared_ptr<Pages> pages) : Mapping(pages->writable()), pages_(std::move(pages)) {}

  bool failed() const override { return pages_->failed(); }
  void will_need(std::uint64_t, std::uint64_t) override {}
  void random_access() override {}

 private:
  const std::shared_ptr<Pages> pages_;
};

MemoryMappings::MemoryMappings() = default;
MemoryMappings::~MemoryMappings() = default;

std::unique_ptr<Mapping> MemoryMappings::map(const CachedFile& file) {
  std::erase_if(pages_, [](const std::weak_ptr<Pages>& pages) { return pages.expired(); });
  auto pages = std::make_shared<Pages>(file);
  pages_.push_back(pages);
  return std::make_unique<MemoryMapping>(std::move(pages));
}

void MemoryMappings::write(std::uint64_t offset, std::span<const std::byte> bytes) {
  for (const auto& weak : pages_) {
    if (const auto pages = weak.lock()) pages->write(offset, bytes);
  }
}

void MemoryMappings::truncate(std::uint64_t size) {
  for (const auto& weak : pages_) {
    if (const auto pages = weak.lock()) pages->truncate(size);
  }
}

}  // namespace jade::io
