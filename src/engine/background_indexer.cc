#include "engine/background_indexer.h"

#include <algorithm>
#include <string>

#include "base/logging.h"

namespace jade::engine {
namespace {

// Slots between two looks at the stop flag: at 100 to 500 µs a slot, tens of milliseconds.
constexpr std::uint32_t kSlotsAtOnce = 128;

}  // namespace

BackgroundIndexer::BackgroundIndexer(ShardData& data, Executor& background, const Clock& clock)
    : data_(data), background_(background), clock_(clock) {}

BackgroundIndexer::~BackgroundIndexer() { stop(); }

bool BackgroundIndexer::has_work() const {
  return std::ranges::any_of(data_.fields, [](const auto& field) { return field->pending() > 0; });
}

void BackgroundIndexer::notify() {
  if (!has_work()) return;
  {
    const MutexLock lock(mutex_);
    if (running_ || stopping_) return;
    running_ = true;
  }
  // A full queue is no loss: what is not linked is searched exactly, and the next write asks again.
  if (!background_.submit([this] { run(); }, Priority::kLow).ok()) finish();
}

void BackgroundIndexer::run() {
  while (!stopping() && index_a_while()) {
    // One round at a time where others wait for the thread; on where nobody can be asked.
    if (background_.submit([this] { run(); }, Priority::kLow).ok()) return;
  }
  finish();
}

bool BackgroundIndexer::index_a_while() {
  for (const auto& field : data_.fields) {
    const Result<std::uint32_t> linked = field->index_some(kSlotsAtOnce);
    if (!linked.ok()) {
      log_warn("indexing_stopped", {{"vector", field->definition().name}, {"reason", linked.error().message()}});
      return false;
    }
    rate_.add(clock_, *linked);
  }
  return has_work();
}

void BackgroundIndexer::finish() {
  const MutexLock lock(mutex_);
  running_ = false;
  idle_.notify_all();
}

bool BackgroundIndexer::stopping() {
  const MutexLock lock(mutex_);
  return stopping_;
}

void BackgroundIndexer::stop() {
  MutexLock lock(mutex_);
  stopping_ = true;
  while (running_) idle_.wait(lock);
}

}  // namespace jade::engine
