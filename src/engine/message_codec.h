// Shard messages as bytes, for a wire between gateway and shard.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/shard_messages.h"
#include "jade/result.h"

namespace jade::engine {

/// Encodes a message: a version byte, then the fields in order, little-endian, lengths before contents.
template <class Message>
std::vector<std::byte> encode_message(const Message& message);

/// The message, or kInvalidArgument for bytes that `encode_message` of the same type cannot have made. Never reads
/// beyond `bytes`; allocates no more than a small multiple of their size.
template <class Message>
Result<Message> decode_message(std::span<const std::byte> bytes);

}  // namespace jade::engine
