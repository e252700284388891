// The theorems of docs/theory.md for every collective and phase, over all small shapes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/training_step.hpp>

using namespace heddle;
using fabric::leaf_spine;
using traffic::flow;

namespace {

// gpus[l] ranks under leaf l and links to the first spines[l] spines.
struct shape {
  leaf_spine dc;
  traffic::group ranks;
  std::vector<fabric::link> own;

  shape(const std::vector<int>& gpus, const std::vector<int>& spines, int g)
      : dc(network(gpus, g)) {
    std::vector<gpu_id> ids;
    for (int l = 0; l < static_cast<int>(gpus.size()); ++l) {
      const auto at = static_cast<std::size_t>(l);
      for (int i = 0; i < gpus[at]; ++i) ids.push_back(gpu_id{l * dc.gpus_per_leaf() + i});
      for (int s = 0; s < spines[at]; ++s) own.push_back({leaf_id{l}, spine_id{s}, 0});
    }
    ranks = traffic::make_group(dc, ids);
  }
  // copies[l]·n ranks under leaf l, and copies[l]·w[s] links to spine s, n the sum over w.
  shape(const std::vector<int>& copies, const std::vector<int>& w, int n, int g)
      : dc(parts_network(copies, w, n, g)) {
    std::vector<gpu_id> ids;
    for (int l = 0; l < static_cast<int>(copies.size()); ++l) {
      const int c = copies[static_cast<std::size_t>(l)];
      for (int i = 0; i < c * n; ++i) ids.push_back(gpu_id{l * dc.gpus_per_leaf() + i});
      for (int s = 0; s < static_cast<int>(w.size()); ++s)
        for (int k = 0; k < c * w[static_cast<std::size_t>(s)]; ++k)
          own.push_back({leaf_id{l}, spine_id{s}, static_cast<std::uint32_t>(k)});
    }
    ranks = traffic::make_group(dc, ids);
  }
  static leaf_spine parts_network(const std::vector<int>& copies, const std::vector<int>& w, int n,
                                  int g) {
    const int most = *std::max_element(copies.begin(), copies.end());
    return leaf_spine{{.leafs = static_cast<int>(copies.size()),
                       .spines = static_cast<int>(w.size()),
                       .links_per_pair = most * *std::max_element(w.begin(), w.end()),
                       .servers_per_leaf = (most * n + g - 1) / g,
                       .gpus_per_server = g}};
  }
  static leaf_spine network(const std::vector<int>& gpus, int g) {
    const int most = *std::max_element(gpus.begin(), gpus.end());
    return leaf_spine{{.leafs = static_cast<int>(gpus.size()),
                       .spines = most,
                       .servers_per_leaf = (most + g - 1) / g,
                       .gpus_per_server = g}};
  }
};

struct fullest {
  int up = 0, down = 0;
};
template <class Policy>
fullest count(const shape& s, Policy& policy, const std::vector<flow>& flows) {
  const route::link_numbers links{s.dc};
  std::vector<int> load(links.size(), 0);
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{s.dc, links, s.ranks, none};
  fullest most;
  route::for_each_link(policy, v, std::span{flows}, [&](std::uint32_t l) {
    int& side = links.is_up(l) ? most.up : most.down;
    side = std::max(side, ++load[l]);
  });
  return most;
}

// Every phase of `all` over the job's own links: at most P flows on a link, and a path for each.
template <class Phases>
std::size_t check_isolated(const shape& s, const Phases& all) {
  route::owned own{s.dc.leafs(), {{}, s.own}};
  route::card_counter cards;
  std::vector<flow> flows;
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    const int allowed = std::max(1, cards(s.ranks, flows).card);
    REQUIRE(allowed <= traffic::incast_counter{}(flows));
    const fullest most = count(s, own, flows);
    REQUIRE(std::max(most.up, most.down) <= allowed);
    REQUIRE(own.complete());
  }
  return all.size();
}
std::size_t check_all_collectives(const shape& s) {
  std::size_t phases = 0;
  for (collective c : all_collectives) {
    CAPTURE(std::string(name(c)));
    phases += check_isolated(s, traffic::source_of(c, s.ranks, 1e6));
  }
  return phases;
}

}  // namespace

TEST_CASE("equal leafs with as many spines route every phase of every collective") {
  std::size_t phases = 0;
  for (int m = 1; m <= 7; ++m)
    for (int n = 1; n <= 8; ++n)
      for (int g : {1, 2, 4, 8}) {
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(g);
        const std::vector<int> equal(static_cast<std::size_t>(m), n);
        phases += check_all_collectives({equal, equal, g});
      }
  CHECK(phases > 10'000);
}

TEST_CASE("equal leafs and a remainder route every phase of every collective") {
  std::size_t phases = 0;
  for (int q = 1; q <= 6; ++q)
    for (int n = 2; n <= 8; ++n)
      for (int r = 1; r < n; ++r)
        for (int g : {1, 4}) {
          CAPTURE(q);
          CAPTURE(n);
          CAPTURE(r);
          std::vector<int> gpus(static_cast<std::size_t>(q), n);
          gpus.insert(gpus.begin() + r % (q + 1), r);  // anywhere in the order of ranks
          phases += check_all_collectives({gpus, gpus, g});
        }
  CHECK(phases > 10'000);
}

TEST_CASE("two leafs need as many spines as the smaller has ranks for every collective") {
  for (int a = 1; a <= 9; ++a)
    for (int b = 1; b <= a; ++b)
      for (bool swapped : {false, true}) {
        CAPTURE(a);
        CAPTURE(b);
        const std::vector<int> gpus = swapped ? std::vector{b, a} : std::vector{a, b};
        check_all_collectives({gpus, {b, b}, 2});
      }
}

TEST_CASE("leafs of several virtual leafs route every phase of every collective") {
  std::size_t phases = 0;
  for (const std::vector<int>& copies :
       {std::vector{2, 1}, {1, 3, 2}, {3, 3, 1}, {1, 1, 1, 4}, {5, 2}, {2, 3, 1, 1, 2}})
    for (const std::vector<int>& w :
         {std::vector{1}, {2}, {1, 1}, {1, 2}, {3, 1}, {1, 1, 1}, {2, 1, 2}, {1, 3, 1, 1}})
      for (int g : {1, 2, 4}) {
        CAPTURE(copies);
        CAPTURE(w);
        CAPTURE(g);
        phases += check_all_collectives({copies, w, std::accumulate(w.begin(), w.end(), 0), g});
      }
  CHECK(phases > 1'000);
}

TEST_CASE("a training step in tensor and data and pipeline ranks stays within a card's flows") {
  for (int tensor : {1, 2, 4})
    for (int pipeline : {1, 2, 4})
      for (const std::vector<int>& gpus :
           {std::vector{8, 8, 8, 8}, {4, 4, 4, 4}, {8, 8, 8, 8, 8, 8, 8, 8}, {16, 16, 16}}) {
        const shape s{gpus, gpus, 4};
        const int n = s.ranks.size();
        if (n % (tensor * pipeline)) continue;
        const int data = n / (tensor * pipeline);
        CAPTURE(tensor);
        CAPTURE(pipeline);
        check_isolated(
            s,
            traffic::training_step{
                s.ranks,
                {.tensor = tensor, .data = data, .pipeline = pipeline, .expert = data % 2 ? 1 : 2},
                {.tensor_bytes = 1, .expert_bytes = 1, .pipeline_bytes = 1, .data_bytes = 1}});
      }
}

TEST_CASE("source routing puts no more flows on an up-link than a card sends in any collective") {
  for (int m = 2; m <= 5; ++m)
    for (int n = 1; n <= 8; ++n)
      for (int g : {1, 4}) {
        const std::vector<int> equal(static_cast<std::size_t>(m), n);
        const shape s{equal, equal, g};
        for (collective c : all_collectives) {
          const traffic::any_source all = traffic::source_of(c, s.ranks, 1);
          std::vector<flow> flows;
          route::source by_source;
          route::card_counter cards;
          for (std::size_t k = 0; k < all.size(); ++k) {
            (void)all.write(k, flows);
            REQUIRE(count(s, by_source, flows).up <= std::max(1, cards(s.ranks, flows).card));
          }
        }
      }
}

TEST_CASE("under source routing shifts of every kind are free of contention for all leafs") {
  // Flat rings, gathers, scatters, pipelines and exchanges are cyclic shifts, or parts of them.
  for (int m = 2; m <= 8; ++m)
    for (int n = 1; n <= 8; ++n) {
      CAPTURE(m);
      CAPTURE(n);
      const std::vector<int> equal(static_cast<std::size_t>(m), n);
      const shape s{equal, equal, 1};
      for (collective c : {collective::ring, collective::all_gather, collective::reduce_scatter,
                           collective::all_to_all, collective::pipeline, collective::broadcast}) {
        CAPTURE(std::string(name(c)));
        const traffic::any_source all = traffic::source_of(c, s.ranks, 1);
        std::vector<flow> flows;
        route::source by_source;
        for (std::size_t k = 0; k < all.size(); ++k) {
          (void)all.write(k, flows);
          const fullest most = count(s, by_source, flows);
          REQUIRE(std::max(most.up, most.down) <= 1);
        }
      }
    }
}

TEST_CASE(
    "hierarchical rings and exchanges share no link if servers divide leafs or leafs servers") {
  int hierarchical = 0;
  for (int m = 2; m <= 8; ++m)
    for (int n = 1; n <= 12; ++n)
      for (int g = 1; g <= 12; ++g) {
        if (n % g && g % n) continue;
        CAPTURE(m);
        CAPTURE(n);
        CAPTURE(g);
        const std::vector<int> equal(static_cast<std::size_t>(m), n);
        const shape s{equal, equal, g};
        for (collective c : {collective::ring, collective::hierarchical_all_to_all}) {
          const traffic::any_source all = traffic::source_of(c, s.ranks, 1);
          hierarchical += n < g && all.size() == 3 && c == collective::ring;
          std::vector<flow> flows;
          route::source by_source;
          route::card_counter cards;
          for (std::size_t k = 0; k < all.size(); ++k) {
            (void)all.write(k, flows);
            const fullest most = count(s, by_source, flows);
            REQUIRE(std::max(most.up, most.down) <= std::max(1, cards(s.ranks, flows).card));
          }
        }
      }
  CHECK(hierarchical > 10);
}
