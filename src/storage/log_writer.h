// The one thread of a store that writes logs and syncs them.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "jade/result.h"
#include "storage/disk_reserve.h"

namespace jade::storage {

struct LogWriterOptions {
  /// Bytes of records that wait in all logs together.
  std::size_t max_pending_bytes = std::size_t{256} * 1024 * 1024;
  /// How long a log has nothing to write before its watermark is written. Long enough that a busy log writes none,
  /// short enough that a pause in writing soon protects what was written.
  std::chrono::milliseconds idle{100};
  /// What the logs may use when the disk is full; outlives the writer. Null: nothing.
  DiskReserve* reserve = nullptr;
  /// How long after the reserve was used, or could not be made again, it is tried to make it.
  std::chrono::milliseconds restore_interval{1000};
};

/// Serves many logs in turn: what waits in one is one write and one sync. Outlives every log that it serves. Safe from
/// any thread.
class LogWriter {
 public:
  /// What the writer calls, on its thread and never two calls at a time.
  class Client {
   public:
    enum class Next : std::uint8_t {
      kNothing,    ///< The writer forgets the client, which may be destroyed before it looks again.
      kAgain,      ///< More waits.
      kWatermark,  ///< `idle` is due when nothing comes for a while, and nobody else has work.
      kUnsynced,   ///< `idle` is due when nothing comes for a while, whoever else has work.
    };

    virtual ~Client() = default;
    /// Writes some of what waits.
    virtual Next flush() = 0;
    virtual void idle() = 0;
  };

  /// Starts the thread. `clock` outlives the writer.
  static Result<std::unique_ptr<LogWriter>> start(const Clock& clock, const LogWriterOptions& options = {});

  /// All logs are closed by now.
  ~LogWriter();

  /// Asks for one call of `flush`. Not for a client that already waits for one.
  void schedule(Client& client) JADE_EXCLUDES(mutex_);

  /// Sets `bytes` of the queue aside; false if it is full. One record always fits into an empty queue.
  bool reserve(std::size_t bytes);
  void release(std::size_t bytes);

  const LogWriterOptions& options() const { return options_; }
  SteadyTime now() const { return clock_.steady_now(); }

  /// True when only what may use the reserve is to be written. Asking sees to it that the reserve is made again as soon
  /// as there is room.
  bool reserve_in_use();
  /// As `DiskReserve::release`; false where there is none.
  bool release_reserve() { return options_.reserve != nullptr && options_.reserve->release(); }

 private:
  struct Idler {
    Client* client = nullptr;
    SteadyTime due;
  };
  struct Turn {
    enum class Kind : std::uint8_t { kStop, kFlush, kIdle, kRestore };
    Kind kind = Kind::kStop;
    Client* client = nullptr;
  };

  LogWriter(const Clock& clock, const LogWriterOptions& options) : clock_(clock), options_(options) {}

  void run() JADE_EXCLUDES(mutex_);
  Turn wait_for_turn() JADE_EXCLUDES(mutex_);
  /// The turn that is due, or when the next one will be; nullopt: when somebody calls.
  std::optional<Turn> due_turn(SteadyTime now, std::optional<SteadyTime>& next) JADE_REQUIRES(mutex_);
  bool restore_is_due(SteadyTime now) JADE_REQUIRES(mutex_);
  void take_turn(const Turn& turn) JADE_EXCLUDES(mutex_);

  const Clock& clock_;
  const LogWriterOptions options_;
  std::atomic<std::size_t> pending_bytes_{0};

  Mutex mutex_;
  CondVar wake_;
  std::deque<Client*> ready_ JADE_GUARDED_BY(mutex_);
  /// In the order in which they are due.
  std::deque<Idler> idlers_ JADE_GUARDED_BY(mutex_);
  std::deque<Idler> unsynced_ JADE_GUARDED_BY(mutex_);
  bool stopping_ JADE_GUARDED_BY(mutex_) = false;
  /// While the reserve is in use: when to try to make it again.
  std::optional<SteadyTime> restore_due_ JADE_GUARDED_BY(mutex_);

  Thread thread_;
};

}  // namespace jade::storage
