#include "meta/catalog.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

namespace jade::meta {
namespace {

constexpr std::string_view kByName = "/databases/by-name/";
constexpr std::string_view kByKey = "/databases/by-key/";
constexpr std::string_view kSigningKey = "/signing-key";

std::string name_key(std::string_view name) { return std::string(kByName).append(name); }

std::string key_key(const DatabaseKey& key) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kByKey);
  for (const std::byte byte : key) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

// A row as a value, the same under both of its keys:
//   row := version:u8 (1)  key:16 bytes  created_at_us:i64 little-endian  name:the rest
constexpr char kRowVersion = 1;
constexpr std::size_t kRowBytesMin = 1 + sizeof(DatabaseKey) + sizeof(std::int64_t);
static_assert(std::endian::native == std::endian::little);

std::string encode(const DatabaseRow& row) {
  std::string value(kRowBytesMin, kRowVersion);
  std::memcpy(value.data() + 1, row.key.data(), row.key.size());
  std::memcpy(value.data() + 1 + row.key.size(), &row.created_at_us, sizeof(row.created_at_us));
  return value += row.name;
}

Result<DatabaseRow> decode(const Entry& entry) {
  if (entry.value.size() < kRowBytesMin || entry.value.front() != kRowVersion) {
    return Error(ErrorCode::kDataCorrupted, "the catalog cannot read " + entry.key);
  }
  DatabaseRow row{.name = entry.value.substr(kRowBytesMin)};
  std::memcpy(row.key.data(), entry.value.data() + 1, row.key.size());
  std::memcpy(&row.created_at_us, entry.value.data() + 1 + row.key.size(), sizeof(row.created_at_us));
  return row;
}

Result<std::optional<DatabaseRow>> decode(const std::optional<Entry>& entry) {
  if (!entry) return std::optional<DatabaseRow>();
  JADE_ASSIGN_OR_RETURN(DatabaseRow row, decode(*entry));
  return std::optional(std::move(row));
}

}  // namespace

Result<std::optional<Entry>> Catalog::get(std::string key) {
  JADE_ASSIGN_OR_RETURN(RangeResult found, store_.range({.key = std::move(key)}));
  if (found.entries.empty()) return std::optional<Entry>();
  return std::optional(std::move(found.entries.front()));
}

Result<void> Catalog::create_database(const DatabaseRow& row) {
  const std::string by_name = name_key(row.name);
  const std::string by_key = key_key(row.key);
  const std::array compares = {Compare::absent(by_name), Compare::absent(by_key)};
  const std::array operations = {Operation::put(by_name, encode(row)), Operation::put(by_key, encode(row))};
  JADE_ASSIGN_OR_RETURN(const TxnResult result, store_.txn(compares, operations));
  if (!result.succeeded) return Error(ErrorCode::kAlreadyExists, "there is already a database named " + row.name);
  return {};
}

Result<void> Catalog::remove_database(const DatabaseKey& key) {
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> entry, get(key_key(key)));
  if (entry) {
    JADE_ASSIGN_OR_RETURN(const DatabaseRow row, decode(*entry));
    const std::array compares = {Compare::unchanged(*entry)};
    const std::array operations = {Operation::remove(name_key(row.name)), Operation::remove(entry->key)};
    JADE_ASSIGN_OR_RETURN(const TxnResult result, store_.txn(compares, operations));
    if (result.succeeded) return {};
  }
  return Error(ErrorCode::kDatabaseNotFound, "there is no such database");
}

Result<std::optional<DatabaseRow>> Catalog::find_by_name(const std::string& name) {
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> entry, get(name_key(name)));
  return decode(entry);
}

Result<std::optional<DatabaseRow>> Catalog::find_by_key(const DatabaseKey& key) {
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> entry, get(key_key(key)));
  return decode(entry);
}

Result<DatabaseList> Catalog::list(const std::string& after_name, std::uint64_t limit) {
  JADE_ASSIGN_OR_RETURN(
      const RangeResult found,
      store_.range({.key = std::string(kByName), .is_prefix = true, .after = name_key(after_name), .limit = limit}));
  DatabaseList list{.rows = {}, .more = found.more};
  for (const Entry& entry : found.entries) {
    JADE_ASSIGN_OR_RETURN(DatabaseRow row, decode(entry));
    list.rows.push_back(std::move(row));
  }
  return list;
}

Result<SigningKey> Catalog::signing_key() {
  const std::string key(kSigningKey);
  JADE_ASSIGN_OR_RETURN(const std::optional<Entry> entry, get(key));
  if (!entry) {
    std::string fresh(sizeof(SigningKey), '\0');
    random_.fill(std::as_writable_bytes(std::span(fresh)));
    const std::array compares = {Compare::absent(key)};
    const std::array operations = {Operation::put(key, fresh)};
    JADE_RETURN_IF_ERROR(store_.txn(compares, operations));
    // Where another caller was quicker, its key is the one.
    return signing_key();
  }
  if (entry->value.size() != sizeof(SigningKey)) {
    return Error(ErrorCode::kDataCorrupted, "the signing key has the wrong size");
  }
  SigningKey result;
  std::memcpy(result.data(), entry->value.data(), result.size());
  return result;
}

}  // namespace jade::meta
