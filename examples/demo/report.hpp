// report.html: the tables and plots of heddle-demo on one page.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <heddle/version.hpp>

#include "common/fabric_picture.hpp"
#include "common/html.hpp"
#include "common/mesh_picture.hpp"
#include "common/svg_plot.hpp"
#include "experiment.hpp"
#include "plots.hpp"
#include "tables.hpp"

namespace heddle::demo {

namespace html = examples::html;

/// A finished drawing and the file that it goes into.
struct picture {
  std::string file, drawn;
};

/// All pictures in the order of the page.
struct pictures {
  picture jct, slowdown, gpus, queue, energy;
  picture fabric;  ///< empty where no job owned links
  picture cubes;   ///< empty where no job owned circuits
  std::string fabric_says, cubes_say;

  [[nodiscard]] std::vector<const picture*> all() const {
    std::vector<const picture*> out{&jct, &slowdown, &gpus, &queue, &energy};
    for (const picture* p : {&fabric, &cubes})
      if (!p->drawn.empty()) out.push_back(p);
    return out;
  }
};

inline pictures draw_all(const results& r) {
  pictures p{{"demo_jct.svg", svg::render(jct_plot(r))},
             {"demo_slowdown.svg", svg::render(slowdown_plot(r))},
             {"demo_gpus.svg", svg::render(gpus_plot(r))},
             {"demo_queue.svg", svg::render(queue_plot(r))},
             {"demo_energy.svg", svg::render(energy_plot(r))},
             {"demo_fabric.svg", ""},
             {"demo_cubes.svg", ""},
             "",
             ""};
  if (const auto& busy = r.networks[vclos].busiest) {
    const double hours = (busy->at_s - r.networks[vclos].use.front().at_s) / 3600;
    const svg::fabric_picture drawn(r.cluster, busy->gpus, {.note = [&](job_id id) {
                                      std::string pattern(name(busy->jobs.at(id).pattern));
                                      std::replace(pattern.begin(), pattern.end(), '_', '-');
                                      return ", " + pattern;
                                    }});
    p.fabric.drawn = drawn.draw("Owners of links and GPUs under vclos, " + fixed(hours, 1) +
                                " h into the first run");
    p.fabric_says = drawn.describe();
  }
  if (const auto& busy = r.meshes.busiest) {
    const double hours = (busy->at_s - r.meshes.use.front().at_s) / 3600;
    const svg::mesh_picture drawn(r.pod, busy->gpus, [](job_id) { return std::string{}; });
    p.cubes.drawn =
        drawn.draw("Owners of chips and circuits, " + fixed(hours, 1) + " h into the run");
    p.cubes_say = drawn.describe();
  }
  return p;
}

namespace detail {

using html::figure, html::paragraph, html::side_by_side, html::wide;

inline std::string terms() {
  const std::vector<std::pair<std::string, std::string>> all{
      {"JCT", "Job completion time: from submission to finish."},
      {"JWT", "Job waiting time: from submission to start."},
      {"JRT", "Job run time: from start to finish. JCT = JWT + JRT."},
      {"Slow-down",
       "JRT over the time that the job takes at its requested GPUs and full clock when "
       "nobody else uses the network. In the plot of slow-down: over the same work "
       "without others' traffic."},
      {"Fragmentation of the network",
       "The part of GPU time that could have been used and was not, "
       "because jobs at the head of the queue found enough GPUs but not "
       "where or with the links they need. Counted while jobs wait."},
      {"spread, packed",
       "Placement evenly over all servers; on as few servers and leafs as can be."},
      {"ECMP",
       "Equal-cost multi-path: a hash of its two ends picks the spine of a flow. Balanced ECMP "
       "hashes again where the uplink is busy."},
      {"Source routing", "A flow's uplink is given by its GPU's place under the leaf."},
      {"vclos", "Each job gets GPUs and links of its own, a virtual Clos network, or waits."},
      {"Mesh",
       "On cubes a job's GPUs stand in the cells of a box, and neighbours are joined by fixed "
       "links or by circuits of optical switches that are the job's own."},
      {"requested, powerflow",
       "Allocation of the GPUs asked for at full clock; elastic allocation of "
       "GPUs and clock by the time saved per energy spent."},
  };
  return html::definitions(all);
}

/// The command that makes this page again.
inline std::string command(const settings& s) {
  return html::code({"heddle-demo", "--jobs " + std::to_string(s.jobs),
                     "--load " + examples::shortest(s.load), "--seed " + std::to_string(s.seed),
                     "--runs " + std::to_string(s.runs)});
}

inline std::string cluster_text(const fabric::leaf_spine& dc) {
  return "The cluster: " + std::to_string(dc.gpus()) + " GPUs in " + std::to_string(dc.servers()) +
         " servers, " + std::to_string(dc.leafs()) + " leafs with " +
         std::to_string(dc.gpus_per_leaf()) + " GPUs and " + std::to_string(dc.uplinks()) +
         " uplinks each, " + std::to_string(dc.spines()) + " spines, links of " +
         fixed(dc.link_gbps(), 0) + " Gb/s.";
}

inline std::string workload_text(const settings& s) {
  return "The workload: the job sizes, run times and collectives of the vClos evaluation (Han et "
         "al., arXiv 2308.05692), every job spending 34.8 % of its time in communication: its "
         "heavy case. " +
         count_of(s.jobs, "job") + " a run, Poisson arrivals at a load of " +
         examples::shortest(s.load) + " of the GPUs, first come first served, " +
         count_of(static_cast<std::size_t>(s.runs), "run") + " with seeds from " +
         std::to_string(s.seed) + "; every scheduler gets the same runs.";
}

inline std::string setting(const results& r) {
  html::markup m;
  m.raw(paragraph(cluster_text(r.cluster))).raw(paragraph(workload_text(r.asked)));
  m.raw(paragraph(
      "The budgets: 100 % is the highest power that packed + ECMP or vclos drew in any run without "
      "a budget, idle parts and switches included. Energy is that of the whole cluster from the "
      "first submission to the last finish."));
  m.open("p").text("Made by heddle ").text(HEDDLE_VERSION_STRING).text(", again with ");
  return m.raw(command(r.asked)).text(".").close().newline().str();
}

}  // namespace detail

inline std::string report_page(const results& r, const pictures& p) {
  using namespace detail;
  html::page page("heddle: what isolation and energy-awareness buy", svg::style());
  page.lead(
      paragraph("One simulated GPU cluster and the same training jobs under different "
                "schedulers: how long jobs take when they share the network, when each has links "
                "of its own, and when power is limited."));
  page.section("networks", "Six ways to share a network",
               paragraph(run_time_finding(r), "found") + paragraph(waiting_finding(r), "found") +
                   html::to_html(network_table(r), "networks-table"));
  html::markup percentiles;
  percentiles.open("details").leaf("summary", "Percentiles as a table");
  percentiles.raw(html::to_html(percentile_table(r), "percentiles-table")).close().newline();
  page.section(
      "jobs", "Job by job",
      side_by_side({figure(p.jct.drawn, "Jobs of all runs. Further left is better."),
                    figure(p.slowdown.drawn,
                           "Jobs of all runs. Higher is better; the axis of shares does not "
                           "begin at 0. The largest slow-downs stand in the table.")}) +
          percentiles.str());
  page.section(
      "use", "The cluster over time",
      side_by_side({figure(p.gpus.drawn, "First run, means over 1/160 of the time shown."),
                    figure(p.queue.drawn, "First run, means over 1/160 of the time shown.")}));
  page.section(
      "fabric", "Links of their own",
      p.fabric.drawn.empty()
          ? paragraph("No job of the first run needed more than one leaf.")
          : paragraph("The moment of the first run at which jobs owned most links. " +
                      p.fabric_says) +
                wide(p.fabric.drawn, "Picture of the network",
                     "Spines above, leafs below; under each leaf its servers as columns of "
                     "GPUs. A link in a job's colour carries that job's traffic alone."));
  page.section(
      "cubes", "Meshes of their own",
      paragraph(cubes_finding(r), "found") +
          (p.cubes.drawn.empty()
               ? paragraph("No job needed more than one cube as it is.")
               : paragraph("The moment at which jobs owned most circuits. " + p.cubes_say) +
                     wide(
                         p.cubes.drawn, "Picture of the cubes",
                         "Each square is a cube of 4 \u00d7 4 \u00d7 4 chips, its four layers side "
                         "by side; a line joins two cubes over circuits of one job.")));
  page.section(
      "power", "Under a power budget",
      paragraph(budget_finding(r), "found") + html::to_html(budget_table(r), "budgets-table") +
          side_by_side({figure(p.energy.drawn,
                               "Lower and further left is better. Marks are the budgets.")}));
  page.section("setting", "What was run", setting(r));
  page.section("terms", "Terms", terms());
  page.footer(paragraph("heddle " HEDDLE_VERSION_STRING));
  return page.str();
}

}  // namespace heddle::demo
