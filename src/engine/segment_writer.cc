#include "engine/segment_writer.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <memory>
#include <utility>

#include "engine/id_hash.h"
#include "engine/segment_format.h"
#include "storage/component_writer.h"
#include "storage/text_blocks.h"

namespace jade::engine {
namespace {

using storage::ComponentKind;
using storage::ComponentWriter;

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

/// One component on its way.
struct Draft {
  std::unique_ptr<ComponentWriter> writer;
  std::uint64_t generation = 0;

  Result<storage::SegmentComponent> finish() {
    JADE_ASSIGN_OR_RETURN(const storage::ComponentRef ref, writer->finish());
    return storage::SegmentComponent{ref, generation};
  }
};

struct DraftOptions {
  ComponentKind kind = ComponentKind::kRows;
  VectorFieldId field{0};
  std::uint64_t generation = 0;
  Sequence first{0};
  Sequence last{0};
  std::optional<storage::ComponentSource> source = {};
};

Result<Draft> begin(const SegmentTarget& target, std::uint64_t number, const DraftOptions& options) {
  const storage::SegmentComponent named{.file = {.kind = options.kind, .field = options.field},
                                        .generation = options.generation};
  const storage::ComponentInfo info{.database = target.definition.database,
                                    .shard = target.shard,
                                    .kind = options.kind,
                                    .field = options.field,
                                    .first_sequence = options.first,
                                    .last_sequence = options.last,
                                    .source = options.source};
  Draft draft{.writer = nullptr, .generation = options.generation};
  JADE_ASSIGN_OR_RETURN(
      draft.writer,
      ComponentWriter::create(target.files, io::join_path(target.directory, segment_file_name(number, named)), info,
                              target.random));
  return draft;
}

/// One segment's writing. The components are written one after another, a section at a time, each a pass over the
/// source.
class SegmentDraft {
 public:
  SegmentDraft(const SegmentTarget& target, std::uint64_t number, const SegmentSource& source, std::uint64_t upto)
      : target_(target), source_(source), upto_(upto) {
    entry_.number = number;
    entry_.shard = target.shard;
    entry_.rows = source.rows();
  }

  Result<storage::SegmentEntry> run() {
    find_sequences();
    JADE_RETURN_IF_ERROR(write_rows());
    JADE_RETURN_IF_ERROR(write_ids());
    JADE_RETURN_IF_ERROR(write_metadata());
    for (std::size_t field = 0; field < target_.definition.vectors.size(); ++field) {
      JADE_RETURN_IF_ERROR(write_vectors(field));
    }
    JADE_RETURN_IF_ERROR(write_ends());
    JADE_RETURN_IF_ERROR(source_.whole());
    return std::move(entry_);
  }

 private:
  void find_sequences() {
    std::uint64_t first = UINT64_MAX;
    std::uint64_t last = 0;
    for (std::uint32_t i = 0; i < source_.rows(); ++i) {
      const std::uint64_t begin = source_.row(RowId(i)).begin;
      first = std::min(first, begin);
      last = std::max(last, begin);
    }
    entry_.first_sequence = Sequence(std::min(first, last));
    entry_.last_sequence = Sequence(last);
  }

  Result<Draft> begin_component(ComponentKind kind, VectorFieldId field = VectorFieldId(0)) {
    return begin(target_, entry_.number,
                 {.kind = kind, .field = field, .first = entry_.first_sequence, .last = entry_.last_sequence});
  }

  Result<void> finish(Draft& draft) {
    JADE_ASSIGN_OR_RETURN(const storage::SegmentComponent component, draft.finish());
    entry_.components.push_back(component);
    return {};
  }

  using Element = std::function<std::span<const std::byte>(std::uint32_t)>;
  /// A section of `count` elements; the bytes of each are used before the next is asked for.
  static Result<void> write_elements(ComponentWriter& writer, std::uint32_t section, std::uint32_t count,
                                     const Element& element) {
    JADE_RETURN_IF_ERROR(writer.begin_section(section));
    for (std::uint32_t i = 0; i < count; ++i) JADE_RETURN_IF_ERROR(writer.append(element(i)));
    return {};
  }
  /// A section with one value for each of `count` numbers.
  template <class Value>
  static Result<void> write_column(ComponentWriter& writer, std::uint32_t section, std::uint32_t count, Value value) {
    decltype(value(std::uint32_t{0})) element{};
    return write_elements(writer, section, count, [&](std::uint32_t i) {
      element = value(i);
      return bytes_of(element);
    });
  }

  template <class Test>
  bool any_row(Test test) const {
    for (std::uint32_t i = 0; i < source_.rows(); ++i) {
      if (test(RowId(i))) return true;
    }
    return false;
  }

  Result<void> write_rows() {
    JADE_ASSIGN_OR_RETURN(Draft draft, begin_component(ComponentKind::kRows));
    ComponentWriter& writer = *draft.writer;
    const std::uint32_t rows = source_.rows();
    const auto row = [&](std::uint32_t i) { return source_.row(RowId(i)); };
    JADE_RETURN_IF_ERROR(
        write_column(writer, section_id(RowsSection::kBegin), rows, [&](auto i) { return row(i).begin; }));
    JADE_RETURN_IF_ERROR(
        write_column(writer, section_id(RowsSection::kCreated), rows, [&](auto i) { return row(i).created_at_us; }));
    JADE_RETURN_IF_ERROR(
        write_column(writer, section_id(RowsSection::kUpdated), rows, [&](auto i) { return row(i).updated_at_us; }));
    if (any_row([&](RowId i) { return source_.row(i).previous != kNoRow; })) {
      JADE_RETURN_IF_ERROR(write_column(writer, section_id(RowsSection::kPrevious), rows,
                                        [&](auto i) { return row(i).previous.value(); }));
    }
    for (std::size_t field = 0; field < target_.definition.vectors.size(); ++field) {
      if (!any_row([&](RowId i) { return source_.slot(i, field).value() != i.value(); })) continue;
      JADE_RETURN_IF_ERROR(write_column(writer, slots_section(target_.definition.vectors[field].id), rows,
                                        [&](auto i) { return source_.slot(RowId(i), field).value(); }));
    }
    return finish(draft);
  }

  Result<void> write_ids() {
    JADE_ASSIGN_OR_RETURN(Draft draft, begin_component(ComponentKind::kIds));
    ComponentWriter& writer = *draft.writer;
    const std::uint32_t rows = source_.rows();
    JADE_RETURN_IF_ERROR(writer.begin_section(section_id(IdsSection::kTable)));
    const std::vector<std::uint64_t> table = id_table();
    JADE_RETURN_IF_ERROR(writer.append(std::as_bytes(std::span(table))));
    std::uint64_t offset = 0;
    JADE_RETURN_IF_ERROR(write_column(writer, section_id(IdsSection::kOffsets), rows + 1, [&](std::uint32_t i) {
      return i == 0 ? offset : offset += source_.row(RowId(i - 1)).id.size();
    }));
    JADE_RETURN_IF_ERROR(write_elements(writer, section_id(IdsSection::kBytes), rows, [&](std::uint32_t i) {
      return std::as_bytes(std::span(source_.row(RowId(i)).id));
    }));
    return finish(draft);
  }

  /// Open addressing with linear probing, at most 3/5 full, from each id to its newest row: the one that is no other's
  /// `previous`.
  std::vector<std::uint64_t> id_table() const {
    const std::uint32_t rows = source_.rows();
    std::vector<bool> is_older(rows, false);
    for (std::uint32_t i = 0; i < rows; ++i) {
      const RowId previous = source_.row(RowId(i)).previous;
      if (previous != kNoRow) is_older[previous.value()] = true;
    }
    const std::uint64_t capacity = std::bit_ceil(std::max<std::uint64_t>(1, std::uint64_t{rows} * 5 / 3 + 1));
    std::vector<std::uint64_t> table(capacity, kEmptyIdEntry);
    for (std::uint32_t i = 0; i < rows; ++i) {
      if (is_older[i]) continue;
      const std::uint32_t hash = id_hash(source_.row(RowId(i)).id);
      std::uint64_t place = hash & (capacity - 1);
      while (table[place] != kEmptyIdEntry) place = (place + 1) & (capacity - 1);
      table[place] = id_entry(hash, RowId(i));
    }
    return table;
  }

  Result<void> write_metadata() {
    JADE_ASSIGN_OR_RETURN(Draft draft, begin_component(ComponentKind::kMetadata));
    JADE_ASSIGN_OR_RETURN(const auto texts, storage::TextBlockWriter::begin(*draft.writer));
    for (std::uint32_t i = 0; i < source_.rows(); ++i) {
      JADE_ASSIGN_OR_RETURN(const std::string metadata, source_.metadata(RowId(i)));
      JADE_RETURN_IF_ERROR(texts->add(metadata));
    }
    JADE_RETURN_IF_ERROR(texts->finish());
    return finish(draft);
  }

  Result<void> write_vectors(std::size_t field) {
    const storage::VectorFieldDefinition& definition = target_.definition.vectors[field];
    JADE_ASSIGN_OR_RETURN(Draft draft, begin_component(ComponentKind::kVectors, definition.id));
    ComponentWriter& writer = *draft.writer;
    const std::uint32_t slots = source_.slots(field);
    JADE_RETURN_IF_ERROR(write_elements(writer, section_id(VectorsSection::kRows), slots,
                                        [&](std::uint32_t i) { return source_.arena_row(SlotId(i), field); }));
    const index::VectorArena layout(definition.dimension, definition.metric, definition.element_type);
    if (layout.has_norm_rows()) {
      JADE_RETURN_IF_ERROR(write_column(writer, section_id(VectorsSection::kNorms), slots,
                                        [&](auto i) { return source_.inverse_norm(SlotId(i), field); }));
    }
    bool differs = slots != source_.rows();
    for (std::uint32_t i = 0; i < slots && !differs; ++i) differs = source_.row_of(SlotId(i), field).value() != i;
    if (differs) {
      JADE_RETURN_IF_ERROR(write_column(writer, section_id(VectorsSection::kSlotRows), slots,
                                        [&](auto i) { return source_.row_of(SlotId(i), field).value(); }));
    }
    return finish(draft);
  }

  Result<void> write_ends() {
    std::vector<Tombstone> ends;
    for (std::uint32_t i = 0; i < source_.rows(); ++i) {
      if (const auto tombstone = source_.tombstone(RowId(i))) ends.push_back(*tombstone);
    }
    if (ends.empty()) return {};
    JADE_ASSIGN_OR_RETURN(
        const storage::SegmentComponent component,
        write_tombstones(
            target_,
            {.number = entry_.number, .generation = entry_.number, .tombstones = std::move(ends), .upto = upto_}));
    entry_.components.push_back(component);
    return {};
  }

  const SegmentTarget& target_;
  const SegmentSource& source_;
  const std::uint64_t upto_;
  storage::SegmentEntry entry_;
};

}  // namespace

Result<storage::SegmentEntry> write_segment(const SegmentTarget& target, std::uint64_t number,
                                            const SegmentSource& source, std::uint64_t upto) {
  return SegmentDraft(target, number, source, upto).run();
}

Result<storage::SegmentComponent> write_tombstones(const SegmentTarget& target, TombstoneFile file) {
  std::ranges::sort(file.tombstones, {}, [](const Tombstone& tombstone) { return tombstone.row.value(); });
  JADE_ASSIGN_OR_RETURN(Draft draft, begin(target, file.number,
                                           {.kind = ComponentKind::kTombstones,
                                            .generation = file.generation,
                                            .first = Sequence(file.upto),
                                            .last = Sequence(file.upto)}));
  JADE_RETURN_IF_ERROR(draft.writer->begin_section(section_id(TombstonesSection::kEntries)));
  for (const Tombstone& tombstone : file.tombstones) {
    const TombstoneBytes entry{.row = tombstone.row.value(),
                               .reason = static_cast<std::uint32_t>(tombstone.reason),
                               .sequence = tombstone.sequence,
                               .time_us = tombstone.time_us};
    JADE_RETURN_IF_ERROR(draft.writer->append(bytes_of(entry)));
  }
  return draft.finish();
}

Result<storage::SegmentComponent> write_graph(const SegmentTarget& target, std::uint64_t number,
                                              const index::HnswIndex& graph, const storage::ComponentRef& vectors) {
  JADE_ASSIGN_OR_RETURN(Draft draft, begin(target, number,
                                           {.kind = ComponentKind::kGraph,
                                            .field = vectors.field,
                                            .source = storage::ComponentSource{vectors.file_id, vectors.checksum}}));
  ComponentWriter& writer = *draft.writer;
  const index::GraphShape shape = graph.shape();
  const GraphShapeBytes bytes{.m = shape.m,
                              .slots = shape.slots,
                              .upper_rows = shape.upper_rows,
                              .entry_slot = shape.entry ? shape.entry->slot + 1 : 0,
                              .entry_level = shape.entry ? shape.entry->level : 0,
                              .has_twins = shape.has_twins ? 1U : 0U};
  JADE_RETURN_IF_ERROR(writer.begin_section(section_id(GraphSection::kShape)));
  JADE_RETURN_IF_ERROR(writer.append(bytes_of(bytes)));
  // Sections come in the order in which the image is visited.
  GraphSection at = GraphSection::kShape;
  const auto into = [&](GraphSection section) {
    return [&writer, &at, section](std::span<const std::byte> piece) -> Result<void> {
      if (at != section) JADE_RETURN_IF_ERROR(writer.begin_section(section_id(section)));
      at = section;
      return writer.append(piece);
    };
  };
  JADE_RETURN_IF_ERROR(
      graph.visit_image({into(GraphSection::kNodes), into(GraphSection::kBottom), into(GraphSection::kUpper)}));
  return draft.finish();
}

}  // namespace jade::engine
