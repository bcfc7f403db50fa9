#include "storage/log_writer.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace jade::storage {

Result<std::unique_ptr<LogWriter>> LogWriter::start(const Clock& clock, const LogWriterOptions& options) {
  std::unique_ptr<LogWriter> writer(new LogWriter(clock, options));
  LogWriter* const self = writer.get();
  JADE_ASSIGN_OR_RETURN(writer->thread_, Thread::start(ThreadKind::kLogWriter, "log-writer", [self] { self->run(); }));
  return writer;
}

LogWriter::~LogWriter() {
  {
    const MutexLock lock(mutex_);
    JADE_CHECK(ready_.empty() && idlers_.empty() && unsynced_.empty(), "a log outlives its writer");
    stopping_ = true;
  }
  wake_.notify_one();
}

void LogWriter::schedule(Client& client) {
  {
    const MutexLock lock(mutex_);
    ready_.push_back(&client);
  }
  wake_.notify_one();
}

bool LogWriter::reserve(std::size_t bytes) {
  const std::size_t before = pending_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  if (before == 0 || before + bytes <= options_.max_pending_bytes) return true;
  release(bytes);
  return false;
}

void LogWriter::release(std::size_t bytes) { pending_bytes_.fetch_sub(bytes, std::memory_order_relaxed); }

bool LogWriter::reserve_in_use() {
  if (options_.reserve == nullptr || !options_.reserve->in_use()) return false;
  // The thread may be asleep, not knowing of a reserve that somebody else released.
  wake_.notify_one();
  return true;
}

void LogWriter::run() {
  for (;;) {
    const Turn turn = wait_for_turn();
    if (turn.kind == Turn::Kind::kStop) return;
    take_turn(turn);
  }
}

LogWriter::Turn LogWriter::wait_for_turn() {
  MutexLock lock(mutex_);
  for (;;) {
    std::optional<SteadyTime> next;
    const SteadyTime now = clock_.steady_now();
    if (const std::optional<Turn> turn = due_turn(now, next)) return *turn;
    if (next) {
      wake_.wait_for(lock, *next - now);
    } else {
      wake_.wait(lock);
    }
  }
}

std::optional<LogWriter::Turn> LogWriter::due_turn(SteadyTime now, std::optional<SteadyTime>& next) {
  // What has a time of its own comes first, or those who always have work would keep it waiting for ever; a watermark
  // can wait.
  if (restore_is_due(now)) return Turn{Turn::Kind::kRestore, nullptr};
  const auto pop = [](auto& queue) {
    const auto first = queue.front();
    queue.pop_front();
    return first;
  };
  if (!unsynced_.empty() && unsynced_.front().due <= now) return Turn{Turn::Kind::kIdle, pop(unsynced_).client};
  if (!ready_.empty()) {
    Client* const client = pop(ready_);
    for (auto* idlers : {&idlers_, &unsynced_}) {
      std::erase_if(*idlers, [&](const Idler& idler) { return idler.client == client; });
    }
    return Turn{Turn::Kind::kFlush, client};
  }
  if (stopping_) return Turn{};
  if (!idlers_.empty() && idlers_.front().due <= now) return Turn{Turn::Kind::kIdle, pop(idlers_).client};
  next = restore_due_;
  for (const auto* idlers : {&idlers_, &unsynced_}) {
    if (!idlers->empty()) next = std::min(next.value_or(idlers->front().due), idlers->front().due);
  }
  return std::nullopt;
}

bool LogWriter::restore_is_due(SteadyTime now) {
  if (options_.reserve == nullptr || !options_.reserve->in_use()) {
    restore_due_.reset();
    return false;
  }
  if (!restore_due_) restore_due_ = now + options_.restore_interval;
  if (*restore_due_ > now) return false;
  restore_due_.reset();
  return true;
}

void LogWriter::take_turn(const Turn& turn) {
  if (turn.kind == Turn::Kind::kRestore) {
    // How it went shows in the reserve.
    static_cast<void>(options_.reserve->restore().ok());
    return;
  }
  if (turn.kind == Turn::Kind::kIdle) {
    turn.client->idle();
    return;
  }
  // Behind this call the client may be gone, unless it asks for more.
  const Client::Next next = turn.client->flush();
  if (next == Client::Next::kNothing) return;
  const MutexLock lock(mutex_);
  if (next == Client::Next::kAgain) {
    ready_.push_back(turn.client);
  } else {
    auto& idlers = next == Client::Next::kUnsynced ? unsynced_ : idlers_;
    idlers.push_back({turn.client, clock_.steady_now() + options_.idle});
  }
}

}  // namespace jade::storage
