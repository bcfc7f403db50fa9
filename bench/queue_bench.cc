// Which queue the thread pool should stand on: the lock-free ring against queues with a mutex, alone and inside a pool
// of two threads. docs/adr/0005-executor-queue.md has the numbers and the decision.
//
// Compare medians of many short rounds in random order, and the processor time, which a busy machine disturbs less:
//
//   jade_queue_bench --benchmark_min_time=0.001 --benchmark_repetitions=300
//                    --benchmark_enable_random_interleaving=true

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/task_queue.h"
#include "base/thread.h"
#include "bounded_ring.h"
#include "lock_free_task_queue.h"
#include "mutex_queue.h"

namespace jade {
namespace {

constexpr std::size_t kCapacity = 1024;
constexpr std::size_t kPoolThreads = 2;
constexpr std::size_t kTasksPerRound = 20'000;

Thread start(const std::string& name, std::move_only_function<void()> body) {
  auto thread = Thread::start(ThreadKind::kCompute, name, std::move(body));
  JADE_CHECK(thread.ok(), "the machine has no thread left");
  return std::move(thread).value();
}

// What ThreadPool does, over any queue with push, pop and close.
template <class Queue>
class Pool {
 public:
  Pool() {
    for (std::size_t i = 0; i < kPoolThreads; ++i) {
      threads_.push_back(start("pool", [this] {
        while (auto task = queue_.pop()) (*task)();
      }));
    }
  }
  ~Pool() {
    queue_.close();
    threads_.clear();
  }
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Queue& queue() { return queue_; }

 private:
  Queue queue_{kCapacity};
  std::vector<Thread> threads_;
};

// A push and a pop on one thread: what the queue costs when nobody else wants it.
template <class Queue>
void raw_uncontended(benchmark::State& state) {
  Queue queue(kCapacity);
  std::uint64_t value = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(queue.try_push(std::uint64_t{value++}));
    benchmark::DoNotOptimize(queue.try_pop());
  }
  state.SetItemsProcessed(state.iterations());
}

// `state.range(0)` producers and one consumer, which is the timed thread.
template <class Queue>
void raw_throughput(benchmark::State& state) {
  const auto producers = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    Queue queue(kCapacity);
    std::vector<Thread> threads;
    for (std::size_t p = 0; p < producers; ++p) {
      threads.push_back(start("producer", [&queue, producers] {
        for (std::size_t i = 0; i < kTasksPerRound / producers; ++i) {
          while (!queue.try_push(std::uint64_t{i})) std::this_thread::yield();
        }
      }));
    }
    for (std::size_t left = kTasksPerRound; left > 0;) {
      if (queue.try_pop()) {
        --left;
      } else {
        std::this_thread::yield();
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTasksPerRound));
}

// Keeps the processor busy for about `loops` dependent multiplications, of a nanosecond each.
void work(std::int64_t loops) {
  std::uint64_t x = 1;
  for (std::int64_t i = 0; i < loops; ++i) benchmark::DoNotOptimize(x *= 0x9e3779b97f4a7c15ULL);
}

// `state.range(0)` producers submit tasks of `state.range(1)` loops to a pool until all have run.
template <class Queue>
void pool_throughput(benchmark::State& state) {
  const auto producers = static_cast<std::size_t>(state.range(0));
  const std::int64_t loops = state.range(1);
  Pool<Queue> pool;
  for (auto _ : state) {
    std::atomic<std::size_t> ran{0};
    std::vector<Thread> threads;
    for (std::size_t p = 0; p < producers; ++p) {
      threads.push_back(start("producer", [&] {
        for (std::size_t i = 0; i < kTasksPerRound / producers; ++i) {
          const auto task = [&ran, loops] {
            work(loops);
            ran.fetch_add(1);
          };
          while (!pool.queue().push(task, Priority::kNormal).ok()) std::this_thread::yield();
        }
      }));
    }
    threads.clear();
    while (ran.load() < kTasksPerRound) std::this_thread::yield();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kTasksPerRound));
}

// From submit to the first instruction of the task, with both threads of the pool asleep.
template <class Queue>
void pool_wake_up(benchmark::State& state) {
  Pool<Queue> pool;
  for (auto _ : state) {
    // Long enough for the threads to fall asleep.
    const SteadyTime rested = system_clock().steady_now() + std::chrono::microseconds(50);
    while (system_clock().steady_now() < rested) std::this_thread::yield();
    std::atomic<std::int64_t> latency_ns{-1};
    const SteadyTime submitted = system_clock().steady_now();
    const auto accepted = pool.queue().push(
        [&latency_ns, submitted] { latency_ns.store((system_clock().steady_now() - submitted).count()); },
        Priority::kNormal);
    JADE_CHECK(accepted.ok(), "an empty queue takes a task");
    while (latency_ns.load() < 0) std::this_thread::yield();
    state.SetIterationTime(static_cast<double>(latency_ns.load()) * 1e-9);
  }
}

using OneLock = TaskQueue;
using Rings = LockFreeTaskQueue<BoundedRing>;
using LockEach = LockFreeTaskQueue<MutexQueue>;

void producers(benchmark::internal::Benchmark* one) {
  one->Arg(1)->Arg(2)->Arg(4)->MeasureProcessCPUTime()->UseRealTime();
}

void producers_and_work(benchmark::internal::Benchmark* one) {
  one->ArgNames({"producers", "loops"})->ArgsProduct({{1, 2, 4}, {0, 10'000}})->MeasureProcessCPUTime()->UseRealTime();
}

BENCHMARK(raw_uncontended<BoundedRing<std::uint64_t>>)->Name("raw/uncontended/ring");
BENCHMARK(raw_uncontended<MutexQueue<std::uint64_t>>)->Name("raw/uncontended/mutex");
BENCHMARK(raw_throughput<BoundedRing<std::uint64_t>>)->Name("raw/throughput/ring")->Apply(producers);
BENCHMARK(raw_throughput<MutexQueue<std::uint64_t>>)->Name("raw/throughput/mutex")->Apply(producers);
BENCHMARK(pool_throughput<OneLock>)->Name("pool/throughput/one_lock")->Apply(producers_and_work);
BENCHMARK(pool_throughput<Rings>)->Name("pool/throughput/rings")->Apply(producers_and_work);
BENCHMARK(pool_throughput<LockEach>)->Name("pool/throughput/lock_each")->Apply(producers_and_work);
BENCHMARK(pool_wake_up<OneLock>)->Name("pool/wake_up/one_lock")->UseManualTime();
BENCHMARK(pool_wake_up<Rings>)->Name("pool/wake_up/rings")->UseManualTime();
BENCHMARK(pool_wake_up<LockEach>)->Name("pool/wake_up/lock_each")->UseManualTime();

}  // namespace
}  // namespace jade

BENCHMARK_MAIN();
