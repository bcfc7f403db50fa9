#include "crash/oracle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "engine/routing.h"

namespace jade::crash {
namespace {

/// A write whose fate is open although a later one is known to be there doubles what is possible; no script has more.
constexpr std::size_t kOpenFatesMax = 8;

bool same_bits(const VectorData& a, const VectorData& b) {
  if (a.index() != b.index()) return false;
  const auto* numbers = std::get_if<std::vector<float>>(&a);
  if (numbers == nullptr) return a == b;
  const auto& others = std::get<std::vector<float>>(b);
  // By bits: a zero that changed its sign is another number.
  return numbers->size() == others.size() &&
         std::memcmp(numbers->data(), others.data(), numbers->size() * sizeof(float)) == 0;
}

std::string difference(const std::string& id, const RowState* expected, const Record* found) {
  const auto say = [&](const std::string& what) { return "row '" + id + "' " + what; };
  if (expected == nullptr && found == nullptr) return "";
  if (expected == nullptr) return say("is there and should not be, version " + std::to_string(found->version));
  if (found == nullptr) return say("is lost, version " + std::to_string(expected->version));
  if (found->id != id) return say("calls itself '" + found->id + "'");
  if (found->vectors.size() != expected->vectors.size()) return say("has another number of vectors");
  for (const NamedVector& vector : found->vectors) {
    const auto wanted = expected->vectors.find(vector.name);
    if (wanted == expected->vectors.end()) return say("has a vector '" + vector.name + "' that it should not have");
    if (!same_bits(wanted->second, vector.data)) return say("has another vector '" + vector.name + "'");
  }
  if (found->metadata != expected->metadata) {
    return say("has the metadata " + found->metadata.value_or("(none)") + " instead of " +
               expected->metadata.value_or("(none)"));
  }
  if (expected->version != 0 && found->version != expected->version) {
    return say("has version " + std::to_string(found->version) + " instead of " + std::to_string(expected->version));
  }
  if (expected->version == 0 && found->version <= expected->version_floor) {
    return say("has the old version " + std::to_string(found->version) + ", which is at most " +
               std::to_string(expected->version_floor));
  }
  if (expected->created_at_us != 0 && found->created_at_us != expected->created_at_us) {
    return say("changed its time of creation");
  }
  if (found->updated_at_us < found->created_at_us) return say("was changed before it was created");
  return "";
}

}  // namespace

std::string joined(const Findings& findings) {
  std::string text;
  for (const std::string& finding : findings) text += "\n  " + finding;
  return text;
}

Answer answer_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kStoreReadOnly:
    case ErrorCode::kIo:
    case ErrorCode::kInternal:
    case ErrorCode::kDataCorrupted:
    case ErrorCode::kDeadlineExceeded:
    case ErrorCode::kCancelled:
    case ErrorCode::kRequestTimeout:
      return Answer::kUnknown;
    case ErrorCode::kVectorNotFound:
    case ErrorCode::kAlreadyExists:
      return Answer::kRefusedByRow;
    default:
      return Answer::kRefused;
  }
}

std::string DatabaseOracle::strand_of(const std::string& id) const {
  // An id may begin with its sender: "t3-…".
  const std::size_t dash = id.find('-');
  const std::string sender = dash == std::string::npos ? "" : id.substr(0, dash);
  return sender + "/" + std::to_string(engine::shard_of(id, num_shards_).value());
}

void DatabaseOracle::send(std::uint64_t number, const std::vector<RowWrite>& rows, bool atomic) {
  std::map<std::string, std::vector<RowWrite>> divided;
  for (const RowWrite& row : rows) {
    ids_.insert(row.id);
    divided[strand_of(row.id)].push_back(row);
  }
  for (auto& [strand, part] : divided) {
    strands_[strand].parts.push_back(
        {.number = number, .rows = std::move(part), .atomic = atomic, .floor = greatest_version_});
  }
}

/// Applies what its rows' conditions let through; false if that is nothing.
bool DatabaseOracle::apply(const Part& part, Rows& rows) {
  Rows after = rows;
  bool any = false;
  for (const RowWrite& write : part.rows) {
    const auto before = after.find(write.id);
    const bool exists = before != after.end();
    const bool must_exist = write.kind == RowKind::kUpdate || write.kind == RowKind::kDelete;
    if ((must_exist && !exists) || (write.kind == RowKind::kInsert && exists)) {
      if (part.atomic) return false;
      continue;
    }
    any = true;
    if (write.kind == RowKind::kDelete) {
      after.erase(before);
      continue;
    }
    RowState next;
    if (exists) next.created_at_us = before->second.created_at_us;
    if (write.kind == RowKind::kUpdate) {
      next.vectors = before->second.vectors;
      next.metadata = before->second.metadata;
    }
    for (const auto& [name, data] : write.vectors) next.vectors.insert_or_assign(name, data);
    if (write.metadata) next.metadata = write.metadata;
    next.version = part.version;
    next.version_floor = part.floor;
    after.insert_or_assign(write.id, std::move(next));
  }
  rows = std::move(after);
  return any;
}

void DatabaseOracle::refuse_row(std::uint64_t number, const std::string& id) {
  std::deque<Part>& parts = strands_[strand_of(id)].parts;
  const auto part = std::ranges::find(parts, number, &Part::number);
  if (part != parts.end()) std::erase_if(part->rows, [&](const RowWrite& row) { return row.id == id; });
}

void DatabaseOracle::answer(std::uint64_t number, Answer answer, std::uint64_t version) {
  if (version != 0) {
    // Nothing else of this sender was answered since it was sent.
    greatest_version_ = std::max(greatest_version_, version);
  }
  const auto parts = std::ranges::count_if(strands_, [&](const auto& strand) {
    return std::ranges::find(strand.second.parts, number, &Part::number) != strand.second.parts.end();
  });
  // One error answers for all shards of a batch; what the others did it does not say.
  if (parts > 1 && answer == Answer::kRefused) answer = Answer::kUnknown;
  for (auto& [name, strand] : strands_) {
    const auto part = std::ranges::find(strand.parts, number, &Part::number);
    if (part == strand.parts.end()) continue;
    if (version != 0 && version <= part->floor) {
      contradictions_.push_back("version " + std::to_string(version) + " was given although " +
                                std::to_string(part->floor) + " was known before");
    }
    if (answer == Answer::kRefused || answer == Answer::kRefusedByRow) {
      // The state that it was decided by is known only where nothing before it is open.
      Rows before = strand.rows;
      if (answer == Answer::kRefusedByRow && part == strand.parts.begin() && apply(*part, before)) {
        contradictions_.push_back("a write of '" + part->rows.front().id + "' was refused that had to be accepted");
      }
      strand.parts.erase(part);
    } else {
      part->answer = answer;
      part->version = version;
    }
    fold(strand);
  }
}

void DatabaseOracle::fold(Strand& strand) {
  while (!strand.parts.empty() && strand.parts.front().answer == Answer::kAcknowledged) {
    const Part& part = strand.parts.front();
    // A batch, which has no version, is acknowledged also where its rows are refused.
    if (!apply(part, strand.rows) && part.version != 0) {
      contradictions_.push_back("a write of '" + part.rows.front().id + "' was acknowledged that had to be refused");
    }
    strand.parts.pop_front();
  }
}

/// Everything up to the last acknowledged write is there, but for what got an error; behind it any beginning may be,
/// for the log keeps the order and has no holes.
std::vector<Rows> DatabaseOracle::candidates(const Strand& strand) {
  std::size_t certain = strand.parts.size();
  while (certain > 0 && strand.parts[certain - 1].answer != Answer::kAcknowledged) --certain;
  std::vector<Rows> states = {strand.rows};
  for (std::size_t i = 0; i < certain; ++i) {
    std::vector<Rows> next;
    for (Rows& state : states) {
      if (strand.parts[i].answer == Answer::kUnknown && states.size() < (1U << kOpenFatesMax)) next.push_back(state);
      apply(strand.parts[i], state);
      next.push_back(std::move(state));
    }
    states = std::move(next);
  }
  std::vector<Rows> tails = states;
  for (std::size_t i = certain; i < strand.parts.size(); ++i) {
    for (Rows& state : tails) {
      apply(strand.parts[i], state);
      states.push_back(state);
    }
  }
  return states;
}

Findings DatabaseOracle::settle(const std::map<std::string, Record>& found) {
  Findings findings = std::exchange(contradictions_, {});
  std::map<std::string, std::set<std::string>> ids_by_strand;
  for (const std::string& id : ids_) ids_by_strand[strand_of(id)].insert(id);
  for (auto& [name, ids] : ids_by_strand) {
    Strand& strand = strands_[name];
    std::optional<Findings> closest;
    for (const Rows& candidate : candidates(strand)) {
      Findings here;
      for (const std::string& id : ids) {
        const auto expected = candidate.find(id);
        const auto record = found.find(id);
        std::string text = difference(id, expected == candidate.end() ? nullptr : &expected->second,
                                      record == found.end() ? nullptr : &record->second);
        if (!text.empty()) here.push_back(std::move(text));
      }
      if (!closest || here.size() < closest->size()) closest = std::move(here);
      if (closest->empty()) break;
    }
    findings.insert(findings.end(), closest->begin(), closest->end());
    strand.parts.clear();
    strand.rows.clear();
  }
  for (const auto& [id, record] : found) {
    RowState state{.vectors = {},
                   .metadata = record.metadata,
                   .version = record.version,
                   .version_floor = 0,
                   .created_at_us = record.created_at_us};
    for (const NamedVector& vector : record.vectors) state.vectors.emplace(vector.name, vector.data);
    strands_[strand_of(id)].rows.insert_or_assign(id, std::move(state));
    greatest_version_ = std::max(greatest_version_, record.version);
  }
  return findings;
}

std::set<std::string> DatabaseOracle::ids() const { return ids_; }

std::vector<std::string> DatabaseOracle::live() const {
  std::vector<std::string> live;
  for (const auto& [name, strand] : strands_) {
    for (const auto& [id, row] : strand.rows) live.push_back(id);
  }
  return live;
}

bool DatabaseOracle::is_certain() const {
  return std::ranges::all_of(strands_, [](const auto& strand) { return strand.second.parts.empty(); });
}

void StoreOracle::send_create(const std::string& name, std::uint32_t num_shards) {
  ++revision_;
  Entry& entry = databases_[name];
  if (entry.presence == Presence::kThere) return;
  entry.num_shards = num_shards;
  if (entry.presence == Presence::kMaybeDropped) {
    entry.remade = true;
    return;
  }
  entry.presence = Presence::kMaybeCreated;
  entry.rows = DatabaseOracle(num_shards);
}

void StoreOracle::begin_anew(Entry& entry) {
  entry.remade = false;
  entry.dropped_ids.insert(std::exchange(entry.id, ""));
  entry.rows = DatabaseOracle(entry.num_shards);
}

void StoreOracle::answer_create(const std::string& name, const Result<DatabaseInfo>& result) {
  ++revision_;
  Entry& entry = databases_[name];
  if (result.ok()) {
    if (entry.remade) begin_anew(entry);
    entry.presence = Presence::kThere;
    entry.id = result->id;
  } else if (entry.presence == Presence::kMaybeCreated && result.error().code() != ErrorCode::kStorageFull &&
             answer_of(result.error().code()) == Answer::kRefused) {
    // A disk that is full may still hold the name: what failed may have come after it.
    entry.presence = Presence::kGone;
  }
}

void StoreOracle::send_drop(const std::string& name) {
  ++revision_;
  databases_[name].presence = Presence::kMaybeDropped;
}

void StoreOracle::answer_drop(const std::string& name, const Result<void>& result) {
  ++revision_;
  Entry& entry = databases_[name];
  if (!result.ok()) return;
  entry.presence = Presence::kGone;
  entry.dropped_ids.insert(std::exchange(entry.id, ""));
}

Sent StoreOracle::send(const std::string& name, const std::vector<RowWrite>& rows, bool atomic) {
  ++revision_;
  databases_[name].rows.send(next_number_, rows, atomic);
  return {name, next_number_++};
}

void StoreOracle::refuse_row(const Sent& sent, const std::string& id) {
  databases_[sent.database].rows.refuse_row(sent.number, id);
}

void StoreOracle::answer(const Sent& sent, Answer answer, std::uint64_t version) {
  ++revision_;
  databases_[sent.database].rows.answer(sent.number, answer, version);
}

StoreOracle::Presence StoreOracle::presence(const std::string& name) const {
  const auto entry = databases_.find(name);
  return entry == databases_.end() ? Presence::kGone : entry->second.presence;
}

std::vector<std::string> StoreOracle::names() const {
  std::vector<std::string> names;
  for (const auto& [name, entry] : databases_) names.push_back(name);
  return names;
}

std::optional<bool> StoreOracle::check_presence(engine::OpenedStore& store, const std::string& name, Entry& entry,
                                                bool errors_allowed, Findings& findings) {
  const Result<DatabaseInfo> info = store->describe_database(store.context, name);
  const bool there = info.ok() && info->failure.empty();
  if (!there && (info.ok() || info.error().code() != ErrorCode::kDatabaseNotFound)) {
    if (!errors_allowed) {
      findings.push_back("database '" + name +
                         "' cannot be used: " + (info.ok() ? info->failure : info.error().message()));
    }
    return std::nullopt;
  }
  if (there && entry.remade && info->id != entry.id) begin_anew(entry);
  entry.remade = false;
  const bool may_be_there = entry.presence != Presence::kGone;
  const bool may_be_gone = entry.presence != Presence::kThere;
  if (there && !may_be_there) findings.push_back("database '" + name + "' is back although it was deleted");
  if (!there && !may_be_gone) findings.push_back("database '" + name + "' is lost");
  if (there && entry.dropped_ids.contains(info->id)) findings.push_back("database '" + name + "' has an old id again");
  if (there && !entry.id.empty() && info->id != entry.id) findings.push_back("database '" + name + "' has another id");
  if (there) {
    entry.id = info->id;
  } else {
    entry.dropped_ids.insert(std::exchange(entry.id, ""));
  }
  entry.presence = there ? Presence::kThere : Presence::kGone;
  return there;
}

void StoreOracle::check_rows(engine::OpenedStore& store, const std::string& name, Entry& entry, bool errors_allowed,
                             Findings& findings) {
  const auto failed = [&](std::string_view doing, const Error& error) {
    if (!errors_allowed) findings.push_back(name + ": " + std::string(doing) + " failed: " + error.message());
  };
  const std::set<std::string> ids = entry.rows.ids();
  const auto records = store.get(name, {ids.begin(), ids.end()});
  if (!records.ok()) return failed("get", records.error());
  const auto count = store.count(name);
  if (!count.ok()) return failed("count", count.error());
  std::map<std::string, Record> found;
  std::size_t at = 0;
  for (const std::string& id : ids) {
    const std::optional<Record>& record = (*records)[at++];
    if (record) found.emplace(id, *record);
  }
  Findings here;
  if (*count != found.size()) {
    here.push_back("count says " + std::to_string(*count) + ", " + std::to_string(found.size()) + " rows are there");
  }
  for (const char* field : {kNumbersField, kBitsField}) {
    Query query;
    query.vector_name = field;
    query.vector = field == kNumbersField ? numbers_of(3) : bits_of(3);
    query.top_k = 10'000;
    query.exact = true;
    const auto hits = store.search(name, query);
    if (!hits.ok()) return failed("search", hits.error());
    std::map<std::string, std::uint64_t> wanted;
    for (const auto& [id, record] : found) {
      const bool has_one = std::ranges::find(record.vectors, field, &NamedVector::name) != record.vectors.end();
      if (has_one) wanted[id] = record.version;
    }
    for (const SearchHit& hit : hits->hits) {
      const auto row = wanted.find(hit.id);
      if (row == wanted.end()) {
        here.push_back("a search finds '" + hit.id + "', which is not there, or finds it twice");
        continue;
      }
      if (row->second != hit.version) here.push_back("a search finds another version of '" + hit.id + "'");
      wanted.erase(row);
    }
    for (const auto& [id, version] : wanted) here.push_back("a search does not find '" + id + "'");
  }
  const Findings rows = entry.rows.settle(found);
  here.insert(here.end(), rows.begin(), rows.end());
  for (const std::string& finding : here) findings.push_back(name + ": " + finding);
}

Findings StoreOracle::check(engine::OpenedStore& store, bool errors_allowed) {
  ++revision_;
  if (store.failure) return {"the store does not open: " + store.failure->message()};
  if (!store.loaded.ok()) return {"the store does not load: " + store.loaded.error().message()};
  Findings findings;
  for (auto& [name, entry] : databases_) {
    const std::optional<bool> there = check_presence(store, name, entry, errors_allowed, findings);
    if (there.value_or(false)) check_rows(store, name, entry, errors_allowed, findings);
  }
  const auto listed = store->list_databases(store.context, "", std::numeric_limits<std::size_t>::max());
  if (!listed.ok()) {
    if (!errors_allowed) findings.push_back("the list of databases failed: " + listed.error().message());
    return findings;
  }
  for (const DatabaseInfo& info : *listed) {
    if (!databases_.contains(info.name)) findings.push_back("nobody created the database '" + info.name + "'");
  }
  return findings;
}

}  // namespace jade::crash
