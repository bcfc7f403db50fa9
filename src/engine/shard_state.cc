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

ShardState::ShardState(const storage::Definition& definition) : data_(std::make_shared<ShardData>(definition.vectors)) {
  publish(Sequence(0));
}

std::shared_ptr<const ShardView> ShardState::view() const {
  const MutexLock lock(published_mutex_);
  return published_;
}

void ShardState::publish(Sequence sequence) {
  std::vector<std::uint32_t> slots;
  for (const auto& field : data_->fields) slots.push_back(field->slots());
  auto next = std::make_shared<const ShardView>(
      ShardView{data_, ids_.table(), sequence.value(), live_rows_, data_->rows.size(), std::move(slots)});
  const MutexLock lock(published_mutex_);
  published_.swap(next);
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
  const RowId newest = ids_.find(data_->rows, write.id);
  const bool live = newest != kNoRow && data_->rows[newest].end.load(std::memory_order_relaxed) == kNotEnded;
  if (!live && write.kind != storage::WriteKind::kPut) return impossible(write.id, "changes a record that is absent");
  if (write.kind == storage::WriteKind::kDelete) {
    end_row(newest, sequence.value(), nullptr);
    --live_rows_;
    return {};
  }
  return put(sequence, commit_time_us, write, newest, live);
}

Result<void> ShardState::put(Sequence sequence, std::int64_t commit_time_us, const storage::RowWriteView& write,
                             RowId newest, bool was_live) {
  RowStore& rows = data_->rows;
  const Row* before = was_live ? &rows[newest] : nullptr;
  const Row* kept = write.kind == storage::WriteKind::kUpdate ? before : nullptr;
  JADE_ASSIGN_OR_RETURN(std::unique_ptr<SlotId[]> slots, store_vectors(write, kept));
  const std::string_view kept_metadata = kept == nullptr ? std::string_view() : kept->metadata;
  const SlotId* slot_list = slots.get();
  const RowId row = rows.append({
      .id = write.id,
      .metadata = write.metadata.value_or(kept_metadata),
      .begin = sequence.value(),
      .created_at_us = before == nullptr ? commit_time_us : before->created_at_us,
      .updated_at_us = commit_time_us,
      .previous = newest,
      .slots = std::move(slots),
  });
  if (row == kNoRow) return out_of_memory();
  for (std::size_t field = 0; field < data_->fields.size(); ++field) {
    if (slot_list[field] != kNoSlot) data_->fields[field]->hand_over(slot_list[field], row);
  }
  if (was_live) {
    end_row(newest, sequence.value(), slot_list);
  } else {
    ++live_rows_;
  }
  ids_.set(rows, row);
  return {};
}

Result<std::unique_ptr<SlotId[]>> ShardState::store_vectors(const storage::RowWriteView& write, const Row* kept) {
  const std::size_t fields = data_->fields.size();
  auto slots = std::make_unique<SlotId[]>(fields);
  for (std::size_t i = 0; i < fields; ++i) slots[i] = kept == nullptr ? kNoSlot : kept->slots[i];
  const RowId row{data_->rows.size()};
  for (const storage::VectorValueView& vector : write.vectors) {
    const auto found =
        std::ranges::find(data_->fields, vector.field, [](const auto& field) { return field->definition().id; });
    if (found == data_->fields.end()) return impossible(write.id, "has a vector of an unknown field");
    VectorField& field = **found;
    if (vector.bytes.size() != field.arena().vector_bytes()) {
      return impossible(write.id, "has a vector of another dimension");
    }
    const SlotId slot = field.append(vector.bytes, row);
    if (slot == kNoSlot) return out_of_memory();
    slots[static_cast<std::size_t>(found - data_->fields.begin())] = slot;
  }
  return slots;
}

void ShardState::end_row(RowId row, std::uint64_t sequence, const SlotId* kept_slots) {
  Row& ended = data_->rows[row];
  ended.end.store(sequence, std::memory_order_release);
  for (std::size_t field = 0; field < data_->fields.size(); ++field) {
    const SlotId slot = ended.slots[field];
    const bool kept = kept_slots != nullptr && kept_slots[field] == slot;
    if (slot != kNoSlot && !kept) data_->fields[field]->release(slot, sequence);
  }
}

}  // namespace jade::engine
