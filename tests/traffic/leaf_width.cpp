// Theorem W: how many flows leave a leaf at once, against all leafs tried one by one.
#include <heddle/traffic/leaf_width.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/fabric/ports.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/source_width.hpp>

#include "support/dice.hpp"

using namespace heddle;
using fabric::ports;
using traffic::leaf_share;

namespace {

// One unit of `servers` servers; where a leaf ends is what is tried.
ports wired(int servers, int gpus, int rails = 1, int cards = 0, int domain = 1) {
  return ports{fabric::hosts{1, servers, gpus, domain},
               {.rails = rails, .cards_per_server = cards}};
}
// The first n[s] GPUs of each server.
traffic::group ranks_of(const ports& where, const std::vector<int>& n) {
  std::vector<gpu_id> gpus;
  for (std::size_t s = 0; s < n.size(); ++s)
    for (int k = 0; k < n[s]; ++k)
      gpus.push_back(gpu_id{static_cast<int>(s) * where.gpus_per_server() + k});
  return traffic::make_group(where, gpus);
}
// n ranks, as many of each server as it has GPUs.
traffic::group first_ranks(int n, int g) {
  std::vector<int> of_server(static_cast<std::size_t>((n + g - 1) / g), g);
  of_server.back() = n - g * (static_cast<int>(of_server.size()) - 1);
  return ranks_of(wired(static_cast<int>(of_server.size()), g), of_server);
}
// The same GPUs of every server: bits of `mask`.
traffic::group equal_servers(const ports& where, unsigned mask) {
  std::vector<gpu_id> gpus;
  for (gpu_id g : where.all_gpus())
    if (mask >> where.hosts().index_in_server(g) & 1) gpus.push_back(g);
  return traffic::make_group(where, gpus);
}

// For each rail the most flows of a phase out of, or into, any run of servers, in units of those of the busiest
// network card, rounded up.
std::vector<int> widest(const traffic::PhaseSource auto& all, const traffic::group& ranks,
                        const ports& where) {
  struct hop {
    int from = 0, to = 0;
    std::size_t rail = 0;
  };
  const auto servers = static_cast<std::size_t>(where.servers());
  const auto rails = static_cast<std::size_t>(where.rails());
  std::vector<int> width(rails, 0), out(rails), in(rails);
  std::vector<traffic::flow> flows;
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    std::vector<std::vector<hop>> of_server(servers);
    std::vector<int> sent(ranks.gpus.size()), got(ranks.gpus.size());
    int most = 1;
    for (traffic::flow f : flows) {
      if (ranks.share_domain(f.source, f.target)) continue;
      const auto card = [&](std::uint32_t r) { return ranks.cards.empty() ? r : ranks.cards[r]; };
      most = std::max({most, ++sent[card(ranks.entry(f.source, f.target))], ++got[card(f.target)]});
      const hop h{static_cast<int>(ranks.servers[f.source].value),
                  static_cast<int>(ranks.servers[f.target].value),
                  static_cast<std::size_t>(where.rail_of(ranks.gpus[f.target]))};
      of_server[static_cast<std::size_t>(h.from)].push_back(h);
      of_server[static_cast<std::size_t>(h.to)].push_back(h);
    }
    for (std::size_t first = 0; first < servers; ++first) {
      std::fill(out.begin(), out.end(), 0);
      std::fill(in.begin(), in.end(), 0);
      for (std::size_t last = first; last < servers; ++last) {
        // The last server joins the leaf: what it exchanges with those that are there stays inside.
        const auto inside = [&](int s) {
          return s >= static_cast<int>(first) && s < static_cast<int>(last);
        };
        for (const hop& h : of_server[last]) {
          const bool sends = h.from == static_cast<int>(last);
          if (sends)
            inside(h.to) ? --in[h.rail] : ++out[h.rail];
          else
            inside(h.from) ? --out[h.rail] : ++in[h.rail];
        }
        for (std::size_t r = 0; r < rails; ++r)
          width[r] = std::max(width[r], (std::max(out[r], in[r]) + most - 1) / most);
      }
    }
  }
  return width;
}
int widest_leaf(const traffic::PhaseSource auto& all, const traffic::group& ranks,
                const ports& where) {
  return widest(all, ranks, where).front();
}

}  // namespace

TEST_CASE("no leaf of whole servers has more flows than the width of the collective allows") {
  int tight = 0;
  for (std::uint64_t seed = 0; seed < 1500; ++seed) {
    CAPTURE(seed);
    test::dice d{seed};
    constexpr int sizes[] = {1, 2, 4, 8, 6};
    const int g = sizes[d.index(5)], servers = d.between(1, d.chance(.3) ? 24 : 8);
    const int each = d.chance(.2) ? g : g % 2 == 0 && d.chance(.4) ? 2 : 1;
    const int domain = d.chance(.3) ? d.between(2, 3) : 1;
    const ports where = wired(servers, g, 1, g / each, domain);
    std::vector<int> n(static_cast<std::size_t>(servers), g);
    if (d.chance(.6))  // whole cards of each
      for (int& k : n) k = each * d.between(1, g / each);
    const traffic::group ranks = ranks_of(where, n);
    const leaf_share here{.cards = domain * g / each};
    for (collective c : all_collectives) {
      const auto w = traffic::leaf_width(c, ranks.size(), g, here);
      if (!w) continue;
      CAPTURE(name(c));
      const int most = widest_leaf(traffic::source_of(c, ranks, 1.0), ranks, where);
      CHECK(most <= *w);
      tight += most == *w && c == collective::ring && most == here.cards && most > 2;
    }
  }
  CHECK(tight > 20);
}

TEST_CASE("theorem W: no unit has more flows on a rail than the width of the collective there") {
  int exact = 0, none = 0, all = 0;
  for (int g : {2, 4, 6, 8})
    for (int each : {1, 2})
      for (int rails = 2; rails <= g / each; ++rails) {
        const int cards = g / each, of_rail = g / rails;
        if (cards % rails) continue;
        for (int domain : {1, 2, 3})
          for (int s : {2, 3, 4, 5, 6, 7, 8, 12, 17, 24}) {
            const ports where = wired(s, g, rails, cards, domain);
            test::dice d{static_cast<std::uint64_t>(100 * g + 10 * rails + s)};
            for (int round = 0; round < 4; ++round) {
              unsigned mask = (1u << g) - 1;
              if (round > 0) mask = 1u + static_cast<unsigned>(d.index(mask));
              for (int k = 0; k < g; ++k)  // whole cards
                if (mask >> k & 1) mask |= each == 2 ? 3u << (k - k % 2) : 0u;
              if (s * std::popcount(mask) <= g) continue;  // no rails are asked for
              const traffic::group ranks = equal_servers(where, mask);
              for (collective c : all_collectives) {
                if (!traffic::leaf_width(c, ranks.size(), g, {})) continue;
                const std::vector<int> most =
                    widest(traffic::source_of(c, ranks, 1.0), ranks, where);
                for (int r = 0; r < rails; ++r) {
                  const unsigned here = mask >> (r * of_rail) & ((1u << of_rail) - 1);
                  const int first = std::countr_zero(mask) / of_rail,
                            last = (static_cast<int>(std::bit_width(mask)) - 1) / of_rail;
                  const int w = *traffic::leaf_width(c, ranks.size(), g,
                                                     {.cards = std::popcount(here) / each * domain,
                                                      .servers = s,
                                                      .first = r == first,
                                                      .last = r == last});
                  CAPTURE(name(c));
                  CAPTURE(g);
                  CAPTURE(rails);
                  CAPTURE(each);
                  CAPTURE(domain);
                  CAPTURE(s);
                  CAPTURE(mask);
                  CAPTURE(r);
                  const int found = most[static_cast<std::size_t>(r)];
                  if (here == 0)
                    CHECK(found == 0);
                  else
                    CHECK(found <= w);
                  if (here != 0) {
                    ++all;
                    exact += found == w;
                    none += w == 0;
                  }
                }
              }
            }
          }
      }
  CHECK(all > 10'000);
  CHECK(exact > all / 2);
  CHECK(none > 1'000);
}

TEST_CASE(
    "theorem W has conditions: an exchange, or ranks in another order, is as wide as a unit") {
  const ports where = wired(8, 4, 4);
  std::vector<gpu_id> mixed;
  for (int s : {0, 4, 1, 5, 2, 6, 3, 7})
    for (int k = 0; k < 4; ++k) mixed.push_back(gpu_id{4 * s + k});
  const traffic::group in_order = equal_servers(where, 15),
                       other = traffic::make_group(where, mixed);
  const auto on_each_rail = [](int n) { return std::vector<int>(4, n); };
  CHECK(widest(traffic::ring{in_order, 1.0}, in_order, where) == on_each_rail(1));
  CHECK(widest(traffic::ring{other, 1.0}, other, where) == on_each_rail(4));
  CHECK(widest(traffic::all_to_all{in_order, 1.0}, in_order, where) == on_each_rail(4));
  CHECK(widest(traffic::halving_doubling{in_order, 1.0}, in_order, where) == on_each_rail(4));
  CHECK_FALSE(traffic::leaf_width(collective::halving_doubling, 32, 4, {.servers = 8}));
  // Around a flat ring the rail of the first rank alone has flows, and on the way back of a pipeline that of the last.
  CHECK(widest(traffic::all_gather{in_order, 1.0}, in_order, where) == std::vector{1, 0, 0, 0});
  CHECK(widest(traffic::pipeline{in_order, 1.0}, in_order, where) == std::vector{1, 0, 0, 1});
  // A ring over NVLink domains of two servers: all of a domain send at once.
  const ports domains = wired(8, 4, 4, 0, 2);
  const traffic::group by_domain = equal_servers(domains, 15);
  CHECK(widest(traffic::ring{by_domain, 1.0}, by_domain, domains) == on_each_rail(2));
}

TEST_CASE("a tree is as wide as its width for some number of ranks of each power of two") {
  int widest_of[9] = {};
  for (int n = 2; n <= 256; ++n) {
    for (int g : {2, 3, 4, 8})
      if (n <= 128) {
        const traffic::group ranks = first_ranks(n, g);
        CHECK(widest_leaf(traffic::tree{ranks, 1.0}, ranks, wired((n + g - 1) / g, g)) <=
              *traffic::leaf_width(collective::tree, n, g, {.cards = g}));
      }
    const traffic::group ranks = first_ranks(n, 1);
    const int w = widest_leaf(traffic::tree{ranks, 1.0}, ranks, wired(n, 1));
    const int bound = *traffic::leaf_width(collective::tree, n, 1, {});
    CHECK(w <= bound);
    widest_of[bound] = std::max(widest_of[bound], w);
  }
  for (int k = 1; k <= 7; ++k) CHECK(widest_of[k] == k);
}

TEST_CASE("the width of a source is that of its widest leaf, and of trees no less") {
  for (int n : {2, 5, 16, 31}) {
    const ports where = wired(n, 1);
    const traffic::group ranks = first_ranks(n, 1);
    for (collective c : all_collectives) {
      CAPTURE(name(c));
      CAPTURE(n);
      const traffic::any_source all = traffic::source_of(c, ranks, 1.0);
      const int most = widest_leaf(all, ranks, where), w = traffic::source_width(all, n, n);
      if (c == collective::tree || c == collective::server_tree)
        CHECK(w >= most);
      else
        CHECK(w == most);
      CHECK(traffic::source_width(all, n, 1) <= w);
    }
  }
  const traffic::group four = first_ranks(64, 1);
  CHECK(traffic::source_width(traffic::all_to_all{four, 1.0}, 64, 8) == 8);
  CHECK(traffic::source_width(traffic::pipeline{four, 1.0}, 64, 8) == 1);
}

TEST_CASE("the width of several collectives is that of the widest and of an exchange none") {
  using traffic::leaf_width;
  const leaf_share whole{.cards = 8};
  CHECK(leaf_width({collective::ring, collective::pipeline}, 64, 8, whole) == 8);
  CHECK(leaf_width({collective::ring, collective::pipeline}, 63, 8, whole) == 1);
  CHECK(leaf_width({collective::pipeline, collective::tree}, 64, 8, whole) == 12);
  CHECK_FALSE(leaf_width({collective::ring, collective::all_to_all}, 64, 8, whole));
  CHECK(leaf_width(collective_set{}, 64, 8, whole) == 0);
}
