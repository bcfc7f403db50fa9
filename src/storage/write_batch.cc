#include "storage/write_batch.h"

#include <utility>

#include "base/check.h"
#include "storage/flatbuffer_bytes.h"
#include "storage/write_batch_generated.h"

namespace jade::storage {
namespace {

using VectorList = flatbuffers::Vector<flatbuffers::Offset<wire::VectorValue>>;

flatbuffers::Offset<wire::VectorValue> encode_vector(flatbuffers::FlatBufferBuilder& builder,
                                                     const VectorValue& vector) {
  builder.ForceVectorAlignment(vector.bytes.size(), 1, AlignedBytes::kAlignment);
  const auto bytes = builder.CreateVector(as_uint8(vector.bytes), vector.bytes.size());
  return wire::CreateVectorValue(builder, vector.field.value(), bytes);
}

flatbuffers::Offset<wire::RowWrite> encode_row(flatbuffers::FlatBufferBuilder& builder, const RowWrite& row) {
  std::vector<flatbuffers::Offset<wire::VectorValue>> vectors;
  vectors.reserve(row.vectors.size());
  for (const VectorValue& vector : row.vectors) vectors.push_back(encode_vector(builder, vector));
  const auto vector_list = vectors.empty() ? 0 : builder.CreateVector(vectors);
  const auto metadata = row.metadata ? builder.CreateString(*row.metadata) : 0;
  const auto id = builder.CreateString(row.id);
  return wire::CreateRowWrite(builder, static_cast<std::uint8_t>(row.kind), id, vector_list, metadata);
}

const wire::WriteBatch& root_of(const AlignedBytes& bytes) {
  return *flatbuffers::GetRoot<wire::WriteBatch>(bytes.bytes().data());
}

}  // namespace

std::vector<std::byte> encode_write_batch(const WriteBatch& batch) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<wire::RowWrite>> rows;
  rows.reserve(batch.rows.size());
  for (const RowWrite& row : batch.rows) rows.push_back(encode_row(builder, row));
  wire::FinishWriteBatchBuffer(builder, wire::CreateWriteBatch(builder, builder.CreateVector(rows)));
  return finished_bytes(builder);
}

std::size_t VectorValueRange::size() const {
  return list_ == nullptr ? 0 : static_cast<const VectorList*>(list_)->size();
}

VectorValueView VectorValueRange::operator[](std::size_t index) const {
  const wire::VectorValue& vector =
      *static_cast<const VectorList*>(list_)->Get(static_cast<flatbuffers::uoffset_t>(index));
  return {VectorFieldId{vector.field()}, as_bytes(*vector.bytes())};
}

WriteBatchView::WriteBatchView(AlignedBytes bytes) : bytes_(std::move(bytes)), size_(root_of(bytes_).rows()->size()) {}

Result<WriteBatchView> WriteBatchView::parse(std::span<const std::byte> payload) {
  AlignedBytes bytes(payload);
  flatbuffers::Verifier verifier = make_verifier(bytes.bytes());
  if (!wire::VerifyWriteBatchBuffer(verifier)) return Error(ErrorCode::kDataCorrupted, "write batch: malformed");
  for (const wire::RowWrite* row : *root_of(bytes).rows()) {
    if (row->kind() > static_cast<std::uint8_t>(WriteKind::kDelete)) {
      return Error(ErrorCode::kDataCorrupted, "write batch: unknown kind of write");
    }
  }
  return WriteBatchView(std::move(bytes));
}

RowWriteView WriteBatchView::row(std::size_t index) const {
  JADE_CHECK(index < size_, "row out of range");
  const wire::RowWrite& row = *root_of(bytes_).rows()->Get(static_cast<flatbuffers::uoffset_t>(index));
  RowWriteView view;
  view.kind = static_cast<WriteKind>(row.kind());
  view.id = as_text(*row.id());
  view.vectors = VectorValueRange(row.vectors());
  if (row.metadata() != nullptr) view.metadata = as_text(*row.metadata());
  return view;
}

WriteBatch to_write_batch(const WriteBatchView& view) {
  WriteBatch batch;
  batch.rows.reserve(view.size());
  for (std::size_t i = 0; i < view.size(); ++i) {
    const RowWriteView row = view.row(i);
    RowWrite& copy = batch.rows.emplace_back();
    copy.kind = row.kind;
    copy.id = row.id;
    for (const VectorValueView vector : row.vectors) {
      copy.vectors.push_back({vector.field, {vector.bytes.begin(), vector.bytes.end()}});
    }
    if (row.metadata) copy.metadata = *row.metadata;
  }
  return batch;
}

}  // namespace jade::storage
