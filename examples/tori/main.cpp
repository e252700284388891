// heddle-tori: jobs that ask for meshes, on tori and on cubes, under one placement policy after another.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/model/catalogue.hpp>
#include <heddle/trace/jobs.hpp>

#include "common/cluster_file.hpp"
#include "common/open_text.hpp"
#include "common/program.hpp"
#include "common/table.hpp"
#include "tori/contest.hpp"
#include "tori/mix.hpp"
#include "tori/outages.hpp"

namespace {

using namespace heddle;
using namespace heddle::examples;

struct arguments {
  std::vector<std::string> clusters, places, admits{"in_order"}, slices;
  std::string jobs, mix, durations;
  tori::mix_plan mixed;
  tori::outage_plan outages;
  bool closed = false, twisted = false, times = false, drop = false;
};
using clusters = std::vector<std::pair<std::string, any_fabric>>;

double part(std::vector<double>& all, double q) {
  if (all.empty()) return 0;
  std::sort(all.begin(), all.end());
  return all[std::min(all.size() - 1,
                      static_cast<std::size_t>(q * static_cast<double>(all.size())))];
}

std::string jobs_table(const clusters& on, const arguments& a) {
  std::string out =
      "| policy | admission | finished | mean JCT s | mean wait s | p99 wait s | used | checked |";
  out += a.times ? " questions | CPU p50 | p99 us |\n" : "\n";
  out += a.times ? "|---|---|---|---|---|---|---|---|---|---|---|\n"
                 : "|---|---|---|---|---|---|---|---|\n";
  for (const auto& [name, dc] : on) {
    open_text text(a.jobs);
    const model::workload w =
        tori::with_one_point(trace::read_jobs(text.stream(), text.name(), {.max_gpus = dc.gpus()}));
    for (const named_place& p : tori::mesh_places(&dc)) {
      if (!a.places.empty() &&
          std::find(a.places.begin(), a.places.end(), p.name) == a.places.end())
        continue;
      for (const std::string& admit : a.admits) {
        tori::result got = tori::run_one(
            dc, w, p,
            {.closed = a.closed, .twisted = a.twisted, .easy = admit == "easy", .drop = a.drop});
        const sim::report& r = got.report;
        out += "| `" + std::string(p.name) + "` | `" + admit + "` | " + grouped(r.finished) +
               " of " + grouped(got.asked) + " | " + fixed(r.mean_jct_s, 0) + " | " +
               fixed(r.mean_jwt_s, 0) + " | " + fixed(r.p99_jwt_s, 0) + " | " +
               percent(r.gpu_utilization) + " | " + grouped(got.checked) + " |";
        if (a.times)
          out += " " + grouped(got.us.size()) + " | " + fixed(part(got.us, .5), 1) + " | " +
                 fixed(part(got.us, .99), 0) + " |";
        out += "\n";
      }
    }
  }
  return out;
}

int run(arguments& a) {
  const model::catalogue known;
  clusters on;
  for (const std::string& path : a.clusters) {
    const cluster c = read_cluster(json_file{path}, known, fabric_family::any);
    if (c.fabric.has_leafs())
      throw input_error(c.where, "a torus or cubes, whose jobs ask for meshes", c.kind);
    on.emplace_back(c.kind, c.fabric);
  }
  for (const std::string& name : a.places) {
    const auto fits = [&](const auto& cluster) {
      const auto all = tori::mesh_places(&cluster.second);
      return std::any_of(all.begin(), all.end(), [&](const auto& p) { return p.name == name; });
    };
    if (std::none_of(on.begin(), on.end(), fits)) {
      (void)find_named(tori::mesh_places(), "--place", name);
      require_fabric(name, on.front().second, "--place");
    }
  }
  const int wanted = !a.jobs.empty() + !a.mix.empty() + !a.outages.shares_pct.empty();
  if (wanted != 1)
    throw input_error("--jobs", "one of --jobs, --mix and --outages",
                      wanted == 0 ? "none" : "several");
  if (a.mix.empty() != a.durations.empty())
    throw input_error("--mix", "--durations beside it", "one of them");
  for (const std::string& s : a.slices) {
    const auto shape = shape_in(s);
    if (!shape) throw input_error("--slice", "sides, like 8x8x16", "\"" + s + "\"");
    a.outages.slices.push_back(*shape);
  }
  for (double load : a.mixed.loads)
    if (!(load > 0 && load < 1e6)) throw input_error("--loads", "loads above 0", fixed(load, 3));
  for (double share : a.outages.shares_pct)
    if (!(share >= 0 && share <= 100))
      throw input_error("--outages", "percents from 0 to 100", fixed(share, 3));
  a.outages.seeds = a.mixed.seeds;
  const tori::rules r{.closed = a.closed, .twisted = a.twisted};
  whole_files files;
  files.add("-", !a.jobs.empty() ? jobs_table(on, a)
                 : !a.mix.empty()
                     ? tori::mix_table(on, tori::read_mix(a.mix, a.durations), a.mixed, a.places, r)
                     : tori::outage_table(on, a.outages, a.places, r));
  files.commit();
  return done;
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return run_program(
      "heddle-tori", "Runs jobs that ask for meshes on tori and cubes, under several policies.",
      argc, argv,
      [&](CLI::App& app) {
        const name_lines places = lines_of(tori::mesh_places());
        add_names(app, {{"--place", "which chips and circuits a job gets", places}});
        app.add_option("--cluster", a.clusters, "cluster JSON, one or several")->required();
        app.add_option("--jobs", a.jobs, "job CSV, with a column `shape`");
        app.add_option("--mix", a.mix,
                       "CSV x,y,z,share_pct: draw slices of these shapes, at each load");
        app.add_option("--durations", a.durations, "CSV with a column duration_s, for --mix");
        app.add_option("--loads", a.mixed.loads, "of --mix")->capture_default_str();
        app.add_option("--slices", a.mixed.slices, "drawn for --mix, of each seed")
            ->check(CLI::Range(1, 10'000'000))
            ->capture_default_str();
        app.add_option("--outages", a.outages.shares_pct,
                       "percents of hosts out of order: what slices can be had");
        app.add_option("--slice", a.slices,
                       "for --outages, a shape to be placed as often as can be");
        app.add_option("--seeds", a.mixed.seeds, "of --mix and --outages, from 1")
            ->check(CLI::Range(1, 10'000))
            ->capture_default_str();
        app.add_option("--place", a.places,
                       "which chips and circuits a job gets: " + listed(places) +
                           " (else: all of each fabric)");
        app.add_option("--admit", a.admits,
                       "in_order: the first that cannot start blocks all behind it; easy: "
                       "others pass it if they do not delay it")
            ->check(CLI::IsMember({"in_order", "easy"}))
            ->capture_default_str();
        app.add_flag("--closed", a.closed, "rows longer than 2 are rings");
        app.add_flag("--twisted", a.twisted,
                     "k x k x 2k and k x 2k x 2k of whole cubes are twisted tori");
        app.add_flag("--drop", a.drop,
                     "leave out jobs that a policy cannot place on the empty cluster: they would "
                     "block all behind them for ever");
        app.add_flag("--times", a.times, "how long policies took, in CPU time");
      },
      [&] { return run(a); });
}
