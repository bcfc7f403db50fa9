// A segment in files: nothing of it changes but which of its rows have ended.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/memory_segment.h"
#include "engine/row_ends.h"
#include "engine/segment.h"
#include "engine/segment_format.h"
#include "io/file_system.h"
#include "storage/definition.h"
#include "storage/manifest.h"
#include "storage/mapped_column.h"
#include "storage/text_blocks.h"

namespace jade::engine {

/// Where a sealed segment's files are. All outlive the opening, not the segment.
struct SealedPlace {
  io::FileSystem& files;
  /// Of all segments of the database.
  const std::string& directory;
  const storage::Definition& definition;
};

class SealedSegment final : public Segment {
 public:
  /// Maps the components and reads the tombstones. kDataCorrupted for a component that is missing or not what the
  /// manifest says; graphs are an exception: without one the field has none yet. kStorageFull without memory.
  static Result<std::shared_ptr<SealedSegment>> open(const SealedPlace& place, const storage::SegmentEntry& entry);

  ~SealedSegment() override;

  RowId newest(std::string_view id) const override;
  RowInfo row(RowId row) const override;
  SlotId slot(RowId row, std::size_t field) const override;
  Result<std::string> metadata(RowId row) const override { return texts_->read(row.value()); }
  std::uint32_t rows() const override { return entry_.rows; }
  Result<void> whole() const override;
  std::size_t record_bytes() const override { return ends_->memory_bytes(); }
  std::size_t id_map_bytes() const override { return 0; }
  std::uint64_t file_bytes() const override;
  void end_row(const Tombstone& tombstone, const SlotId* kept_slots) override;

  /// As it was opened.
  const storage::SegmentEntry& entry() const { return entry_; }
  /// Ends the rows that ended in `frozen`, which this is the image of, since it was written. The applying thread,
  /// before this is in a view.
  void carry_over(MemorySegment& frozen);
  /// The vectors of a field whose graph is complete and in no file; null if there is nothing to write. Each is told
  /// once. For the thread that writes.
  const storage::ComponentRef* take_graph_to_write(std::size_t field);

  std::uint32_t live_rows() const { return entry_.rows - ends_->ended(); }

 private:
  class Guard;
  class Opening;

  /// A mapped component.
  struct Part {
    std::unique_ptr<storage::ComponentFile> file;
    std::shared_ptr<storage::MappedComponent> mapped;
  };
  struct FieldParts {
    Part vectors;
    std::unique_ptr<Guard> guard;
    /// Empty: every row's slot has the row's number.
    std::optional<storage::MappedColumn<std::uint32_t>> slots;
    /// What the graph lies in.
    std::vector<storage::LoadedSection> graph;
    /// The graph is in a file, or was tried to be put there.
    bool graph_is_written = false;
  };

  explicit SealedSegment(storage::SegmentEntry entry);
  void end(const Tombstone& tombstone);
  /// Empty, with the segment marked as damaged, where it does not lie in the file.
  std::string_view id_of(RowId row) const;

  const storage::SegmentEntry entry_;
  Part rows_part_;
  storage::MappedColumn<std::uint64_t> begin_;
  storage::MappedColumn<std::int64_t> created_;
  storage::MappedColumn<std::int64_t> updated_;
  std::optional<storage::MappedColumn<std::uint32_t>> previous_;
  Part ids_part_;
  storage::MappedColumn<std::uint64_t> table_;
  storage::MappedColumn<std::uint64_t> offsets_;
  storage::ComponentSection id_bytes_;
  Part metadata_part_;
  std::optional<storage::TextBlocks> texts_;
  std::vector<FieldParts> field_parts_;
  std::unique_ptr<RowEnds> ends_;
  /// A number in a file leads out of it although the file is what was written.
  mutable std::atomic<bool> is_inconsistent_{false};
};

}  // namespace jade::engine
