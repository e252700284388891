#include <heddle/traffic/leaf_width.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/traffic/collectives.hpp>

#include "support/dice.hpp"

using namespace heddle;

namespace {

// n ranks on servers that have g of them each, of `all` GPUs.
traffic::group on_servers(int n, int g, int all) {
  traffic::group out;
  out.gpus_per_server = all;
  for (int i = 0; i < n; ++i) {
    out.gpus.push_back(gpu_id{i});
    out.servers.push_back(server_id{i / g});
    out.leafs.push_back(leaf_id{0});
    out.slots.push_back(static_cast<std::uint32_t>(i));
  }
  return out;
}

// The most flows of a phase out of, or into, any leaf that holds all ranks of its servers, in units of those
// of the busiest network card, rounded up.
int widest(const traffic::PhaseSource auto& all, int n, int g) {
  int width = 0;
  std::vector<traffic::flow> flows;
  const auto ranks = static_cast<std::size_t>(n);
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    std::vector<std::vector<int>> to(ranks), from(ranks);
    int most = 1;
    for (traffic::flow f : flows) {
      if (static_cast<int>(f.source) / g == static_cast<int>(f.target) / g) continue;  // NVLink
      to[f.source].push_back(static_cast<int>(f.target));
      from[f.target].push_back(static_cast<int>(f.source));
      most = std::max(
          {most, static_cast<int>(to[f.source].size()), static_cast<int>(from[f.target].size())});
    }
    for (int first = 0; first < n; first += g) {
      int out = 0, in = 0;
      for (int j = first; j < n; ++j) {
        // Rank j joins the leaf: what it exchanges with those that are there stays inside.
        const auto inside = [&](const std::vector<int>& others) {
          return static_cast<int>(std::count_if(others.begin(), others.end(),
                                                [&](int o) { return o >= first && o < j; }));
        };
        const auto &sends = to[static_cast<std::size_t>(j)],
                   &gets = from[static_cast<std::size_t>(j)];
        out += static_cast<int>(sends.size()) - inside(sends) - inside(gets);
        in += static_cast<int>(gets.size()) - inside(gets) - inside(sends);
        if ((j + 1) % g == 0 || j + 1 == n)
          width = std::max(width, (std::max(out, in) + most - 1) / most);
      }
    }
  }
  return width;
}

}  // namespace

TEST_CASE("no leaf of whole servers has more flows than the width of the collective allows") {
  for (collective c : all_collectives)
    for (int g : {1, 2, 4, 8})
      for (int n = 1; n <= 64; ++n) {
        for (int all : {g, 8}) {
          const auto w = traffic::leaf_width(c, n, all);
          if (!w) continue;
          CAPTURE(name(c));
          CAPTURE(n);
          CAPTURE(g);
          CAPTURE(all);
          CHECK(widest(traffic::source_of(c, on_servers(n, g, all), 1.0), n, g) <= *w);
        }
      }
}

TEST_CASE("a tree is as wide as its width for some number of ranks of each power of two") {
  int widest_of[9] = {};
  for (int n = 2; n <= 256; ++n) {
    for (int g : {2, 3, 4, 8})
      if (n <= 128)
        CHECK(widest(traffic::tree{on_servers(n, g, g), 1.0}, n, g) <=
              *traffic::leaf_width(collective::tree, n, g));
    const int w = widest(traffic::tree{on_servers(n, 1, 1), 1.0}, n, 1);
    const int bound = *traffic::leaf_width(collective::tree, n, 1);
    CHECK(w <= bound);
    widest_of[bound] = std::max(widest_of[bound], w);
  }
  for (int k = 1; k <= 7; ++k) CHECK(widest_of[k] == k);
}

TEST_CASE("the width of several collectives is that of the widest and of an exchange none") {
  using traffic::leaf_width;
  CHECK(leaf_width({collective::ring, collective::pipeline}, 64, 8) == 8);
  CHECK(leaf_width({collective::ring, collective::pipeline}, 63, 8) == 1);
  CHECK(leaf_width({collective::pipeline, collective::tree}, 64, 8) == 12);
  CHECK_FALSE(leaf_width({collective::ring, collective::all_to_all}, 64, 8));
  CHECK(leaf_width(collective_set{}, 64, 8) == 0);
}
