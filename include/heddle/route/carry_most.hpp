// For which collectives one address a card is enough.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/destination_routes.hpp>
#include <heddle/route/detail/destination_compiler.hpp>
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
                                             collective::server_tree,
                                             collective::tree,
                                             collective::all_gather,
                                             collective::reduce_scatter,
                                             collective::hierarchical_all_to_all,
                                             collective::halving_doubling,
                                             collective::broadcast,
                                             collective::pipeline};

/// Whether each phase moves every rank by as many ranks.
constexpr bool sends_shifts_alone(collective c) {
  return c == collective::all_to_all || c == collective::all_gather ||
         c == collective::reduce_scatter;
}

/// Routes for `must`, what the job is known to send, and for as many of `also` as go with it by one
/// address a card: all that slots serve, since these do not stand in one another's way; and on small jobs all
/// that one search serves. Where `must` needs several addresses it gets those alone. Every source is looked at
/// once, and again by searches.
inline carried_routes carry_most(const fabric::leaf_spine& dc, const fabric::placement& where,
                                 const traffic::group& ranks, std::vector<traffic::any_source> must,
                                 std::span<const collective> also = every_collective) {
  using compiler = detail::destination_compiler;
  // What is searched beside costs a few milliseconds at most.
  destination_options small{.budget = 60'000, .most_flows = 5'000, .most_lids = 1};
  compiler compile{dc, where, ranks};
  const auto fits = [](const destination_routes& r) { return r.complete && r.lids == 1; };
  const auto served = [](const compiler::bands& b) {
    return std::find(b.begin(), b.end(), false) == b.end();
  };
  const auto both = [](compiler::bands a, const compiler::bands& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] = a[i] && b[i];
    return a;
  };
  const std::size_t too_many = small.most_flows * static_cast<std::size_t>(dc.leafs_per_unit()) + 1;
  const auto flows_of = [too_many](std::span<const traffic::any_source> sources) {
    return compiler::flows_of(sources, too_many);
  };
  const auto searched = [&](std::span<const traffic::any_source> sources, std::size_t flows,
                            const compiler::bands& good) {
    if (flows >= too_many) return destination_routes{.complete = false};
    destination_routes r = compile(sources, good, small);
    small.budget = compile.budget_left();
    return r;
  };

  carried_routes out{.routes = {}, .sources = std::move(must), .also = {}};
  compiler::bands good = compile.carried_by_slots(out.sources), all_good = good;
  std::vector<traffic::any_source> all = out.sources;
  std::vector<compiler::bands> by_slots;  // of each of `also`
  std::vector<std::size_t> flows;
  std::size_t flows_here = flows_of(out.sources), flows_in_all = flows_here;
  for (collective c : also) {
    all.push_back(traffic::source_of(c, ranks, 1));
    by_slots.push_back(sends_shifts_alone(c) && compile.shifts_are_carried()
                           ? compiler::bands(good.size(), true)
                           : compile.carried_by_slots(std::span{all}.last(1)));
    all_good = both(std::move(all_good), by_slots.back());
    flows.push_back(flows_of(std::span{all}.last(1)));
    flows_in_all += flows.back();
  }
  out.routes =
      served(all_good) ? compile(all, all_good, small) : searched(all, flows_in_all, all_good);
  if (fits(out.routes)) {
    out.also.assign(also.begin(), also.end());
    out.sources = std::move(all);
    return out;
  }
  if (!out.sources.empty()) {
    out.routes = compile(out.sources, good, {});
    if (!fits(out.routes)) return out;
  }
  for (std::size_t i = 0; i < also.size(); ++i) {
    out.sources.push_back(all[all.size() - also.size() + i]);
    compiler::bands together = both(good, by_slots[i]);
    flows_here += flows[i];
    if (served(together)) {
      out.also.push_back(also[i]);
    } else if (destination_routes r = searched(out.sources, flows_here, together); fits(r)) {
      out.also.push_back(also[i]);
      out.routes = std::move(r);
      good = std::move(together);
    } else {
      out.sources.pop_back();
      flows_here -= flows[i];
    }
  }
  if (served(good) && !out.also.empty()) out.routes = compile(out.sources, good, small);
  return out;
}

}  // namespace heddle::route
