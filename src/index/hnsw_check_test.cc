#include "index/hnsw_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

namespace jade::index {
namespace {

using testing::HasSubstr;

/// Three nodes in a row, 0 – 1 – 2, the second on two layers and the entry
/// point; slot 3 is a twin of slot 2.
void build(HnswGraph& graph) {
  for (std::uint32_t slot = 0; slot < 4; ++slot) ASSERT_TRUE(graph.reserve(slot, slot == 1 ? 1 : 0));
  graph.add_node(0, 0);
  graph.add_node(1, 1);
  graph.add_node(2, 0);
  graph.add_twin(3, 2);
  graph.bottom_edges(0).set(0, Edge::to(1, Edge::kTree));
  graph.bottom_edges(1).set(0, Edge::to(0, Edge::kTree));
  graph.bottom_edges(1).set(1, Edge::to(2, Edge::kTree));
  graph.bottom_edges(2).set(0, Edge::to(1, Edge::kTree));
  graph.node(0).children = 1;
  graph.node(1).children = 1;
  graph.set_entry({.slot = 1, .level = 1});
}

TEST(CheckGraph, AcceptsAWholeGraph) {
  HnswGraph graph(4, machine_memory());
  EXPECT_TRUE(check_graph(graph, 0).ok());
  build(graph);
  EXPECT_TRUE(check_graph(graph, 4).ok());
}

TEST(CheckGraph, NamesWhatIsBroken) {
  struct Row {
    const char* message;
    std::function<void(HnswGraph&)> harm;
  };
  const std::vector<Row> rows{
      {"node 9: it is no entry point", [](HnswGraph& g) { g.set_entry({.slot = 9, .level = 1}); }},
      {"node 1: it is no entry point", [](HnswGraph& g) { g.set_entry({.slot = 1, .level = 3}); }},
      {"node 1: it is above the entry point", [](HnswGraph& g) { g.set_entry({.slot = 0, .level = 0}); }},
      {"node 2: an edge leads nowhere", [](HnswGraph& g) { g.bottom_edges(2).set(1, Edge::to(4, 0)); }},
      {"node 2: an edge leads nowhere", [](HnswGraph& g) { g.bottom_edges(2).set(1, Edge::to(2, 0)); }},
      {"node 2: an edge leaves its layer", [](HnswGraph& g) { g.bottom_edges(2).set(1, Edge::to(3, 0)); }},
      {"node 1: an edge leaves its layer", [](HnswGraph& g) { g.edges(1, 1).set(0, Edge::to(2, 0)); }},
      {"node 2: it has an edge twice", [](HnswGraph& g) { g.bottom_edges(2).set(1, Edge::to(1, 0)); }},
      {"node 2: its edges have a gap", [](HnswGraph& g) { g.bottom_edges(2).set(2, Edge::to(0, 0)); }},
      {"node 0: an edge of the tree has one", [](HnswGraph& g) { g.bottom_edges(1).set(0, Edge::to(0, 0)); }},
      {"node 2: an edge of the tree has one", [](HnswGraph& g) { g.bottom_edges(2).set(1, Edge::to(0, Edge::kTree)); }},
      {"node 0: it has the wrong number", [](HnswGraph& g) { g.node(0).children = 2; }},
      {"node 0: it has the wrong number", [](HnswGraph& g) { g.node(0).children = 5; }},
      {"node 3: it cannot be reached", [](HnswGraph& g) { g.node(2).next_twin = 0; }},
      {"node 1: its twins are none", [](HnswGraph& g) { g.node(1).next_twin = 10; }},
      {"node 1: its twins are none", [](HnswGraph& g) { g.node(1).next_twin = 1; }},
      {"node 3: it is a twin of two nodes", [](HnswGraph& g) { g.node(0).next_twin = 4; }},
  };
  for (const Row& row : rows) {
    HnswGraph graph(4, machine_memory());
    build(graph);
    row.harm(graph);
    const Result<void> checked = check_graph(graph, 4);
    ASSERT_FALSE(checked.ok()) << row.message;
    EXPECT_EQ(checked.error().code(), ErrorCode::kDataCorrupted);
    EXPECT_THAT(checked.error().message(), HasSubstr(row.message));
  }
  HnswGraph empty(4, machine_memory());
  EXPECT_FALSE(check_graph(empty, 1).ok());
}

}  // namespace
}  // namespace jade::index
