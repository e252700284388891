// What has to be set outside of Slurm so that a placement means what it says.
//
//   concept         what it is told, for each job                     on a real cluster
//   RankDriver      the host of each rank, in heddle's order          a file that the launcher reads
//   RouteDriver     the way of each flow through the spines           source routes, or ACLs and static ECMP
//   ClockDriver     the clock of each GPU                             nvmlDeviceSetGpuLockedClocks
//   CircuitDriver   which fibres to join                              the controller of the OCS
//   NetworkDriver   its placement, if there is one                    forwarding tables (table_driver.hpp)
//
// A driver is told the same thing again after a restart of the pilot, and whenever something changed:
// setting must be idempotent. Clearing what was never set must do no harm.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/network_flows.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/path.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>

#include "common/program.hpp"
#include "slurm_pilot/book.hpp"
#include "slurm_pilot/machine.hpp"
#include "slurm_pilot/process.hpp"

namespace heddle::pilot {

/// A rank of a job: where it has to run.
struct rank_place {
  std::string host;
  int gpu = 0;  ///< its number in the host
};

/// The way of one flow of one phase. Flows that stay under a leaf have none.
struct route_entry {
  std::size_t phase = 0;
  std::uint32_t source_rank = 0, target_rank = 0;
  std::string source_leaf, target_leaf;
  std::uint32_t spine = 0, up_lane = 0, down_lane = 0;
};

struct clock_setting {
  std::string host;
  int gpu = 0;
  double clock_ghz = 0;
};

/// A circuit: fibre `leaf_fibre` of a leaf joined with one of a spine's at an OCS.
struct cross_connect {
  std::uint32_t ocs = 0;
  std::string leaf;
  std::uint32_t leaf_fibre = 0, spine = 0;
};

template <class T>
concept RankDriver = requires(T& d, std::uint32_t job, std::span<const rank_place> ranks) {
  d.set_ranks(job, ranks);
  d.clear_ranks(job);
};
template <class T>
concept RouteDriver = requires(T& d, std::uint32_t job, std::span<const route_entry> table) {
  d.set_routes(job, table);
  d.clear_routes(job);
};
template <class T>
concept ClockDriver = requires(T& d, std::uint32_t job, std::span<const clock_setting> clocks) {
  d.set_clocks(job, clocks);
  d.clear_clocks(job);
};
template <class T>
concept CircuitDriver = requires(T& d, std::uint32_t job, std::span<const cross_connect> circuits) {
  d.set_circuits(job, circuits);
  d.clear_circuits(job);
};
/// Links of a network that are out of service.
struct lost_links {
  std::vector<fabric::link> up = {};             ///< leaf to spine
  std::vector<fabric::core_link> to_cores = {};  ///< spine to core
};
/// One that a network answers for: a job is not released before `set_network` returns. It may be there or
/// not.
template <class T>
concept NetworkDriver = requires(T& d, std::uint32_t job, const booked_job& j, const book& all) {
  d.take_over(all);
  d.set_network(job, j);
  d.clear_network(job);
  { d.look_after() } -> std::convertible_to<std::map<std::uint32_t, std::string>>;
  { d.lost() } -> std::convertible_to<lost_links>;  // when it last looked: nobody is placed on them
};
/// A driver of everything; `drivers` makes one of four.
template <class T>
concept Drivers = RankDriver<T> && RouteDriver<T> && ClockDriver<T> && CircuitDriver<T>;

/// Four drivers as one.
template <RankDriver R, RouteDriver N, ClockDriver C, CircuitDriver O>
struct drivers {
  R& ranks;
  N& routes;
  C& clocks;
  O& circuits;

  void set_ranks(std::uint32_t job, std::span<const rank_place> v) { ranks.set_ranks(job, v); }
  void clear_ranks(std::uint32_t job) { ranks.clear_ranks(job); }
  void set_routes(std::uint32_t job, std::span<const route_entry> v) { routes.set_routes(job, v); }
  void clear_routes(std::uint32_t job) { routes.clear_routes(job); }
  void set_clocks(std::uint32_t job, std::span<const clock_setting> v) {
    clocks.set_clocks(job, v);
  }
  void clear_clocks(std::uint32_t job) { clocks.clear_clocks(job); }
  void set_circuits(std::uint32_t job, std::span<const cross_connect> v) {
    circuits.set_circuits(job, v);
  }
  void clear_circuits(std::uint32_t job) { circuits.clear_circuits(job); }
};
template <class R, class N, class C, class O>
drivers(R&, N&, C&, O&) -> drivers<R, N, C, O>;

[[nodiscard]] inline std::vector<rank_place> ranks_of(const site& m, const booked_job& j) {
  std::vector<rank_place> out;
  for (gpu_id g : j.where.gpus) out.push_back({m.host_of(g), m.number_of(g)});
  return out;
}

/// The static route table of a job: every flow of every phase of its collective. Empty for a job
/// that owns nothing of the network, which crosses no spine or shares them.
template <class Fabric>
[[nodiscard]] std::vector<route_entry> routes_of(const machine<Fabric>& m, const booked_job& j) {
  std::vector<route_entry> out;
  if (!j.where.owns_network()) return out;
  const traffic::group ranks = traffic::make_group(m.dc, j.where.gpus);
  const traffic::any_source all = traffic::source_of(j.pattern, ranks, 1.0);
  const route::link_numbers numbers{m.dc};
  const route::detail::no_load none;
  const fabric::leaf_spine& dc = route::fixed_part(m.dc);  // of an optical fabric a copy
  const route::view<route::detail::no_load> v{dc, numbers, ranks, none};
  route::owned own{dc, j.where};
  route::network_flows entering;
  std::vector<traffic::flow> sent;
  for (std::size_t k = 0; k < all.size(); ++k) {
    (void)all.write(k, sent);
    const auto flows = entering(ranks, sent);
    const auto paths = own(v, flows);
    for (std::size_t i = 0; i < flows.size(); ++i)
      if (paths[i].spine.valid())
        out.push_back({k, flows[i].source, flows[i].target,
                       m.leafs[ranks.leafs[flows[i].source].index()],
                       m.leafs[ranks.leafs[flows[i].target].index()], paths[i].spine.value,
                       paths[i].up_lane, paths[i].down_lane});
  }
  return out;
}

[[nodiscard]] inline std::vector<clock_setting> clocks_of(const site& m, const booked_job& j) {
  std::vector<clock_setting> out;
  if (j.clock_ghz > 0)
    for (gpu_id g : j.where.gpus) out.push_back({m.host_of(g), m.number_of(g), j.clock_ghz});
  return out;
}

/// Circuits by the names of their leafs: those of a placement, of a wiring (`optical::rewire`), of a step
/// of a plan (`optical::make_plan`).
[[nodiscard]] inline std::vector<cross_connect>
circuits_of(const machine<fabric::leaf_spine_ocs>& m, std::span<const fabric::circuit> circuits) {
  std::vector<cross_connect> out;
  for (const fabric::circuit& k : circuits)
    out.push_back({m.dc.ocs_of(k.uplink).value, m.leafs[k.leaf.index()],
                   k.uplink % static_cast<std::uint32_t>(m.dc.optical().leaf_fibres),
                   k.spine.value});
  return out;
}
/// The circuits of a job on an optical fabric; none on a fixed one.
template <class Fabric>
[[nodiscard]] std::vector<cross_connect> circuits_of(const machine<Fabric>& m,
                                                     const booked_job& j) {
  if constexpr (has_circuits<Fabric>)
    return circuits_of(m, j.where.circuits);
  else
    return {};
}

/// Tells the drivers all about a job. Circuits first: routes go over them.
template <Drivers D, class Fabric>
void set_all(D& d, const machine<Fabric>& m, std::uint32_t id, const booked_job& j) {
  d.set_circuits(id, circuits_of(m, j));
  d.set_routes(id, routes_of(m, j));
  d.set_clocks(id, clocks_of(m, j));
  if constexpr (NetworkDriver<D>) d.set_network(id, j);
  d.set_ranks(id, ranks_of(m, j));
}
template <Drivers D>
void clear_all(D& d, std::uint32_t id) {
  d.clear_ranks(id);
  d.clear_clocks(id);
  d.clear_routes(id);
  d.clear_circuits(id);
  if constexpr (NetworkDriver<D>) d.clear_network(id);
}

/// Writes what it is told to files, `<directory>/<job>/{hosts,ranks,routes.csv,clocks.csv,circuits.csv}`,
/// and touches no hardware. `hosts` has the form of SLURM_HOSTFILE. After each job it runs `command`,
/// if any, as `command set|clear <job> <its directory>`: a site's own script can stand there.
class recording_driver {
 public:
  recording_driver(std::filesystem::path directory, std::string command)
      : directory_(std::move(directory)), command_(std::move(command)) {}

  void set_ranks(std::uint32_t job, std::span<const rank_place> ranks) {
    std::string hosts, all = "rank,host,gpu\n";
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      hosts += ranks[i].host + '\n';
      all += std::to_string(i) + ',' + ranks[i].host + ',' + std::to_string(ranks[i].gpu) + '\n';
    }
    write(job, "hosts", hosts);
    write(job, "ranks.csv", all);
    run("set", job);
  }
  void clear_ranks(std::uint32_t job) {
    if (!std::filesystem::exists(of(job))) return;
    run("clear", job);
    std::error_code ignored;
    std::filesystem::remove_all(of(job), ignored);
  }
  void set_routes(std::uint32_t job, std::span<const route_entry> table) {
    std::string out =
        "phase,source_rank,target_rank,source_leaf,target_leaf,spine,up_lane,down_lane\n";
    for (const route_entry& r : table)
      out += std::to_string(r.phase) + ',' + std::to_string(r.source_rank) + ',' +
             std::to_string(r.target_rank) + ',' + r.source_leaf + ',' + r.target_leaf + ',' +
             std::to_string(r.spine) + ',' + std::to_string(r.up_lane) + ',' +
             std::to_string(r.down_lane) + '\n';
    write(job, "routes.csv", out);
  }
  void clear_routes(std::uint32_t) {}
  void set_clocks(std::uint32_t job, std::span<const clock_setting> clocks) {
    std::string out = "host,gpu,clock_mhz\n";
    for (const clock_setting& c : clocks)
      out += c.host + ',' + std::to_string(c.gpu) + ',' +
             std::to_string(static_cast<int>(c.clock_ghz * 1000 + 0.5)) + '\n';
    write(job, "clocks.csv", out);
  }
  void clear_clocks(std::uint32_t) {}
  void set_circuits(std::uint32_t job, std::span<const cross_connect> circuits) {
    std::string out = "ocs,leaf,leaf_fibre,spine\n";
    for (const cross_connect& c : circuits)
      out += std::to_string(c.ocs) + ',' + c.leaf + ',' + std::to_string(c.leaf_fibre) + ',' +
             std::to_string(c.spine) + '\n';
    write(job, "circuits.csv", out);
  }
  void clear_circuits(std::uint32_t) {}
  /// A file of a job.
  void write(std::uint32_t job, const char* file, const std::string& content) {
    std::error_code error;
    std::filesystem::create_directories(of(job), error);
    examples::whole_files out;
    out.add((of(job) / file).string(), content);
    out.commit();
  }

 private:
  [[nodiscard]] std::filesystem::path of(std::uint32_t job) const {
    return directory_ / std::to_string(job);
  }
  void run(const char* action, std::uint32_t job) {
    if (command_.empty()) return;
    const process_result r = run_process({command_, action, std::to_string(job), of(job).string()});
    if (r.status != 0)
      throw examples::unmet_request(command_ + " " + action + " " + std::to_string(job) + ": " +
                                    (r.err.empty() ? "failed" : r.err));
  }

  std::filesystem::path directory_;
  std::string command_;
};

}  // namespace heddle::pilot
