// Divisions of time that remember the jobs from one division to the next.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/core/random.hpp>
#include <heddle/share/level.hpp>
#include <heddle/share/round.hpp>
#include <heddle/share/workspace.hpp>

namespace heddle::share {

/// `finish_time_fairness` against an own share that changes with the number of jobs. With N jobs, a job's own share
/// is 1/N of each type (its time cut to 1); its isolated time is what the steps done so far would have taken on the
/// shares of their time, and what is left on the share of now. So do later versions of Gavel.
class finish_time_fairness_so_far {
 public:
  /// \throws input_error  from `finish_time_fairness`
  void operator()(const round_view& now, workspace& space, answer& out) {
    own_ = now.jobs;
    const std::size_t jobs = own_.jobs(), types = own_.types();
    if (records_.size() < now.ids()) records_.resize(now.ids());
    own_.isolated_s.assign(jobs, 1);
    for (std::size_t i = 0; i < jobs; ++i) {
      double time = 0, rate = 0;
      for (std::size_t j = 0; j < types; ++j) {
        const double x = own_.capacity[j] / (static_cast<double>(jobs) * own_.gpus_of(i));
        time += x;
        rate += x * own_.row(i)[j];
      }
      rate /= std::max(time, 1.0);
      record& r = records_[now.id[i]];
      if (r.rate > 0) r.isolated_s += (r.steps - own_.steps[i]) / r.rate;
      r.steps = own_.steps[i];
      r.rate = rate;
      if (rate > 0) own_.isolated_s[i] = std::max(r.isolated_s + r.steps / rate, least_s);
    }
    finish_time_fairness{}(own_, space, out);
  }

 private:
  static constexpr double least_s = 1e-9;
  struct record {
    double isolated_s = 0, steps = 0, rate = 0;
  };
  std::vector<record> records_;  // by id
  problem own_;
};

/// Whole jobs in the order of their submission. A job takes, of the types that have its GPUs free and on which it
/// runs, one at random, and keeps it until it ends; the first that finds none waits, and all behind it. What a queue
/// does that knows nothing of types. Reproducible by its seed.
class first_come {
 public:
  first_come() = default;
  explicit first_come(std::uint64_t seed) : seed_(seed) {}

  void operator()(const round_view& now, workspace& space, answer& out) {
    const problem& p = now.jobs;
    const std::size_t jobs = p.jobs(), types = p.types();
    if (kept_.size() < now.ids()) kept_.resize(now.ids(), no_type);
    std::vector<double>& free = space.cap;
    free.assign(p.capacity.begin(), p.capacity.end());
    for (std::size_t i = 0; i < jobs; ++i)
      if (kept_[now.id[i]] != no_type) free[kept_[now.id[i]]] -= p.gpus_of(i);
    out.x.assign(jobs * types, 0);
    bool waits = false;
    for (std::size_t i = 0; i < jobs; ++i) {
      std::uint32_t& mine = kept_[now.id[i]];
      if (mine == no_type && !waits) {
        std::size_t fits = 0;
        for (std::size_t j = 0; j < types; ++j) fits += p.row(i)[j] > 0 && free[j] >= p.gpus_of(i);
        waits = fits == 0;
        if (!waits) {
          stream draw(seed_, now.id[i], "type");
          std::size_t nth = boost::random::uniform_int_distribution<std::size_t>(0, fits - 1)(draw);
          for (std::size_t j = 0; j < types && mine == no_type; ++j)
            if (p.row(i)[j] > 0 && free[j] >= p.gpus_of(i) && nth-- == 0)
              mine = static_cast<std::uint32_t>(j);
          free[mine] -= p.gpus_of(i);
        }
      }
      if (mine != no_type) out.x[i * types + mine] = 1;
    }
  }

 private:
  std::uint64_t seed_ = 0;
  std::vector<std::uint32_t> kept_;  // by id
};

}  // namespace heddle::share
