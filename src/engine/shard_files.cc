#include "engine/shard_files.h"

#include <algorithm>
#include <optional>
#include <set>

#include "engine/frozen_source.h"

namespace jade::engine {

ShardFiles::ShardFiles(ShardId shard, ShardFilesEnvironment environment)
    : shard_(shard), environment_(std::move(environment)) {}

SegmentTarget ShardFiles::target() const {
  return {environment_.files, environment_.directory, environment_.definition, environment_.random, shard_};
}

SealedPlace ShardFiles::place() const { return {environment_.files, environment_.directory, environment_.definition}; }

Result<std::vector<std::shared_ptr<SealedSegment>>> ShardFiles::open() const {
  std::vector<std::shared_ptr<SealedSegment>> opened;
  for (const storage::SegmentEntry& entry : environment_.manifest.current().segments) {
    if (entry.shard != shard_) continue;
    JADE_ASSIGN_OR_RETURN(std::shared_ptr<SealedSegment> segment, SealedSegment::open(place(), entry));
    opened.push_back(std::move(segment));
  }
  return opened;
}

Result<ShardFiles::NewTombstones> ShardFiles::write_ends(const FlushJob& job) const {
  NewTombstones written;
  for (const auto& [segment, tombstones] : job.ends) {
    const std::uint64_t number = segment->number();
    JADE_ASSIGN_OR_RETURN(const storage::SegmentComponent component,
                          write_tombstones(target(), {.number = number,
                                                      .generation = environment_.manifest.take_segment_number(),
                                                      .tombstones = tombstones,
                                                      .upto = job.upto}));
    written.emplace_back(number, component);
  }
  return written;
}

Result<std::shared_ptr<SealedSegment>> ShardFiles::flush(const FlushJob& job,
                                                         const std::function<Result<Sequence>()>& first_needed) {
  std::optional<storage::SegmentEntry> entry;
  if (job.frozen->rows() > 0) {
    JADE_ASSIGN_OR_RETURN(entry, write_segment(target(), environment_.manifest.take_segment_number(),
                                               FrozenSource(*job.frozen, job.upto), job.upto));
  }
  JADE_ASSIGN_OR_RETURN(const NewTombstones ends, write_ends(job));
  JADE_RETURN_IF_ERROR(environment_.files.sync_directory(environment_.directory));
  // Opened before the edit: once that is durable nothing may fail any more, or the rows would be written twice.
  std::shared_ptr<SealedSegment> sealed;
  if (entry) {
    JADE_ASSIGN_OR_RETURN(sealed, SealedSegment::open(place(), *entry));
  }
  JADE_ASSIGN_OR_RETURN(const Sequence needed, first_needed());
  JADE_RETURN_IF_ERROR(environment_.manifest.edit([&](storage::Manifest& manifest) {
    for (const auto& [number, component] : ends) {
      const auto segment = std::ranges::find(manifest.segments, number, &storage::SegmentEntry::number);
      segment->components.push_back(component);
    }
    if (entry) manifest.segments.insert(manifest.segments.begin(), *entry);
    manifest.flushed_upto.resize(environment_.definition.num_shards);
    manifest.flushed_upto[shard_.value()] = Sequence(job.upto);
    manifest.log_first_sequence = std::max(manifest.log_first_sequence, needed);
  }));
  // Jobs that were frozen later speak of it.
  if (entry) job.frozen->set_number(entry->number);
  return sealed;
}

Result<void> ShardFiles::write_graphs(SealedSegment& segment) {
  for (std::size_t field = 0; field < segment.field_count(); ++field) {
    const storage::ComponentRef* vectors = segment.take_graph_to_write(field);
    if (vectors == nullptr) continue;
    const std::uint64_t number = segment.entry().number;
    JADE_ASSIGN_OR_RETURN(const storage::SegmentComponent component,
                          write_graph(target(), number, *segment.field(field).graph(), *vectors));
    JADE_RETURN_IF_ERROR(environment_.files.sync_directory(environment_.directory));
    JADE_RETURN_IF_ERROR(environment_.manifest.edit([&](storage::Manifest& manifest) {
      const auto entry = std::ranges::find(manifest.segments, number, &storage::SegmentEntry::number);
      // Takes the place of one that could not be used.
      std::erase_if(entry->components, [&](const storage::SegmentComponent& old) {
        return old.file.kind == component.file.kind && old.file.field == component.file.field;
      });
      entry->components.push_back(component);
    }));
  }
  return {};
}

Result<void> remove_leftover_segments(io::FileSystem& files, const std::string& directory,
                                      const storage::Manifest& manifest) {
  std::set<std::string> named;
  for (const storage::SegmentEntry& entry : manifest.segments) {
    for (const auto& component : entry.components) named.insert(storage::segment_file_name(entry.number, component));
  }
  JADE_ASSIGN_OR_RETURN(const std::vector<std::string> names, files.list(directory));
  for (const std::string& name : names) {
    if (!storage::segment_of_file_name(name) || named.contains(name)) continue;
    JADE_RETURN_IF_ERROR(files.remove(io::join_path(directory, name)));
  }
  return {};
}

}  // namespace jade::engine
