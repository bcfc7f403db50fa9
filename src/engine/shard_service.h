// A shard, near or far.
#pragma once

#include "engine/request_context.h"
#include "engine/shard_messages.h"

namespace jade::engine {

/// What every shard can do. Requests and answers are plain serialisable values, so that a shard may be in this process
/// or behind a wire. Calls may compute on the calling thread and never wait for a disk; the callback runs once, on the
/// calling thread or another. Safe from any thread.
class ShardService {
 public:
  virtual ~ShardService() = default;

  /// Writes rows as one log record: after a crash all accepted rows are there or none. Answers when they are durable
  /// and visible to every later read.
  virtual void apply(const RequestContext& context, ApplyRequest request, Callback<ApplyResponse> done) = 0;
  virtual void get(const RequestContext& context, GetRequest request, Callback<GetResponse> done) = 0;
  virtual void search(const RequestContext& context, SearchRequest request, Callback<SearchResponse> done) = 0;
  virtual void stats(const RequestContext& context, StatsRequest request, Callback<StatsResponse> done) = 0;
};

}  // namespace jade::engine
