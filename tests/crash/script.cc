#include "crash/script.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>
#include <utility>

#include "base/check.h"

namespace jade::crash {
namespace {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::uint32_t number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  JADE_CHECK(error == std::errc() && end == text.data() + text.size(), "a script has a number that is none");
  return number;
}

const std::set<std::string, std::less<>>& verbs() {
  static const std::set<std::string, std::less<>> kVerbs = {"create", "graph",  "put",    "plain", "insert", "update",
                                                            "text",   "delete", "batch",  "fresh", "atomic", "burst",
                                                            "mixed",  "drop",   "reopen", "kill"};
  return kVerbs;
}

Step parse_step(std::string_view text) {
  const std::vector<std::string_view> words = split(text, ' ');
  JADE_CHECK(!words.empty() && verbs().contains(words[0]), "a script has a verb that there is not");
  Step step{.verb = std::string(words[0]), .database = {}};
  if (words.size() > 1) {
    const std::vector<std::string_view> name = split(words[1], '/');
    step.database = name[0];
    if (name.size() > 1) step.num_shards = number_of(name[1]);
  }
  if (words.size() > 2) {
    const std::vector<std::string_view> range = split(words[2], '-');
    step.first = number_of(range.front());
    step.last = number_of(range.back());
  }
  return step;
}

RowKind kind_of(const std::string& verb) {
  if (verb == "insert" || verb == "fresh") return RowKind::kInsert;
  if (verb == "update" || verb == "text") return RowKind::kUpdate;
  if (verb == "delete") return RowKind::kDelete;
  return RowKind::kPut;
}

}  // namespace

std::vector<Step> parse_script(std::string_view text) {
  std::vector<Step> steps;
  for (const std::string_view part : split(text, ';')) {
    if (!split(part, ' ').empty()) steps.push_back(parse_step(part));
  }
  return steps;
}

std::string random_script(SeededRandom& random, std::size_t steps) {
  constexpr std::array<std::string_view, 20> kVerbs = {
      "put",   "put",   "plain", "insert", "update", "update", "text",   "delete", "delete", "batch",
      "batch", "fresh", "burst", "burst",  "mixed",  "mixed",  "reopen", "kill",   "drop",   "create"};
  constexpr std::array<std::string_view, 3> kCreates = {"create a; create b/4", "create a/2; graph b",
                                                        "create a; graph b/3"};
  std::string text(kCreates[random.next_below(kCreates.size())]);
  for (std::size_t i = 0; i < steps; ++i) {
    const std::string_view verb = kVerbs[random.next_below(kVerbs.size())];
    text += "; " + std::string(verb);
    if (verb == "reopen" || verb == "kill") continue;
    text += random.next_below(3) == 0 ? " b" : " a";
    if (verb == "drop") continue;
    if (verb == "create") {
      text += "/" + std::to_string(1 + random.next_below(3));
      continue;
    }
    const std::uint64_t first = 1 + random.next_below(12);
    const bool many = verb == "batch" || verb == "fresh" || verb == "burst" || verb == "mixed";
    text += " " + std::to_string(first) + "-" + std::to_string(first + random.next_below(many ? 8 : 2));
  }
  return text;
}

/// Counts the answers that have not come.
struct ScriptPlayer::Waiting {
  Mutex mutex;
  CondVar changed;
  std::size_t left JADE_GUARDED_BY(mutex) = 0;

  void add() {
    const MutexLock lock(mutex);
    ++left;
  }
  void done() {
    const MutexLock lock(mutex);
    --left;
    changed.notify_all();
  }
  void wait() {
    MutexLock lock(mutex);
    while (left > 0) changed.wait(lock);
  }
};

void ScriptPlayer::open() {
  if (store_ != nullptr) return;
  store_ = std::make_unique<SabotagedStore>(stage_.files, sabotage_);
  engine::OpenedStore& opened = **store_;
  if (!opened.failure && opened.loaded.ok()) return;
  if (!stage_.errors_expected) {
    findings_.push_back("the store does not open: " +
                        (opened.failure ? opened.failure->message() : opened.loaded.error().message()));
  }
  store_.reset();
}

void ScriptPlayer::close() { store_.reset(); }

void ScriptPlayer::check() {
  if (store_ == nullptr) return;
  const MutexLock lock(stage_.oracle_mutex);
  const Findings found = stage_.oracle.check(**store_, stage_.errors_expected);
  findings_.insert(findings_.end(), found.begin(), found.end());
}

void ScriptPlayer::play(const Step& step) {
  if (step.verb == "reopen") {
    close();
    open();
    return check();
  }
  open();
  if (store_ == nullptr) return;
  if (step.verb == "create" || step.verb == "graph") return create(step);
  {
    const MutexLock lock(stage_.oracle_mutex);
    if (stage_.oracle.presence(step.database) != StoreOracle::Presence::kThere) return;
  }
  if (step.verb == "drop") return drop(step);
  if (step.verb == "batch" || step.verb == "fresh" || step.verb == "atomic") return write_batch(step);
  if (step.verb == "burst" || step.verb == "mixed") return write_burst(step);
  write_each(step);
}

void ScriptPlayer::create(const Step& step) {
  {
    const MutexLock lock(stage_.oracle_mutex);
    stage_.oracle.send_create(step.database, step.num_shards);
  }
  const auto made = store().create(
      step.database,
      crash_database_options(step.num_shards, step.verb == "graph" ? IndexType::kHnsw : IndexType::kFlat));
  const MutexLock lock(stage_.oracle_mutex);
  const bool known = made.ok() || made.error().code() == ErrorCode::kAlreadyExists;
  if (!known && !stage_.errors_expected) findings_.push_back("create failed: " + made.error().message());
  stage_.oracle.answer_create(step.database, made);
}

void ScriptPlayer::drop(const Step& step) {
  {
    const MutexLock lock(stage_.oracle_mutex);
    stage_.oracle.send_drop(step.database);
  }
  const auto dropped = store().drop(step.database);
  const MutexLock lock(stage_.oracle_mutex);
  if (!dropped.ok() && !stage_.errors_expected) findings_.push_back("drop failed: " + dropped.error().message());
  stage_.oracle.answer_drop(step.database, dropped);
}

RowWrite ScriptPlayer::row_of(const std::string& verb, std::uint32_t id) {
  RowWrite row{.kind = kind_of(verb), .id = std::to_string(id), .vectors = {}, .metadata = {}};
  const std::uint64_t serial = serial_++;
  if (row.kind == RowKind::kDelete) return row;
  if (verb != "text") row.vectors = vectors_of(serial);
  if (verb != "plain" && verb != "update") row.metadata = metadata_of(serial);
  return row;
}

void ScriptPlayer::write_one(const std::string& database, const RowWrite& row,
                             const std::shared_ptr<Waiting>& waiting) {
  Sent sent;
  {
    const MutexLock lock(stage_.oracle_mutex);
    sent = stage_.oracle.send(database, {row});
  }
  waiting->add();
  auto done = [this, sent, waiting](Result<WriteReceipt> receipt) {
    {
      const MutexLock lock(stage_.oracle_mutex);
      stage_.oracle.answer(sent, receipt, receipt.ok() ? receipt->version : 0);
      if (receipt.ok() && receipt->version == 0) findings_.push_back("a write was acknowledged without a version");
    }
    waiting->done();
  };
  engine::LocalStore& target = *store().operator->();
  const engine::RequestContext& context = store().context;
  if (row.kind == RowKind::kDelete) return target.remove(context, database, row.id, std::move(done));
  const engine::WriteMode mode = row.kind == RowKind::kInsert   ? engine::WriteMode::kInsert
                                 : row.kind == RowKind::kUpdate ? engine::WriteMode::kUpdate
                                                                : engine::WriteMode::kUpsert;
  target.write(context, database, {.id = row.id, .vectors = named(row.vectors), .metadata = row.metadata}, mode,
               std::move(done));
}

/// One after the other, and refused exactly where the oracle says so.
void ScriptPlayer::write_each(const Step& step) {
  for (std::uint32_t id = step.first; id <= step.last; ++id) {
    const RowWrite row = row_of(step.verb, id);
    const auto waiting = std::make_shared<Waiting>();
    write_one(step.database, row, waiting);
    waiting->wait();
  }
}

void ScriptPlayer::write_burst(const Step& step) {
  constexpr std::array<const char*, 5> kMixed = {"put", "update", "delete", "plain", "text"};
  const auto waiting = std::make_shared<Waiting>();
  for (std::uint32_t id = step.first; id <= step.last; ++id) {
    const std::string verb = step.verb == "burst" ? "put" : kMixed[serial_ % kMixed.size()];
    // Some of a mixed burst go to the same row.
    write_one(step.database, row_of(verb, step.verb == "mixed" ? step.first + (id - step.first) / 2 : id), waiting);
  }
  waiting->wait();
}

void ScriptPlayer::write_batch(const Step& step) {
  std::vector<RowWrite> rows;
  std::vector<RecordInput> records;
  for (std::uint32_t id = step.first; id <= step.last; ++id) {
    rows.push_back(row_of(step.verb, id));
    records.push_back({.id = rows.back().id, .vectors = named(rows.back().vectors), .metadata = rows.back().metadata});
  }
  Sent sent;
  std::set<std::string> live;
  bool certain = false;
  {
    const MutexLock lock(stage_.oracle_mutex);
    for (const std::string& id : stage_.oracle.database(step.database).live()) live.insert(id);
    certain = stage_.oracle.database(step.database).is_certain();
    sent = stage_.oracle.send(step.database, rows, step.verb == "atomic");
  }
  const auto receipt = store().write_batch(step.database, std::move(records),
                                           {.upsert = step.verb != "fresh", .atomic = step.verb == "atomic"});
  const MutexLock lock(stage_.oracle_mutex);
  stage_.oracle.answer(sent, receipt, 0);
  if (!receipt.ok() || !certain) return;
  const auto existing =
      static_cast<std::size_t>(std::ranges::count_if(rows, [&](const RowWrite& row) { return live.contains(row.id); }));
  const bool fresh = step.verb == "fresh";
  const bool right = receipt->inserted == rows.size() - existing && receipt->updated == (fresh ? 0 : existing) &&
                     receipt->errors.size() == (fresh ? existing : 0);
  if (!right) findings_.push_back("a batch was answered with the wrong numbers of rows");
}

}  // namespace jade::crash
