// A shard in this process.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "engine/background_indexer.h"
#include "engine/background_worker.h"
#include "engine/memory_budget.h"
#include "engine/shard_files.h"
#include "engine/shard_service.h"
#include "engine/shard_state.h"
#include "storage/log.h"

namespace jade::engine {

/// What a shard works with. Everything outlives it.
struct ShardEnvironment {
  const Clock& clock;
  Executor& compute;
  Executor& background;
  MemoryBudget& budget;
  storage::Log& log;
  ShardFilesEnvironment files;
  /// The growing segment is frozen and written when its rows take this much memory.
  std::uint64_t flush_bytes = std::uint64_t{256} << 20;
  /// Asked before an edit of the manifest, by the shard that flushes: the first log record that any shard will still
  /// need. Waits for the disk. Empty: the log is needed whole.
  std::function<Result<Sequence>(ShardId flushing)> first_needed = {};
  /// Told after such an edit. Waits for the disk. May be empty.
  std::function<void()> flushed = {};
};

/// The one sequencer and the applied state of a shard.
///
/// A write is decided against applied state plus the writes accepted before it, gets its place in the log at once, and
/// is applied, in that order, when the log says that it is durable; then its callback runs. If the log fails, so does
/// every write that waits. Safe from any thread.
class LocalShard final : public ShardService {
 public:
  LocalShard(ShardId id, const storage::Definition& definition, const ShardEnvironment& environment);
  ~LocalShard() override;

  /// Opens the segments that the manifest names. Before `replay`. Waits for the disk.
  Result<void> open_segments();
  /// Applies a record that was durable when the log was opened, if its outcome is in no segment. Before `start`, in log
  /// order, from one thread.
  Result<void> replay(const storage::LogRecord& record);
  /// Lets the background work begin.
  void start();
  /// Ends the background work: it uses the log, which may be closed after this. Idempotent.
  void stop_background() { worker_.stop(); }
  /// Waits until every accepted write was answered (close the log first) and the background work has stopped.
  void stop();

  void apply(const RequestContext& context, ApplyRequest request, Callback<ApplyResponse> done) override;
  void get(const RequestContext& context, GetRequest request, Callback<GetResponse> done) override;
  void search(const RequestContext& context, SearchRequest request, Callback<SearchResponse> done) override;
  void stats(const RequestContext& context, StatsRequest request, Callback<StatsResponse> done) override;

  std::shared_ptr<const ShardView> view() const { return state_.view(); }
  ShardId id() const { return id_; }
  /// Why no write is accepted any more, or nothing.
  std::optional<std::string> failure() const JADE_EXCLUDES(mutex_);
  /// The first log record that this shard still needs; when it `is_flushing`, without what it is about to have in
  /// files.
  Sequence first_needed(bool is_flushing) const JADE_EXCLUDES(mutex_);
  /// Freezes what the growing segment has, however little, and has it written: the log waits for it.
  void write_soon() JADE_EXCLUDES(mutex_);
  /// Bytes of the memory budget that this shard's rows hold.
  std::uint64_t reserved_bytes() const { return reserved_bytes_.load(std::memory_order_relaxed); }

 private:
  /// A write between its acceptance and its answer.
  struct Pending {
    Sequence sequence;
    std::int64_t commit_time_us = 0;
    std::vector<std::byte> payload;
    std::vector<std::string> ids;
    ApplyResponse response;
    Callback<ApplyResponse> done;
    std::uint64_t reserved_bytes = 0;
    std::optional<Result<void>> durable;
  };
  /// What an accepted, not yet applied write makes of a record. No other write has its commit time.
  struct Expected {
    std::int64_t commit_time_us = 0;
    bool exists = false;
  };
  /// The rows of a request that are accepted, and what was decided of the others.
  struct Decision {
    storage::WriteBatch accepted;
    std::unordered_map<std::string, bool> exists;
    std::vector<RowResult> rows;
    bool any_refused = false;
  };

  Result<Decision> decide(ApplyRequest request) JADE_REQUIRES(mutex_);
  bool exists(const std::string& id, const Decision& decision, const ShardView& applied) const JADE_REQUIRES(mutex_);
  /// Decides and, if there is anything to write, accepts; otherwise the answer.
  std::optional<Result<ApplyResponse>> take(ApplyRequest request, Callback<ApplyResponse>& done) JADE_REQUIRES(mutex_);
  Result<void> accept(Decision decision, Callback<ApplyResponse>& done) JADE_REQUIRES(mutex_);
  /// Has later writes be decided from this one, and applied after it.
  void announce(const std::shared_ptr<Pending>& pending, const Decision& decision) JADE_REQUIRES(mutex_);
  /// Takes back what was announced, or a part of it: the log did not take the write.
  void withdraw(Pending& pending) JADE_REQUIRES(mutex_);
  Result<Sequence> append(const std::shared_ptr<Pending>& pending, bool only_deletes) JADE_REQUIRES(mutex_);
  void on_durable(const std::shared_ptr<Pending>& pending, Result<void> result) JADE_EXCLUDES(mutex_);
  void apply_durable() JADE_EXCLUDES(mutex_);
  void answer(Pending& pending) JADE_EXCLUDES(mutex_);
  void fail(const Error& reason) JADE_EXCLUDES(mutex_);
  void forget(Pending& pending) JADE_REQUIRES(mutex_);
  struct Applied {
    Sequence sequence;
    std::uint64_t memory_bytes = 0;
    std::uint64_t log_bytes = 0;
  };
  void count(const Applied& applied) JADE_REQUIRES(mutex_);

  // The applying thread:
  bool growing_is_full() const JADE_EXCLUDES(mutex_);
  void freeze() JADE_EXCLUDES(mutex_);
  void install(const FlushJob& job, const std::shared_ptr<SealedSegment>& sealed) JADE_EXCLUDES(mutex_);
  // The worker's thread:
  bool has_work() const JADE_EXCLUDES(mutex_);
  bool flush_is_due() const JADE_REQUIRES(mutex_);
  Result<void> work_a_while() JADE_EXCLUDES(mutex_);
  Result<void> flush_one() JADE_EXCLUDES(mutex_);
  Result<void> write_graphs();
  /// Has the applying thread call `task` between two records.
  void between_records(std::move_only_function<void()> task) JADE_EXCLUDES(mutex_);
  void start_applying() JADE_EXCLUDES(mutex_);
  void hold(std::uint64_t bytes);
  void give_back(std::uint64_t bytes);

  Result<StoredRecord> stored_record(const ShardView& view, RowRef row, bool with_vectors, bool with_metadata) const;
  Result<GetResponse> get_from(const ShardView& view, const GetRequest& request) const;
  Result<SearchResponse> search_view(const ShardView& view, const SearchRequest& request,
                                     const Cancellation& cancellation) const;

  const ShardId id_;
  const std::uint64_t definition_version_;
  /// "db:…", for the log.
  const std::string database_id_;
  const ShardEnvironment environment_;
  const std::vector<storage::VectorFieldDefinition> fields_;
  /// Records up to here are in the segments that were opened.
  Sequence flushed_upto_{0};
  ShardState state_;
  ShardFiles files_;
  BackgroundIndexer indexer_;
  /// There may be a graph that no file has.
  std::atomic<bool> look_for_graphs_{false};
  std::atomic<std::uint64_t> reserved_bytes_{0};

  mutable Mutex mutex_;
  CondVar idle_;
  std::deque<std::shared_ptr<Pending>> pending_ JADE_GUARDED_BY(mutex_);
  /// By id, in the order of the writes; never empty.
  std::unordered_map<std::string, std::vector<Expected>> expected_ JADE_GUARDED_BY(mutex_);
  std::int64_t last_commit_time_us_ JADE_GUARDED_BY(mutex_) = 0;
  bool applying_ JADE_GUARDED_BY(mutex_) = false;
  std::deque<std::move_only_function<void()>> between_records_ JADE_GUARDED_BY(mutex_);
  /// Of the growing segment: the first record that was applied since the last freeze (0: none), and its memory.
  std::uint64_t growing_first_ JADE_GUARDED_BY(mutex_) = 0;
  std::uint64_t growing_bytes_ JADE_GUARDED_BY(mutex_) = 0;
  std::uint64_t growing_log_bytes_ JADE_GUARDED_BY(mutex_) = 0;
  /// Frozen segments that no file has, the oldest first.
  std::deque<std::shared_ptr<FlushJob>> flush_queue_ JADE_GUARDED_BY(mutex_);
  /// The first of them is being written, or was and is not in its place yet.
  bool flushing_ JADE_GUARDED_BY(mutex_) = false;
  /// After a failed flush: when to try again.
  SteadyTime flush_again_at_ JADE_GUARDED_BY(mutex_) = {};
  /// Why no write is accepted any more.
  std::optional<Error> failed_ JADE_GUARDED_BY(mutex_);

  /// The last member: its tasks use all others.
  BackgroundWorker worker_;
};

}  // namespace jade::engine
