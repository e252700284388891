// For which collectives one address a card is enough.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/by_destination.hpp>
#include <heddle/traffic/collectives.hpp>

namespace heddle::route {

/// Routes by destination of a job, and what they carry.
struct carried_routes {
  destination_routes routes = {};
  std::vector<traffic::any_source> sources = {};  ///< all that they carry
  std::vector<collective> also = {};              ///< those carried beside what the job sends
};

/// All collectives, those first that libraries use most.
inline constexpr std::array every_collective{collective::ring,
                                             collective::all_to_all,
                                             collective::tree,
                                             collective::all_gather,
                                             collective::reduce_scatter,
                                             collective::hierarchical_all_to_all,
                                             collective::halving_doubling,
                                             collective::broadcast,
                                             collective::pipeline};

/// Routes for `must`, what the job is known to send, and for as many of `also` as go with it by one
/// address a card: all that slots serve, since these do not stand in one another's way; and on small jobs all
/// that one search serves. Where `must` needs several addresses it gets those alone.
inline carried_routes carry_most(const fabric::leaf_spine& dc, const fabric::placement& where,
                                 const traffic::group& ranks, std::vector<traffic::any_source> must,
                                 std::span<const collective> also = every_collective) {
  constexpr destination_options by_slots{.most_flows = 0, .most_lids = 1};
  constexpr destination_options small{.budget = 5'000'000, .most_flows = 20'000, .most_lids = 1};
  const auto routed = [&](const std::vector<traffic::any_source>& all,
                          const destination_options& o) {
    return by_destination(dc, where, ranks, all, o);
  };
  const auto fits = [](const destination_routes& r) { return r.complete && r.lids == 1; };

  carried_routes out{.routes = {}, .sources = std::move(must), .also = {}};
  std::vector<traffic::any_source> all = out.sources;
  for (collective c : also) all.push_back(traffic::source_of(c, ranks, 1));
  for (const destination_options& o : {by_slots, small})
    if (out.routes = routed(all, o); fits(out.routes)) {
      out.also.assign(also.begin(), also.end());
      out.sources = std::move(all);
      return out;
    }
  bool slots = true;  // whether all that is carried is by slots, each alone then
  if (!out.sources.empty()) {
    out.routes = routed(out.sources, {});
    if (!fits(out.routes)) return out;
    slots = out.routes.method == destination_method::slots;
  }
  for (collective c : also) {
    out.sources.push_back(traffic::source_of(c, ranks, 1));
    if (slots && fits(by_destination(dc, where, ranks, std::span{out.sources}.last(1), by_slots))) {
      out.also.push_back(c);
    } else if (destination_routes r = routed(out.sources, small); fits(r)) {
      out.also.push_back(c);
      out.routes = std::move(r);
      slots = false;
    } else {
      out.sources.pop_back();
    }
  }
  if (slots && !out.also.empty()) out.routes = routed(out.sources, by_slots);
  return out;
}

}  // namespace heddle::route
