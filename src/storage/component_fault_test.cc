// Component files when the power goes, calls fail, and threads come at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/memory_file_system.h"
#include "storage/publish_file.h"
#include "storage/test_component.h"

namespace jade::storage {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kPath[] = "db/ids";

TestSections test_sections(std::uint64_t seed) {
  SeededRandom random(seed);
  return {{1, random_bytes(random, 600'000)}, {2, random_bytes(random, 3)}, {3, random_bytes(random, 70'000)}};
}

/// A durable directory, and a small unit of syncing.
class ComponentFaultTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(memory_.create_directories("db").ok());
    ASSERT_TRUE(memory_.sync_directory("/").ok());
  }

  Result<ComponentRef> write(io::FileSystem& files) {
    return write_component(files, kPath, ids_, sections_, test_component_info(), {.sync_bytes = 100'000});
  }

  void expect_whole(io::FileSystem& files, const ComponentRef& ref) {
    const auto file = ComponentFile::open(files, kPath, ref, test_database());
    ASSERT_TRUE(file.ok()) << file.error().message();
    EXPECT_TRUE(read_sections(**file).value() == sections_);
  }

  TestRandom ids_;
  TestSections sections_ = test_sections(1);
  io::MemoryFileSystem memory_;
  io::FaultyFileSystem files_{memory_};
};

TEST_F(ComponentFaultTest, APowerCutLeavesTheWholeFileOrNoFile) {
  struct Moment {
    std::unique_ptr<io::MemoryFileSystem> disk;
    bool promised = false;
  };
  std::vector<Moment> moments;
  files_.set_hook([&](const io::Call&) { moments.push_back({memory_.clone(), false}); });
  const ComponentRef ref = write(files_).value();
  moments.push_back({memory_.clone(), false});
  ASSERT_TRUE(files_.sync_directory("db").ok());
  moments.push_back({memory_.clone(), true});
  ASSERT_GT(moments.size(), 8U);

  SeededRandom random(test_seed(3));
  SCOPED_TRACE("seed " + std::to_string(test_seed(3)));
  std::size_t kept = 0;
  for (const Moment& moment : moments) {
    for (std::size_t cut = 0; cut < test_scale(20); ++cut) {
      const auto disk = moment.disk->clone();
      disk->crash(random, {.foreign_bytes = true});
      const bool present = disk->stat(kPath).value().has_value();
      EXPECT_TRUE(present || !moment.promised);
      if (!present) continue;
      ++kept;
      expect_whole(*disk, ref);
    }
  }
  EXPECT_GT(kept, test_scale(20));
}

TEST_F(ComponentFaultTest, ACallThatFailsLeavesNoName) {
  for (const std::uint64_t short_bytes : {0, 100}) {
    for (std::uint64_t nth = 1;; ++nth) {
      SCOPED_TRACE("call " + std::to_string(nth));
      const std::uint64_t failures = files_.failures();
      files_.set_fault({.nth = nth, .errno_value = ENOSPC, .short_bytes = short_bytes});
      const auto ref = write(files_);
      files_.clear_fault();
      if (files_.failures() == failures) {
        EXPECT_GT(nth, 8U);
        expect_whole(memory_, ref.value());
        ASSERT_TRUE(memory_.remove(kPath).ok());
        break;
      }
      ASSERT_FALSE(ref.ok());
      EXPECT_EQ(ref.error().code(), ErrorCode::kStorageFull);
      EXPECT_THAT(memory_.list("db").value(), IsEmpty());
    }
  }
}

TEST_F(ComponentFaultTest, WhatCannotBeRemovedIsReplacedByTheNextAttempt) {
  files_.set_fault({.nth = 3, .kind = io::CallKind::kWrite, .path_contains = "ids", .for_good = true});
  const auto writer = ComponentWriter::create(files_, kPath, test_component_info(), ids_).value();
  ASSERT_TRUE(writer->begin_section(1).ok());
  ASSERT_TRUE(memory_.open(std::string(kPath) + ".tmp", io::OpenMode::kReadWrite).value()->truncate(5'000'000).ok());
  files_.clear_fault();
  expect_whole(memory_, write(files_).value());
}

TEST_F(ComponentFaultTest, AWriterThatFailedStaysFailed) {
  const auto writer = ComponentWriter::create(files_, kPath, test_component_info(), ids_).value();
  ASSERT_TRUE(writer->begin_section(1).ok());
  files_.set_fault({.nth = 1, .kind = io::CallKind::kWrite});
  const auto failed = writer->append(sections_[0].second);
  files_.clear_fault();
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(writer->append(sections_[1].second).error(), failed.error());
  EXPECT_EQ(writer->begin_section(2).error(), failed.error());
  EXPECT_EQ(writer->finish().error(), failed.error());
}

TEST_F(ComponentFaultTest, AWriterThatDoesNotFinishLeavesNothing) {
  {
    const auto writer = ComponentWriter::create(files_, kPath, test_component_info(), ids_).value();
    ASSERT_TRUE(writer->begin_section(1).ok());
    ASSERT_TRUE(writer->append(sections_[0].second).ok());
    EXPECT_THAT(memory_.list("db").value(), ElementsAre("ids.tmp"));
  }
  EXPECT_THAT(memory_.list("db").value(), IsEmpty());
}

TEST_F(ComponentFaultTest, WritesInBoundedPiecesAndSyncsOften) {
  ASSERT_TRUE(write(files_).ok());
  std::uint64_t unsynced = 0;
  for (const io::Call& call : files_.calls()) {
    if (call.kind == io::CallKind::kSync) unsynced = 0;
    if (call.kind != io::CallKind::kWrite) continue;
    unsynced += call.bytes;
    EXPECT_LE(call.bytes, 512U << 10);
    EXPECT_LE(unsynced, 100'000 + (512U << 10));
  }
  EXPECT_EQ(unsynced, 0U);
  EXPECT_EQ(files_.count(io::CallKind::kSync), 3U);
  EXPECT_EQ(files_.count(io::CallKind::kSyncDirectory), 0U);
}

TEST_F(ComponentFaultTest, AFailedReadIsAnErrorAndNeverOtherBytes) {
  const ComponentRef ref = write(memory_).value();
  const auto use = [&]() -> Result<bool> {
    JADE_ASSIGN_OR_RETURN(const auto file, ComponentFile::open(files_, kPath, ref, test_database()));
    JADE_ASSIGN_OR_RETURN(const TestSections read, read_sections(*file));
    bool right = read == sections_;
    JADE_ASSIGN_OR_RETURN(const auto mapped, file->map());
    for (std::size_t i = 0; i < sections_.size(); ++i) {
      const ComponentSection& section = file->sections()[i];
      JADE_ASSIGN_OR_RETURN(const LoadedSection loaded, file->load(section));
      right = right && std::ranges::equal(loaded.bytes(), sections_[i].second) && mapped->touch(section) &&
              std::ranges::equal(mapped->bytes(section), sections_[i].second);
    }
    return right && mapped->complete();
  };
  std::uint64_t nth = 1;
  for (;; ++nth) {
    SCOPED_TRACE("call " + std::to_string(nth));
    const std::uint64_t failures = files_.failures();
    files_.set_fault({.nth = nth});
    const auto right = use();
    if (files_.failures() == failures) {
      EXPECT_TRUE(right.value());
      break;
    }
    ASSERT_FALSE(right.ok());
    EXPECT_EQ(right.error().code(), ErrorCode::kIo);
  }
  EXPECT_GT(nth, 10U);
}

TEST_F(ComponentFaultTest, AScrubReportsWhatCannotBeReadAndGoesOn) {
  const ComponentRef ref = write(memory_).value();
  const auto file = ComponentFile::open(files_, kPath, ref, test_database()).value();
  std::uint64_t expected = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    files_.set_fault({.nth = nth, .kind = io::CallKind::kRead});
    std::uint64_t damaged = 0;
    std::uint64_t bytes = 0;
    const auto outcome = file->scrub(
        [&](std::uint64_t count) -> Result<void> {
          bytes += count;
          return {};
        },
        [&](const ComponentDamage& damage) {
          ++damaged;
          EXPECT_EQ(damage.error.code(), ErrorCode::kIo);
          EXPECT_EQ(damage.offset, expected);
          expected = damage.offset + damage.bytes;
        });
    ASSERT_TRUE(outcome.ok());
    EXPECT_EQ(bytes, ref.file_bytes);
    if (damaged == 0) break;
    EXPECT_EQ(damaged, 1U);
  }
  EXPECT_EQ(expected, ref.file_bytes);
}

TEST_F(ComponentFaultTest, ThreadsThatTouchAtOnceVerifyAll) {
  const ComponentRef ref = write(memory_).value();
  const auto file = ComponentFile::open(memory_, kPath, ref, test_database()).value();
  for (const bool damaged : {false, true}) {
    const ComponentSection section = file->section(1).value();
    const std::uint64_t rotten = section.offset + 5 * kComponentBlockBytes;
    if (damaged) {
      const std::byte wrong = sections_[0].second[rotten - section.offset] ^ std::byte{1};
      ASSERT_TRUE(memory_.open(kPath, io::OpenMode::kReadWrite).value()->write_at(rotten, std::span(&wrong, 1)).ok());
    }
    const auto mapped = file->map().value();
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        SeededRandom random(t);
        for (int i = 0; i < 200; ++i) {
          const std::uint64_t offset = random.next_below(section.bytes);
          const bool touched = mapped->touch(section, offset, 1);
          EXPECT_TRUE(touched || damaged);
          EXPECT_TRUE(!touched || mapped->bytes(section)[offset] == sections_[0].second[offset]);
        }
        for (const ComponentSection& each : file->sections()) EXPECT_TRUE(damaged || mapped->touch(each));
        EXPECT_FALSE(damaged && mapped->touch(section));
      });
    }
    threads.clear();
    EXPECT_EQ(mapped->complete(), !damaged);
    EXPECT_EQ(mapped->failed(), damaged);
  }
}

}  // namespace
}  // namespace jade::storage
