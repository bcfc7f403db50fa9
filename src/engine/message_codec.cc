#include "engine/message_codec.h"

#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

namespace jade::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "messages are little-endian as they lie in memory");

constexpr std::uint8_t kVersion = 1;

class Writer {
 public:
  static constexpr bool kReading = false;

  explicit Writer(std::vector<std::byte>& out) : out_(out) {}

  void bytes(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    out_.insert(out_.end(), first, first + size);
  }
  bool ok() const { return true; }

 private:
  std::vector<std::byte>& out_;
};

class Reader {
 public:
  static constexpr bool kReading = true;

  explicit Reader(std::span<const std::byte> in) : in_(in) {}

  void bytes(void* data, std::size_t size) {
    if (size > in_.size()) return fail();
    if (size > 0) std::memcpy(data, in_.data(), size);
    in_ = in_.subspan(size);
  }
  /// A count of elements, each of which takes at least a byte: more than are left cannot be meant.
  std::size_t count() {
    std::uint32_t value = 0;
    bytes(&value, sizeof(value));
    if (value > in_.size()) fail();
    return ok_ ? value : 0;
  }
  void fail() {
    ok_ = false;
    in_ = {};
  }
  bool ok() const { return ok_; }
  bool at_end() const { return in_.empty(); }

 private:
  std::span<const std::byte> in_;
  bool ok_ = true;
};

// One description of each type serves both directions: `visit(io, value)` writes or reads it.

template <class Io, class T>
  requires std::is_arithmetic_v<std::remove_const_t<T>>
void visit(Io& io, T& value) {
  if constexpr (std::is_same_v<std::remove_const_t<T>, bool>) {
    std::uint8_t byte = value ? 1 : 0;
    io.bytes(&byte, 1);
    if constexpr (Io::kReading) {
      if (byte > 1) io.fail();
      value = byte == 1;
    }
  } else {
    io.bytes(&value, sizeof(value));
  }
}

/// Enumerations travel as their number; `last` bounds what is accepted.
template <class Io, class Enum>
void visit_enum(Io& io, Enum& value, std::remove_const_t<Enum> last) {
  auto number = static_cast<std::underlying_type_t<std::remove_const_t<Enum>>>(value);
  visit(io, number);
  if constexpr (Io::kReading) {
    if (number > static_cast<decltype(number)>(last)) return io.fail();
    value = static_cast<Enum>(number);
  }
}

template <class Io, class T, class Tag>
void visit(Io& io, const NamedType<T, Tag>& id) {
  const T number = id.value();
  visit(io, number);
}
template <class T, class Tag>
void visit(Reader& io, NamedType<T, Tag>& id) {
  T number{};
  visit(io, number);
  id = NamedType<T, Tag>(number);
}

template <class Io>
void visit_size(Io& io, std::size_t size) {
  const auto count = static_cast<std::uint32_t>(size);
  visit(io, count);
}

void visit(Writer& io, const std::string& text) {
  visit_size(io, text.size());
  io.bytes(text.data(), text.size());
}
void visit(Reader& io, std::string& text) {
  text.resize(io.count());
  io.bytes(text.data(), text.size());
}

void visit(Writer& io, const std::vector<std::byte>& data) {
  visit_size(io, data.size());
  io.bytes(data.data(), data.size());
}
void visit(Reader& io, std::vector<std::byte>& data) {
  data.resize(io.count());
  io.bytes(data.data(), data.size());
}

template <class T>
void visit(Writer& io, const std::optional<T>& value) {
  const bool present = value.has_value();
  visit(io, present);
  if (present) visit(io, *value);
}
template <class T>
void visit(Reader& io, std::optional<T>& value) {
  bool present = false;
  visit(io, present);
  if (present) visit(io, value.emplace());
}

template <class T>
void visit(Writer& io, const std::vector<T>& list) {
  visit_size(io, list.size());
  for (const T& element : list) visit(io, element);
}
template <class T>
void visit(Reader& io, std::vector<T>& list) {
  // Not reserved from the count: a count may lie, elements that are read do not.
  const std::size_t count = io.count();
  for (std::size_t i = 0; i < count && io.ok(); ++i) visit(io, list.emplace_back());
}

template <class T>
using Bare = std::remove_const_t<T>;

#define JADE_VISIT(Type)                       \
  template <class Io, class Value>             \
    requires std::is_same_v<Bare<Value>, Type> \
  void visit(Io& io, Value& m)

JADE_VISIT(ErrorCode) { visit_enum(io, m, ErrorCode::kInternal); }
JADE_VISIT(storage::VectorValue) {
  visit(io, m.field);
  visit(io, m.bytes);
}
JADE_VISIT(storage::RowWrite) {
  visit_enum(io, m.kind, storage::WriteKind::kDelete);
  visit(io, m.id);
  visit(io, m.vectors);
  visit(io, m.metadata);
}
JADE_VISIT(RowApply) {
  visit_enum(io, m.precondition, Precondition::kMustNotExist);
  visit(io, m.write);
}
JADE_VISIT(ApplyRequest) {
  visit(io, m.definition_version);
  visit(io, m.atomic);
  visit(io, m.rows);
}
JADE_VISIT(RowResult) {
  visit_enum(io, m.outcome, RowOutcome::kRefused);
  visit(io, m.refusal);
}
JADE_VISIT(ApplyResponse) {
  visit(io, m.version);
  visit(io, m.rows);
}
JADE_VISIT(GetRequest) {
  visit(io, m.ids);
  visit(io, m.include_vectors);
  visit(io, m.include_metadata);
}
JADE_VISIT(StoredRecord) {
  visit(io, m.id);
  visit(io, m.version);
  visit(io, m.created_at_us);
  visit(io, m.updated_at_us);
  visit(io, m.vectors);
  visit(io, m.metadata);
}
JADE_VISIT(GetResponse) { visit(io, m.records); }
JADE_VISIT(SearchRequest) {
  visit(io, m.field);
  visit(io, m.query);
  visit(io, m.k);
  visit(io, m.ef);
  visit(io, m.exact);
  visit(io, m.max_distance);
  visit(io, m.excluded_id);
  visit(io, m.include_vectors);
  visit(io, m.include_metadata);
}
JADE_VISIT(ShardHit) {
  visit(io, m.rank_distance);
  visit(io, m.record);
}
JADE_VISIT(SearchResponse) {
  visit(io, m.hits);
  visit_enum(io, m.index_used, IndexType::kHnsw);
  visit(io, m.distances);
}
JADE_VISIT(StatsRequest) {
  (void)io;
  (void)m;
}
JADE_VISIT(FieldStats) {
  visit(io, m.field);
  visit(io, m.slots);
  visit(io, m.indexed);
  visit(io, m.pending);
  visit(io, m.vector_bytes);
  visit(io, m.graph_bytes);
  visit(io, m.indexed_per_second);
}
JADE_VISIT(StatsResponse) {
  visit(io, m.live_rows);
  visit(io, m.deleted_rows);
  visit(io, m.record_bytes);
  visit(io, m.id_map_bytes);
  visit(io, m.sealed_segments);
  visit(io, m.segment_file_bytes);
  visit(io, m.fields);
}
#undef JADE_VISIT

}  // namespace

template <class Message>
std::vector<std::byte> encode_message(const Message& message) {
  std::vector<std::byte> out;
  Writer writer(out);
  visit(writer, kVersion);
  visit(writer, message);
  return out;
}

template <class Message>
Result<Message> decode_message(std::span<const std::byte> bytes) {
  Reader reader(bytes);
  std::uint8_t version = 0;
  visit(reader, version);
  if (version != kVersion) return Error(ErrorCode::kInvalidArgument, "a shard message of an unknown version");
  Message message;
  visit(reader, message);
  if (!reader.ok() || !reader.at_end()) return Error(ErrorCode::kInvalidArgument, "a damaged shard message");
  return message;
}

#define JADE_CODEC(Type)                                             \
  template std::vector<std::byte> encode_message<Type>(const Type&); \
  template Result<Type> decode_message<Type>(std::span<const std::byte>)

JADE_CODEC(ApplyRequest);
JADE_CODEC(ApplyResponse);
JADE_CODEC(GetRequest);
JADE_CODEC(GetResponse);
JADE_CODEC(SearchRequest);
JADE_CODEC(SearchResponse);
JADE_CODEC(StatsRequest);
JADE_CODEC(StatsResponse);
#undef JADE_CODEC

}  // namespace jade::engine
