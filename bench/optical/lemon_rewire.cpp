// A wanted set of circuits drawn from a multigraph of wanted links by min-cost flow, with LEMON:
// the step of the per-switch method that bench/optical/rewire.cpp compares with.
#ifdef HEDDLE_HAS_LEMON
#include <lemon/network_simplex.h>
#include <lemon/static_graph.h>

#include <utility>
#include <vector>

/// A perfect matching of n leafs to n spines along the arcs (leaf, spine) at least cost;
/// spine_of_leaf is its answer. \returns whether there is one
bool lemon_cheapest_matching(int n, const std::vector<std::pair<int, int>>& arcs,
                             const std::vector<int>& cost, std::vector<int>& spine_of_leaf) {
  lemon::StaticDigraph graph;
  std::vector<std::pair<int, int>> all;
  for (const std::pair<int, int>& a : arcs)
    all.emplace_back(a.first, n + a.second);  // sorted by leaf
  graph.build(2 * n, all.begin(), all.end());
  lemon::NetworkSimplex<lemon::StaticDigraph, int> flow(graph);
  lemon::StaticDigraph::ArcMap<int> costs(graph), upper(graph, 1);
  lemon::StaticDigraph::NodeMap<int> supply(graph);
  for (int i = 0; i < graph.arcNum(); ++i) costs[graph.arc(i)] = cost[static_cast<std::size_t>(i)];
  for (int i = 0; i < n; ++i) {
    supply[graph.node(i)] = 1;
    supply[graph.node(n + i)] = -1;
  }
  flow.costMap(costs).upperMap(upper).supplyMap(supply);
  if (flow.run() != lemon::NetworkSimplex<lemon::StaticDigraph, int>::OPTIMAL) return false;
  spine_of_leaf.assign(static_cast<std::size_t>(n), -1);
  for (int i = 0; i < graph.arcNum(); ++i)
    if (flow.flow(graph.arc(i)) > 0)
      spine_of_leaf[static_cast<std::size_t>(all[static_cast<std::size_t>(i)].first)] =
          all[static_cast<std::size_t>(i)].second - n;
  return true;
}
#endif
