#include "crash/rot_sweep.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "storage/publish_file.h"

namespace jade::crash {
namespace {

constexpr std::size_t kFindingsMax = 10;
constexpr std::uint64_t kSerialAfterDamage = 100'000;

using Bytes = std::vector<std::byte>;

void list_files(io::FileSystem& files, const std::string& directory, std::vector<std::string>& paths) {
  const std::vector<std::string> names = files.list(directory).value();
  for (const std::string& name : names) {
    const std::string path = io::join_path(directory, name);
    const auto stat = files.stat(path).value();
    if (stat->is_directory) {
      list_files(files, path, paths);
    } else if (stat->size > 0 && name != "LOCK") {
      // The lock's text is for people.
      paths.push_back(path);
    }
  }
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

/// "log 00000001" and "vectors-3" are kinds of file, whatever their numbers.
std::string kind_of_file(const std::string& path) {
  std::string name = file_name(path);
  std::erase_if(name, [](char c) { return c >= '0' && c <= '9'; });
  const std::string parent = file_name(io::parent_path(path));
  return parent == "log" ? "log" : name;
}

bool damage(Bytes& bytes, RotKind kind, SeededRandom& random) {
  const Bytes before = bytes;
  const std::size_t sector = random.next_below(2) == 0 ? 512 : 4096;
  const std::size_t sectors = (bytes.size() + sector - 1) / sector;
  const auto sector_at = [&](std::size_t i) {
    return std::span(bytes).subspan(i * sector, std::min(sector, bytes.size() - i * sector));
  };
  switch (kind) {
    case RotKind::kFlip:
      bytes[random.next_below(bytes.size())] ^= std::byte{1} << random.next_below(8);
      break;
    case RotKind::kZero:
      std::ranges::fill(sector_at(random.next_below(sectors)), std::byte{0});
      break;
    case RotKind::kGarbage: {
      const std::size_t at = random.next_below(bytes.size());
      const std::size_t end = std::min(at + 8, bytes.size());
      for (std::size_t i = at; i < end; ++i) bytes[i] = static_cast<std::byte>(random.next_below(256));
      break;
    }
    case RotKind::kTruncate:
      bytes.resize(random.next_below(bytes.size()));
      break;
    case RotKind::kSwap: {
      const auto a = sector_at(random.next_below(sectors));
      const auto b = sector_at(random.next_below(sectors));
      if (a.size() == b.size()) std::swap_ranges(a.begin(), a.end(), b.begin());
      break;
    }
  }
  return bytes != before;
}

void replace(io::FileSystem& files, const std::string& path, const Bytes& bytes) {
  const auto file = files.open(path, io::OpenMode::kReadWrite).value();
  (void)file->truncate(bytes.size()).ok();
  (void)file->write_at(0, bytes).ok();
}

class Sweep {
 public:
  Sweep(const RotOptions& options, const Sabotage& sabotage)
      : options_(options), sabotage_(sabotage), random_(options.seed) {}

  RotReport run() {
    play();
    while (report_.damages < options_.damages && report_.findings.size() < kFindingsMax) try_one();
    return std::move(report_);
  }

 private:
  void play() {
    Mutex mutex;
    StoreOracle oracle;
    ScriptPlayer player({.files = disk_, .oracle = oracle, .oracle_mutex = mutex}, sabotage_);
    for (const Step& step : parse_script(options_.script)) {
      player.play(step);
      history_.push_back(oracle);
    }
    report_.findings = player.findings();
    for (const std::string& name : oracle.names()) {
      const auto info = player.store()->describe_database(player.store().context, name);
      if (info.ok()) owners_[info->id.substr(3)] = name;
    }
    player.close();
    list_files(disk_, "data", paths_);
  }

  std::string owner_of(const std::string& path) const {
    for (const auto& [directory, name] : owners_) {
      if (path.contains(directory)) return name;
    }
    return "";
  }

  /// Whether it may take bytes away together with what proves that they had been there, which lies next to them.
  static bool loses_an_end(RotKind kind) { return kind != RotKind::kFlip; }

  /// Its end may be torn where the power went, so that losing it looks like losing what was never acknowledged.
  bool is_newest_log(const std::string& path) const {
    const std::string directory = io::parent_path(path);
    return file_name(directory) == "log" && std::ranges::none_of(paths_, [&](const std::string& other) {
             return io::parent_path(other) == directory && other > path;
           });
  }

  void try_one() {
    const std::string& path = paths_[random_.next_below(paths_.size())];
    const auto kind = static_cast<RotKind>(random_.next_below(kRotKinds));
    const auto disk = disk_.clone();
    Bytes bytes = storage::read_whole_file(*disk, path).value();
    if (!damage(bytes, kind, random_)) return;
    replace(*disk, path, bytes);
    if (options_.damages_a_neighbour) damage_a_neighbour_of(path, *disk);
    ++report_.damages;
    judge(*disk, path, kind);
  }

  void damage_a_neighbour_of(const std::string& path, io::FileSystem& files) {
    for (const std::string& other : paths_) {
      if (owner_of(other).empty() || owner_of(other) == owner_of(path)) continue;
      return replace(files, other, Bytes(100, std::byte{7}));
    }
  }

  void judge(io::MemoryFileSystem& disk, const std::string& path, RotKind kind) {
    RotReport::Tally& tally = report_.by_file[kind_of_file(path)];
    const std::string owner = owner_of(path);
    const auto wrong = [&](const std::string& what) {
      report_.findings.push_back("damage " + std::to_string(report_.damages) + ", kind " +
                                 std::to_string(static_cast<int>(kind)) + " of " + path + ": " + what);
    };
    SabotagedStore store(disk, sabotage_);
    if (store->failure || !store->loaded.ok()) {
      const Error error = store->failure ? *store->failure : store->loaded.error();
      // Nothing but the names of all databases may take all of them away.
      if (!owner.empty()) return wrong("takes the whole store away: " + error.message());
      // There is one control store.
      const bool names_it = error.message().contains(file_name(path)) || error.message().contains("control store");
      if (!names_it) wrong("the error names another file: " + error.message());
      ++tally.noticed;
      return;
    }
    StoreOracle oracle = history_.back();
    Findings of_owner;
    for (const std::string& finding : oracle.check(*store)) {
      const bool is_owners =
          !owner.empty() && (finding.starts_with(owner + ": ") || finding.contains("'" + owner + "'"));
      if (is_owners) {
        of_owner.push_back(finding);
      } else {
        wrong("harms others: " + finding);
      }
    }
    if (of_owner.empty()) {
      ++tally.harmless;
    } else if (const std::optional<std::string> error = error_of(*store, owner)) {
      if (!error->contains(file_name(path))) wrong("the error does not name the file: " + *error);
      ++tally.noticed;
    } else if (loses_an_end(kind) && is_newest_log(path) && is_a_beginning(*store, owner)) {
      ++tally.cut;
    } else {
      wrong("wrong answers:" + joined(of_owner));
    }
    write_to_others(*store, owner, wrong);
  }

  /// What a reader of everything is told, if anything.
  static std::optional<std::string> error_of(engine::OpenedStore& store, const std::string& name) {
    const auto info = store->describe_database(store.context, name);
    if (!info.ok()) return info.error().message();
    if (!info->failure.empty()) return info->failure;
    for (std::uint32_t id = 0; id < 64; ++id) {
      const auto record = store.get(name, {std::to_string(id)});
      if (!record.ok()) return record.error().message();
    }
    const auto count = store.count(name);
    if (!count.ok()) return count.error().message();
    Query query = engine::near({1, 2, 3}, 1000);
    query.exact = true;
    const auto hits = store.search(name, query);
    if (!hits.ok()) return hits.error().message();
    return std::nullopt;
  }

  /// Whether the database is as it once was.
  bool is_a_beginning(engine::OpenedStore& store, const std::string& owner) const {
    return std::ranges::any_of(history_, [&](const StoreOracle& past) {
      StoreOracle oracle = past;
      const Findings findings = oracle.check(store);
      return std::ranges::none_of(findings, [&](const std::string& f) { return f.starts_with(owner + ": "); });
    });
  }

  template <class Wrong>
  void write_to_others(engine::OpenedStore& store, const std::string& owner, const Wrong& wrong) {
    for (const auto& [directory, name] : owners_) {
      if (name == owner) continue;
      const auto written =
          store.write(name, {.id = "1", .vectors = named(vectors_of(kSerialAfterDamage)), .metadata = std::nullopt});
      if (!written.ok()) wrong("harms others: a write to '" + name + "' fails: " + written.error().message());
    }
  }

  const RotOptions& options_;
  const Sabotage& sabotage_;
  SeededRandom random_;
  io::MemoryFileSystem disk_;
  /// After each step.
  std::vector<StoreOracle> history_;
  std::vector<std::string> paths_;
  std::map<std::string, std::string> owners_;
  RotReport report_;
};

}  // namespace

RotReport damage_files(const RotOptions& options, const Sabotage& sabotage) { return Sweep(options, sabotage).run(); }

}  // namespace jade::crash
