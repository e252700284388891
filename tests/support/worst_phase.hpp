// How much longer the worst phase of a job takes on its own links than on an idle network.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/undisturbed.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::test {

// The most flows on a link over what a network card carries, over all phases of a collective.
template <class Fabric>
inline double worst_phase(const Fabric& dc, const fabric::placement& p, collective pattern) {
  const fabric::leaf_spine& fixed = route::fixed_part(dc);
  const traffic::group ranks = traffic::make_group(fixed, p.gpus);
  if (!ranks.crosses_leafs()) return 1;
  const route::link_numbers links{dc};
  const route::detail::no_load none;
  const route::view<route::detail::no_load> v{fixed, links, ranks, none};
  route::owned own{fixed, p};
  route::card_counter cards;
  route::network_flows entering;
  const traffic::any_source all = traffic::source_of(pattern, ranks, 1.0);
  std::vector<traffic::flow> flows;
  std::vector<int> load(links.size());
  double worst = 1;
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, flows);
    const int incast = std::max(1, cards(ranks, flows).card);
    std::fill(load.begin(), load.end(), 0);
    (void)route::for_each_link(
        own, v, flows,
        [&](std::uint32_t l) { worst = std::max(worst, static_cast<double>(++load[l]) / incast); },
        entering);
    REQUIRE(own.complete());
  }
  return worst;
}

}  // namespace heddle::test
