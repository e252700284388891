// Ranks of tensor, pipeline and data parallel groups: those that talk most sit nearest to one another.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include <heddle/core/detail/scratch.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/place/detail/cell_grid.hpp>
#include <heddle/place/detail/near_first.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>

namespace heddle::place {

/// Over how many units and pods the groups of a job lie: 0 is one of each, every further one counts 1. Means
/// over the groups of a kind.
struct group_spread {
  double tensor = 0, pipeline = 0, data = 0;

  friend bool operator==(const group_spread&, const group_spread&) = default;
};

/// The spread of a job whose rank t + tensor · (d + data · p) is tensor rank t of data rank d of stage p
/// (`traffic::parallelism`). Precondition: both divide the GPUs together. O(GPUs log GPUs).
[[nodiscard]] inline group_spread spread_of(const fabric::hosts& dc, const placement& p, int tensor,
                                            int pipeline) {
  const auto t = static_cast<std::size_t>(tensor), stages = static_cast<std::size_t>(pipeline);
  const std::size_t data = p.gpus.size() / (t * stages);
  std::vector<unit_id> units;
  std::vector<pod_id> pods;
  const auto mean = [&](std::size_t groups, std::size_t ranks, auto&& rank) {
    double sum = 0;
    for (std::size_t k = 0; k < groups; ++k) {
      units.clear();
      pods.clear();
      for (std::size_t i = 0; i < ranks; ++i) {
        units.push_back(dc.unit_of(p.gpus[rank(k, i)]));
        pods.push_back(dc.pod_of(units.back()));
      }
      sum += static_cast<double>(detail::count_of_kinds(units) + detail::count_of_kinds(pods) - 2);
    }
    return sum / static_cast<double>(groups);
  };
  return {mean(data * stages, t, [&](std::size_t k, std::size_t i) { return k * t + i; }),
          mean(t * data, stages, [&](std::size_t k, std::size_t i) { return k + t * data * i; }),
          mean(t * stages, data,
               [&](std::size_t k, std::size_t i) { return k % t + t * (i + data * (k / t)); })};
}

/// Places a job's tensor groups inside servers, or inside NVLink domains where they are larger, and these
/// groups so that pipeline and data groups lie over few units and pods. Least is
///
///     data_weight · Σ over data groups (units + pods − 2) + pipeline_weight · Σ over pipeline groups (…)
///
/// One domain, else one unit that holds the job does best. Else the job is a grid, stages by replicas, whose
/// cells are tensor groups: units take tiles of it, of all heights and widths and from either side; the best
/// tiling is improved by exchanging cells, then by branch and bound over all places for them. The last is
/// exact if it ends within `search_nodes`, which it does for a dozen cells; from then on the result is a
/// good one, not the best.
///
/// A job has the groups that its request names, else those below. Of these a job has as much as divides it:
/// tensor groups of gcd(N, tensor), gcd(N / tensor, pipeline) stages. Ranks are numbered as
/// `traffic::training_step` has them. Tensor groups of more than a server take whole servers: `unsupported`
/// if they are no multiple of one. Owns no links. One writer.
/// O(GPUs · (pipeline + data)), and the search.
/// Reference: Arnold, arXiv 2509.15940 (its objective: spread of groups over units; tiles, exchange and bound
/// are derived).
struct groups {
  int tensor = 0;  ///< ranks of a tensor group; 0: the GPUs of a server
  int pipeline = 1;
  int data_weight = 1, pipeline_weight = 1;  ///< ≥ 0
  std::int64_t search_nodes = 20'000;
  struct work_space {
    detail::cell_grid grid;
    std::vector<int> room;  // tensor groups of each unit
    detail::rooms parts, shares;
  };
  heddle::detail::scratch<work_space> work = {};

  bool operator==(const groups&) const = default;

  answer operator()(const fabric::gpu_book& free, const request& job) {
    const fabric::hosts& dc = free.hosts();
    const auto [t, stages] = sizes_of(dc, job);
    if (t > dc.gpus_per_server() && t % dc.gpus_per_server() != 0) return wait_reason::unsupported;
    const int replicas = job.gpus / t / stages;
    detail::cell_grid& grid = work->grid;
    grid.start(stages, replicas, {pipeline_weight, data_weight});
    if (!find_units(free, t)) return wait_reason::gpu_fragmentation;
    grid.solve(search_nodes);

    placement p;
    p.gpus.resize(static_cast<std::size_t>(job.gpus));
    for (unit_id x : grid.units_used()) fill(free, x, t, p.gpus);
    return p;
  }

  /// Of a job's groups.
  struct sizes {
    int tensor, pipeline;
  };
  [[nodiscard]] sizes sizes_of(const fabric::hosts& dc, const request& job) const {
    const int wanted = job.tensor > 0 ? job.tensor : tensor > 0 ? tensor : dc.gpus_per_server();
    const int t = std::gcd(job.gpus, wanted);
    const int stages = std::max(1, job.pipeline > 0 ? job.pipeline : pipeline);
    return {t, std::gcd(job.gpus / t, stages)};
  }

  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const { return work ? work->grid.visited() : 0; }

 private:
  /// Tensor groups that a domain has room for.
  [[nodiscard]] static int room(const fabric::gpu_book& free, domain_id d, int t) {
    const fabric::hosts& dc = free.hosts();
    const int g = dc.gpus_per_server();
    int n = 0;
    for (server_id s : dc.servers_of(d)) n += t <= g ? free.free_gpus(s) / t : is_whole(free, s);
    return t <= g ? n : n / (t / g);
  }
  [[nodiscard]] static bool is_whole(const fabric::gpu_book& free, server_id s) {
    return free.free_gpus(s) == free.hosts().gpus_per_server();
  }

  /// Gives the grid a domain or a unit that holds all, or all units.
  bool find_units(const fabric::gpu_book& free, int t) {
    const fabric::hosts& dc = free.hosts();
    detail::cell_grid& grid = work->grid;
    std::vector<int>& rooms = work->room;
    rooms.clear();
    int all = 0, least = 0;
    unit_id best;
    bool in_domain = false;
    for (unit_id x : dc.all_units()) {
      int here = 0, tightest = 0;  // of the unit; of its domains that hold all
      for (domain_id d : dc.domains_of(x)) {
        const int n = free.free_gpus(x) < t ? 0 : room(free, d, t);
        here += n;
        if (n >= grid.cells() && (tightest == 0 || n < tightest)) tightest = n;
      }
      rooms.push_back(here);
      all += here;
      if (here < grid.cells()) continue;
      const bool is_near = tightest > 0;
      const int fit = is_near ? tightest : here;
      if (best.valid() && (is_near < in_domain || (is_near == in_domain && fit >= least))) continue;
      best = x;
      least = fit;
      in_domain = is_near;
    }
    if (all < grid.cells()) return false;
    for (unit_id x : dc.all_units())
      if (rooms[x.index()] > 0 && (!best.valid() || x == best))
        grid.add(x, dc.pod_of(x), rooms[x.index()]);
    return true;
  }

  /// Puts the cells of a unit into its domains, the fewest, and there into servers.
  void fill(const fabric::gpu_book& free, unit_id x, int t, std::vector<gpu_id>& out) {
    const fabric::hosts& dc = free.hosts();
    const int g = dc.gpus_per_server();
    detail::rooms &parts = work->parts, &shares = work->shares;
    const std::span<const int> cells = work->grid.cells_of(x);
    std::size_t next = 0;
    const auto put = [&](gpu_id x0, int i) {  // rank i of the next cell
      out[static_cast<std::size_t>(cells[next] * t + i)] = x0;
      next += i == t - 1;
    };
    parts.clear();
    shares.clear();
    for (domain_id d : dc.domains_of(x))
      if (const int n = room(free, d, t); n > 0) parts.push_back({n, 0, d.value});
    detail::share_out(parts, static_cast<int>(cells.size()), detail::of_equals::first, shares);
    for (const detail::room_in& share : shares) {
      int i = 0, left = share.room * t;
      for (server_id s : dc.servers_of(domain_id{share.part})) {
        if (t > g && !is_whole(free, s)) continue;
        int here = t > g ? g : free.free_gpus(s) / t * t;
        for (gpu_id k : dc.gpus_of(s)) {
          if (left == 0 || here == 0) break;
          if (!free.is_free(k)) continue;
          put(k, i);
          i = (i + 1) % t;
          --left;
          --here;
        }
      }
    }
  }
};

}  // namespace heddle::place
