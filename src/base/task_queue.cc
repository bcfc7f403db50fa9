#include "base/task_queue.h"

#include <cstdint>
#include <thread>
#include <utility>

namespace jade {
namespace {

// The order in which a pop looks at the rings, for each ring that may come first.
constexpr std::array<std::array<std::uint8_t, 3>, 3> kOrders = {{{0, 1, 2}, {1, 0, 2}, {2, 0, 1}}};

// Which ring comes first at every pop: each lower priority has one pop in 16, so it waits, but not for ever, and both
// together take no more than an eighth of the pops from the high one.
constexpr std::array<std::uint8_t, 16> kTurns = {0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2};

}  // namespace

void TaskQueue::Ring::push(Task task) {
  slots_[(first_ + count_) % slots_.size()] = std::move(task);
  ++count_;
}

Task TaskQueue::Ring::pop() {
  Task task = std::exchange(slots_[first_], nullptr);
  first_ = (first_ + 1) % slots_.size();
  --count_;
  return task;
}

TaskQueue::TaskQueue(std::size_t capacity) : rings_{Ring(capacity), Ring(capacity), Ring(capacity)} {}

Result<void> TaskQueue::push(Task task, Priority priority) {
  {
    const MutexLock lock(mutex_);
    if (closed_) return Error(ErrorCode::kCancelled, "the executor is stopping");
    Ring& ring = rings_[static_cast<std::size_t>(priority)];
    if (ring.full()) return Error(ErrorCode::kOverloaded, "the executor's queue is full");
    ring.push(std::move(task));
    ++size_;
    if (sleepers_ == 0) return {};
  }
  // Without the lock, which the woken thread wants first of all.
  wakeup_.notify_one();
  return {};
}

std::optional<Task> TaskQueue::pop() {
  if (auto task = try_pop()) return task;
  // Lets others use the core before going to sleep: often they push more, and are spared the cost of a wake-up.
  std::this_thread::yield();
  MutexLock lock(mutex_);
  while (size_ == 0 && !closed_) {
    ++sleepers_;
    wakeup_.wait(lock);
    --sleepers_;
  }
  return take();
}

std::optional<Task> TaskQueue::try_pop() {
  const MutexLock lock(mutex_);
  return take();
}

void TaskQueue::close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
  }
  wakeup_.notify_all();
}

std::size_t TaskQueue::size() const {
  const MutexLock lock(mutex_);
  return size_;
}

std::optional<Task> TaskQueue::take() {
  if (size_ == 0) return std::nullopt;
  --size_;
  const auto& order = kOrders[kTurns[turns_++ % kTurns.size()]];
  std::size_t place = 0;
  while (rings_[order[place]].empty()) ++place;
  return rings_[order[place]].pop();
}

}  // namespace jade
