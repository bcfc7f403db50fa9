#include "engine/shard_state.h"

#include <algorithm>
#include <string>
#include <utility>

namespace jade::engine {
namespace {

Error out_of_memory() { return Error(ErrorCode::kStorageFull, "no memory for another row"); }

Error impossible(std::string_view id, std::string_view what) {
  return Error(ErrorCode::kDataCorrupted, "a write of '" + std::string(id) + "' in the log " + std::string(what));
}

}  // namespace

ShardState::ShardState(const storage::Definition& definition)
    : fields_(definition.vectors),
      growing_(std::make_shared<MemorySegment>(fields_)),
      older_(std::make_shared<const SegmentList>()) {
  publish(Sequence(0));
}

std::shared_ptr<const ShardView> ShardState::view() const {
  const MutexLock lock(published_mutex_);
  return published_;
}

SegmentList ShardState::segments() const {
  const MutexLock lock(published_mutex_);
  SegmentList all{published_growing_};
  all.insert(all.end(), published_->older->begin(), published_->older->end());
  return all;
}

void ShardState::publish(Sequence sequence) {
  applied_ = sequence;
  std::vector<std::uint32_t> slots;
  for (std::size_t i = 0; i < fields_.size(); ++i) slots.push_back(growing_->field(i).slots());
  auto next = std::make_shared<const ShardView>(
      ShardView{growing_, older_, sequence.value(), live_rows_, growing_->rows(), std::move(slots)});
  const MutexLock lock(published_mutex_);
  published_.swap(next);
  published_growing_ = growing_;
}

std::shared_ptr<MemorySegment> ShardState::freeze() {
  auto frozen = std::exchange(growing_, std::make_shared<MemorySegment>(fields_));
  frozen->freeze();
  auto older = std::make_shared<SegmentList>(*older_);
  older->insert(older->begin(), frozen);
  older_ = std::move(older);
  publish(applied_);
  return frozen;
}

void ShardState::replace(const SegmentList& before, std::shared_ptr<Segment> next) {
  const auto is_replaced = [&](const std::shared_ptr<Segment>& segment) {
    return std::ranges::find(before, segment) != before.end();
  };
  auto older = std::make_shared<SegmentList>(*older_);
  const auto first = std::ranges::find_if(*older, is_replaced);
  if (first == older->end()) return;
  // One of them keeps the place.
  if (next != nullptr) *first = std::move(next);
  std::erase_if(*older, is_replaced);
  older_ = std::move(older);
  publish(applied_);
}

void ShardState::begin_with(SegmentList segments, std::uint64_t live_rows, Sequence upto) {
  older_ = std::make_shared<const SegmentList>(std::move(segments));
  live_rows_ = live_rows;
  publish(upto);
}

Result<ShardState::Located> ShardState::find_live(std::string_view id) const {
  Located found;
  const auto look_in = [&](Segment& segment) {
    const RowId newest = segment.newest(id);
    if (newest == kNoRow) return false;
    found = {&segment, newest, segment.row(newest)};
    return found.info.end == kNotEnded;
  };
  bool live = look_in(*growing_);
  for (auto at = older_->begin(); !live && at != older_->end(); ++at) {
    live = look_in(**at);
    JADE_RETURN_IF_ERROR((*at)->whole());
  }
  return live ? found : Located{};
}

Result<void> ShardState::apply(Sequence sequence, std::int64_t commit_time_us, std::span<const std::byte> payload) {
  JADE_ASSIGN_OR_RETURN(const storage::WriteBatchView batch, storage::WriteBatchView::parse(payload));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    JADE_RETURN_IF_ERROR(apply_row(sequence, commit_time_us, batch.row(i)));
  }
  publish(sequence);
  return {};
}

Result<void> ShardState::apply_row(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write) {
  JADE_ASSIGN_OR_RETURN(const Located before, find_live(write.id));
  const bool live = before.segment != nullptr;
  if (!live && write.kind != storage::WriteKind::kPut) return impossible(write.id, "changes a record that is absent");
  if (write.kind == storage::WriteKind::kDelete) {
    before.segment->end_row({before.row, sequence.value(), commit_time_us, EndReason::kDeleted}, nullptr);
    --live_rows_;
    return {};
  }
  return put(sequence, commit_time_us, write, before);
}

Result<void> ShardState::put(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write,
                             const Located& before) {
  const bool was_live = before.segment != nullptr;
  const bool keeps = write.kind == storage::WriteKind::kUpdate;
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<SlotId[]> slots, store_vectors(write, keeps ? before : Located{}));
  std::string kept_metadata;
  if (keeps && !write.metadata) {
    JADE_ASSIGN_OR_RETURN(kept_metadata, before.segment->metadata(before.row));
  }
  if (was_live) JADE_RETURN_IF_ERROR(before.segment->whole());
  const SlotId* slot_list = slots.get();
  const RowId row = growing_->append({.id = write.id,
                                      .metadata = write.metadata.value_or(kept_metadata),
                                      .begin = sequence.value(),
                                      .created_at_us = was_live ? before.info.created_at_us : commit_time_us,
                                      .updated_at_us = commit_time_us,
                                      .slots = std::move(slots)});
  if (row == kNoRow) return out_of_memory();
  if (was_live) {
    before.segment->end_row({before.row, sequence.value(), commit_time_us, EndReason::kSuperseded},
                            before.segment == growing_.get() ? slot_list : nullptr);
  } else {
    ++live_rows_;
  }
  return {};
}

Result<std::unique_ptr<SlotId[]>> ShardState::store_vectors(const storage::RowWriteView& write, const Located& kept) {
  auto slots = std::make_unique<SlotId[]>(fields_.size());
  for (std::size_t i = 0; i < fields_.size(); ++i) slots[i] = kNoSlot;
  for (const storage::VectorValueView& vector : write.vectors) {
    const auto field = std::ranges::find(fields_, vector.field, &storage::VectorFieldDefinition::id);
    if (field == fields_.end()) return impossible(write.id, "has a vector of an unknown field");
    const auto i = static_cast<std::size_t>(field - fields_.begin());
    if (vector.bytes.size() != growing_->field(i).arena().vector_bytes()) {
      return impossible(write.id, "has a vector of another dimension");
    }
    JADE_ASSIGN_OR_RETURN(slots[i], store_vector(i, vector.bytes));
  }
  for (std::size_t i = 0; kept.segment != nullptr && i < fields_.size(); ++i) {
    if (slots[i] != kNoSlot) continue;
    JADE_ASSIGN_OR_RETURN(slots[i], keep_vector(kept, i));
  }
  return slots;
}

Result<SlotId> ShardState::keep_vector(const Located& kept, std::size_t field) {
  const SlotId slot = kept.segment->slot(kept.row, field);
  if (slot == kNoSlot || kept.segment == growing_.get()) return slot;
  const index::VectorArena& arena = kept.segment->field(field).arena();
  arena.touch(slot, 1);
  return store_vector(field, {arena.vector(slot), arena.vector_bytes()});
}

Result<SlotId> ShardState::store_vector(std::size_t field, std::span<const std::byte> vector) {
  const SlotId slot = growing_->field(field).append(vector, RowId(growing_->rows()));
  if (slot == kNoSlot) return out_of_memory();
  return slot;
}

}  // namespace jade::engine
