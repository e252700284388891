// Placements that own GPUs but no links: what schedulers do today.
//
//   policy       GPUs                                            when                         cost
//   one_server   all on one server, best fit                     first stage of a chain       O(leafs / 64)
//   one_leaf     all under one leaf, best fit                    second stage: needs no       O(leafs / 64)
//                                                                spine
//   packed       one server, domain, leaf, pod, else few         a shared network             O(leafs / 64 + GPUs)
//   locality     as few servers as can be, under few leafs       a shared network, NVLink     O(servers)
//                                                                first
//   spread       evenly over the servers with most free          what to compare with         O(leafs / 64 + GPUs)
//   random       any free GPUs                                   the floor to compare with    O(GPUs)
//
// Costs are those on hosts with an index of free GPUs (fabric/gpu_book.hpp), one pod and a server to an NVLink
// domain; leafs / 64 stands for as many words for each number of free GPUs that is looked at.
//
// Under one leaf means in one unit of hosts (fabric/hosts.hpp): where the cards of a server hang on several
// leafs, the servers that share these. Where servers hang whole under leafs, jobs under one leaf are isolated
// from all others; jobs that cross leafs under `packed`, `locality`, `spread` or `random` are not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <boost/random/uniform_01.hpp>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/random.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/near_first.hpp>
#include <heddle/place/detail/rail_options.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// All GPUs on one server: of those that have enough free the one with fewest free, then the one
/// under the leaf with fewest free, then the lowest id.
struct one_server {
  static constexpr bool within_a_unit = true;

  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    if (job.gpus > free.hosts().gpus_per_server()) return std::nullopt;
    const server_id best = free.tightest_server(job.gpus);
    if (!best.valid()) return std::nullopt;
    placement p;
    pick(free, best, job.gpus, p.gpus);
    return p;
  }
};

/// All GPUs under one leaf: of those that have enough free the one with fewest free, then the
/// lowest id. Under the leaf, on as few servers as can be. Where the cards of a server hang on several leafs,
/// in one server, NVLink domain or unit, several servers with the same GPUs each: so no flow uses a spine.
struct one_leaf {
  static constexpr bool within_a_unit = true;

  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    const unit_id best = free.tightest_unit(job.gpus);
    if (!best.valid()) return std::nullopt;
    placement p;
    pick(free, best, job.gpus, p.gpus);
    return p;
  }
  std::optional<placement> operator()(const detail::clos_ledger& free, const request& job) const {
    if (!detail::knows_wiring(free)) return detail::in_one_unit(free, job.gpus);
    return (*this)(free.gpus(), job);
  }
};

/// One server if one has room, else one NVLink domain, else one leaf, else one pod: the one in which fewest
/// GPUs are free. Else pods with most free GPUs first, the last part where it fits best, and in each pod its
/// leafs so too. Places whenever enough GPUs are free.
struct packed {
  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    if (auto p = one_server{}(free, job)) return p;
    const fabric::hosts& dc = free.hosts();
    placement p;
    const auto room = [&](server_id s) { return free.free_gpus(s); };
    if (const domain_id d = detail::best_domain(dc, job.gpus, room); d.valid()) {
      pick(free, d, job.gpus, p.gpus);
      return p;
    }
    if (auto one = one_leaf{}(free, job)) return one;
    if (free.free_gpus() < job.gpus) return std::nullopt;
    detail::rooms shares;
    if (dc.pods() == 1 && !free.rooms().empty()) {
      detail::share_out_by_rooms(free.rooms(), dc.gpus_per_unit(), job.gpus,
                                 [&](unit_id x, int gpus) {
                                   shares.push_back({gpus, 0, x.value});
                                 });
    } else {
      detail::near_first units;
      for (unit_id x : dc.all_units())
        if (free.free_gpus(x) > 0) units.add(x, free.free_gpus(x));
      (void)units.over_units(dc, job.gpus, detail::of_equals::last, detail::best_pod::least_room);
      shares = units.shares();
    }
    // By unit, so that GPUs come in their order.
    std::sort(shares.begin(), shares.end(),
              [](const auto& a, const auto& b) { return a.part < b.part; });
    p.gpus.reserve(static_cast<std::size_t>(job.gpus));
    for (const detail::room_in& x : shares) pick(free, unit_id{x.part}, x.room, p.gpus);
    return p;
  }
};

/// As few servers as the job could have on the empty cluster, of these as few leafs as can be: waits
/// unless ⌈N/g⌉ servers have min(g, N) GPUs free each (g GPUs to a server). Leafs with most such
/// servers go first, the last one is that which the rest fits best; one NVLink domain, leaf or pod before
/// several. Placement of the shared-network
/// baselines of the vClos evaluation.
/// Reference: Han et al., arXiv 2308.05692 (2023), its simulators' admission.
struct locality {
  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    if (auto p = one_server{}(free, job)) return p;
    const fabric::hosts& dc = free.hosts();
    const int g = std::min(dc.gpus_per_server(), job.gpus);
    const int servers = (job.gpus + g - 1) / g;
    const auto has_room = [&](server_id s) { return free.free_gpus(s) >= g; };
    placement p;
    int gpus = job.gpus;
    const auto take = [&](server_id s) {
      const int here = std::min(g, gpus);
      pick(free, s, here, p.gpus);
      gpus -= here;
    };
    if (const domain_id d = detail::best_domain(dc, servers, has_room); d.valid()) {
      for (server_id s : dc.servers_of(d))
        if (gpus > 0 && has_room(s)) take(s);
      return p;
    }
    detail::near_first units;
    for (unit_id x : dc.all_units()) {
      int n = 0;
      for (server_id s : dc.servers_of(x)) n += has_room(s);
      if (n > 0) units.add(x, n);
    }
    if (!units.over_units(dc, servers, detail::of_equals::last, detail::best_pod::least_room))
      return std::nullopt;
    for (const detail::room_in& x : units.shares())
      detail::take_open_servers(dc, unit_id{x.part}, x.room, has_room, take);
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }
};

/// One GPU of each server in turn, the servers with most free first: the load of the network, of
/// cooling and of host processors evened out, locality given up.
struct spread {
  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    if (free.free_gpus() < job.gpus) return std::nullopt;
    std::vector<server_id> servers;
    list_roomiest(free, job.gpus, servers);
    std::vector<int> share(servers.size(), 0);
    int left = job.gpus;
    for (int round = 1; left > 0; ++round)
      for (std::size_t i = 0; i < servers.size() && left > 0; ++i)
        if (free.free_gpus(servers[i]) >= round) {
          ++share[i];
          --left;
        }
    placement p;
    for (std::size_t i = 0; i < servers.size(); ++i) pick(free, servers[i], share[i], p.gpus);
    std::sort(p.gpus.begin(), p.gpus.end());
    return p;
  }

 private:
  /// The servers with most free GPUs, of equal ones the first first: so many, or all that have any.
  static void list_roomiest(const fabric::gpu_book& free, int most, std::vector<server_id>& out) {
    const fabric::hosts& dc = free.hosts();
    const auto room = [&](server_id s) { return free.free_gpus(s); };
    if (free.rooms().empty()) {
      for (server_id s : dc.all_servers())
        if (room(s) > 0) out.push_back(s);
      std::sort(out.begin(), out.end(), [&](server_id a, server_id b) {
        return std::pair{-room(a), a} < std::pair{-room(b), b};
      });
    } else {
      const auto wanted = static_cast<std::size_t>(most);
      for (int level = dc.gpus_per_server(); level > 0 && out.size() < wanted; --level)
        for_each_bit(free.rooms().units_with(level), [&](std::size_t x) {
          for (server_id s : dc.servers_of(unit_id{x}))
            if (out.size() < wanted && room(s) == level) out.push_back(s);
        });
    }
  }
};

/// Free GPUs drawn by chance, every set of them as likely as any other. The draw belongs to (seed,
/// job), so the same question gets the same answer.
struct random {
  std::uint64_t seed = 0;

  std::optional<placement> operator()(const fabric::gpu_book& free, const request& job) const {
    if (free.free_gpus() < job.gpus) return std::nullopt;
    stream chance{seed, job.job.value, "place"};
    boost::random::uniform_01<double> uniform;
    placement p;
    p.gpus.reserve(static_cast<std::size_t>(job.gpus));
    int wanted = job.gpus, seen = free.free_gpus();
    for_each_bit(free.free_gpu_bits(), [&](std::size_t g) {  // selection sampling, ids ascending
      if (uniform(chance) * seen-- >= wanted) return;
      p.gpus.push_back(gpu_id{g});
      --wanted;
    });
    return p;
  }
};

}  // namespace heddle::place
