#include "io/bus_error_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "io/file_system.h"
#include "io/temporary_directory.h"
#include "io/test_bytes.h"

namespace jade::io {
namespace {

constexpr std::size_t kPage = 4096;

/// A real file of some pages of 'x', mapped, and then cut to `left` bytes.
class CutFile {
 public:
  CutFile(std::size_t pages, std::size_t left) {
    const std::string path = join_path(directory_.path(), "file");
    file_ = real_file_system().open(path, OpenMode::kCreate).value();
    EXPECT_TRUE(file_->write_at(0, as_bytes(std::string(pages * kPage, 'x'))).ok());
    mapping = file_->map().value();
    EXPECT_TRUE(file_->truncate(left).ok());
  }

  char at(std::size_t offset) const {
    return static_cast<char>(static_cast<const volatile std::byte*>(mapping->bytes().data())[offset]);
  }

  std::unique_ptr<Mapping> mapping;

 private:
  TemporaryDirectory directory_;
  std::unique_ptr<File> file_;
};

/// A page that raises SIGBUS and that no guard knows.
volatile char* unguarded_page() {
  const TemporaryDirectory directory;
  const int fd = ::open(join_path(directory.path(), "empty").c_str(), O_RDWR | O_CREAT, 0600);
  return static_cast<volatile char*>(::mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fd, 0));
}

TEST(BusErrorGuard, TurnsAPageThatCannotBeReadIntoZeros) {
  const CutFile file(4, kPage + 1);
  EXPECT_EQ(file.at(kPage - 1), 'x');
  EXPECT_EQ(file.at(kPage), 'x');
  // What lies behind the end in the last page is zero without a fault.
  EXPECT_EQ(file.at(kPage + 1), '\0');
  EXPECT_FALSE(file.mapping->failed());
  errno = EAGAIN;
  EXPECT_EQ(file.at(3 * kPage + 5), '\0');
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_TRUE(file.mapping->failed());
  EXPECT_EQ(file.at(2 * kPage), '\0');
  EXPECT_EQ(file.at(0), 'x');
}

TEST(BusErrorGuard, FailsOnlyTheMappingThatWasTouched) {
  const CutFile touched(2, 0);
  const CutFile other(2, 0);
  EXPECT_EQ(touched.at(0), '\0');
  EXPECT_TRUE(touched.mapping->failed());
  EXPECT_FALSE(other.mapping->failed());
  EXPECT_EQ(other.at(kPage), '\0');
  EXPECT_TRUE(other.mapping->failed());
}

TEST(BusErrorGuard, StartsAnewWhereAnotherMappingFailed) {
  {
    const CutFile file(1, 0);
    EXPECT_EQ(file.at(0), '\0');
  }
  const CutFile file(1, kPage);
  EXPECT_EQ(file.at(0), 'x');
  EXPECT_FALSE(file.mapping->failed());
}

TEST(BusErrorGuard, GrowsToAnyNumberOfMappings) {
  const std::size_t before = BusErrorGuard::count();
  {
    const CutFile first(1, 0);
    std::vector<std::unique_ptr<BusErrorGuard>> guards;
    const std::vector<std::byte> bytes(1000);
    for (const std::byte& byte : bytes) guards.push_back(std::make_unique<BusErrorGuard>(std::span(&byte, 1)));
    EXPECT_EQ(BusErrorGuard::count(), before + 1001);
    const CutFile last(1, 0);
    EXPECT_EQ(first.at(0), '\0');
    EXPECT_EQ(last.at(0), '\0');
    EXPECT_TRUE(first.mapping->failed());
    EXPECT_TRUE(last.mapping->failed());
    for (const auto& guard : guards) EXPECT_FALSE(guard->failed());
  }
  EXPECT_EQ(BusErrorGuard::count(), before);
}

TEST(BusErrorGuard, WorksWhileOtherMappingsComeAndGo) {
  std::atomic<bool> stop{false};
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 2; ++t) {
    threads.emplace_back([&stop] {
      const std::vector<std::byte> memory(64);
      const std::span<const std::byte> bytes = memory;
      while (!stop) {
        const BusErrorGuard one(bytes.first(32));
        const BusErrorGuard two(bytes.subspan(32));
        EXPECT_FALSE(one.failed() || two.failed());
      }
    });
  }
  const CutFile file(300, 0);
  for (std::size_t page = 0; page < 300; ++page) EXPECT_EQ(file.at(page * kPage), '\0');
  stop = true;
}

TEST(BusErrorGuard, ServesThreadsThatFaultOnOnePage) {
  const CutFile file(64, 0);
  std::vector<std::jthread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&file] {
      for (std::size_t page = 0; page < 64; ++page) {
        EXPECT_EQ(file.at(page * kPage), '\0');
        EXPECT_TRUE(file.mapping->failed());
      }
    });
  }
}

TEST(BusErrorGuardDeathTest, LeavesOtherAddressesToTheSystem) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const CutFile file(1, 0);
        EXPECT_EQ(file.at(0), '\0');
        static_cast<void>(*unguarded_page());
      },
      "");
}

TEST(BusErrorGuardDeathTest, LeavesSignalsThatWereSentToTheSystem) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(
      {
        const CutFile file(1, 0);
        ::kill(::getpid(), SIGBUS);
        for (;;) ::pause();
      },
      "");
}

volatile char* foreign_page = nullptr;
volatile sig_atomic_t handled = 0;

/// What a handler of somebody else may do about its own page.
void repair_foreign_page() {
  handled = 1;
  ::mmap(const_cast<char*>(foreign_page), kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

TEST(BusErrorGuardDeathTest, HandsOtherAddressesToTheHandlerBefore) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  for (const int flags : {0, SA_SIGINFO}) {
    EXPECT_EXIT(
        {
          struct sigaction action = {};
          action.sa_flags = flags;
          if (flags == 0) {
            action.sa_handler = [](int) { repair_foreign_page(); };
          } else {
            action.sa_sigaction = [](int, siginfo_t*, void*) { repair_foreign_page(); };
          }
          ::sigaction(SIGBUS, &action, nullptr);
          const CutFile file(1, 0);
          EXPECT_EQ(file.at(0), '\0');
          EXPECT_EQ(handled, 0);
          foreign_page = unguarded_page();
          EXPECT_EQ(*foreign_page, '\0');
          std::exit(handled == 1 ? 7 : 1);
        },
        ::testing::ExitedWithCode(7), "");
  }
}

}  // namespace
}  // namespace jade::io
