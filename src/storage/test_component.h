// What the tests of component files share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "io/file_system.h"
#include "storage/component_file.h"
#include "storage/component_writer.h"
#include "storage/test_log.h"

namespace jade::storage {

inline std::vector<std::byte> random_bytes(SeededRandom& random, std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::byte& byte : bytes) byte = std::byte(static_cast<std::uint8_t>(random.next_u64()));
  return bytes;
}

inline ComponentInfo test_component_info() {
  return {.database = test_database(),
          .shard = ShardId{3},
          .kind = ComponentKind::kGraph,
          .field = VectorFieldId{7},
          .first_sequence = Sequence{10},
          .last_sequence = Sequence{20},
          .source = ComponentSource{.file_id = FileId{std::byte{9}}, .checksum = 99}};
}

/// Sections and what is in them.
using TestSections = std::vector<std::pair<std::uint32_t, std::vector<std::byte>>>;

inline Result<ComponentRef> write_component(io::FileSystem& files, const std::string& path, Random& random,
                                            const TestSections& sections,
                                            const ComponentInfo& info = test_component_info(),
                                            const ComponentWriterOptions& options = {}) {
  JADE_ASSIGN_OR_RETURN(const auto writer, ComponentWriter::create(files, path, info, random, options));
  for (const auto& [id, bytes] : sections) {
    JADE_RETURN_IF_ERROR(writer->begin_section(id));
    JADE_RETURN_IF_ERROR(writer->append(bytes));
  }
  return writer->finish();
}

/// Every section as `read` gives it.
inline Result<TestSections> read_sections(const ComponentFile& file) {
  TestSections sections;
  for (const ComponentSection& section : file.sections()) {
    std::vector<std::byte> bytes(section.bytes);
    JADE_RETURN_IF_ERROR(file.read(section, 0, bytes));
    sections.emplace_back(section.id, std::move(bytes));
  }
  return sections;
}

}  // namespace jade::storage
