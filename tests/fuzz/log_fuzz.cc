// A log of two files with edits made to it, checksums mended or not: refused, or opened, and opened the same again.
//
// The input is a row of edits of four bytes: where (16 bits), what (8 bits), how (bit 0: in which file; bit 1: mend the
// checksums when all is done; bit 2: cut the file there).

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "io/memory_file_system.h"
#include "storage/byte_layout.h"
#include "storage/log_format.h"
#include "storage/log_recovery.h"
#include "storage/publish_file.h"

namespace jade::storage {
namespace {

constexpr char kDirectory[] = "log";
constexpr std::size_t kPayloadBytes = 20;

class CountingRandom final : public Random {
 public:
  void fill(std::span<std::byte> out) override {
    for (std::byte& byte : out) byte = std::byte(static_cast<std::uint8_t>(++count_));
  }

 private:
  std::uint64_t count_ = 0;
};

struct BaseFile {
  LogFileHeader header;
  std::vector<std::byte> bytes;
  std::vector<std::size_t> batches;
  std::vector<std::size_t> records;
};

/// Three batches of 1, 2 and 3 records and a watermark.
BaseFile make_file(Sequence first_sequence, std::uint64_t start_position, std::uint64_t previous_checksum) {
  BaseFile file;
  file.header.file_id.fill(std::byte(static_cast<std::uint8_t>(first_sequence.value())));
  file.header.first_sequence = first_sequence;
  file.header.start_position = start_position;
  file.header.previous_checksum = previous_checksum;
  const auto head = encode_log_file_header(file.header);
  file.bytes.assign(head.begin(), head.end());
  const std::array<std::byte, kPayloadBytes> payload{};
  std::uint64_t sequence = first_sequence.value();
  for (const std::size_t count : {1, 2, 3, 0}) {
    const std::uint64_t offset = file.bytes.size();
    LogBatchEncoder encoder(file.header, offset,
                            {.durable_upto = file.header.position_of(offset),
                             .first_sequence = sequence,
                             .previous_checksum = previous_checksum});
    file.batches.push_back(offset);
    for (std::size_t i = 0; i < count; ++i) {
      file.records.push_back(offset + LogBatchHeader::kBytes + i * log_record_bytes(kPayloadBytes));
      LogRecord record;
      record.sequence = Sequence{sequence++};
      record.payload = payload;
      encoder.add(record);
    }
    const auto batch = encoder.finish();
    file.bytes.insert(file.bytes.end(), batch.begin(), batch.end());
    previous_checksum = encoder.last_checksum();
  }
  return file;
}

std::array<BaseFile, 2> make_files() {
  BaseFile older = make_file(Sequence{1}, 0, 0);
  const std::uint64_t last = load<std::uint64_t>(older.bytes, older.records.back());
  const std::uint64_t end = older.header.position_of(older.bytes.size());
  return {older, make_file(Sequence{7}, end, last)};
}

/// Makes what was edited look as if it had been written so.
void mend(BaseFile& file) {
  const auto seal = [&](std::size_t at, std::size_t begin, std::size_t end, std::uint64_t bound_to) {
    if (std::max(end, at + sizeof(std::uint64_t)) > file.bytes.size()) return;
    FileId id;
    std::ranges::copy(std::span(file.bytes).subspan(40, id.size()), id.begin());
    const auto covered = std::span<const std::byte>(file.bytes).subspan(begin, end - begin);
    store(std::span(file.bytes), at, bound_checksum(id, bound_to, covered));
  };
  seal(120, 0, 120, 0);
  for (const std::size_t at : file.records) seal(at, at + 8, at + log_record_bytes(kPayloadBytes), at);
  for (const std::size_t at : file.batches) seal(at + 8, at + 16, at + LogBatchHeader::kBytes, at);
}

void edit(std::array<BaseFile, 2>& files, std::span<const std::uint8_t> input) {
  bool mended = false;
  for (; input.size() >= 4; input = input.subspan(4)) {
    BaseFile& file = files[input[3] & 1];
    const std::size_t at = static_cast<std::size_t>(input[0] | input[1] << 8) % (file.bytes.size() + 1);
    mended = mended || (input[3] & 2) != 0;
    if ((input[3] & 4) != 0) {
      file.bytes.resize(at);
    } else if (at < file.bytes.size()) {
      file.bytes[at] = std::byte(input[2]);
    }
  }
  if (!mended) return;
  for (BaseFile& file : files) mend(file);
}

void open_twice(const std::array<BaseFile, 2>& files) {
  io::MemoryFileSystem disk;
  JADE_CHECK(disk.create_directories(kDirectory).ok(), "a directory in memory");
  for (const BaseFile& file : files) {
    const std::string path = io::join_path(kDirectory, log_file_name(file.header.first_sequence));
    JADE_CHECK(publish_file(disk, path, file.bytes).ok(), "a file in memory");
  }
  CountingRandom random;
  const auto first = recover_log(disk, kDirectory, {}, random);
  if (!first.ok()) return;
  JADE_CHECK(first->report.records <= 12, "records that were never written");
  const auto second = recover_log(disk, kDirectory, {}, random);
  JADE_CHECK(second.ok(), "a log that was mended opens");
  JADE_CHECK(second->report.records == first->report.records && second->report.torn_bytes == 0,
             "a log that was mended is whole");
}

}  // namespace
}  // namespace jade::storage

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto base = jade::storage::make_files();
  auto files = base;
  jade::storage::edit(files, std::span(data, size));
  jade::storage::open_twice(files);
  return 0;
}
