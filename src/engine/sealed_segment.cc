#include "engine/sealed_segment.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/logging.h"
#include "engine/id_hash.h"
#include "storage/component_file.h"

namespace jade::engine {

using storage::ComponentFile;
using storage::ComponentKind;
using storage::ComponentSection;
using storage::MappedColumn;
using storage::MappedComponent;

/// Verifies what is mapped of a field's vectors before it is read.
class SealedSegment::Guard final : public index::RowGuard {
 public:
  Guard(std::shared_ptr<MappedComponent> component, const ComponentSection& section)
      : component_(std::move(component)), section_(section) {}

  void touch(const std::byte* first, std::size_t bytes) const override {
    const auto offset = static_cast<std::uint64_t>(first - component_->bytes(section_).data());
    // What it finds it remembers, and `whole` asks.
    static_cast<void>(component_->touch(section_, offset, std::min<std::uint64_t>(bytes, section_.bytes - offset)));
    if (component_->complete()) complete_.store(true, std::memory_order_release);
  }

 private:
  const std::shared_ptr<MappedComponent> component_;
  const ComponentSection section_;
};

/// Opens one segment's components.
class SealedSegment::Opening {
 public:
  Opening(const SealedPlace& place, SealedSegment& segment) : place_(place), segment_(segment) {}

  Result<void> run() {
    segment_.ends_ = RowEnds::make(segment_.entry_.rows);
    if (segment_.ends_ == nullptr) return out_of_memory();
    JADE_RETURN_IF_ERROR(open_rows());
    JADE_RETURN_IF_ERROR(open_ids());
    JADE_RETURN_IF_ERROR(open_metadata());
    for (std::size_t field = 0; field < place_.definition.vectors.size(); ++field) {
      JADE_RETURN_IF_ERROR(open_field(field));
    }
    for (const storage::SegmentComponent& component : segment_.entry_.components) {
      if (component.file.kind == ComponentKind::kTombstones) JADE_RETURN_IF_ERROR(read_tombstones(component));
    }
    return {};
  }

 private:
  static Error out_of_memory() { return Error(ErrorCode::kStorageFull, "no memory for another segment"); }

  const storage::SegmentComponent* find(ComponentKind kind, VectorFieldId field = VectorFieldId(0)) const {
    const auto found = std::ranges::find_if(segment_.entry_.components, [&](const auto& component) {
      return component.file.kind == kind && component.file.field == field;
    });
    return found == segment_.entry_.components.end() ? nullptr : &*found;
  }

  Result<std::unique_ptr<ComponentFile>> open_file(const storage::SegmentComponent& component) const {
    const std::string path =
        io::join_path(place_.directory, storage::segment_file_name(segment_.entry_.number, component));
    JADE_ASSIGN_OR_RETURN(auto file,
                          ComponentFile::open(place_.files, path, component.file, place_.definition.database));
    if (file->info().shard != segment_.entry_.shard) {
      return storage::component_damage(path, 0, "belongs to another shard");
    }
    return file;
  }

  Result<Part> open_part(ComponentKind kind, VectorFieldId field = VectorFieldId(0)) const {
    const storage::SegmentComponent* component = find(kind, field);
    if (component == nullptr) {
      return Error(ErrorCode::kDataCorrupted, "segment " + std::to_string(segment_.entry_.number) + " has no " +
                                                  std::string(storage::component_kind_name(kind)));
    }
    Part part;
    JADE_ASSIGN_OR_RETURN(part.file, open_file(*component));
    JADE_ASSIGN_OR_RETURN(part.mapped, part.file->map());
    return part;
  }

  /// A section of so many elements.
  template <class T>
  Result<MappedColumn<T>> column(const Part& part, std::uint32_t section, std::uint64_t count) const {
    const std::optional<ComponentSection> found = part.file->section(section);
    if (!found || found->bytes != count * sizeof(T)) {
      return storage::component_damage(part.file->path(), 0,
                                       "section " + std::to_string(section) + " has another size");
    }
    return MappedColumn<T>(part.mapped, *found);
  }
  template <class T>
  Result<std::optional<MappedColumn<T>>> optional_column(const Part& part, std::uint32_t section,
                                                         std::uint64_t count) const {
    if (!part.file->section(section)) return std::optional<MappedColumn<T>>();
    JADE_ASSIGN_OR_RETURN(MappedColumn<T> found, column<T>(part, section, count));
    return std::optional(std::move(found));
  }

  Result<void> open_rows() {
    const std::uint64_t rows = segment_.entry_.rows;
    JADE_ASSIGN_OR_RETURN(segment_.rows_part_, open_part(ComponentKind::kRows));
    const Part& part = segment_.rows_part_;
    JADE_ASSIGN_OR_RETURN(segment_.begin_, column<std::uint64_t>(part, section_id(RowsSection::kBegin), rows));
    JADE_ASSIGN_OR_RETURN(segment_.created_, column<std::int64_t>(part, section_id(RowsSection::kCreated), rows));
    JADE_ASSIGN_OR_RETURN(segment_.updated_, column<std::int64_t>(part, section_id(RowsSection::kUpdated), rows));
    JADE_ASSIGN_OR_RETURN(segment_.previous_,
                          optional_column<std::uint32_t>(part, section_id(RowsSection::kPrevious), rows));
    return {};
  }

  Result<void> open_ids() {
    JADE_ASSIGN_OR_RETURN(segment_.ids_part_, open_part(ComponentKind::kIds));
    const Part& part = segment_.ids_part_;
    const auto table = part.file->section(section_id(IdsSection::kTable));
    const auto bytes = part.file->section(section_id(IdsSection::kBytes));
    if (!table || !bytes || !std::has_single_bit(table->bytes / sizeof(std::uint64_t))) {
      return storage::component_damage(part.file->path(), 0, "its sections are not those of ids");
    }
    segment_.table_ = MappedColumn<std::uint64_t>(part.mapped, *table);
    segment_.id_bytes_ = *bytes;
    JADE_ASSIGN_OR_RETURN(segment_.offsets_, column<std::uint64_t>(part, section_id(IdsSection::kOffsets),
                                                                   std::uint64_t{segment_.entry_.rows} + 1));
    return {};
  }

  Result<void> open_metadata() {
    JADE_ASSIGN_OR_RETURN(segment_.metadata_part_, open_part(ComponentKind::kMetadata));
    const Part& part = segment_.metadata_part_;
    JADE_ASSIGN_OR_RETURN(segment_.texts_, storage::TextBlocks::open(*part.file, part.mapped, segment_.entry_.rows));
    return {};
  }

  Result<void> open_field(std::size_t field) {
    const storage::VectorFieldDefinition& definition = place_.definition.vectors[field];
    FieldParts parts;
    JADE_ASSIGN_OR_RETURN(parts.vectors, open_part(ComponentKind::kVectors, definition.id));
    JADE_ASSIGN_OR_RETURN(parts.slots, optional_column<std::uint32_t>(segment_.rows_part_, slots_section(definition.id),
                                                                      segment_.entry_.rows));
    JADE_ASSIGN_OR_RETURN(std::unique_ptr<VectorField> made, make_field(definition, parts));
    if (!made->has_memory()) return out_of_memory();
    open_graph(definition, parts, *made);
    segment_.field_parts_.push_back(std::move(parts));
    segment_.fields_.push_back(std::move(made));
    return {};
  }

  Result<std::unique_ptr<VectorField>> make_field(const storage::VectorFieldDefinition& definition, FieldParts& parts) {
    const Part& part = parts.vectors;
    const std::size_t stride = index::VectorArena::stride_bytes_for(definition.dimension, definition.element_type);
    const auto rows = part.file->section(section_id(VectorsSection::kRows));
    if (!rows || rows->bytes % stride != 0 || rows->bytes / stride > index::ChunkedRows::kRowsMax) {
      return storage::component_damage(part.file->path(), 0, "its vectors have another size");
    }
    const auto slots = static_cast<std::uint32_t>(rows->bytes / stride);
    parts.guard = std::make_unique<Guard>(part.mapped, *rows);
    index::FixedVectors vectors{
        .rows = part.mapped->bytes(*rows).data(), .norms = nullptr, .count = slots, .guard = parts.guard.get()};
    const index::VectorArena layout(definition.dimension, definition.metric, definition.element_type);
    if (layout.has_norm_rows()) {
      const auto norms = part.file->section(section_id(VectorsSection::kNorms));
      // Norms are read beside vectors, unguarded: so they are verified now, 4 bytes a vector.
      if (!norms || norms->bytes != slots * sizeof(float) || !part.mapped->touch(*norms)) {
        return storage::component_damage(part.file->path(), 0, "its norms are damaged");
      }
      vectors.norms = part.mapped->bytes(*norms).data();
    }
    JADE_ASSIGN_OR_RETURN(auto slot_rows,
                          optional_column<std::uint32_t>(part, section_id(VectorsSection::kSlotRows), slots));
    if (!slot_rows && slots != segment_.entry_.rows) {
      return storage::component_damage(part.file->path(), 0, "it does not say which rows its vectors belong to");
    }
    return std::make_unique<VectorField>(definition, vectors, std::move(slot_rows));
  }

  /// A graph is derived: when it cannot be used, for whatever reason, it is built again.
  void open_graph(const storage::VectorFieldDefinition& definition, FieldParts& parts, VectorField& field) const {
    const storage::SegmentComponent* component = find(ComponentKind::kGraph, definition.id);
    if (component == nullptr) return;
    const Result<void> loaded = load_graph(*component, parts, field);
    if (!loaded.ok()) log_warn("graph_to_be_rebuilt", {{"reason", loaded.error().message()}});
  }

  Result<void> load_graph(const storage::SegmentComponent& component, FieldParts& parts, VectorField& field) const {
    JADE_ASSIGN_OR_RETURN(const std::unique_ptr<ComponentFile> file, open_file(component));
    const storage::ComponentRef& vectors = parts.vectors.file->ref();
    if (file->info().source != storage::ComponentSource{vectors.file_id, vectors.checksum}) {
      return Error(ErrorCode::kDataCorrupted, file->path() + " was built over other vectors");
    }
    std::vector<storage::LoadedSection> loaded;
    for (const GraphSection section :
         {GraphSection::kShape, GraphSection::kNodes, GraphSection::kBottom, GraphSection::kUpper}) {
      const auto found = file->section(section_id(section));
      JADE_ASSIGN_OR_RETURN(storage::LoadedSection bytes, file->load(found.value_or(ComponentSection{})));
      loaded.push_back(std::move(bytes));
    }
    GraphShapeBytes shape;
    if (loaded[0].bytes().size() != sizeof(shape))
      return Error(ErrorCode::kDataCorrupted, file->path() + " has no shape");
    std::memcpy(&shape, loaded[0].bytes().data(), sizeof(shape));
    index::GraphImage image{.shape = {.m = shape.m,
                                      .slots = shape.slots,
                                      .upper_rows = shape.upper_rows,
                                      .entry = std::nullopt,
                                      .has_twins = shape.has_twins != 0},
                            .nodes = loaded[1].bytes(),
                            .bottom = loaded[2].bytes(),
                            .upper = loaded[3].bytes()};
    if (shape.entry_slot != 0) image.shape.entry = {.slot = shape.entry_slot - 1, .level = shape.entry_level};
    JADE_ASSIGN_OR_RETURN(auto graph, index::HnswIndex::open(field.arena(), image));
    if (graph->size() != field.arena().size() || shape.m != field.definition().index.m) {
      return Error(ErrorCode::kDataCorrupted, file->path() + " is another index's");
    }
    parts.graph = std::move(loaded);
    parts.graph_is_written = true;
    field.use_graph(std::move(graph));
    return {};
  }

  Result<void> read_tombstones(const storage::SegmentComponent& component) const {
    JADE_ASSIGN_OR_RETURN(const std::unique_ptr<ComponentFile> file, open_file(component));
    const auto section = file->section(section_id(TombstonesSection::kEntries));
    JADE_ASSIGN_OR_RETURN(const storage::LoadedSection loaded, file->load(section.value_or(ComponentSection{})));
    const std::span<const std::byte> bytes = loaded.bytes();
    for (std::size_t at = 0; at + sizeof(TombstoneBytes) <= bytes.size(); at += sizeof(TombstoneBytes)) {
      TombstoneBytes entry;
      std::memcpy(&entry, bytes.data() + at, sizeof(entry));
      if (entry.row >= segment_.entry_.rows || segment_.ends_->end(RowId(entry.row)) != kNotEnded ||
          entry.sequence == 0 || entry.sequence > file->info().last_sequence.value()) {
        return storage::component_damage(file->path(), section->offset, "a row ends that cannot");
      }
      segment_.end({RowId(entry.row), entry.sequence, entry.time_us, static_cast<EndReason>(entry.reason)});
    }
    return {};
  }

  const SealedPlace& place_;
  SealedSegment& segment_;
};

Result<std::shared_ptr<SealedSegment>> SealedSegment::open(const SealedPlace& place,
                                                           const storage::SegmentEntry& entry) {
  std::shared_ptr<SealedSegment> segment(new SealedSegment(entry));
  JADE_RETURN_IF_ERROR(Opening(place, *segment).run());
  JADE_RETURN_IF_ERROR(segment->whole());
  return segment;
}

SealedSegment::SealedSegment(storage::SegmentEntry entry) : entry_(std::move(entry)) { set_number(entry_.number); }

SealedSegment::~SealedSegment() = default;

std::string_view SealedSegment::id_of(RowId row) const {
  const std::uint64_t begin = offsets_.at(row.value(), 0);
  const std::uint64_t end = offsets_.at(std::uint64_t{row.value()} + 1, 0);
  if (begin > end || !ids_part_.mapped->touch(id_bytes_, begin, end - begin)) {
    is_inconsistent_.store(true, std::memory_order_release);
    return {};
  }
  const std::byte* bytes = ids_part_.mapped->bytes(id_bytes_).data();
  return {reinterpret_cast<const char*>(bytes + begin), end - begin};
}

RowId SealedSegment::newest(std::string_view id) const {
  const std::uint32_t hash = id_hash(id);
  const std::uint64_t mask = table_.size() - 1;
  for (std::uint64_t step = 0; step <= mask; ++step) {
    const std::uint64_t entry = table_.at((hash + step) & mask, kEmptyIdEntry);
    if (entry == kEmptyIdEntry) return kNoRow;
    if (hash_of_entry(entry) == hash && id_of(row_of_entry(entry)) == id) return row_of_entry(entry);
  }
  return kNoRow;
}

RowInfo SealedSegment::row(RowId row) const {
  if (row.value() >= entry_.rows) {
    is_inconsistent_.store(true, std::memory_order_release);
    return {.begin = kNotEnded};
  }
  RowInfo info{.id = id_of(row),
               .begin = begin_.at(row.value(), kNotEnded),
               .end = ends_->end(row),
               .created_at_us = created_.at(row.value(), 0),
               .updated_at_us = updated_.at(row.value(), 0)};
  if (previous_) {
    const std::uint32_t previous = previous_->at(row.value(), kNoRow.value());
    // Versions lie in their order: a chain that did not go down would never end.
    if (previous < row.value()) info.previous = RowId(previous);
  }
  return info;
}

SlotId SealedSegment::slot(RowId row, std::size_t field) const {
  const auto& slots = field_parts_[field].slots;
  const std::uint32_t slot = slots ? slots->at(row.value(), kNoSlot.value()) : row.value();
  if (slot == kNoSlot.value()) return kNoSlot;
  if (slot >= fields_[field]->slots()) {
    is_inconsistent_.store(true, std::memory_order_release);
    return kNoSlot;
  }
  return SlotId(slot);
}

Result<void> SealedSegment::whole() const {
  const auto check = [](const Part& part) {
    return part.mapped->failed() ? Result<void>(part.mapped->error()) : Result<void>();
  };
  JADE_RETURN_IF_ERROR(check(rows_part_));
  JADE_RETURN_IF_ERROR(check(ids_part_));
  JADE_RETURN_IF_ERROR(check(metadata_part_));
  for (const FieldParts& parts : field_parts_) JADE_RETURN_IF_ERROR(check(parts.vectors));
  if (is_inconsistent_.load(std::memory_order_acquire)) {
    return Error(ErrorCode::kDataCorrupted, "segment " + std::to_string(entry_.number) + " contradicts itself");
  }
  return {};
}

std::uint64_t SealedSegment::file_bytes() const {
  std::uint64_t bytes = 0;
  for (const storage::SegmentComponent& component : entry_.components) bytes += component.file.file_bytes;
  return bytes;
}

void SealedSegment::end_row(const Tombstone& tombstone, const SlotId* kept_slots) {
  static_cast<void>(kept_slots);
  end(tombstone);
  new_ends_.push_back(tombstone);
}

void SealedSegment::carry_over(MemorySegment& frozen) {
  for (std::uint32_t row = 0; row < frozen.rows(); ++row) {
    if (ends_->end(RowId(row)) != kNotEnded) continue;
    if (const auto tombstone = frozen.tombstone(RowId(row), kNotEnded - 1)) end(*tombstone);
  }
  new_ends_ = frozen.take_ends();
}

const storage::ComponentRef* SealedSegment::take_graph_to_write(std::size_t field) {
  FieldParts& parts = field_parts_[field];
  const VectorField& vectors = *fields_[field];
  const bool complete = vectors.graph() != nullptr && vectors.indexed() == vectors.slots();
  if (!complete || std::exchange(parts.graph_is_written, true)) return nullptr;
  return &parts.vectors.file->ref();
}

void SealedSegment::end(const Tombstone& tombstone) {
  ends_->set(tombstone.row, tombstone.sequence);
  for (std::size_t field = 0; field < fields_.size(); ++field) {
    const SlotId released = slot(tombstone.row, field);
    // A newer row of the segment may have the slot too.
    if (released != kNoSlot && fields_[field]->row_of(released) == tombstone.row) {
      fields_[field]->release(released, tombstone.sequence);
    }
  }
}

}  // namespace jade::engine
