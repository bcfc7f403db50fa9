#include "io/bus_error_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/check.h"
#include "base/mutex.h"

namespace jade::io {

/// One guarded range. The handler reads it while others change it, so it is all atomics and never freed.
struct Slot {
  /// Odd while the range changes. A range that is being changed is not the one that faulted: its owner waits.
  std::atomic<std::uint64_t> generation{0};
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};
  std::atomic<bool> failed{false};
  /// In the list of free slots; guarded by the mutex of the table.
  Slot* next_free = nullptr;
};

namespace {

/// Slots in chunks that are linked but never unlinked: the handler walks them without a lock.
struct Chunk {
  std::array<Slot, 256> slots{};
  std::atomic<Chunk*> next{nullptr};
};

static_assert(std::atomic<std::uintptr_t>::is_always_lock_free && std::atomic<Chunk*>::is_always_lock_free,
              "the handler takes no lock");

/// Constant-initialised and trivially destroyed: there before the first and after the last mapping.
struct Table {
  std::atomic<Chunk*> first{nullptr};
  Mutex mutex;
  Slot* free JADE_GUARDED_BY(mutex) = nullptr;
  std::size_t used JADE_GUARDED_BY(mutex) = 0;
};

constinit Table table;
std::uintptr_t page_bytes = 0;
struct sigaction previous_action = {};

Slot* slot_of(std::uintptr_t address) {
  for (Chunk* chunk = table.first.load(std::memory_order_acquire); chunk != nullptr;
       chunk = chunk->next.load(std::memory_order_acquire)) {
    for (Slot& slot : chunk->slots) {
      const std::uint64_t generation = slot.generation.load();
      const std::uintptr_t begin = slot.begin.load();
      const std::uintptr_t end = slot.end.load();
      if (address - begin < end - begin && generation % 2 == 0 && slot.generation.load() == generation) return &slot;
    }
  }
  return nullptr;
}

/// Puts a page of zeros where `address` cannot be read. False when that is not a page of ours, or there is no memory.
bool replace_page(std::uintptr_t address) {
  Slot* slot = slot_of(address);
  if (slot == nullptr) return false;
  slot->failed.store(true);
  // The system call itself: a handler may not rely on what a library does around it. A page that two threads replace at
  // once is one of zeros before and after.
  return ::syscall(SYS_mmap, address / page_bytes * page_bytes, page_bytes, PROT_READ,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != -1;
}

void on_bus_error(int signal, siginfo_t* information, void* context) {
  // What a process sends has no address.
  const bool fault = information->si_code > 0;
  const int saved_errno = errno;
  const bool replaced = fault && replace_page(reinterpret_cast<std::uintptr_t>(information->si_addr));
  errno = saved_errno;
  if (replaced) return;
  if ((previous_action.sa_flags & SA_SIGINFO) != 0) return previous_action.sa_sigaction(signal, information, context);
  // The kernel's own ways, or a handler that does not ask for the address: it gets the signal when this one returns.
  ::sigaction(signal, &previous_action, nullptr);
  ::raise(signal);
}

bool install() {
  page_bytes = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action = {};
  action.sa_sigaction = &on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  // Known before the handler can run.
  ::sigaction(SIGBUS, nullptr, &previous_action);
  return ::sigaction(SIGBUS, &action, nullptr) == 0;
}

void add_chunk() JADE_REQUIRES(table.mutex) {
  auto* chunk = new Chunk();
  for (Slot& slot : chunk->slots) {
    slot.next_free = table.free;
    table.free = &slot;
  }
  chunk->next.store(table.first.load());
  table.first.store(chunk, std::memory_order_release);
}

Slot* take_slot() {
  const MutexLock lock(table.mutex);
  if (table.free == nullptr) add_chunk();
  ++table.used;
  Slot* slot = table.free;
  table.free = slot->next_free;
  return slot;
}

void give_back(Slot* slot) {
  const MutexLock lock(table.mutex);
  slot->next_free = table.free;
  table.free = slot;
  --table.used;
}

void set_range(Slot& slot, std::uintptr_t begin, std::uintptr_t end) {
  slot.generation.fetch_add(1);
  slot.begin.store(begin);
  slot.end.store(end);
  slot.failed.store(false);
  slot.generation.fetch_add(1);
}

}  // namespace

BusErrorGuard::BusErrorGuard(std::span<const std::byte> pages) : slot_(take_slot()) {
  static const bool installed = install();
  JADE_CHECK(installed, "SIGBUS takes no handler");
  const auto begin = reinterpret_cast<std::uintptr_t>(pages.data());
  set_range(*slot_, begin, begin + pages.size());
}

BusErrorGuard::~BusErrorGuard() {
  set_range(*slot_, 0, 0);
  give_back(slot_);
}

bool BusErrorGuard::failed() const { return slot_->failed.load(); }

std::size_t BusErrorGuard::count() {
  const MutexLock lock(table.mutex);
  return table.used;
}

}  // namespace jade::io
