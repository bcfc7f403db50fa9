// What is done to a store while things fail: small scripts, each for one thing that may go wrong.
#pragma once

#include <ostream>
#include <string_view>

namespace jade::crash {

struct NamedScript {
  std::string_view name;
  std::string_view text;
};

/// How a test names its parameter.
inline void PrintTo(const NamedScript& script, std::ostream* out) { *out << script.text; }

inline constexpr NamedScript kScripts[] = {
    {"Create", "create a"},
    {"CreateTwice", "create a; create a; create b"},
    {"FirstRow", "create a; put a 1"},
    {"RowsOneByOne", "create a; put a 1-5"},
    {"RowsOfTwoDatabases", "create a; create b; put a 1; put b 1; put a 2; put b 2"},
    {"Replace", "create a; put a 1-2; put a 1-2; put a 1"},
    {"ReplaceByLess", "create a; put a 1-3; plain a 1-3"},
    {"Insert", "create a; insert a 1-2; insert a 1-3"},
    {"UpdateVector", "create a; put a 1-3; update a 1-3"},
    {"UpdateMetadata", "create a; put a 1-3; text a 1-3; text a 9"},
    {"UpdateBoth", "create a; plain a 1; text a 1; update a 1; text a 1"},
    {"Delete", "create a; put a 1-3; delete a 2; delete a 2"},
    {"DeleteAll", "create a; put a 1-3; delete a 1-3; reopen"},
    {"DeleteAndWriteAgain", "create a; put a 1; delete a 1; put a 1; delete a 1; insert a 1"},
    {"Batch", "create a; batch a 1-6; batch a 4-9"},
    {"BatchOverShards", "create a/4; batch a 1-9; batch a 5-12"},
    {"BatchOfNewRows", "create a/2; put a 3; fresh a 1-5; fresh a 1-7"},
    {"BatchAllOrNothing", "create a; atomic a 1-5; atomic a 3-8; delete a 3"},
    {"BurstSharesASync", "create a; burst a 1-9"},
    {"BurstOverShards", "create a/4; burst a 1-12"},
    {"MixedBurst", "create a/2; put a 1-6; mixed a 1-10; mixed a 3-9"},
    {"MixedBurstOfFewRows", "create a; put a 1-2; mixed a 1-8"},
    {"Drop", "create a; put a 1; drop a"},
    {"DropOneOfTwo", "create a; create b; put a 1; put b 1; drop a; put b 2"},
    {"DropAndCreateAgain", "create a; put a 1-2; drop a; create a; put a 2"},
    {"DropAndCreateTwice", "create a; drop a; create a/2; put a 1; drop a; create a; put a 3"},
    {"Reopen", "create a; put a 1; reopen; put a 2; reopen"},
    {"ReopenOften", "create a; reopen; put a 1; reopen; delete a 1; reopen; put a 1; reopen"},
    {"ReopenWithoutWork", "create a; put a 1; reopen; reopen; reopen"},
    {"ReopenAndCreate", "create a; reopen; create b; put b 1; reopen; drop a; reopen"},
    {"Kill", "create a; put a 1-2; kill; put a 3"},
    {"KillTwice", "create a; burst a 1-4; kill; kill; update a 1-2; kill"},
    {"KillAfterDelete", "create a; put a 1-2; delete a 1; kill; put a 1; reopen"},
    {"Graph", "graph a; batch a 1-9; delete a 3; update a 4; reopen; batch a 2-6"},
    {"GraphOverShards", "graph a/3; burst a 1-9; mixed a 1-9; kill; burst a 4-12"},
    {"Everything",
     "create a/2; graph b; put a 1-3; batch b 1-6; mixed a 1-5; delete b 2-4; reopen; burst a 2-8; text b 1-5; kill; "
     "drop a; "
     "create a; batch a 1-4; delete a 1-2; reopen; put a 1"},
};

}  // namespace jade::crash
