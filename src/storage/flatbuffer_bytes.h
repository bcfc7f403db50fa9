// FlatBuffers' types in ours. Included by .cc files only: nothing else sees FlatBuffers.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace jade::storage {

inline const std::uint8_t* as_uint8(std::span<const std::byte> bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

inline std::span<const std::byte> as_bytes(const flatbuffers::Vector<std::uint8_t>& bytes) {
  return {reinterpret_cast<const std::byte*>(bytes.data()), bytes.size()};
}

inline std::string_view as_text(const flatbuffers::String& text) { return {text.c_str(), text.size()}; }

inline std::vector<std::byte> finished_bytes(const flatbuffers::FlatBufferBuilder& builder) {
  const auto* const first = reinterpret_cast<const std::byte*>(builder.GetBufferPointer());
  return {first, first + builder.GetSize()};
}

/// A verifier that costs hostile bytes as much as honest ones: every honest table takes 8 bytes and more (its own
/// four and those of the offset to it), so that tables which many offsets share run into the limit.
inline flatbuffers::Verifier make_verifier(std::span<const std::byte> bytes) {
  constexpr flatbuffers::uoffset_t kMaxDepth = 8;
  const auto max_tables = static_cast<flatbuffers::uoffset_t>(bytes.size() / 8 + 1);
  return flatbuffers::Verifier(as_uint8(bytes), bytes.size(), kMaxDepth, max_tables);
}

}  // namespace jade::storage
