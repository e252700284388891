// The plots of heddle-demo.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "common/plot_data.hpp"
#include "common/svg_plot.hpp"
#include "experiment.hpp"
#include "tables.hpp"

namespace heddle::demo {

namespace svg = examples::svg;

/// The curves of all six networks. Those that lie on one another are seen by their dashes: the
/// reference goes on top.
template <class Number>
void add_networks(svg::plot& p, const results& r, Number&& number) {
  constexpr std::array<std::size_t, 6> looks{0, 1, 2, 3, 4, 5};
  for (std::size_t i = 0; i < r.networks.size(); ++i)
    p.lines.push_back({.label = r.networks[i].what.label,
                       .look = looks[i],
                       .points = svg::cumulated(of_jobs(r.networks[i], number), p.x),
                       .steps = true,
                       .thick = i == vclos});
}

inline svg::plot jct_plot(const results& r) {
  const auto jct = [](const sim::job_record& j) { return j.jct_s(); };
  double low = 1e300, high = 1;
  for (const tried& s : r.networks) {
    const std::vector<double> all = of_jobs(s, jct);
    low = std::min(low, all.front());
    high = std::max(high, all.back());
  }
  svg::plot p{.id = "jct",
              .title = "How long jobs take",
              .description =
                  "Cumulated share of jobs over job completion time on a logarithmic axis, "
                  "a line for each of six schedulers. The percentiles stand in a table.",
              .x = svg::duration_axis("JCT, from submission to finish (log scale)", low, high),
              .y = svg::share_axis("share of jobs done", 0)};
  add_networks(p, r, jct);
  return p;
}

inline svg::plot slowdown_plot(const results& r) {
  const auto slow = [](const sim::job_record& j) { return j.slowdown; };
  double undisturbed = 1, high = 1.05;
  for (const tried& s : r.networks) {
    std::vector<double> all = of_jobs(s, slow);
    const auto alone = std::upper_bound(all.begin(), all.end(), 1 + 1e-9) - all.begin();
    undisturbed =
        std::min(undisturbed, static_cast<double>(alone) / static_cast<double>(all.size()));
    // The few beyond would press all others to the edge.
    high = std::max(high, quantile(all, 0.995));
  }
  svg::plot p{.id = "slowdown",
              .title = "How much jobs are slowed down",
              .description =
                  "Cumulated share of jobs over slow-down by others' traffic, a line for "
                  "each of six schedulers; the share axis does not begin at zero, and the "
                  "largest slow-downs stand in the table of percentiles.",
              .x = svg::linear_axis("slow-down, run time over run time alone", 1, high, 6),
              .y = svg::share_axis("share of jobs slowed by at most as much", undisturbed)};
  add_networks(p, r, slow);
  return p;
}

/// Time means of a step function over `bins` equal parts of [from, to]: the value of a sample holds
/// until the next one.
template <class Value>
std::vector<double> binned(const std::vector<use_sample>& use, double from, double to,
                           std::size_t bins, Value&& value) {
  std::vector<double> sums(bins, 0);
  const double size = (to - from) / static_cast<double>(bins);
  for (std::size_t i = 0; i < use.size(); ++i) {
    const double ends = i + 1 < use.size() ? use[i + 1].at_s : to;
    double at = use[i].at_s;
    while (at < ends) {
      const std::size_t bin = std::min(bins - 1, static_cast<std::size_t>((at - from) / size));
      double until = from + static_cast<double>(bin + 1) * size;
      if (!(until > at)) until = at + size;  // a rounded edge
      until = std::min(until, ends);
      sums[bin] += static_cast<double>(value(use[i])) * (until - at);
      at = until;
    }
  }
  for (double& s : sums) s /= size;
  return sums;
}

/// Use over time under three schedulers.
template <class Value>
svg::plot use_plot(const results& r, std::string id, std::string title, std::string description,
                   svg::axis y, Value&& value) {
  const std::array<network, 3> shown{packed_ecmp, vclos, ideal};
  const double from = r.networks[ideal].use.front().at_s;
  double to = from + 1;
  for (network n : shown) to = std::max(to, r.networks[n].use.back().at_s);
  svg::plot p{.id = std::move(id),
              .title = std::move(title),
              .description = std::move(description),
              .x = {},
              .y = std::move(y)};
  constexpr double hour = 3600;
  p.x = svg::axis{"hours since the first submission", 0, to - from};
  p.x.ticks = svg::linear_ticks(0, to - from, 7, hour);
  constexpr std::size_t bins = 160;
  for (network n : shown) {
    svg::series line{.label = r.networks[n].what.label, .look = n, .thick = n == vclos};
    const double size = (to - from) / bins;
    const std::vector<double> means = binned(r.networks[n].use, from, to, bins, value);
    for (std::size_t i = 0; i < bins; ++i)
      line.points.push_back({(static_cast<double>(i) + .5) * size, means[i]});
    p.lines.push_back(std::move(line));
  }
  return p;
}

inline svg::plot gpus_plot(const results& r) {
  svg::axis y{"GPUs used", 0, static_cast<double>(r.cluster.gpus())};
  for (int quarter = 0; quarter <= 4; ++quarter)
    y.ticks.push_back({y.high * quarter / 4, fixed(y.high * quarter / 4, 0)});
  return use_plot(r, "use", "GPUs at work",
                  "Used GPUs over time in the first run, for three schedulers.", std::move(y),
                  [](const use_sample& s) { return s.used_gpus; });
}
inline svg::plot queue_plot(const results& r) {
  std::size_t longest = 1;
  for (network n : {packed_ecmp, vclos, ideal})
    for (const use_sample& s : r.networks[n].use) longest = std::max(longest, s.waiting_jobs);
  return use_plot(r, "queue", "Jobs in the queue",
                  "Waiting jobs over time in the first run, for three schedulers.",
                  svg::linear_axis("jobs waiting", 0, static_cast<double>(longest), 5),
                  [](const use_sample& s) { return s.waiting_jobs; });
}

/// JCT over energy: a line for each allocation and network, a mark for each budget that all runs
/// could be finished under.
inline svg::plot energy_plot(const results& r) {
  svg::plot p{.id = "energy",
              .title = "Time against energy",
              .description =
                  "Mean job completion time on a logarithmic axis over energy, for requested "
                  "and powerflow on two networks, a mark for each of three power budgets "
                  "with the spread of runs."};
  double low_s = 1e300, high_s = 0, low_mwh = 1e300, high_mwh = 0;
  const std::array<std::size_t, 4> looks{1, 0, 4, 3};
  for (std::size_t kind = 0; kind < 4; ++kind) {
    svg::series line{.look = looks[kind], .marks = true};
    for (std::size_t i = kind / 2; i < r.budgets.size(); i += 2) {
      const budget_pair& b = r.budgets[i];
      const tried& s = kind % 2 == 0 ? b.requested : b.powerflow;
      line.label = s.what.label;
      if (!s.finished()) continue;
      const running_statistics jct = s.over_runs(jct_s);
      const double mwh = mean_of(s, energy_mwh);
      line.points.push_back({mwh, jct.mean(), "", std::pair{jct.min(), jct.max()}});
      // Marks may be close to one another: the ends of a line are enough.
      if (i < 2 || i + 2 >= r.budgets.size()) line.points.back().label = percent(b.limit.share, 0);
      line.points.back().label_below = kind % 2 == 1;
      low_s = std::min(low_s, jct.min());
      high_s = std::max(high_s, jct.max());
      low_mwh = std::min(low_mwh, mwh);
      high_mwh = std::max(high_mwh, mwh);
    }
    p.lines.push_back(std::move(line));
  }
  const double room = std::max(0.12 * (high_mwh - low_mwh), 1e-3);
  p.x = svg::axis{"energy of the cluster, MWh (not from 0)", low_mwh - room, high_mwh + room};
  p.x.ticks = svg::linear_ticks(p.x.low, p.x.high, 6);
  p.y = svg::duration_axis("mean JCT (log scale); bars: lowest and highest run", low_s, high_s);
  p.height = 360;
  return p;
}

}  // namespace heddle::demo
