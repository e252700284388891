// heddle-route: what placed jobs do to the links and to one another.
//
//   heddle-route --cluster c.json --jobs placed.jsonl --route ecmp
//   heddle-route --compare-models 200            the steady model against the flow simulation
//   heddle-route --lft opensm-lfts.dump --guids net.txt --jobs placed.jsonl --out new.lfts
//                                                forwarding tables that keep the jobs apart (tables.hpp)
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <iostream>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <heddle/model/catalogue.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/load.hpp>
#include <heddle/route/owned.hpp>
#include <heddle/route/routing.hpp>
#include <heddle/route/static_table.hpp>
#include <heddle/route/steady.hpp>

#include "common/cluster_file.hpp"
#include "common/json_file.hpp"
#include "common/named_policies.hpp"
#include "common/names.hpp"
#include "common/open_text.hpp"
#include "common/program.hpp"
#include "route/compare.hpp"
#include "route/lids.hpp"
#include "route/placed_job.hpp"
#include "route/srv6.hpp"
#include "route/tables.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;
using json = nlohmann::ordered_json;

struct arguments {
  network_source cluster;
  std::string jobs = "-", route = "ecmp", pattern, table, srv6;
  double bytes = 0;
  std::uint64_t seed = 0;
  int iterations = 4;
  std::size_t most_flows = 20'000'000, compare = 0;
  bool lids = false;
  table_arguments tables;
};

void add_options(CLI::App& app, arguments& a) {
  add_names(app, {{"--route", "paths of jobs that own no links", lines_of(routes)},
                  {"--collective", "what jobs send", lines_of(collectives)}});
  app.add_option("--cluster", a.cluster.path,
                 "the network: JSON, a topology of Slurm or topograph, output of ibnetdiscover, a "
                 "table of hosts; "
                 "packed or not");
  add_network_options(app, a.cluster);
  app.add_option(
         "--jobs", a.jobs,
         "placed jobs, one JSON object a line, with collective and bytes or training_step; - "
         "is standard input")
      ->capture_default_str();
  app.add_option("--route", a.route, "paths of jobs that own no links: " + either(lines_of(routes)))
      ->capture_default_str();
  app.add_option("--seed", a.seed, "of hashes")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--collective", a.pattern,
                 "of jobs whose line names none: " + either(lines_of(collectives)));
  app.add_option("--bytes", a.bytes, "of jobs whose line names none")->check(CLI::PositiveNumber);
  app.add_option("--iterations", a.iterations, "of each job that are measured at least")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("--most-flows", a.most_flows, "that are simulated at most")->capture_default_str();
  app.add_option(
      "--table", a.table,
      "CSV of the path of every pair that communicates: source and target GPU, spine, lanes");
  app.add_option(
         "--compare-models", a.compare,
         "instead: errors of the steady model against the flow simulation over so many random "
         "mixes of jobs")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option(
      "--srv6", a.srv6,
      "directory of scripts that apply and remove SRv6 routes: srv6-job-<N>.sh for hosts, "
      "srv6-switches.sh for spines");
  app.add_flag(
      "--lids", a.lids,
      "instead: how many LIDs a card needs, for jobs under leafs of several sizes and their "
      "collectives");
  auto* base =
      app.add_option("--lft", a.tables.base,
                     "instead: forwarding tables in force, as OpenSM dumps them or dump_fts "
                     "prints them; written anew so that the jobs keep their links to themselves");
  app.add_option("--guids", a.tables.guids, "the network now: ibnetdiscover's output")->needs(base);
  app.add_option(
         "--out", a.tables.out,
         "the new tables, for opensm -R file -U; what stood there goes to its name and .old")
      ->needs(base)
      ->capture_default_str();
  app.add_option("--settings", a.tables.settings,
                 "directory of a file a job, to be sourced: hosts, ranks, NCCL's settings")
      ->needs(base);
  app.add_flag("--check", a.tables.check, "only say which jobs the tables of --lft keep apart")
      ->needs(base);
  app.add_option("--read-back", a.tables.compare,
                 "only compare the tables of --lft with these, as dump_fts prints them")
      ->needs(base);
  app.add_flag("--keep-going", a.tables.keep_going,
               "jobs that cannot have their links to themselves are said, and the others served")
      ->needs(base);
}

/// Twelve significant digits: what is equal in the model is printed equal.
double rounded(double x) {
  char text[40];
  std::snprintf(text, sizeof text, "%.12g", x);
  return std::strtod(text, nullptr);
}

/// Flows of all jobs on all links.
template <class Policy>
class link_loads {
 public:
  template <class Fabric>
  link_loads(const Fabric& dc, const std::vector<route::flow_job>& jobs, Policy shared)
      : fixed_(route::fixed_part(dc)), links_(dc), shared_(std::move(shared)),
        peak_(links_.size(), 0) {
    for (const route::flow_job& j : jobs) jobs_.emplace_back(fixed_, j);
    owner_.resize(links_.size());
    for (const route::flow_job& j : jobs) {
      const auto own = [&](leaf_id l, spine_id s, std::uint32_t lane) {
        owner_[links_.up(l, s, lane)] = owner_[links_.down(s, l, lane)] = j.id;
      };
      for (const fabric::link& k : j.where.links) own(k.leaf, k.spine, k.lane);
      for (const fabric::circuit& k : j.where.circuits) own(k.leaf, k.spine, k.uplink);
    }
    for (one& x : jobs_) {
      x.peak.assign(links_.size(), 0);
      for (std::size_t k = 0; k < x.phases.size(); ++k) {
        count(x, k);
        for (std::uint32_t l : touched_) x.peak[l] = std::max(x.peak[l], load_[l]);
      }
      for (std::size_t l = 0; l < links_.size(); ++l) peak_[l] += x.peak[l];
    }
  }

  struct phase_load {
    std::size_t flows = 0;
    int most = 0;  ///< on one link, other jobs at their fullest phase there
  };

  /// Of each phase of job `i`; sets `isolated`.
  std::vector<phase_load> phases_of(std::size_t i, bool& isolated) {
    one& x = jobs_[i];
    isolated = true;
    std::vector<phase_load> out;
    for (std::size_t k = 0; k < x.phases.size(); ++k) {
      isolated &= count(x, k);
      phase_load p{.flows = flows_.size(), .most = 0};
      const int allowed = std::max(1, cards_(x.ranks, flows_).card);
      for (std::uint32_t l : touched_) {
        const int others = peak_[l] - x.peak[l];
        p.most = std::max(p.most, load_[l] + others);
        isolated &= load_[l] <= allowed && others == 0 && (!owner_[l].valid() || owner_[l] == x.id);
      }
      out.push_back(p);
    }
    return out;
  }

  /// Rows `job,source_gpu,target_gpu,spine,up_lane,down_lane`.
  std::string table(std::size_t i) {
    const one& x = jobs_[i];
    const route::static_table t =
        x.own ? route::static_table{fixed_, x.ranks, route::owned{*x.own}, x.phases}
              : route::static_table{fixed_, x.ranks, shared_, x.phases};
    std::string out;
    for (const auto& r : t.rows())
      if (r.copy == 0)
        out += std::to_string(x.id.value) + ',' + std::to_string(x.ranks.gpus[r.source].value) +
               ',' + std::to_string(x.ranks.gpus[r.target].value) + ',' +
               std::to_string(r.way.spine.value) + ',' + std::to_string(r.way.up_lane) + ',' +
               std::to_string(r.way.down_lane) + '\n';
    return out;
  }

 private:
  struct one {
    one(const fabric::leaf_spine& dc, const route::flow_job& j)
        : id(j.id), dc_(dc), ranks(traffic::make_group(dc, j.where.gpus)), phases(j.source) {
      if (j.where.owns_network()) own.emplace(dc.leafs(), j.where);
    }
    one(const one&) = delete;
    one(one&& o) noexcept = delete;

    job_id id;
    const fabric::leaf_spine& dc_;
    traffic::group ranks;
    traffic::any_source phases;
    std::optional<route::owned> own;
    std::vector<int> peak;  // over its phases, per link
  };

  /// Flows of a phase into load_ of touched_; false if some have no path.
  bool count(one& x, std::size_t k) {
    for (std::uint32_t l : touched_) load_[l] = 0;
    load_.resize(links_.size(), 0);
    touched_.clear();
    (void)x.phases.write(k, flows_);
    const auto now = [this](std::uint32_t l) { return static_cast<double>(load_[l]); };
    const route::view<decltype(now)> v{x.dc_, links_, x.ranks, now};
    const auto use = [&](std::uint32_t l) {
      if (load_[l]++ == 0) touched_.push_back(l);
    };
    if (!x.own) {
      route::for_each_link(shared_, v, std::span<const traffic::flow>{flows_}, use);
      return true;
    }
    route::for_each_link(*x.own, v, std::span<const traffic::flow>{flows_}, use);
    return x.own->complete();
  }

  fabric::leaf_spine fixed_;
  route::link_numbers links_;
  Policy shared_;
  std::deque<one> jobs_;
  std::vector<int> peak_, load_;  // per link
  std::vector<job_id> owner_;
  std::vector<std::uint32_t> touched_;
  std::vector<traffic::flow> flows_;
  route::card_counter cards_;
};

/// Scripts of SRv6 routes for the jobs that own links.
template <class Fabric>
void add_srv6(const std::string& directory, const Fabric& dc,
              const std::vector<route::flow_job>& jobs, whole_files& out) {
  if constexpr (std::is_same_v<Fabric, fabric::leaf_spine>) {
    if (dc.links_per_pair() > 1)
      throw input_error("--srv6", "one link between two switches, since a sender names switches",
                        std::to_string(dc.links_per_pair()));
    out.add(directory + "/srv6-switches.sh", srv6_ends(dc, {}));
    for (const route::flow_job& j : jobs)
      if (j.where.owns_network())
        out.add(directory + "/srv6-job-" + std::to_string(j.id.value) + ".sh",
                srv6_script(dc, j.where, traffic::make_group(dc, j.where.gpus), j.source, {}));
  } else {
    throw input_error("--srv6", "fixed links", "circuits");
  }
}

template <class Fabric, class Policy>
int run(const arguments& a, const placed_reader<Fabric>& placed, Policy shared) {
  const Fabric& dc = placed.state().fabric();
  const std::vector<route::flow_job>& jobs = placed.jobs();
  route::flow_simulation simulate{
      dc, shared, {.iterations = a.iterations, .most_flows = a.most_flows}};
  const std::vector<route::flow_job_report> reports = simulate(jobs);
  if (!simulate.complete())
    throw unmet_request("stopped after " + std::to_string(simulate.flows_started()) +
                        " flows, before every job was measured: raise --most-flows");
  route::steady model{dc, shared};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const double alone = reports[i].undisturbed_s + jobs[i].compute_s;
    model.add(jobs[i].id, jobs[i].where, jobs[i].source,
              alone > 0 ? reports[i].undisturbed_s / alone : 0);
  }

  link_loads<Policy> loads{dc, jobs, shared};
  std::string lines, table = "job,source_gpu,target_gpu,spine,up_lane,down_lane\n";
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const route::flow_job_report& r = reports[i];
    bool isolated = true;
    const auto phases = loads.phases_of(i, isolated);
    const double alone = r.compute_s + r.undisturbed_s;
    const double steady =
        alone > 0 ? (r.compute_s + r.undisturbed_s * model.slowdown(r.id)) / alone : 1;
    json line{{"job", r.id.value},
              {"collective", placed.sends()[i]},
              {"slowdown", rounded(r.slowdown())},
              {"steady_slowdown", rounded(steady)},
              {"isolated", isolated},
              {"iteration_s", rounded(r.iteration_s)},
              {"undisturbed_s", rounded(r.undisturbed_s)},
              {"phases", json::array()}};
    for (std::size_t k = 0; k < phases.size(); ++k)
      line["phases"].push_back({{"repeat", r.phases[k].repeat},
                                {"flows", phases[k].flows},
                                {"max_link_load", phases[k].most},
                                {"time_s", rounded(r.phases[k].time_s)},
                                {"undisturbed_s", rounded(r.phases[k].undisturbed_s)}});
    lines += line.dump() + '\n';
    if (!a.table.empty()) table += loads.table(i);
  }
  whole_files out;
  out.add("-", lines);
  if (!a.table.empty()) out.add(a.table, table);
  if (!a.srv6.empty()) add_srv6(a.srv6, dc, jobs, out);
  out.commit();
  return done;
}

int compare(const arguments& a) {
  const model_errors e = with_route(a.route, a.seed, [&](auto policy) {
    return compare_models(a.compare, a.seed,
                          [policy](std::uint64_t seed) { return seeded(policy, seed); });
  });
  const auto shares = [](const std::vector<double>& errors) {
    json out;
    for (const auto& [key, share] : {std::pair{"p10", .1},
                                     {"p25", .25},
                                     {"median", .5},
                                     {"p75", .75},
                                     {"p90", .9},
                                     {"p95", .95},
                                     {"p99", .99},
                                     {"max", 1.0}})
      out[key] = rounded(model_errors::at(errors, share));
    return out;
  };
  std::cout << json{{"mixes", a.compare},
                    {"route", a.route},
                    {"jobs", e.job.size()},
                    {"flows", e.flows},
                    {"error_of_communication_slowdown", shares(e.communication)},
                    {"error_of_job_slowdown", shares(e.job)},
                    {"seed", a.seed}}
                   .dump(2)
            << '\n';
  return done;
}

int route_jobs(const arguments& a) {
  (void)find_named(routes, "--route", a.route);
  if (a.compare > 0) return compare(a);
  if (a.lids) {
    std::cout << lids_table();
    return done;
  }
  if (!a.tables.base.empty()) {
    table_arguments t = a.tables;
    t.whole = a.cluster.path;
    t.jobs = a.jobs;
    t.otherwise = {.pattern = a.pattern.empty()
                                  ? collective::none
                                  : find_named(collectives, "--collective", a.pattern).value,
                   .bytes = a.bytes > 0 ? a.bytes : 1};
    return route_tables(t);
  }
  if (a.cluster.path.empty()) throw input_error("--cluster", "a cluster file", "none");
  placed_defaults otherwise;
  if (!a.pattern.empty()) {
    otherwise.pattern = find_named(collectives, "--collective", a.pattern).value;
  }
  if (a.bytes > 0) otherwise.bytes = a.bytes;
  const cluster c = read_cluster(a.cluster, model::catalogue{});
  if (!c.links_told && a.route != "ideal")
    throw input_error("--route", "ideal, since the cluster names switches alone (--spines)",
                      a.route);

  open_text text(a.jobs);
  return c.fabric.on([&]<class Fabric>(const Fabric& dc) {
    placed_reader<Fabric> placed{dc, otherwise};
    placed.read(text.stream(), text.name());
    if constexpr (std::is_same_v<Fabric, fabric::leaf_spine_ocs>)
      for (const route::flow_job& j : placed.jobs())
        if (!j.where.owns_network() && a.route != "ideal" &&
            traffic::make_group(dc, j.where.gpus).crosses_leafs())
          throw input_error(text.name(),
                            "circuits for every job under several leafs, or --route ideal",
                            "none for job " + std::to_string(j.id.value));
    return with_route(a.route, a.seed, [&](auto policy) { return run(a, placed, policy); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-route", "Link loads, phase times and slow-downs of placed jobs.", argc, argv,
      [&](CLI::App& app) { add_options(app, a); }, [&] { return route_jobs(a); });
}
