// Writes to a store from several threads until it is killed, and tells what it sends and what it is answered:
//   crash_worker DIRECTORY SEED LANES WRITES VARIANT FAILING_ALLOCATION
// WRITES 0: without end. VARIANT: "right", or how it lies (tests of the supervisor), or
// "goes_on": writes on after a call ran out of memory. FAILING_ALLOCATION 0: none.

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "crash/failing_allocator.h"
#include "crash/worker_events.h"
#include "jade/store.h"

namespace jade::crash {
namespace {

void tell(const Event& event) {
  if (::write(STDOUT_FILENO, &event, sizeof event) != static_cast<ssize_t>(sizeof event)) std::_Exit(3);
}

/// Set once a call ran out of memory.
std::atomic<bool> memory_failed = false;

/// What a call returns, or an error for one that ran out of memory: what it did nobody knows.
template <class T, class Call>
Result<T> guarded(Call call) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    memory_failed = true;
    return Error(ErrorCode::kInternal, "no memory");
  }
}

struct Assignment {
  std::uint64_t seed = 0;
  std::uint64_t writes = 0;
  std::string variant;
  bool memory_fails = false;
};

/// One sender: its writes are one after the other, on ids of its own.
class Lane {
 public:
  Lane(Store& store, Database a, Database b, const Assignment& assignment, std::uint16_t number)
      : store_(store),
        a_(std::move(a)),
        b_(std::move(b)),
        assignment_(assignment),
        number_(number),
        random_(assignment.seed * 64 + number) {}

  void run() {
    for (std::uint64_t i = 0; assignment_.writes == 0 || i < assignment_.writes; ++i) {
      if (memory_failed && assignment_.variant != "goes_on") return;
      if (number_ == 0 && random_.next_below(40) == 0) {
        flip_the_extra_database();
      } else {
        write(i);
      }
    }
  }

 private:
  Event next_event(std::uint64_t i) {
    Event event{.kind = EventKind::kSend,
                .to_b = static_cast<std::uint8_t>(random_.next_below(2)),
                .lane = number_,
                .serial = (assignment_.seed % 1000) * 10'000 + i * 10};
    event.first = event.last = static_cast<std::uint32_t>(random_.next_below(24));
    event.has_vectors = event.has_metadata = 1;
    switch (random_.next_below(8)) {
      case 0:
        event.row_kind = RowKind::kDelete;
        event.has_vectors = event.has_metadata = 0;
        break;
      case 1:
        event.row_kind = RowKind::kUpdate;
        event.has_vectors = 0;
        break;
      case 2:
        event.row_kind = RowKind::kUpdate;
        event.has_metadata = 0;
        break;
      case 3:
        event.row_kind = RowKind::kInsert;
        break;
      case 4:
      case 5:
        event.last += 1 + static_cast<std::uint32_t>(random_.next_below(8));
        break;
      default:
        break;
    }
    return event;
  }

  void write(std::uint64_t i) {
    Event event = next_event(i);
    tell(event);
    const bool early = assignment_.variant == "acknowledges_early" && event.row_kind == RowKind::kPut;
    event.kind = EventKind::kAnswer;
    if (early) {
      event.answer = Answer::kAcknowledged;
      tell(event);
    }
    const Result<std::uint64_t> version = send(event);
    if (early) return;
    event.answer = version.ok() ? Answer::kAcknowledged : answer_to(version.error());
    event.version = version.ok() ? *version : 0;
    if (assignment_.variant == "wrong_version" && event.version != 0) ++event.version;
    if (assignment_.variant == "says_refused" && version.ok() && i % 8 == 0) event.answer = Answer::kRefused;
    tell(event);
    if (assignment_.variant == "resurrects" && version.ok() && event.row_kind == RowKind::kDelete) {
      (void)database(event)
          .upsert(input({.id = rows_of(event).front().id, .vectors = vectors_of(1), .metadata = {}}))
          .ok();
    }
    if (assignment_.variant == "writes_unasked" && i % 8 == 0) {
      (void)database(event).upsert(input({.id = "nobody", .vectors = vectors_of(i), .metadata = {}})).ok();
    }
  }

  /// A write that is durable but finds no memory to be shown is answered as one that found no room on the disk, which
  /// promises too much: README.md, known gaps. So it is open here whether such a write is there.
  Answer answer_to(const Error& error) const {
    const bool no_memory = assignment_.memory_fails && error.code() == ErrorCode::kStorageFull;
    return no_memory ? Answer::kUnknown : answer_of(error.code());
  }

  Database& database(const Event& event) { return event.to_b != 0 ? b_ : a_; }

  static RecordInput input(const RowWrite& row) {
    return {.id = row.id, .vectors = named(row.vectors), .metadata = row.metadata};
  }

  /// The version that the write got; 0 where the answer has none.
  Result<std::uint64_t> send(Event& event) {
    return guarded<std::uint64_t>([&]() -> Result<std::uint64_t> {
      const std::vector<RowWrite> rows = rows_of(event);
      Database& target = database(event);
      const RowWrite& row = rows.front();
      if (event.row_kind == RowKind::kDelete) {
        JADE_ASSIGN_OR_RETURN(const WriteReceipt receipt, target.remove(row.id));
        return receipt.version;
      }
      if (event.row_kind == RowKind::kUpdate) {
        JADE_ASSIGN_OR_RETURN(const WriteReceipt receipt, target.update(input(row)));
        return receipt.version;
      }
      if (event.row_kind == RowKind::kPut && rows.size() == 1) {
        JADE_ASSIGN_OR_RETURN(const WriteReceipt receipt, target.upsert(input(row)));
        return receipt.version;
      }
      std::vector<RecordInput> inputs;
      for (const RowWrite& each : rows) inputs.push_back(input(each));
      const BatchOptions options{.upsert = event.row_kind == RowKind::kPut};
      JADE_ASSIGN_OR_RETURN(const BatchReceipt receipt, target.write_batch(std::move(inputs), options));
      if (rows.size() == 1 && !receipt.errors.empty()) return receipt.errors.front().error;
      for (const RowError& error : receipt.errors) event.refused_rows |= std::uint64_t{1} << error.index;
      return 0;
    });
  }

  void flip_the_extra_database() {
    const std::string name(kExtraDatabase);
    const bool there = guarded<Database>([&] { return store_.database(name); }).ok();
    Event event{.kind = there ? EventKind::kSendDrop : EventKind::kSendCreate, .lane = number_};
    tell(event);
    Result<void> done;
    if (there) {
      done = guarded<void>([&] { return store_.delete_database(name); });
    } else {
      const auto made = guarded<Database>([&] { return store_.create_database(name, crash_database_options()); });
      if (!made.ok()) done = made.error();
    }
    event.kind = there ? EventKind::kAnswerDrop : EventKind::kAnswerCreate;
    event.answer = done.ok() ? Answer::kAcknowledged : answer_of(done.error().code());
    tell(event);
  }

  Store& store_;
  Database a_;
  Database b_;
  const Assignment& assignment_;
  const std::uint16_t number_;
  SeededRandom random_;
};

int work(const std::string& directory, std::size_t lanes, const Assignment& assignment) {
  {
    Result<Store> store = guarded<Store>([&] { return Store::open(directory, {.memory_budget_bytes = 1U << 28}); });
    const auto a =
        store.ok() ? guarded<Database>([&] { return store->database("a"); }) : Result<Database>(store.error());
    const auto b = a.ok() ? guarded<Database>([&] { return store->database("b"); }) : a;
    if (!b.ok()) {
      std::fprintf(stderr, "opening failed: %s\n", b.error().message().c_str());
      tell({.kind = EventKind::kFailed});
      return 2;
    }
    tell({.kind = EventKind::kStarted});
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i + 1 < lanes; ++i) {
      threads.emplace_back([&, i] { Lane(*store, *a, *b, assignment, static_cast<std::uint16_t>(i + 1)).run(); });
    }
    Lane(*store, *a, *b, assignment, 0).run();
    for (std::thread& thread : threads) thread.join();
    (void)guarded<void>([&] { return store->close(); }).ok();
  }
  tell({.kind = EventKind::kDone, .version = allocations_counted()});
  return 0;
}

}  // namespace
}  // namespace jade::crash

int main(int argc, char** argv) {
  if (argc != 7) return 64;
  const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
  const jade::crash::Assignment assignment{
      .seed = number(2), .writes = number(4), .variant = argv[5], .memory_fails = number(6) != 0};
  const std::string directory = argv[1];
  jade::crash::count_allocations(number(6));
  return jade::crash::work(directory, number(3), assignment);
}
