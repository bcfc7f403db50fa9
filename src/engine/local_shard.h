// A shard in this process.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/executor.h"
#include "base/mutex.h"
#include "engine/background_indexer.h"
#include "engine/memory_budget.h"
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

  /// Applies a record that was durable when the log was opened. Before `start`, in log order, from one thread.
  Result<void> replay(const storage::LogRecord& record);
  /// Lets the background work begin.
  void start();
  /// Waits until every accepted write was answered (close the log first) and the background work has stopped.
  void stop();

  void apply(const RequestContext& context, ApplyRequest request, Callback<ApplyResponse> done) override;
  void get(const RequestContext& context, GetRequest request, Callback<GetResponse> done) override;
  void search(const RequestContext& context, SearchRequest request, Callback<SearchResponse> done) override;
  void stats(const RequestContext& context, StatsRequest request, Callback<StatsResponse> done) override;

  std::shared_ptr<const ShardView> view() const { return state_.view(); }
  /// Why no write is accepted any more, or nothing.
  std::optional<std::string> failure() const JADE_EXCLUDES(mutex_);
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
    std::optional<Result<void>> durable;
  };
  /// What accepted, not yet applied writes make of a record.
  struct Expected {
    bool exists = false;
    std::uint32_t pending = 0;
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
  void on_durable(const std::shared_ptr<Pending>& pending, Result<void> result) JADE_EXCLUDES(mutex_);
  void apply_durable() JADE_EXCLUDES(mutex_);
  void answer(Pending& pending) JADE_EXCLUDES(mutex_);
  void forget(const Pending& pending) JADE_EXCLUDES(mutex_);

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
  ShardState state_;
  BackgroundIndexer indexer_;
  std::atomic<std::uint64_t> reserved_bytes_{0};

  mutable Mutex mutex_;
  CondVar idle_;
  std::deque<std::shared_ptr<Pending>> pending_ JADE_GUARDED_BY(mutex_);
  std::unordered_map<std::string, Expected> expected_ JADE_GUARDED_BY(mutex_);
  std::int64_t last_commit_time_us_ JADE_GUARDED_BY(mutex_) = 0;
  bool applying_ JADE_GUARDED_BY(mutex_) = false;
  /// Why no write is accepted any more.
  std::optional<Error> failed_ JADE_GUARDED_BY(mutex_);
};

}  // namespace jade::engine
