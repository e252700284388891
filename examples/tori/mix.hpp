// Slices drawn from a table of shapes with their shares, run times from a trace.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <boost/random/exponential_distribution.hpp>

#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/core/shape.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/trace/csv.hpp>

#include "common/open_text.hpp"
#include "common/table.hpp"
#include "tori/contest.hpp"

namespace heddle::examples::tori {

/// What slices people ask for, and how long they run.
struct slice_mix {
  struct kind {
    box_shape shape;
    double share;
  };
  std::vector<kind> kinds;
  std::vector<double> durations_s;

  /// Chips that a slice has on average, over the shapes.
  [[nodiscard]] double mean_chips() const {
    double sum = 0, chips = 0;
    for (const kind& k : kinds) {
      sum += k.share;
      chips += k.share * static_cast<double>(k.shape.volume());
    }
    return chips / sum;
  }
  /// Poisson arrivals of as many chip-seconds a second as `load` of `chips` can do.
  [[nodiscard]] std::vector<job> draw(std::size_t count, double load, int chips,
                                      std::uint64_t seed) const {
    double sum = 0;
    for (const kind& k : kinds) sum += k.share;
    const double gap_s = mean_chips() * mean(durations_s) / (chips * load);
    std::vector<job> jobs;
    double now_s = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      job j;
      j.id = job_id{i};
      j.submit_s = now_s;
      double at = unit(seed, i, "shape") * sum;
      std::size_t k = 0;
      while (k + 1 < kinds.size() && (at -= kinds[k].share) >= 0) ++k;
      j.shape = kinds[k].shape;
      j.gpus = static_cast<int>(j.shape.volume());
      j.duration_s = durations_s[static_cast<std::size_t>(unit(seed, i, "duration") *
                                                          static_cast<double>(durations_s.size()))];
      jobs.push_back(j);
      stream s{seed, i, "arrival"};
      now_s += boost::random::exponential_distribution<double>(1 / gap_s)(s);
    }
    return jobs;
  }

 private:
  static double unit(std::uint64_t seed, std::uint64_t entity, const char* purpose) {
    return static_cast<double>(stream{seed, entity, purpose}() >> 11) * 0x1p-53;
  }
};

/// Reads shapes `x,y,z,share_pct`, and the column `duration_s` of a trace.
[[nodiscard]] inline slice_mix read_mix(const std::string& shapes, const std::string& durations) {
  slice_mix m;
  open_text text(shapes);
  trace::csv_reader rows{text.stream(), text.name()};
  rows.require({"x", "y", "z", "share_pct"});
  const auto x = rows.required("x"), y = rows.required("y"), z = rows.required("z"),
             share = rows.required("share_pct");
  while (rows.next()) {
    box_shape s;
    for (const auto& c : {x, y, z}) {
      const int side = rows.integer<int>(c, 1, "a side from 1 to 65535");
      if (side > 65535) rows.fail(c, "a side from 1 to 65535");
      s.add(side);
    }
    if (s.volume() > 1 << 28) rows.fail(x, "a slice of at most 2^28 chips");
    m.kinds.push_back({s, rows.number(share, 0, "a share of at least 0 %")});
  }
  open_text runs(durations);
  trace::csv_reader lines{runs.stream(), runs.name()};
  lines.require({"duration_s"});
  const auto seconds = lines.required("duration_s");
  while (lines.next()) m.durations_s.push_back(lines.number(seconds, 0, "a time of at least 0 s"));
  m.durations_s.erase(std::remove(m.durations_s.begin(), m.durations_s.end(), 0.0),
                      m.durations_s.end());
  double sum = 0;
  for (const auto& k : m.kinds) sum += k.share;
  if (!(sum > 0)) throw input_error(shapes + ":1", "shares above 0", "none");
  if (m.durations_s.empty()) throw input_error(durations + ":1", "run times above 0", "none");
  return m;
}

struct mix_plan {
  std::vector<double> loads{.6, .75, .9};
  std::size_t slices = 300;
  std::uint64_t seeds = 10;
};

/// Mean and half of its 95 % interval over seeds, by Student's t.
[[nodiscard]] inline std::string interval(const std::vector<double>& xs, int digits) {
  constexpr double t[] = {0,     12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365,
                          2.306, 2.262, 2.228, 2.201, 2.179, 2.16,  2.145, 2.131};
  double m = mean(xs), sum = 0;
  for (double x : xs) sum += (x - m) * (x - m);
  const std::size_t n = xs.size();
  if (n < 2) return fixed(m, digits);
  const double q = n - 1 < std::size(t) ? t[n - 1] : 2.0;
  return fixed(m, digits) + " \u00b1 " +
         fixed(q * std::sqrt(sum / static_cast<double>(n - 1) / static_cast<double>(n)), digits);
}

/// Loads × fabrics × policies: waiting and use, over the seeds. EASY backfill; slices that a policy cannot
/// place on the empty cluster are left out for it.
[[nodiscard]] inline std::string
mix_table(const std::vector<std::pair<std::string, any_fabric>>& on, const slice_mix& m,
          const mix_plan& plan, const std::vector<std::string>& places, rules r) {
  r.easy = r.drop = true;
  std::string out = "| load | cluster | policy | slices | mean wait s | median wait s | used % | "
                    "used % until the last came |\n|---|---|---|---|---|---|---|---|\n";
  for (double load : plan.loads)
    for (const auto& [name, dc] : on)
      for (const named_place& p : mesh_places(&dc)) {
        if (!places.empty() && std::find(places.begin(), places.end(), p.name) == places.end())
          continue;
        std::vector<double> wait, median, used, early;
        std::size_t done = 0, all = 0;
        for (std::uint64_t seed = 1; seed <= plan.seeds; ++seed) {
          const auto jobs = m.draw(plan.slices, load, dc.gpus(), seed);
          const result got = run_one(dc, with_one_point(jobs), p, r);
          std::vector<double> waits;
          double busy = 0;
          const double last = jobs.back().submit_s;
          for (const sim::job_record& j : got.report.records) {
            waits.push_back(j.jwt_s());
            busy += j.gpus * std::max(0.0, std::min(j.finish_s, last) - std::min(j.start_s, last));
          }
          wait.push_back(got.report.mean_jwt_s);
          median.push_back(quantile(waits, .5));
          used.push_back(100 * got.report.gpu_utilization);
          early.push_back(last > 0 ? 100 * busy / (dc.gpus() * last) : 0);
          done += got.checked;
          all += got.asked;
        }
        out += "| " + fixed(load, 2) + " | " + name + " | `" + std::string(p.name) + "` | " +
               grouped(done) + " of " + grouped(all) + " | " + interval(wait, 0) + " | " +
               interval(median, 0) + " | " + interval(used, 1) + " | " + interval(early, 1) +
               " |\n";
      }
  return out;
}

}  // namespace heddle::examples::tori
