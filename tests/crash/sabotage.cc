#include "crash/sabotage.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "engine/shard_service.h"
#include "io/passing_file_system.h"

namespace jade::crash {
namespace {

template <class Broken, class... Arguments>
Sabotage broken_files(Arguments... arguments) {
  return {.files = [=](io::FileSystem& base) -> std::unique_ptr<io::FileSystem> {
            return std::make_unique<Broken>(base, arguments...);
          },
          .shards = {}};
}

class SyncForgetter final : public io::PassingFileSystem {
 public:
  SyncForgetter(io::FileSystem& base, std::string part) : io::PassingFileSystem(base), part_(std::move(part)) {}

 private:
  class Forgetful final : public io::PassingFile {
   public:
    using io::PassingFile::PassingFile;
    Result<void> sync() override { return {}; }
  };
  std::unique_ptr<io::File> wrap(const std::string& path, std::unique_ptr<io::File> file) override {
    if (!path.contains(part_)) return file;
    return std::make_unique<Forgetful>(std::move(file));
  }
  const std::string part_;
};

class DirectorySyncForgetter final : public io::PassingFileSystem {
 public:
  DirectorySyncForgetter(io::FileSystem& base, std::string part)
      : io::PassingFileSystem(base), part_(std::move(part)) {}
  Result<void> sync_directory(const std::string& path) override {
    return path.contains(part_) ? Result<void>() : base_.sync_directory(path);
  }

 private:
  const std::string part_;
};

class HastyNamer final : public io::PassingFileSystem {
 public:
  explicit HastyNamer(io::FileSystem& base) : io::PassingFileSystem(base) {}
  Result<void> rename(const std::string& from, const std::string& to) override {
    JADE_RETURN_IF_ERROR(base_.rename(from, to));
    const auto found = late_.find(from);
    if (found == late_.end()) return {};
    JADE_RETURN_IF_ERROR(base_.sync_directory(io::parent_path(to)));
    const std::shared_ptr<Late> late = found->second;
    late_.erase(found);
    late->named = true;
    return late->file->sync();
  }

 private:
  struct Late {
    std::shared_ptr<io::File> file;
    bool named = false;
  };
  class LateFile final : public io::PassingFile {
   public:
    explicit LateFile(std::shared_ptr<Late> late) : io::PassingFile(late->file), late_(std::move(late)) {}
    Result<void> sync() override { return late_->named ? base_->sync() : Result<void>(); }

   private:
    const std::shared_ptr<Late> late_;
  };
  std::unique_ptr<io::File> wrap(const std::string& path, std::unique_ptr<io::File> file) override {
    if (!path.ends_with(".tmp")) return file;
    auto late = std::make_shared<Late>(Late{.file = std::move(file)});
    late_[path] = late;
    return std::make_unique<LateFile>(std::move(late));
  }
  std::map<std::string, std::shared_ptr<Late>> late_;
};

class EarlyRemover final : public io::PassingFileSystem {
 public:
  explicit EarlyRemover(io::FileSystem& base) : io::PassingFileSystem(base) {}

 private:
  std::unique_ptr<io::File> wrap(const std::string& path, std::unique_ptr<io::File> file) override {
    if (path.ends_with(".tmp")) {
      const std::string replaced = path.substr(0, path.size() - 4);
      (void)base_.remove(replaced).ok();
      (void)base_.sync_directory(io::parent_path(path)).ok();
    }
    return file;
  }
};

class ErrorIgnorer final : public io::PassingFileSystem {
 public:
  explicit ErrorIgnorer(io::FileSystem& base) : io::PassingFileSystem(base) {}
  Result<void> sync_directory(const std::string& path) override {
    (void)base_.sync_directory(path).ok();
    return {};
  }

 private:
  class Careless final : public io::PassingFile {
   public:
    using io::PassingFile::PassingFile;
    Result<void> write_at(std::uint64_t offset, std::span<const std::byte> bytes) override {
      (void)base_->write_at(offset, bytes).ok();
      return {};
    }
    Result<void> sync() override {
      (void)base_->sync().ok();
      return {};
    }
  };
  std::unique_ptr<io::File> wrap(const std::string&, std::unique_ptr<io::File> file) override {
    return std::make_unique<Careless>(std::move(file));
  }
};

/// Passes everything on; what is broken overrides a call.
class PassingShard : public engine::ShardService {
 public:
  explicit PassingShard(engine::ShardService& base) : base_(base) {}
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    base_.apply(context, std::move(request), std::move(done));
  }
  void get(const engine::RequestContext& context, engine::GetRequest request,
           engine::Callback<engine::GetResponse> done) override {
    base_.get(context, std::move(request), std::move(done));
  }
  void search(const engine::RequestContext& context, engine::SearchRequest request,
              engine::Callback<engine::SearchResponse> done) override {
    base_.search(context, std::move(request), std::move(done));
  }
  void stats(const engine::RequestContext& context, engine::StatsRequest request,
             engine::Callback<engine::StatsResponse> done) override {
    base_.stats(context, request, std::move(done));
  }

 protected:
  engine::ShardService& base_;
};

template <class Broken>
Sabotage broken_shards() {
  return {.files = {}, .shards = [](engine::ShardService& base) { return std::make_unique<Broken>(base); }};
}

struct RowLoser final : PassingShard {
  using PassingShard::PassingShard;
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    if (request.rows.size() < 2) return base_.apply(context, std::move(request), std::move(done));
    request.rows.pop_back();
    base_.apply(context, std::move(request), [done = std::move(done)](Result<engine::ApplyResponse> response) mutable {
      if (response.ok()) response->rows.push_back({engine::RowOutcome::kCreated, {}});
      done(std::move(response));
    });
  }
};

struct Resurrector final : PassingShard {
  using PassingShard::PassingShard;
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    if (request.rows.front().write.kind != storage::WriteKind::kDelete) {
      return base_.apply(context, std::move(request), std::move(done));
    }
    engine::ApplyRequest again{.definition_version = request.definition_version, .rows = {}};
    base_.get(context, {.ids = {request.rows.front().write.id}, .include_vectors = true, .include_metadata = true},
              [&](Result<engine::GetResponse> response) {
                if (!response.ok() || !response->records.front()) return;
                engine::StoredRecord& stored = *response->records.front();
                again.rows.push_back({.write = {.kind = storage::WriteKind::kPut,
                                                .id = stored.id,
                                                .vectors = std::move(stored.vectors),
                                                .metadata = std::move(stored.metadata)}});
              });
    base_.apply(context, std::move(request),
                [this, context, again = std::move(again),
                 done = std::move(done)](Result<engine::ApplyResponse> response) mutable {
                  if (response.ok() && !again.rows.empty()) base_.apply(context, std::move(again), [](const auto&) {});
                  done(std::move(response));
                });
  }
};

// Only of batches, whose answer names no version that would have to be guessed.
struct EarlyAcknowledger final : PassingShard {
  using PassingShard::PassingShard;
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    if (request.rows.size() < 2) return base_.apply(context, std::move(request), std::move(done));
    engine::GetRequest before;
    for (const engine::RowApply& row : request.rows) before.ids.push_back(row.write.id);
    engine::ApplyResponse response{.version = Sequence(0), .rows = {}};
    base_.get(context, std::move(before), [&](Result<engine::GetResponse> found) {
      for (const auto& record : found->records) {
        response.rows.push_back({record ? engine::RowOutcome::kUpdated : engine::RowOutcome::kCreated, {}});
      }
    });
    done(std::move(response));
    base_.apply(context, std::move(request), [](const auto&) {});
  }
};

struct MetadataLoser final : PassingShard {
  using PassingShard::PassingShard;
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    for (engine::RowApply& row : request.rows) {
      if (row.write.kind == storage::WriteKind::kUpdate) row.write.metadata.reset();
    }
    base_.apply(context, std::move(request), std::move(done));
  }
};

struct VersionMistaker final : PassingShard {
  using PassingShard::PassingShard;
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    base_.apply(context, std::move(request), [done = std::move(done)](Result<engine::ApplyResponse> response) mutable {
      if (response.ok()) response->version = Sequence(response->version.value() + 1);
      done(std::move(response));
    });
  }
};

struct BatchSplitter final : PassingShard {
  using PassingShard::PassingShard;
  struct Work {
    engine::RequestContext context;
    std::uint64_t definition_version = 0;
    std::vector<engine::RowApply> rows;
    engine::ApplyResponse response;
    engine::Callback<engine::ApplyResponse> done;
  };
  void apply(const engine::RequestContext& context, engine::ApplyRequest request,
             engine::Callback<engine::ApplyResponse> done) override {
    go_on(std::make_shared<Work>(
        Work{context, request.definition_version, std::move(request.rows), {}, std::move(done)}));
  }
  void go_on(const std::shared_ptr<Work>& work) {
    const std::size_t at = work->response.rows.size();
    if (at == work->rows.size()) return work->done(std::move(work->response));
    engine::ApplyRequest one{.definition_version = work->definition_version, .rows = {std::move(work->rows[at])}};
    base_.apply(work->context, std::move(one), [this, work](Result<engine::ApplyResponse> response) {
      if (!response.ok()) return work->done(std::move(response));
      work->response.version = std::max(work->response.version, response->version);
      work->response.rows.push_back(response->rows.front());
      go_on(work);
    });
  }
};

struct HitLoser final : PassingShard {
  using PassingShard::PassingShard;
  void search(const engine::RequestContext& context, engine::SearchRequest request,
              engine::Callback<engine::SearchResponse> done) override {
    base_.search(context, std::move(request),
                 [done = std::move(done)](Result<engine::SearchResponse> response) mutable {
                   if (response.ok() && response->hits.size() > 1) response->hits.pop_back();
                   done(std::move(response));
                 });
  }
};

struct DistanceMistaker final : PassingShard {
  using PassingShard::PassingShard;
  void search(const engine::RequestContext& context, engine::SearchRequest request,
              engine::Callback<engine::SearchResponse> done) override {
    base_.search(context, std::move(request),
                 [done = std::move(done)](Result<engine::SearchResponse> response) mutable {
                   if (!response.ok()) return done(std::move(response));
                   for (engine::ShardHit& hit : response->hits) hit.rank_distance *= 1.001F;
                   done(std::move(response));
                 });
  }
};

struct DamageServer final : PassingShard {
  using PassingShard::PassingShard;
  void get(const engine::RequestContext& context, engine::GetRequest request,
           engine::Callback<engine::GetResponse> done) override {
    base_.get(context, std::move(request), [done = std::move(done)](Result<engine::GetResponse> response) mutable {
      if (!response.ok()) return done(std::move(response));
      for (auto& record : response->records) {
        if (record && record->id == "3" && !record->vectors.empty()) record->vectors[0].bytes[1] ^= std::byte{4};
      }
      done(std::move(response));
    });
  }
};

}  // namespace

Sabotage forgets_sync(std::string part) { return broken_files<SyncForgetter>(std::move(part)); }
Sabotage forgets_directory_sync(std::string part) { return broken_files<DirectorySyncForgetter>(std::move(part)); }
Sabotage names_before_sync() { return broken_files<HastyNamer>(); }
Sabotage removes_before_replacing() { return broken_files<EarlyRemover>(); }
Sabotage ignores_errors() { return broken_files<ErrorIgnorer>(); }

Sabotage loses_a_row_of_a_batch() { return broken_shards<RowLoser>(); }
Sabotage resurrects_deleted_rows() { return broken_shards<Resurrector>(); }
Sabotage acknowledges_early() { return broken_shards<EarlyAcknowledger>(); }
Sabotage loses_metadata_of_updates() { return broken_shards<MetadataLoser>(); }
Sabotage answers_wrong_versions() { return broken_shards<VersionMistaker>(); }
Sabotage splits_batches() { return broken_shards<BatchSplitter>(); }
Sabotage loses_a_hit() { return broken_shards<HitLoser>(); }
Sabotage answers_wrong_distances() { return broken_shards<DistanceMistaker>(); }
Sabotage serves_damage() { return broken_shards<DamageServer>(); }

}  // namespace jade::crash
