#include "engine/background_indexer.h"

#include <algorithm>
#include <utility>

#include "base/logging.h"

namespace jade::engine {
namespace {

// Slots between two looks at the stop flag: at 100 to 500 µs a slot, tens of milliseconds.
constexpr std::uint32_t kSlotsAtOnce = 128;

}  // namespace

BackgroundIndexer::BackgroundIndexer(const ShardState& state, Executor& background, const Clock& clock)
    : state_(state), background_(background), clock_(clock) {}

BackgroundIndexer::~BackgroundIndexer() { stop(); }

bool BackgroundIndexer::has_work() const {
  return std::ranges::any_of(state_.segments(), [](const std::shared_ptr<Segment>& segment) {
    for (std::size_t i = 0; i < segment->field_count(); ++i) {
      if (segment->field(i).pending() > 0) return true;
    }
    return false;
  });
}

void BackgroundIndexer::notify() {
  if (!has_work()) return;
  {
    const MutexLock lock(turn_->mutex);
    if (turn_->waiting || turn_->running || turn_->stopping) return;
    turn_->waiting = true;
  }
  if (submit(turn_, *this, background_)) return;
  // A full queue is no loss: what is not linked is searched exactly, and the next write asks again.
  const MutexLock lock(turn_->mutex);
  turn_->waiting = false;
}

bool BackgroundIndexer::submit(std::shared_ptr<Turn> turn, BackgroundIndexer& indexer, Executor& background) {
  return background
      .submit([turn = std::move(turn), &indexer, &background] { run(turn, indexer, background); }, Priority::kLow)
      .ok();
}

/// `indexer` is there only while `turn->running` is true, for then `stop` waits.
void BackgroundIndexer::run(const std::shared_ptr<Turn>& turn, BackgroundIndexer& indexer, Executor& background) {
  while (true) {
    {
      const MutexLock lock(turn->mutex);
      turn->waiting = false;
      if (turn->stopping) return;
      turn->running = true;
    }
    const Result<void> indexed = indexer.index_a_while();
    if (!indexed.ok()) log_warn("indexing_stopped", {{"reason", indexed.error().message()}});
    {
      const MutexLock lock(turn->mutex);
      // Looked at under the lock: a write that came before it is seen here, one that comes after it starts a task.
      turn->waiting = indexed.ok() && !turn->stopping && indexer.has_work();
      turn->running = false;
      turn->idle.notify_all();
      if (!turn->waiting) return;
    }
    // One round at a time where others wait for the thread; on where nobody can be asked.
    if (submit(turn, indexer, background)) return;
  }
}

Result<void> BackgroundIndexer::index_a_while() {
  for (const std::shared_ptr<Segment>& segment : state_.segments()) {
    for (std::size_t i = 0; i < segment->field_count(); ++i) {
      JADE_ASSIGN_OR_RETURN(const std::uint32_t linked, segment->field(i).index_some(kSlotsAtOnce));
      rate_.add(clock_, linked);
    }
  }
  return {};
}

void BackgroundIndexer::stop() {
  MutexLock lock(turn_->mutex);
  turn_->stopping = true;
  while (turn_->running) turn_->idle.wait(lock);
}

}  // namespace jade::engine
