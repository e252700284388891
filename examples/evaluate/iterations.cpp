#include "iterations.hpp"

#include <array>
#include <cstdint>
#include <iostream>
#include <string_view>

#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/route/steady.hpp>

#include "runs.hpp"

namespace heddle::evaluate {

namespace {

using examples::fixed;
using examples::percent;
using examples::signed_percent;

/// Iteration times in ms, as published for the vClos testbed and its successor (docs/evaluation.md).
struct measured {
  std::string_view model;
  int gpus;
  double alone_ms, contended_ms;
  double comm_share = 0;  ///< where it was published too
};
constexpr std::array<measured, 9> published{{
    {"llama-7b", 32, 520, 643},
    {"llama-7b", 96, 602, 792},
    {"llama2-7b", 32, 1074, 1173},
    {"llama2-7b", 96, 1103, 1163},
    {"llama2-13b", 32, 1689, 1815},
    {"llama2-13b", 96, 1763, 1887},
    {"GPT2-13b", 96, 957, 1160},
    {"Pangu", 32, 278, 328, .348},
    {"Pangu", 96, 372, 489, .348},
}};

constexpr int hashes = 200;

/// How much ECMP stretches the communication of a job with four GPUs under each of its leafs, over
/// many hash functions: alone, or beside another such job under the same leafs.
running_statistics stretch(int gpus, collective pattern, double duty, bool with_neighbour) {
  const fabric::leaf_spine dc{
      {.leafs = gpus / 4, .spines = 8, .servers_per_leaf = 2, .gpus_per_server = 4}};
  running_statistics s;
  for (std::uint64_t seed = 0; seed < hashes; ++seed) {
    route::steady network(dc, route::ecmp{.seed = seed});
    for (int job = 0; job < (with_neighbour ? 2 : 1); ++job) {
      fabric::placement where;
      for (gpu_id g : dc.all_gpus())
        if (dc.index_in_leaf(g) / 4 == job) where.gpus.push_back(g);
      network.add(job_id{job}, where, pattern, duty);
    }
    s.add(network.slowdown(job_id{0}));
  }
  return s;
}

}  // namespace

void evaluate_iterations() {
  examples::table t{
      .caption =
          "**Iteration times without and with contention, and what the model makes of them** "
          "(prediction: means over " +
          std::to_string(hashes) + " hash functions)",
      .columns = {{"model", "", true},
                  {"GPUs"},
                  {"measured", "ms"},
                  {"slower by"},
                  {"share of communication"},
                  {"predicted, alone under ECMP"},
                  {"predicted, beside a like job"},
                  {"share that the measured loss implies"}}};
  for (const measured& m : published) {
    const double loss = m.contended_ms / m.alone_ms - 1;
    const double duty = m.comm_share > 0 ? m.comm_share : .348;
    const double alone = stretch(m.gpus, collective::all_to_all, duty, false).mean();
    const double shared = stretch(m.gpus, collective::all_to_all, duty, true).mean();
    const bool known = m.comm_share > 0;
    t.add({std::string(m.model), std::to_string(m.gpus),
           fixed(m.alone_ms, 0) + " → " + fixed(m.contended_ms, 0), signed_percent(loss),
           known ? percent(m.comm_share) : "not published",
           known ? signed_percent(m.comm_share * (alone - 1)) : "",
           known ? signed_percent(m.comm_share * (shared - 1)) : "",
           percent(loss / (shared - 1)) + " … " + percent(loss / (alone - 1))});
  }
  print_markdown(std::cout, t);
}

}  // namespace heddle::evaluate
