// What a power cut leaves of directories and of whole protocols.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <functional>
#include <set>
#include <string>

#include "base/test_env.h"
#include "io/faulty_file_system.h"
#include "io/io_error.h"
#include "io/memory_file_system.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

/// The names in a directory, "a b c".
std::string names_in(FileSystem& fs, const std::string& path) {
  std::string names;
  const auto listed = fs.list(path);
  for (const std::string& name : listed.value()) names += names.empty() ? name : " " + name;
  return names;
}

std::set<std::string> crash_states(const MemoryFileSystem& fs, const std::function<std::string(FileSystem&)>& state,
                                   const CrashOptions& options = {}) {
  SeededRandom random(test_seed(21));
  std::set<std::string> states;
  for (std::size_t i = 0; i < test_scale(200); ++i) {
    const auto crashed = fs.clone();
    crashed->crash(random, options);
    states.insert(state(*crashed));
  }
  return states;
}

Result<void> write_synced(FileSystem& fs, const std::string& path, std::string_view text) {
  JADE_ASSIGN_OR_RETURN(const auto file, fs.open(path, OpenMode::kCreate));
  JADE_RETURN_IF_ERROR(file->truncate(0));
  JADE_RETURN_IF_ERROR(file->write_at(0, as_bytes(text)));
  return file->sync();
}

TEST(Crash, KeepsExactlyTheEntriesOfASyncedDirectory) {
  MemoryFileSystem fs;
  ASSERT_TRUE(write_synced(fs, "a", "1").ok());
  ASSERT_TRUE(write_synced(fs, "b", "2").ok());
  ASSERT_TRUE(fs.remove("a").ok());
  ASSERT_TRUE(fs.rename("b", "c").ok());
  ASSERT_TRUE(fs.sync_directory("/").ok());
  EXPECT_THAT(crash_states(fs, [](FileSystem& crashed) { return names_in(crashed, "/"); }), ElementsAre("c"));
  EXPECT_THAT(crash_states(fs, [](FileSystem& crashed) { return read_file(crashed, "c").value(); }), ElementsAre("2"));
}

TEST(Crash, LosesOrKeepsEachUnsyncedEntryAlone) {
  MemoryFileSystem fs;
  ASSERT_TRUE(write_synced(fs, "old", "1").ok());
  ASSERT_TRUE(fs.sync_directory("/").ok());
  ASSERT_TRUE(write_synced(fs, "new", "2").ok());
  ASSERT_TRUE(fs.remove("old").ok());
  const auto names = [](FileSystem& crashed) { return names_in(crashed, "/"); };
  EXPECT_THAT(crash_states(fs, names), UnorderedElementsAre("", "new", "new old", "old"));
  EXPECT_THAT(crash_states(fs, names, {.entries = CrashFate::kDropped}), ElementsAre("old"));
  EXPECT_THAT(crash_states(fs, names, {.entries = CrashFate::kKept}), ElementsAre("new"));
}

TEST(Crash, LosesOrKeepsARenameWhole) {
  MemoryFileSystem fs;
  ASSERT_TRUE(write_synced(fs, "file", "old").ok());
  ASSERT_TRUE(write_synced(fs, "temporary", "new").ok());
  ASSERT_TRUE(fs.sync_directory("/").ok());
  ASSERT_TRUE(fs.rename("temporary", "file").ok());
  EXPECT_THAT(crash_states(fs, [](FileSystem& crashed) { return read_file(crashed, "file").value(); }),
              UnorderedElementsAre("old", "new"));
}

TEST(Crash, MayLoseARenameBetweenDirectoriesOnOneSide) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.create_directories("a").ok());
  ASSERT_TRUE(fs.create_directories("b").ok());
  ASSERT_TRUE(write_synced(fs, "a/file", "x").ok());
  for (const char* path : {"/", "a", "b"}) ASSERT_TRUE(fs.sync_directory(path).ok());
  ASSERT_TRUE(fs.rename("a/file", "b/file").ok());
  EXPECT_THAT(
      crash_states(fs, [](FileSystem& crashed) { return names_in(crashed, "a") + "|" + names_in(crashed, "b"); }),
      UnorderedElementsAre("file|", "|file", "file|file", "|"));
}

TEST(Crash, LosesAllBelowADirectoryThatWasNotSynced) {
  MemoryFileSystem fs;
  ASSERT_TRUE(fs.create_directories("a/b").ok());
  ASSERT_TRUE(write_synced(fs, "a/b/file", "x").ok());
  ASSERT_TRUE(fs.sync_directory("a/b").ok());
  ASSERT_TRUE(fs.sync_directory("a").ok());
  SeededRandom random(1);
  fs.crash(random, {.entries = CrashFate::kDropped});
  EXPECT_TRUE(fs.list("/").value().empty());
}

TEST(Crash, KillsOpenFilesAndFreesLocks) {
  MemoryFileSystem fs;
  const auto file = fs.open("a", OpenMode::kCreate).value();
  auto lock = fs.lock("LOCK", "before").value();
  ASSERT_TRUE(fs.sync_directory("/").ok());
  SeededRandom random(1);
  fs.crash(random);
  std::byte byte{};
  const std::array results = {file->read_at(0, std::span(&byte, 1)).ok(), file->write_at(0, std::span(&byte, 1)).ok(),
                              file->size().ok(), file->truncate(0).ok(), file->sync().ok()};
  EXPECT_THAT(results, ::testing::Each(false));
  const auto after = fs.lock("LOCK", "after");
  EXPECT_TRUE(after.ok());
  lock.reset();
  EXPECT_FALSE(fs.lock("LOCK", "third").ok());
}

TEST(Crash, ReplaysFromItsSeed) {
  MemoryFileSystem fs;
  ASSERT_TRUE(write_file(fs, "a", std::string(20000, 'a')).ok());
  ASSERT_TRUE(write_file(fs, "b", std::string(20000, 'b')).ok());
  const auto state = [&fs](std::uint64_t seed) {
    const auto crashed = fs.clone();
    SeededRandom random(seed);
    crashed->crash(random);
    std::string all = names_in(*crashed, "/");
    const auto listed = crashed->list("/");
    for (const std::string& name : listed.value()) all += read_file(*crashed, name).value();
    return all;
  };
  for (std::uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(state(seed), state(seed));
}

/// Replaces "file" as every durable file of ours is replaced.
Result<void> publish(FileSystem& fs, std::string_view text, bool sync_bytes) {
  JADE_RETURN_IF_ERROR(sync_bytes ? write_synced(fs, "d/temporary", text) : write_file(fs, "d/temporary", text));
  JADE_RETURN_IF_ERROR(fs.rename("d/temporary", "d/file"));
  return fs.sync_directory("d");
}

/// Publishes 1, 2, 3 and cuts the power at every call. True when each cut left what was acknowledged or what was next.
bool publishing_is_safe(bool sync_bytes) {
  MemoryFileSystem memory;
  EXPECT_TRUE(memory.create_directories("d").ok());
  EXPECT_TRUE(memory.sync_directory("/").ok());
  EXPECT_TRUE(publish(memory, std::string(2000, '0'), true).ok());
  FaultyFileSystem faulty(memory);
  SeededRandom random(test_seed(22));
  int acknowledged = 0;
  bool safe = true;
  faulty.set_hook([&](const Call&) {
    for (std::size_t i = 0; i < test_scale(20); ++i) {
      const auto crashed = memory.clone();
      crashed->crash(random);
      const std::string text = read_file(*crashed, "d/file").value();
      const std::string now(2000, static_cast<char>('0' + acknowledged));
      const std::string next(2000, static_cast<char>('1' + acknowledged));
      safe = safe && (text == now || text == next);
    }
  });
  for (; acknowledged < 3; ++acknowledged) {
    EXPECT_TRUE(publish(faulty, std::string(2000, static_cast<char>('1' + acknowledged)), sync_bytes).ok());
  }
  return safe;
}

TEST(Crash, LeavesAPublishedFileWhole) { EXPECT_TRUE(publishing_is_safe(true)); }

// The control: the model has to catch a rename of bytes that were never synced.
TEST(Crash, CatchesAPublishWithoutASync) { EXPECT_FALSE(publishing_is_safe(false)); }

}  // namespace
}  // namespace jade::io
