// A component file with edits made to it, checksums mended or not: refused, or read, alike by every way of reading.
//
// The input is a row of edits of four bytes: where (16 bits), what (8 bits), how (bit 0: mend the checksums of head and
// tail, and the file's size, when all is done; bit 1: cut the file there; bit 2: count from the end).

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "io/memory_file_system.h"
#include "storage/byte_layout.h"
#include "storage/component_file.h"
#include "storage/component_writer.h"
#include "storage/publish_file.h"

namespace jade::storage {
namespace {

constexpr char kPath[] = "component";
constexpr std::size_t kFileIdAt = 40;
constexpr std::size_t kHeaderChecksumAt = 120;
constexpr std::size_t kHeadChecksumFromEnd = 32;
constexpr std::size_t kFileBytesFromEnd = 24;

class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte(static_cast<std::uint8_t>(++count_));
  }

 private:
  std::uint64_t count_ = 0;
};

struct Base {
  ComponentRef ref;
  std::vector<std::byte> bytes;
};

/// Sections of no, a few and many bytes: two blocks.
Base make_base() {
  io::MemoryFileSystem disk;
  CountingRandom random;
  auto writer = ComponentWriter::create(disk, kPath, {.kind = ComponentKind::kIds}, random).value();
  for (const std::size_t size : {0, 5, 70'000}) {
    std::vector<std::byte> bytes(size);
    random.fill(bytes);
    JADE_CHECK(writer->begin_section(static_cast<std::uint32_t>(size)).ok(), "a file in memory");
    JADE_CHECK(writer->append(bytes).ok(), "a file in memory");
  }
  Base base;
  base.ref = writer->finish().value();
  base.bytes = read_whole_file(disk, kPath).value();
  return base;
}

/// Makes what was edited look as if it had been written so, and has the manifest agree.
ComponentRef mend(std::vector<std::byte>& bytes) {
  ComponentRef ref;
  ref.file_bytes = bytes.size();
  if (bytes.size() < kComponentAlignment + ComponentLayout::kFooterBytes) return ref;
  const std::span<std::byte> file = bytes;
  std::ranges::copy(file.subspan(kFileIdAt, ref.file_id.size()), ref.file_id.begin());
  store(file, kHeaderChecksumAt, bound_checksum(ref.file_id, 0, file.first(kHeaderChecksumAt)));
  const auto head = file.first(kComponentAlignment);
  store(file, file.size() - kHeadChecksumFromEnd, bound_checksum(ref.file_id, 0, head));
  store(file, file.size() - kFileBytesFromEnd, ref.file_bytes);
  const auto tail_bytes = component_tail_bytes(file.last(ComponentLayout::kFooterBytes), ref.file_bytes);
  if (tail_bytes.ok()) {
    const auto tail = file.last(*tail_bytes);
    ref.checksum = compute_component_tail_checksum(ref.file_id, ref.file_bytes - *tail_bytes, tail);
    store(file, file.size() - sizeof ref.checksum, ref.checksum);
  }
  if (const auto decoded = decode_component_head(head); decoded.ok()) {
    ref.kind = decoded->info.kind;
    ref.field = decoded->info.field;
  }
  return ref;
}

struct Edited {
  ComponentRef ref;
  std::vector<std::byte> bytes;
  bool mended = false;
};

Edited edit(const Base& base, std::span<const std::uint8_t> input) {
  Edited edited = {base.ref, base.bytes};
  std::vector<std::byte>& bytes = edited.bytes;
  for (; input.size() >= 4; input = input.subspan(4)) {
    std::size_t at = static_cast<std::size_t>(input[0] | input[1] << 8) % (bytes.size() + 1);
    if ((input[3] & 4) != 0) at = bytes.size() - at;
    edited.mended = edited.mended || (input[3] & 1) != 0;
    if ((input[3] & 2) != 0) {
      bytes.resize(at);
    } else if (at < bytes.size()) {
      bytes[at] = std::byte(input[2]);
    }
  }
  if (edited.mended) edited.ref = mend(bytes);
  return edited;
}

void read_all_ways(const Base& base, const Edited& edited) {
  io::MemoryFileSystem disk;
  JADE_CHECK(publish_file(disk, kPath, edited.bytes).ok(), "a file in memory");
  const auto file = ComponentFile::open(disk, kPath, edited.ref, {});
  if (!file.ok()) return;
  bool damaged = false;
  const auto scrubbed = (*file)->scrub([](std::uint64_t) -> Result<void> { return {}; },
                                       [&damaged](const ComponentDamage&) { damaged = true; });
  JADE_CHECK(scrubbed.ok(), "a scrub goes through");
  JADE_CHECK(edited.mended || damaged == (edited.bytes != base.bytes), "a scrub notices every change");
  for (const ComponentSection& section : (*file)->sections()) {
    const auto loaded = (*file)->load(section);
    JADE_CHECK(loaded.ok() || damaged, "what cannot be read is damaged");
    const auto mapped = (*file)->map().value();
    JADE_CHECK(mapped->touch(section) == loaded.ok(), "a mapping shows what a read gives");
    if (!loaded.ok()) continue;
    JADE_CHECK(std::ranges::equal(loaded->bytes(), mapped->bytes(section)), "a mapping shows what a read gives");
    if (edited.mended) continue;
    const auto written = std::span(base.bytes).subspan(section.offset, section.bytes);
    JADE_CHECK(std::ranges::equal(loaded->bytes(), written), "bytes that were never written");
  }
}

}  // namespace
}  // namespace jade::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto base = jade::storage::make_base();
  jade::storage::read_all_ways(base, jade::storage::edit(base, std::span(data, size)));
  return 0;
}
