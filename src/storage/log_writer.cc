#include "storage/log_writer.h"

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
    JADE_CHECK(ready_.empty() && idlers_.empty(), "a log outlives its writer");
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

void LogWriter::run() {
  for (;;) {
    const Turn turn = wait_for_turn();
    if (turn.client == nullptr) return;
    take_turn(turn);
  }
}

LogWriter::Turn LogWriter::wait_for_turn() {
  MutexLock lock(mutex_);
  for (;;) {
    if (!ready_.empty()) {
      Client* const client = ready_.front();
      ready_.pop_front();
      std::erase_if(idlers_, [&](const Idler& idler) { return idler.client == client; });
      return {client, false};
    }
    if (stopping_) return {};
    if (idlers_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto left = idlers_.front().due - clock_.steady_now();
    if (left <= left.zero()) {
      Client* const client = idlers_.front().client;
      idlers_.pop_front();
      return {client, true};
    }
    wake_.wait_for(lock, left);
  }
}

void LogWriter::take_turn(const Turn& turn) {
  if (turn.is_idle) {
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
    idlers_.push_back({turn.client, clock_.steady_now() + options_.idle});
  }
}

}  // namespace jade::storage
