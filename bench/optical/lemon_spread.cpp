// The peer of bench/optical/leaf_centric.cpp: one spine after the other takes its even part of what is
// left, by a min-cost flow with lower bounds (LEMON's network simplex).
#ifdef HEDDLE_HAS_LEMON
#include <lemon/network_simplex.h>
#include <lemon/smart_graph.h>

#include <cstddef>
#include <cstdint>
#include <vector>

// Edge e goes from sender from[e] to receiver to[e] with count[e] circuits. Returns circuits given out.
long lemon_spread(int leafs, const std::vector<std::uint32_t>& from,
                  const std::vector<std::uint32_t>& to, const std::vector<int>& count, int spines) {
  std::vector<int> left = count;
  long given = 0;
  for (int rest = spines; rest >= 1; --rest) {
    lemon::SmartDigraph g;
    std::vector<lemon::SmartDigraph::Node> out, in;
    for (int l = 0; l < leafs; ++l) out.push_back(g.addNode());
    for (int l = 0; l < leafs; ++l) in.push_back(g.addNode());
    const lemon::SmartDigraph::Node source = g.addNode(), sink = g.addNode();
    lemon::SmartDigraph::ArcMap<int> low(g), high(g), cost(g);
    const auto join = [&](lemon::SmartDigraph::Node a, lemon::SmartDigraph::Node b, int whole) {
      const lemon::SmartDigraph::Arc arc = g.addArc(a, b);
      low[arc] = whole / rest;
      high[arc] = (whole + rest - 1) / rest;
      cost[arc] = 0;
      return arc;
    };
    std::vector<int> row(static_cast<std::size_t>(leafs), 0), column(row);
    int all = 0;
    for (std::size_t e = 0; e < left.size(); ++e) {
      row[from[e]] += left[e];
      column[to[e]] += left[e];
      all += left[e];
    }
    for (int l = 0; l < leafs; ++l) {
      join(source, out[static_cast<std::size_t>(l)], row[static_cast<std::size_t>(l)]);
      join(in[static_cast<std::size_t>(l)], sink, column[static_cast<std::size_t>(l)]);
    }
    std::vector<lemon::SmartDigraph::Arc> arcs;
    for (std::size_t e = 0; e < left.size(); ++e)
      arcs.push_back(join(out[from[e]], in[to[e]], left[e]));
    join(sink, source, all);
    lemon::NetworkSimplex<lemon::SmartDigraph, int, int> flow(g);
    flow.lowerMap(low).upperMap(high).costMap(cost);
    if (flow.run() != lemon::NetworkSimplex<lemon::SmartDigraph, int, int>::OPTIMAL) return -1;
    for (std::size_t e = 0; e < left.size(); ++e) {
      left[e] -= flow.flow(arcs[e]);
      given += flow.flow(arcs[e]);
    }
  }
  return given;
}
#endif
