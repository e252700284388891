#include <heddle/route/static_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <heddle/route/coloured.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/undisturbed.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::leaf_spine;
using route::path;
using route::static_table;
using traffic::flow;

static_assert(route::PhaseRouting<static_table>);

namespace {

struct placed {
  leaf_spine dc;
  traffic::group ranks;
  std::vector<fabric::link> own;
};

// q leafs of n and one of r < n, n spines; servers of g.
placed clos(int q, int n, int r, int g) {
  placed p{
      leaf_spine{
          {.leafs = q + 1, .spines = n, .servers_per_leaf = (n + g - 1) / g, .gpus_per_server = g}},
      {},
      {}};
  std::vector<gpu_id> gpus;
  for (int l = 0; l <= q; ++l)
    for (int i = 0; i < (l < q ? n : r); ++i) {
      gpus.push_back(gpu_id{l * p.dc.gpus_per_leaf() + i});
      p.own.push_back({leaf_id{l}, spine_id{i}, 0});
    }
  p.ranks = traffic::make_group(p.dc, gpus);
  return p;
}

int most_flows(const placed& p, static_table& table, const std::vector<flow>& flows) {
  const route::link_numbers links{p.dc};
  std::vector<int> count(links.size(), 0);
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{p.dc, links, p.ranks, none};
  std::size_t crossing = 0, used = 0;
  for (const flow& f : flows) crossing += p.ranks.leafs[f.source] != p.ranks.leafs[f.target];
  route::for_each_link(table, v, std::span{flows}, [&](std::uint32_t l) {
    ++count[l];
    ++used;
  });
  REQUIRE(used == 2 * crossing);
  return *std::max_element(count.begin(), count.end());
}

bool is_of_trees(collective c) { return c == collective::tree || c == collective::server_tree; }

// The table against the policy phase by phase, and its loads against what a card carries.
template <class Policy>
void check(const placed& p, collective c, Policy policy) {
  static_table table{p.dc, p.ranks, policy, c};
  const route::link_numbers links{p.dc};
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{p.dc, links, p.ranks, none};
  const traffic::any_source all = traffic::source_of(c, p.ranks, 1);
  std::vector<flow> flows;
  route::card_counter cards;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const auto said = all.write(k, flows);
    if (is_of_trees(c)) {
      REQUIRE(most_flows(p, table, flows) <= 4);
    } else {
      const auto expected = policy(v, std::span<const flow>{flows});
      const std::vector<path> ours = [&] {
        const auto x = table(v, flows);
        return std::vector<path>(x.begin(), x.end());
      }();
      REQUIRE(std::equal(ours.begin(), ours.end(), expected.begin(), expected.end()));
      REQUIRE(most_flows(p, table, flows) <= std::max(1, cards(p.ranks, flows).card));
    }
    (void)said;
  }
}

}  // namespace

TEST_CASE("a table of routes equals the routes phase by phase for every collective") {
  for (const auto& [q, n, r, g] : {std::tuple{1, 3, 2, 1},
                                   {2, 2, 0, 1},
                                   {2, 4, 0, 4},
                                   {3, 4, 3, 2},
                                   {4, 5, 2, 1},
                                   {3, 6, 0, 2},
                                   {7, 3, 1, 1},
                                   {5, 4, 0, 4},
                                   {4, 8, 0, 8},
                                   {3, 7, 5, 1}}) {
    const placed p = clos(q, n, r, g);
    CAPTURE(q);
    CAPTURE(n);
    CAPTURE(r);
    for (collective c : all_collectives) {
      CAPTURE(std::string(name(c)));
      check(p, c, route::owned{p.dc.leafs(), {{}, p.own}});
      check(p, c, route::coloured{});
    }
  }
}

TEST_CASE("the fullest phase of two trees has room for its parts in the table") {
  // All of a tree's phases are parts of the one in which every level is at work.
  for (const auto& [q, n] : {std::pair{2, 4}, {4, 4}, {3, 5}, {8, 4}}) {
    const placed p = clos(q, n, 0, 1);
    static_table table{p.dc, p.ranks, route::owned{p.dc.leafs(), {{}, p.own}}, collective::tree};
    const traffic::any_source all = traffic::source_of(collective::tree, p.ranks, 1);
    std::vector<flow> flows;
    std::vector<int> most, incast;
    for (std::size_t k = 0; k < all.size(); ++k) {
      (void)all.write(k, flows);
      incast.push_back(traffic::incast_counter{}(flows));
      most.push_back(most_flows(p, table, flows));
    }
    const int whole = *std::max_element(incast.begin(), incast.end());
    for (int m : most) CHECK(m <= whole);
  }
}

TEST_CASE("a pair of ranks has one path for good in every collective but a tree") {
  const placed p = clos(4, 6, 3, 1);
  for (collective c : all_collectives) {
    if (is_of_trees(c)) continue;
    CAPTURE(std::string(name(c)));
    route::owned policy{p.dc.leafs(), {{}, p.own}};
    const route::link_numbers links{p.dc};
    const route::detail::no_load none;
    const route::view<route::detail::no_load> v{p.dc, links, p.ranks, none};
    const traffic::any_source all = traffic::source_of(c, p.ranks, 1);
    std::map<std::pair<std::uint32_t, std::uint32_t>, path> seen;
    std::vector<flow> flows;
    for (std::size_t k = 0; k < all.size(); ++k) {
      (void)all.write(k, flows);
      const auto paths = policy(v, std::span<const flow>{flows});
      for (std::size_t i = 0; i < flows.size(); ++i) {
        const auto [at, is_new] =
            seen.emplace(std::pair{flows[i].source, flows[i].target}, paths[i]);
        CHECK(at->second == paths[i]);
      }
    }
  }
}

TEST_CASE("rows stand in order and what never meets has no path") {
  const placed p = clos(3, 2, 0, 1);
  const static_table table{p.dc, p.ranks, route::owned{p.dc.leafs(), {{}, p.own}},
                           collective::broadcast};
  const auto rows = table.rows();
  REQUIRE(rows.size() == 4);  // five flows, of which 0 to 1 stays under its leaf
  CHECK(std::is_sorted(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return std::pair{a.source, a.target} < std::pair{b.source, b.target};
  }));
  CHECK(table.find(0, 2).spine.valid());
  CHECK_FALSE(table.find(2, 0).spine.valid());
  CHECK_FALSE(table.find(0, 1).spine.valid());
  CHECK_FALSE(table.find(0, 2, 1).spine.valid());
}
