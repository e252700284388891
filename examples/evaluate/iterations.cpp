#include "iterations.hpp"

#include <array>
#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
  double comm_share = 0;  ///< of its time, on the network, where it was published too

  [[nodiscard]] double loss() const { return contended_ms / alone_ms - 1; }
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

/// Where no share was published, that of the heaviest model: it says how often neighbours are met.
double duty_of(const measured& m) { return m.comm_share > 0 ? m.comm_share : .348; }

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

namespace {

/// By how much a job like one measured is slowed down, when such a part of its time is exposed.
struct predicted {
  double stretch;  ///< of its communication, mean

  [[nodiscard]] double loss(double exposed) const { return exposed * (stretch - 1); }
  [[nodiscard]] double exposed_for(double loss) const { return loss / (stretch - 1); }
};

void add_columns(const measured& m, const measured* other, bool with_neighbour,
                 std::vector<std::string>& row) {
  const auto at = [&](const measured& x) {
    return predicted{stretch(x.gpus, collective::all_to_all, duty_of(x), with_neighbour).mean()};
  };
  const double loss = m.loss(), exposed = at(m).exposed_for(loss);
  row.push_back(percent(exposed));
  row.push_back(m.comm_share > 0 ? percent(m.comm_share - exposed) : "");
  if (other) {
    const double from_other = at(m).loss(at(*other).exposed_for(other->loss()));
    row.push_back(signed_percent(from_other));
    row.push_back(signed_percent(from_other / loss - 1));
  } else {
    row.insert(row.end(), {"", ""});
  }
}

}  // namespace

void evaluate_iterations() {
  for (const bool with_neighbour : {false, true}) {
    examples::table t{
        .caption = std::string("**Iteration times without and with contention: under ECMP ") +
                   (with_neighbour ? "beside a like job" : "alone") + "** (means over " +
                   std::to_string(hashes) + " hash functions)",
        .columns = {{"model", "", true},
                    {"GPUs"},
                    {"measured", "ms"},
                    {"slower by"},
                    {"share on the network"},
                    {"exposed, fitted"},
                    {"hidden, fitted"},
                    {"predicted by the other size"},
                    {"error of that"}}};
    for (const measured& m : published) {
      const measured* other = nullptr;
      for (const measured& x : published)
        if (x.model == m.model && x.gpus != m.gpus) other = &x;
      std::vector<std::string> row{std::string(m.model), std::to_string(m.gpus),
                                   fixed(m.alone_ms, 0) + " → " + fixed(m.contended_ms, 0),
                                   signed_percent(m.loss()),
                                   m.comm_share > 0 ? percent(m.comm_share) : "not published"};
      add_columns(m, other, with_neighbour, row);
      t.add(std::move(row));
    }
    print_markdown(std::cout, t);
  }
}

}  // namespace heddle::evaluate
