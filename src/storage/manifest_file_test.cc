#include "storage/manifest_file.h"

#include <gtest/gtest.h>

#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/test_log.h"

namespace jade::storage {
namespace {

Manifest empty_manifest() {
  Manifest manifest;
  manifest.definition.database = test_database();
  manifest.definition.vectors = {{VectorFieldId{1}, "", 8, Metric::kDot, ElementType::kF32, {}}};
  manifest.definition.next_field = VectorFieldId{2};
  return manifest;
}

TEST(ManifestFile, AnEditIsThereOrNotAndNumbersAreNeverGivenTwice) {
  TestRandom random;
  io::MemoryFileSystem memory;
  io::FaultyFileSystem files(memory);
  ManifestFile manifest(files, "manifest", empty_manifest(), random);
  EXPECT_EQ(manifest.take_segment_number(), 1U);
  ASSERT_TRUE(manifest.edit([](Manifest& next) { next.epoch = 5; }).ok());
  EXPECT_EQ(manifest.current().epoch, 5U);
  EXPECT_EQ(manifest.current().next_segment, 2U);
  EXPECT_EQ(read_manifest(memory, "manifest").value(), manifest.current());
  EXPECT_EQ(manifest.size_bytes(), memory.stat("manifest").value()->size);

  files.set_fault({.kind = io::CallKind::kRename});
  EXPECT_FALSE(manifest.edit([](Manifest& next) { next.epoch = 6; }).ok());
  EXPECT_EQ(manifest.current().epoch, 5U);
  files.clear_fault();
  EXPECT_EQ(manifest.take_segment_number(), 2U);
  ASSERT_TRUE(manifest.edit([](Manifest&) {}).ok());
  EXPECT_EQ(read_manifest(memory, "manifest").value()->next_segment, 3U);
}

}  // namespace
}  // namespace jade::storage
