// What the tests of the log share.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "storage/file_log.h"
#include "storage/log.h"
#include "storage/log_writer.h"

namespace jade::storage {

/// Replays from its seed.
class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed = 1) : random_(seed) {}
  void fill(std::span<std::byte> out) override {
    const MutexLock lock(mutex_);
    for (std::byte& byte : out) byte = std::byte(static_cast<std::uint8_t>(random_.next_u64()));
  }

 private:
  Mutex mutex_;
  SeededRandom random_ JADE_GUARDED_BY(mutex_);
};

inline DatabaseKey test_database() {
  DatabaseKey key;
  key.fill(std::byte{0xda});
  return key;
}

/// The record that every test appends at `sequence`: 0..300 bytes that follow from it.
inline NewRecord test_record(std::uint64_t sequence) {
  NewRecord record;
  record.type = sequence % 5 == 0 ? RecordType::kDefinition : RecordType::kWriteBatch;
  record.shard = ShardId{static_cast<std::uint32_t>(sequence % 3)};
  record.definition_version = sequence / 5;
  record.commit_time_us = static_cast<std::int64_t>(sequence * 1000);
  record.payload.resize(sequence * 37 % 301);
  for (std::size_t i = 0; i < record.payload.size(); ++i) {
    record.payload[i] = std::byte(static_cast<std::uint8_t>(sequence * 7 + i));
  }
  return record;
}

inline bool is_test_record(const LogRecord& record) {
  const NewRecord expected = test_record(record.sequence.value());
  return record.type == expected.type && record.shard == expected.shard &&
         record.definition_version == expected.definition_version && record.commit_time_us == expected.commit_time_us &&
         record.transaction_id == 0 && std::ranges::equal(record.payload, expected.payload);
}

/// What became of appended records. `done()` makes the callback of one.
class Acks {
 public:
  AppendDone done() {
    return [this](const Result<void>& outcome) {
      const MutexLock lock(mutex_);
      outcomes_.push_back(outcome.ok() ? std::nullopt : std::optional(outcome.error()));
      changed_.notify_all();
    };
  }

  /// Waits until `count` were called.
  void wait_for(std::size_t count) {
    MutexLock lock(mutex_);
    while (outcomes_.size() < count) changed_.wait(lock);
  }

  /// In the order of the calls; nullopt is success.
  std::vector<std::optional<Error>> outcomes() const {
    const MutexLock lock(mutex_);
    return outcomes_;
  }

  std::size_t succeeded() const {
    const MutexLock lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count(outcomes_, false, &std::optional<Error>::has_value));
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<std::optional<Error>> outcomes_ JADE_GUARDED_BY(mutex_);
};

/// A writer whose watermarks come at once or, in effect, never.
enum class Idle { kAtOnce, kNever };

inline std::unique_ptr<LogWriter> test_writer(Idle idle = Idle::kNever) {
  LogWriterOptions options;
  options.idle = idle == Idle::kAtOnce ? std::chrono::milliseconds(0) : std::chrono::hours(1);
  return LogWriter::start(system_clock(), options).value();
}

/// Appends test records `first`..`last`, each synced before the next is appended.
inline void append_each(Log& log, std::uint64_t first, std::uint64_t last) {
  for (std::uint64_t i = first; i <= last; ++i) {
    Acks acks;
    const Result<Sequence> sequence = log.append(test_record(i), acks.done());
    JADE_CHECK(sequence.ok() && sequence->value() == i, "the records are not the test's");
    acks.wait_for(1);
    JADE_CHECK(acks.succeeded() == 1, "a record was not written");
  }
}

/// The last sequence of a log that holds the test records 1, 2, … and nothing else; an error for any other.
inline Result<std::uint64_t> read_test_records(Log& log) {
  std::uint64_t last = 0;
  JADE_RETURN_IF_ERROR(log.read(Sequence{1}, [&](const LogRecord& record) -> Result<void> {
    const bool expected = record.sequence.value() == last + 1 && is_test_record(record);
    if (!expected) return Error(ErrorCode::kInternal, "record " + std::to_string(last + 1) + " is wrong");
    ++last;
    return {};
  }));
  if (log.tail().value() != last) return Error(ErrorCode::kInternal, "the tail is wrong");
  return last;
}

}  // namespace jade::storage
