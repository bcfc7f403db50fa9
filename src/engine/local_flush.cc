// How a shard's rows get from memory into files, while it goes on.

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "base/logging.h"
#include "engine/local_shard.h"

namespace jade::engine {
namespace {

// Frozen segments that wait for the disk. More would only take memory: then the growing one grows on.
constexpr std::size_t kFrozenMax = 2;

// Between two attempts at a flush that failed, for want of room for instance.
constexpr std::chrono::seconds kFlushRetry{1};

/// What a sealed segment takes of memory: its graphs, and what ended.
std::uint64_t sealed_bytes(const SealedSegment& segment) {
  std::uint64_t bytes = segment.rows() / 8;
  for (std::size_t i = 0; i < segment.field_count(); ++i) {
    const IndexOptions& index = segment.field(i).definition().index;
    if (index.type != IndexType::kFlat) bytes += std::uint64_t{segment.field(i).slots()} * (2 * index.m + 4) * 4;
  }
  return bytes;
}

}  // namespace

Result<void> LocalShard::open_segments() {
  flushed_upto_ = environment_.files.manifest.current().flushed(id_);
  JADE_ASSIGN_OR_RETURN(const std::vector<std::shared_ptr<SealedSegment>> opened, files_.open());
  std::uint64_t live_rows = 0;
  for (const std::shared_ptr<SealedSegment>& segment : opened) {
    hold(sealed_bytes(*segment));
    live_rows += segment->live_rows();
  }
  state_.begin_with({opened.begin(), opened.end()}, live_rows, flushed_upto_);
  return {};
}

Sequence LocalShard::first_needed(bool is_flushing) const {
  const MutexLock lock(mutex_);
  const std::size_t flushed = is_flushing ? 1 : 0;
  if (flush_queue_.size() > flushed) return Sequence(flush_queue_[flushed]->first);
  if (growing_first_ != 0) return Sequence(growing_first_);
  if (!pending_.empty()) return pending_.front()->sequence;
  // All of this shard's records that are durable were applied, and no later one has a position yet.
  return Sequence(environment_.log.durable().value() + 1);
}

void LocalShard::write_soon() {
  between_records([this] {
    bool has_rows = false;
    {
      const MutexLock lock(mutex_);
      has_rows = growing_first_ != 0 && flush_queue_.size() < kFrozenMax;
    }
    if (has_rows) freeze();
    worker_.notify();
  });
}

bool LocalShard::growing_is_full() const {
  const MutexLock lock(mutex_);
  // Deletes take no memory, but the log has them until what they ended is written.
  const std::uint64_t bytes = std::max(growing_bytes_, growing_log_bytes_);
  return bytes >= environment_.flush_bytes && flush_queue_.size() < kFrozenMax;
}

void LocalShard::freeze() {
  auto job = std::make_shared<FlushJob>();
  job->upto = state_.applied().value();
  for (const std::shared_ptr<Segment>& segment : state_.older()) {
    std::vector<Tombstone> ends = segment->take_ends();
    if (!ends.empty()) job->ends.emplace_back(segment, std::move(ends));
  }
  job->frozen = state_.freeze();
  const MutexLock lock(mutex_);
  job->first = std::exchange(growing_first_, 0);
  job->reserved_bytes = std::exchange(growing_bytes_, 0);
  growing_log_bytes_ = 0;
  flush_queue_.push_back(std::move(job));
}

void LocalShard::install(const FlushJob& job, const std::shared_ptr<SealedSegment>& sealed) {
  if (sealed != nullptr) {
    sealed->carry_over(*job.frozen);
    for (std::size_t i = 0; i < fields_.size(); ++i) sealed->field(i).take_over_graph(job.frozen->field(i));
    hold(sealed_bytes(*sealed));
  }
  state_.replace({job.frozen}, sealed);
  give_back(job.reserved_bytes);
  look_for_graphs_.store(true, std::memory_order_release);
  {
    const MutexLock lock(mutex_);
    flush_queue_.pop_front();
    flushing_ = false;
  }
  worker_.notify();
}

bool LocalShard::flush_is_due() const {
  return !flush_queue_.empty() && !flushing_ && environment_.clock.steady_now() >= flush_again_at_;
}

bool LocalShard::has_work() const {
  if (look_for_graphs_.load(std::memory_order_acquire) || indexer_.has_work()) return true;
  const MutexLock lock(mutex_);
  return flush_is_due();
}

Result<void> LocalShard::work_a_while() {
  JADE_RETURN_IF_ERROR(flush_one());
  if (indexer_.has_work()) {
    JADE_RETURN_IF_ERROR(indexer_.index_a_while());
    look_for_graphs_.store(true, std::memory_order_release);
  }
  return look_for_graphs_.exchange(false, std::memory_order_acq_rel) ? write_graphs() : Result<void>();
}

Result<void> LocalShard::flush_one() {
  std::shared_ptr<const FlushJob> job;
  {
    const MutexLock lock(mutex_);
    if (!flush_is_due()) return {};
    flushing_ = true;
    job = flush_queue_.front();
  }
  const auto first_needed = [this]() -> Result<Sequence> {
    return environment_.first_needed ? environment_.first_needed(id_) : Sequence(0);
  };
  Result<std::shared_ptr<SealedSegment>> sealed = files_.flush(*job, first_needed);
  if (!sealed.ok()) {
    const MutexLock lock(mutex_);
    flushing_ = false;
    flush_again_at_ = environment_.clock.steady_now() + kFlushRetry;
    return std::move(sealed).error();
  }
  between_records([this, job, segment = *std::move(sealed)] { install(*job, segment); });
  if (environment_.flushed) environment_.flushed();
  return {};
}

Result<void> LocalShard::write_graphs() {
  for (const std::shared_ptr<Segment>& segment : state_.segments()) {
    // Only what has files can have a graph in one.
    if (auto* sealed = dynamic_cast<SealedSegment*>(segment.get())) JADE_RETURN_IF_ERROR(files_.write_graphs(*sealed));
  }
  return {};
}

}  // namespace jade::engine
