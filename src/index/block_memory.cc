#include "index/block_memory.h"

#include <sys/mman.h>

#include <cstdint>

namespace jade::index {
namespace {

constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

class MachineMemory final : public BlockMemory {
 public:
  std::byte* allocate(std::size_t bytes) override {
    // A huge page more than asked for holds an aligned block; what lies around that block goes back at once.
    const bool huge = bytes >= kHugePageBytes;
    const std::size_t mapped_bytes = huge ? round_up(bytes, kSmallPageBytes) + kHugePageBytes : bytes;
    void* mapped = ::mmap(nullptr, mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) return nullptr;
    auto* block = static_cast<std::byte*>(mapped);
    if (!huge) return block;
    const std::size_t before =
        round_up(reinterpret_cast<std::uintptr_t>(block), kHugePageBytes) - reinterpret_cast<std::uintptr_t>(block);
    // Unmapping nothing is refused and changes nothing. The advice may be refused too: small pages do as well.
    ::munmap(block, before);
    ::munmap(block + before + (mapped_bytes - kHugePageBytes), kHugePageBytes - before);
    ::madvise(block + before, bytes, MADV_HUGEPAGE);
    return block + before;
  }

  void release(std::byte* block, std::size_t bytes) override { ::munmap(block, bytes); }

 private:
  static constexpr std::size_t kSmallPageBytes = 4096;

  static std::size_t round_up(std::size_t value, std::size_t unit) { return (value + unit - 1) / unit * unit; }
};

}  // namespace

BlockMemory& machine_memory() {
  static MachineMemory memory;
  return memory;
}

}  // namespace jade::index
