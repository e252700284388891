// How far the steady model is from the flow simulation, over random mixes of jobs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/flow_simulation.hpp>
#include <heddle/route/steady.hpp>
#include <heddle/traffic/collectives.hpp>

namespace heddle::examples {

/// Relative errors of the steady model, sorted.
struct model_errors {
  std::vector<double> communication;  ///< of the slow-down of a job's communication
  std::vector<double> job;            ///< of the slow-down of the whole job
  std::size_t flows = 0;              ///< that were simulated

  static double at(const std::vector<double>& sorted, double share) {
    return sorted.empty() ? 0
                          : sorted[static_cast<std::size_t>(
                                share * static_cast<double>(sorted.size() - 1) + .5)];
  }
};

/// A random mix: 8 leafs of 16 GPUs and 16 spines, nine tenths full of jobs of 2 to 64 GPUs. In every
/// other mix servers are handed out in random order, else nearly in order. Communication takes a share
/// of an iteration as measured for training jobs (2 to 35 %) in half of the mixes, 5 to 95 % in the
/// others; an iteration takes .2 to 2 s. Collectives as in the trace of the vClos evaluation.
class random_mix {
 public:
  random_mix(const fabric::leaf_spine& dc, std::uint64_t seed) : bits_(seed, 0, "mix") {
    std::vector<server_id> servers;
    for (server_id s : dc.all_servers()) servers.push_back(s);
    const double disorder = seed % 2 ? 1 : .1;
    for (std::size_t i = servers.size(); i > 1; --i)
      if (real() < disorder) std::swap(servers[i - 1], servers[index(i)]);
    std::vector<gpu_id> free;
    for (server_id s : servers)
      for (gpu_id g : dc.gpus_of(s)) free.push_back(g);

    std::vector<traffic::flow> flows;
    route::card_counter cards;
    for (std::size_t at = 0; at < free.size();) {
      const std::size_t wanted = real() < .7 ? std::size_t{2} << index(6) : 2 + index(63);
      const std::size_t n = std::min(wanted, free.size() - at);
      route::flow_job j;
      j.id = job_id{jobs_.size()};
      for (std::size_t i = 0; i < n; ++i) j.where.gpus.push_back(free[at + i]);
      at += n;
      std::sort(j.where.gpus.begin(), j.where.gpus.end());
      const bool power = (n & (n - 1)) == 0, is_idle = real() < .1;
      const double u = real();
      const collective pattern = u < .5 && power    ? collective::halving_doubling
                                 : u < .7 || !power ? collective::ring
                                                    : collective::all_to_all;
      constexpr double shares[] = {.25, .23, .16, .10, .07, .04, .04, .05, .04,
                                   .03, .02, .05, .05, .04, .02, .12, .08, .348};
      const double share = seed % 4 < 2 ? shares[index(std::size(shares))] : .05 + .9 * real();
      const double iteration_s = .2 * std::pow(10, real());

      const traffic::group ranks = traffic::make_group(dc, j.where.gpus);
      const traffic::any_source all = traffic::source_of(pattern, ranks, 1);
      double undisturbed = 0;  // of one byte
      for (std::size_t k = 0; k < all.size(); ++k) {
        const traffic::phase p = all.write(k, flows);
        undisturbed += p.repeat * route::undisturbed_s(dc, p, cards(ranks, flows));
      }
      if (is_idle || undisturbed <= 0) continue;
      j.source = traffic::source_of(pattern, ranks, share * iteration_s / undisturbed);
      j.compute_s = (1 - share) * iteration_s;
      j.start_s = iteration_s * real();
      jobs_.push_back(std::move(j));
    }
  }

  [[nodiscard]] const std::vector<route::flow_job>& jobs() const { return jobs_; }

 private:
  double real() { return static_cast<double>(bits_() >> 11) * 0x1p-53; }
  std::size_t index(std::size_t n) {
    return static_cast<std::size_t>(real() * static_cast<double>(n));
  }

  stream bits_;
  std::vector<route::flow_job> jobs_;
};

/// Errors over `mixes` random mixes for all jobs under more than one leaf: the others are not slowed
/// down in either model. \param shared  makes the routing policy of a mix from its number
template <class MakePolicy>
model_errors compare_models(std::size_t mixes, std::uint64_t seed, MakePolicy&& shared) {
  const fabric::leaf_spine dc{
      {.leafs = 8, .spines = 16, .servers_per_leaf = 4, .gpus_per_server = 4}};
  model_errors out;
  for (std::size_t m = 0; m < mixes; ++m) {
    const random_mix mix{dc, seed + m};
    route::flow_simulation exact{dc, shared(seed + m), {.iterations = 8}};
    const auto measured = exact(mix.jobs());
    route::steady model{dc, shared(seed + m)};
    for (std::size_t i = 0; i < measured.size(); ++i) {
      const route::flow_job& j = mix.jobs()[i];
      const double alone = measured[i].undisturbed_s + j.compute_s;
      model.add(j.id, j.where, j.source, measured[i].undisturbed_s / alone);
    }
    out.flows += exact.flows_started();
    for (std::size_t i = 0; i < measured.size(); ++i) {
      const route::flow_job& j = mix.jobs()[i];
      if (!traffic::make_group(dc, j.where.gpus).crosses_leafs()) continue;
      const double s = model.slowdown(j.id);
      const double alone = measured[i].undisturbed_s + j.compute_s;
      const double whole = (j.compute_s + measured[i].undisturbed_s * s) / alone;
      out.communication.push_back(std::abs(s / measured[i].communication_slowdown() - 1));
      out.job.push_back(std::abs(whole / measured[i].slowdown() - 1));
    }
  }
  std::sort(out.communication.begin(), out.communication.end());
  std::sort(out.job.begin(), out.job.end());
  return out;
}

}  // namespace heddle::examples
