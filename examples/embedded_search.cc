// The database inside a program: no server, one directory.
//
//   embedded_search DIRECTORY
//
// Stores a few colours, each with its red, green and blue as the vector, closes, opens again, and asks which of them
// are closest to a colour that is not there.
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "jade/store.h"

namespace {

// Whatever can fail returns a Result: test it, then use its value. JADE_ASSIGN_OR_RETURN does both.
jade::Result<void> store_colours(const std::string& directory) {
  JADE_ASSIGN_OR_RETURN(jade::Store store, jade::Store::open(directory));

  // One vector a record, in the field whose name is "". A record may also have several, under names.
  jade::DatabaseOptions options;
  options.vectors = {{.name = "", .options = {.dimension = 3, .metric = jade::Metric::kEuclidean}}};
  JADE_ASSIGN_OR_RETURN(jade::Database colours, store.create_database("colours", options));

  const std::vector<std::pair<std::string, std::vector<float>>> rows = {{"tomato", {255, 99, 71}},
                                                                        {"coral", {255, 127, 80}},
                                                                        {"salmon", {250, 128, 114}},
                                                                        {"navy", {0, 0, 128}},
                                                                        {"turquoise", {64, 224, 208}}};
  for (const auto& [name, rgb] : rows) {
    jade::RecordInput record;
    record.id = name;
    record.vectors = {{.name = "", .data = rgb}};
    record.metadata = rgb[0] > rgb[2] ? R"({"warm":true})" : R"({"warm":false})";
    // When upsert returns, the record is on disk: it survives a crash of the process and of the machine.
    JADE_RETURN_IF_ERROR(colours.upsert(record));
  }
  return store.close();
}

jade::Result<void> search_colours(const std::string& directory) {
  JADE_ASSIGN_OR_RETURN(jade::Store store, jade::Store::open(directory));
  JADE_ASSIGN_OR_RETURN(const jade::Database colours, store.database("colours"));

  jade::Query query;
  query.vector = std::vector<float>{255, 110, 75};
  query.top_k = 3;
  query.include_metadata = true;
  JADE_ASSIGN_OR_RETURN(const jade::SearchResult result, colours.search(query));
  for (const jade::SearchHit& hit : result.hits) {
    std::printf("%-10s distance %6.2f  %s\n", hit.id.c_str(), hit.distance, hit.metadata.value_or("").c_str());
  }
  return store.close();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: embedded_search DIRECTORY\n");
    return 2;
  }
  jade::Result<void> outcome = store_colours(argv[1]);
  if (outcome.ok()) outcome = search_colours(argv[1]);
  if (!outcome.ok()) {
    const jade::Error& error = outcome.error();
    std::fprintf(stderr, "%s: %s\n", std::string(jade::error_code_name(error.code())).c_str(), error.message().c_str());
    return 1;
  }
  return 0;
}
