// The rows of one write to one shard, as the log carries them.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "jade/result.h"
#include "storage/aligned_bytes.h"

namespace jade::storage {

enum class WriteKind : std::uint8_t {
  kPut,     ///< A whole record: inserts or replaces.
  kUpdate,  ///< Replaces the parts that are named, keeps the rest.
  kDelete,
};

/// A vector as its field stores it.
struct VectorValue {
  VectorFieldId field;
  std::vector<std::byte> bytes;

  friend bool operator==(const VectorValue&, const VectorValue&) = default;
};

struct RowWrite {
  WriteKind kind = WriteKind::kPut;
  std::string id;
  std::vector<VectorValue> vectors;
  /// A JSON object; absent is not empty.
  std::optional<std::string> metadata;

  friend bool operator==(const RowWrite&, const RowWrite&) = default;
};

struct WriteBatch {
  std::vector<RowWrite> rows;

  friend bool operator==(const WriteBatch&, const WriteBatch&) = default;
};

/// Its FlatBuffer. The rows' bytes together stay below 1 GiB.
std::vector<std::byte> encode_write_batch(const WriteBatch& batch);

struct VectorValueView {
  VectorFieldId field;
  /// Lies at a multiple of 16 from the start of the payload, if `encode_write_batch` wrote it.
  std::span<const std::byte> bytes;
};

/// The vectors of a row, read in place.
class VectorValueRange {
 public:
  class Iterator {
   public:
    using difference_type = std::ptrdiff_t;
    using value_type = VectorValueView;

    Iterator() = default;
    Iterator(const VectorValueRange* range, std::size_t index) : range_(range), index_(index) {}
    VectorValueView operator*() const { return (*range_)[index_]; }
    Iterator& operator++() {
      ++index_;
      return *this;
    }
    Iterator operator++(int) {
      Iterator old = *this;
      ++index_;
      return old;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const VectorValueRange* range_ = nullptr;
    std::size_t index_ = 0;
  };

  VectorValueRange() = default;
  /// `list` is the verified FlatBuffers vector, or nullptr for none.
  explicit VectorValueRange(const void* list) : list_(list) {}

  std::size_t size() const;
  VectorValueView operator[](std::size_t index) const;
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, size()}; }

 private:
  const void* list_ = nullptr;
};

struct RowWriteView {
  WriteKind kind = WriteKind::kPut;
  std::string_view id;
  VectorValueRange vectors;
  std::optional<std::string_view> metadata;
};

/// An encoded batch, read in place: what its rows refer to is the payload, which outlives them (or a copy that this
/// view shares, if the payload lay at an odd address). Safe when const.
class WriteBatchView {
 public:
  /// kDataCorrupted for bytes that `encode_write_batch` cannot have written.
  static Result<WriteBatchView> parse(std::span<const std::byte> payload);

  std::size_t size() const { return size_; }
  /// `index` < size().
  RowWriteView row(std::size_t index) const;

 private:
  explicit WriteBatchView(AlignedBytes bytes);

  AlignedBytes bytes_;
  std::size_t size_ = 0;
};

/// The batch with its own memory.
WriteBatch to_write_batch(const WriteBatchView& view);

}  // namespace jade::storage
