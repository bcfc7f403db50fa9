#include "io/cached_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>

#include "base/test_env.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

std::string text_of(const CachedFile& file) {
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

/// All states that `cases` crashes of a file made by `make` end in.
std::set<std::string> crash_states(const std::function<CachedFile()>& make, const CrashOptions& options,
                                   std::size_t cases = 300) {
  SeededRandom random(test_seed(11));
  std::set<std::string> states;
  // Fewer would miss some of the states that the tests expect.
  for (std::size_t i = 0; i < std::max(cases, test_scale(cases)); ++i) {
    CachedFile file = make();
    file.crash(random, options);
    EXPECT_TRUE(file.synced());
    states.insert(text_of(file));
  }
  return states;
}

CachedFile synced_file(std::string_view text) {
  CachedFile file;
  file.write(0, as_bytes(text));
  file.sync();
  return file;
}

TEST(CachedFile, KeepsSyncedBytesThroughEveryCrash) {
  const auto states = crash_states([] { return synced_file("synced"); }, {.foreign_bytes = true});
  EXPECT_EQ(states, (std::set<std::string>{"synced"}));
}

TEST(CachedFile, LosesOrKeepsAllWhenToldTo) {
  const auto make = [] {
    CachedFile file = synced_file("old");
    file.write(0, as_bytes("new!"));
    return file;
  };
  EXPECT_EQ(crash_states(make, {.bytes = CrashFate::kDropped}), (std::set<std::string>{"old"}));
  EXPECT_EQ(crash_states(make, {.bytes = CrashFate::kKept}), (std::set<std::string>{"new!"}));
}

TEST(CachedFile, LosesOrKeepsASmallWriteWhole) {
  const auto states = crash_states(
      [] {
        CachedFile file = synced_file("aaaa");
        file.write(1, as_bytes("bb"));
        return file;
      },
      {});
  EXPECT_EQ(states, (std::set<std::string>{"aaaa", "abba"}));
}

TEST(CachedFile, TearsLargeWritesAtSectors) {
  for (const std::uint32_t sector : {512U, 4096U}) {
    SCOPED_TRACE(sector);
    const std::string old(4 * sector, 'a');
    const auto states = crash_states(
        [&] {
          CachedFile file = synced_file(old);
          file.write(0, as_bytes(std::string(4 * sector, 'b')));
          return file;
        },
        {.sector_bytes = sector}, 2000);
    // Each of four sectors old or new, in any combination.
    EXPECT_EQ(states.size(), 16U);
    for (const std::string& state : states) {
      for (std::size_t i = 0; i < state.size(); ++i) ASSERT_EQ(state[i], state[i - i % sector]);
    }
  }
}

TEST(CachedFile, TearsAnUnalignedWriteInsideItsRange) {
  const auto states = crash_states(
      [] {
        CachedFile file = synced_file(std::string(2048, 'a'));
        file.write(500, as_bytes(std::string(1000, 'b')));
        return file;
      },
      {.sector_bytes = 512});
  const std::string torn = std::string(500, 'a') + std::string(12, 'b') + std::string(1536, 'a');
  EXPECT_TRUE(states.contains(torn));
  EXPECT_TRUE(states.contains(std::string(2048, 'a')));
}

TEST(CachedFile, ReordersWrites) {
  const auto states = crash_states(
      [] {
        CachedFile file = synced_file(std::string(1024, 'a'));
        file.write(0, as_bytes("1"));
        file.write(600, as_bytes("2"));
        return file;
      },
      {.sector_bytes = 512});
  std::string second_only(1024, 'a');
  second_only[600] = '2';
  EXPECT_EQ(states.size(), 4U);
  EXPECT_TRUE(states.contains(second_only));
}

TEST(CachedFile, WritesASectorAsTheCacheHadIt) {
  // The second write to a sector cannot reach the disk without the first.
  const auto states = crash_states(
      [] {
        CachedFile file = synced_file("....");
        file.write(0, as_bytes("1"));
        file.write(2, as_bytes("2"));
        return file;
      },
      {});
  EXPECT_EQ(states, (std::set<std::string>{"....", "1...", "1.2."}));
}

TEST(CachedFile, LosesOrKeepsTruncations) {
  const auto states = crash_states(
      [] {
        CachedFile file = synced_file("0123456789");
        file.truncate(4);
        return file;
      },
      {});
  EXPECT_TRUE(states.contains("0123456789"));
  EXPECT_TRUE(states.contains("0123"));
  for (const std::string& state : states) EXPECT_EQ(state.substr(0, 4), "0123");
}

TEST(CachedFile, MayGrowWithoutTheBytes) {
  const auto make = [] {
    CachedFile file = synced_file(std::string(512, 'a'));
    file.write(512, as_bytes(std::string(1000, 'b')));
    return file;
  };
  const std::string zeros = std::string(512, 'a') + std::string(1000, '\0');
  EXPECT_TRUE(crash_states(make, {.sector_bytes = 512}).contains(zeros));

  bool noise = false;
  for (const std::string& state : crash_states(make, {.sector_bytes = 512, .foreign_bytes = true})) {
    EXPECT_EQ(state.substr(0, 512), std::string(512, 'a'));
    noise = noise || state.find_first_not_of(std::string("ab\0", 3)) != std::string::npos;
  }
  EXPECT_TRUE(noise);
}

TEST(CachedFile, SurvivesRandomHistories) {
  const std::uint64_t seed = test_seed(12);
  SCOPED_TRACE(seed);
  SeededRandom random(seed);
  for (std::size_t i = 0; i < test_scale(500); ++i) {
    CachedFile file;
    std::string model;
    for (std::uint64_t step = random.next_below(12); step > 0; --step) {
      const std::uint64_t offset = random.next_below(6000);
      if (random.next_below(4) == 0) {
        file.truncate(offset);
        model.resize(offset, '\0');
      } else {
        const std::string text(random.next_below(6000), static_cast<char>('a' + step));
        file.write(offset, as_bytes(text));
        if (!text.empty() && model.size() < offset + text.size()) model.resize(offset + text.size(), '\0');
        model.replace(std::min(offset, model.size()), text.size(), text);
      }
      if (random.next_below(3) == 0) file.sync();
      ASSERT_EQ(text_of(file), model);
    }
    const bool synced = file.synced();
    file.crash(random, {.foreign_bytes = true});
    if (synced) {
      ASSERT_EQ(text_of(file), model);
    }
  }
}

TEST(CachedFile, KeepsForgottenBytesOffTheDiskForEver) {
  SeededRandom random(1);
  CachedFile file = synced_file("old");
  file.write(0, as_bytes("NEW"));
  file.forget_unsynced();
  EXPECT_EQ(text_of(file), "NEW");
  file.write(3, as_bytes("+"));
  file.sync();
  EXPECT_EQ(text_of(file), "NEW+");
  file.crash(random, {});
  EXPECT_EQ(text_of(file), "old+");
}

}  // namespace
}  // namespace jade::io
