// What slices can be had while hosts are out of order.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/placement_policy.hpp>

#include "common/table.hpp"
#include "tori/contest.hpp"

namespace heddle::examples::tori {

struct outage_plan {
  std::vector<double> shares_pct;  ///< of hosts that are out of order
  std::uint64_t seeds = 10;
  std::vector<box_shape> slices;  ///< of which as many as can be are placed
};

namespace detail {
/// Boxes of at most `chips` chips whose sides are multiples of 4, largest first, of equal ones the most
/// compact first.
[[nodiscard]] inline std::vector<box_shape> slices_up_to(int chips) {
  std::vector<box_shape> out;
  for (int c = 4; c * c * c <= chips; c += 4)
    for (int b = c; c * b * b <= chips; b += 4)
      for (int a = b; a * b * c <= chips && a <= 65535; a += 4) out.push_back({a, b, c});
  std::sort(out.begin(), out.end(), [](const box_shape& x, const box_shape& y) {
    return x.volume() != y.volume() ? x.volume() > y.volume() : x < y;
  });
  return out;
}
}  // namespace detail

/// Shares of failed hosts × fabrics × policies, over the seeds: chips of the largest slice of whole cubes'
/// sides that can be had on the otherwise empty cluster, and the share of chips in as many slices of each
/// shape asked for as can be placed.
[[nodiscard]] inline std::string
outage_table(const std::vector<std::pair<std::string, any_fabric>>& on, const outage_plan& plan,
             const std::vector<std::string>& places, const rules& r) {
  std::string out = "| hosts out of order % | cluster | policy | largest slice, chips | least |";
  for (const box_shape& s : plan.slices) out += " in " + text_of(s) + " % |";
  out += "\n|---|---|---|---|---|";
  for (std::size_t i = 0; i < plan.slices.size(); ++i) out += "---|";
  out += "\n";
  for (double share : plan.shares_pct)
    for (const auto& [name, dc] : on)
      for (const named_place& p : mesh_places(&dc)) {
        if (!places.empty() && std::find(places.begin(), places.end(), p.name) == places.end())
          continue;
        std::vector<double> largest;
        std::vector<std::vector<double>> in(plan.slices.size());
        const std::vector<box_shape> all = detail::slices_up_to(dc.gpus());
        dc.on_any([&]<class Fabric>(const Fabric& network) {
          if constexpr (!route::LeafSpineFabric<Fabric>)
            for (std::uint64_t seed = 1; seed <= plan.seeds; ++seed) {
              fabric::ledger<Fabric> book{network};
              for (server_id s : network.hosts().all_servers())
                if (static_cast<double>(stream{seed, s.value, "failure"}() >> 11) * 0x1p-53 <
                    share / 100)
                  book.fail(s);
              const place_function<Fabric> ask = p.make<Fabric>(
                  {.seed = 0, .quotas = {}, .closed = r.closed, .twisted = r.twisted});
              const auto can = [&](job_id id, const box_shape& shape) {
                const auto chips = static_cast<int>(shape.volume());
                return chips <= book.free_gpus() ? ask(book, {id, chips, {}, shape}).where
                                                 : std::nullopt;
              };
              const auto most = std::find_if(all.begin(), all.end(), [&](const box_shape& s) {
                return can(job_id{0}, s).has_value();
              });
              largest.push_back(most == all.end() ? 0 : static_cast<double>(most->volume()));
              for (std::size_t i = 0; i < plan.slices.size(); ++i) {
                std::uint32_t n = 0;
                for (;;) {
                  const auto where = can(job_id{n}, plan.slices[i]);
                  if (!where || book.reserve(job_id{n}, *where) != fabric::reserve_status::reserved)
                    break;
                  ++n;
                }
                for (std::uint32_t k = 0; k < n; ++k) book.release(job_id{k});
                in[i].push_back(100.0 * n * static_cast<double>(plan.slices[i].volume()) /
                                network.hosts().gpus());
              }
            }
        });
        out += "| " + fixed(share, 1) + " | " + name + " | `" + std::string(p.name) + "` | " +
               fixed(mean(largest), 0) + " | " +
               fixed(largest.empty() ? 0 : *std::min_element(largest.begin(), largest.end()), 0) +
               " |";
        for (const auto& xs : in) out += " " + fixed(mean(xs), 1) + " |";
        out += "\n";
      }
  return out;
}

}  // namespace heddle::examples::tori
