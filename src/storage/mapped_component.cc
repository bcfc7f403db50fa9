#include "storage/mapped_component.h"

#include <utility>

namespace jade::storage {
namespace {

constexpr std::uint64_t kWordBits = 64;

}  // namespace

MappedComponent::MappedComponent(std::string path, std::shared_ptr<const ComponentLayout> layout,
                                 std::unique_ptr<io::Mapping> mapping)
    : path_(std::move(path)),
      layout_(std::move(layout)),
      mapping_(std::move(mapping)),
      verified_((layout_->block_count() + kWordBits - 1) / kWordBits),
      complete_(layout_->block_count() == 0) {}

Error MappedComponent::error() const {
  const std::uint64_t offset = damaged_at_.load(std::memory_order_acquire);
  if (offset != kNowhere) return component_damage(path_, offset, "damaged block");
  return Error(ErrorCode::kDataCorrupted, path_ + ": a page cannot be read").with("file", path_);
}

bool MappedComponent::refuse(std::uint64_t offset) {
  std::uint64_t nowhere = kNowhere;
  damaged_at_.compare_exchange_strong(nowhere, offset);
  return false;
}

bool MappedComponent::verify(std::uint64_t offset, std::uint64_t count) {
  if (failed()) return false;
  const std::uint64_t last = ComponentLayout::block_at(offset + count - 1);
  for (std::uint64_t block = ComponentLayout::block_at(offset); block <= last; ++block) {
    if (!verify_block(block)) return refuse(ComponentLayout::block_offset(block));
  }
  return true;
}

bool MappedComponent::verify_block(std::uint64_t block) {
  std::atomic<std::uint64_t>& word = verified_[block / kWordBits];
  const std::uint64_t bit = std::uint64_t{1} << block % kWordBits;
  if ((word.load(std::memory_order_acquire) & bit) != 0) return true;
  const std::uint64_t offset = ComponentLayout::block_offset(block);
  if (!layout_->block_is_sound(block, mapping_->bytes().subspan(offset, layout_->block_bytes(block)))) return false;
  // Of several threads that verified it at once, one counts.
  if ((word.fetch_or(bit, std::memory_order_acq_rel) & bit) == 0 &&
      verified_count_.fetch_add(1, std::memory_order_acq_rel) + 1 == layout_->block_count()) {
    complete_.store(true, std::memory_order_release);
  }
  return true;
}

}  // namespace jade::storage
