// The communication of one step of a model that is trained in parallel in several ways at once.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/error.hpp>
#include <heddle/traffic/any_source.hpp>
#include <heddle/traffic/collectives.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// How a job's ranks share the work: rank = t + tensor · (d + data · p) is tensor rank t of data rank
/// d of pipeline stage p. Experts are spread over `expert` consecutive data ranks.
struct parallelism {
  int tensor = 1;    ///< ranks that hold a layer together, ≥ 1
  int data = 1;      ///< replicas, ≥ 1
  int pipeline = 1;  ///< stages, ≥ 1
  int expert = 1;    ///< ≥ 1, divides `data`

  [[nodiscard]] int ranks() const { return tensor * data * pipeline; }
};

/// What is sent in one step; what has no bytes, or only one rank, is not sent. D is that of
/// traffic/collectives.hpp; `times` counts the collectives of one micro-batch, forward and back.
struct step_traffic {
  int micro_batches = 1;      ///< ≥ 1
  double tensor_bytes = 0;    ///< D of an all-reduce of activations among tensor ranks
  int tensor_times = 4;       ///< of one layer: attention and MLP, forward and back
  double expert_bytes = 0;    ///< for each pair of ranks of an all-to-all among expert ranks
  int expert_times = 4;       ///< tokens out and home, forward and back
  double pipeline_bytes = 0;  ///< over each boundary, each way, once a micro-batch
  double data_bytes = 0;      ///< D of the all-reduce of gradients among data ranks
  collective tensor_pattern = collective::ring;
  collective expert_pattern = collective::all_to_all;
  collective data_pattern = collective::ring;
};

/// A PhaseSource of one training step: the phases of tensor, expert, pipeline and data parallel
/// sub-groups in this order. All sub-groups of a kind communicate at once. Flows name ranks of the
/// whole group.
///
/// A phase that is repeated stands for all micro-batches: bytes are exact, and so is the time of the
/// step without overlap, whatever the order; how kinds interleave within it is not said. Sub-groups
/// whose phases differ (some servers hold equal shares of them, others do not) take turns.
class training_step {
 public:
  /// \throws input_error  if sizes do not fit the group, or a number is out of its range
  training_step(const group& ranks, const parallelism& how, const step_traffic& what) {
    check(ranks.size(), how, what);
    const auto t = u(how.tensor), d = u(how.data), p = u(how.pipeline), e = u(how.expert);
    const auto rank = [&](std::uint32_t tensor, std::uint32_t data, std::uint32_t stage) {
      return tensor + t * (data + d * stage);
    };
    {
      kind k{what.tensor_pattern, what.tensor_bytes, what.tensor_times * what.micro_batches};
      for (std::uint32_t stage = 0; stage < p; ++stage)
        for (std::uint32_t data = 0; data < d; ++data)
          add(k, ranks, t, [&](std::uint32_t i) { return rank(i, data, stage); });
      list_phases(k);
    }
    {
      kind k{what.expert_pattern, what.expert_bytes, what.expert_times * what.micro_batches};
      for (std::uint32_t stage = 0; stage < p; ++stage)
        for (std::uint32_t first = 0; first < d; first += e)
          for (std::uint32_t tensor = 0; tensor < t; ++tensor)
            add(k, ranks, e, [&](std::uint32_t i) { return rank(tensor, first + i, stage); });
      list_phases(k);
    }
    {
      kind k{collective::pipeline, what.pipeline_bytes, what.micro_batches};
      for (std::uint32_t data = 0; data < d; ++data)
        for (std::uint32_t tensor = 0; tensor < t; ++tensor)
          add(k, ranks, p, [&](std::uint32_t i) { return rank(tensor, data, i); });
      list_phases(k);
    }
    {
      kind k{what.data_pattern, what.data_bytes, 1};
      for (std::uint32_t stage = 0; stage < p; ++stage)
        for (std::uint32_t tensor = 0; tensor < t; ++tensor)
          add(k, ranks, d, [&](std::uint32_t i) { return rank(tensor, i, stage); });
      list_phases(k);
    }
  }

  /// The number of distinct phases; each stands for `phase::repeat` runs.
  [[nodiscard]] std::size_t size() const { return items_.size(); }

  /// Writes the flows of phase `k` < size() to `out`, which is cleared first. O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < items_.size());
    const item& x = items_[k];
    out.clear();
    phase said;
    std::vector<flow> part;
    for (const subgroup& s : turns_[x.turn]) {
      said = s.source.write(x.phase, part);
      for (flow f : part) out.push_back({s.rank[f.source], s.rank[f.target]});
    }
    said.repeat *= x.times;
    return said;
  }

 private:
  struct subgroup {
    std::vector<std::uint32_t> rank;  // in the whole group
    any_source source;
  };
  struct kind {
    collective pattern;
    double bytes;
    int times;
    std::vector<subgroup> groups = {};
  };
  struct item {
    std::size_t turn, phase;
    int times;
  };

  static constexpr int most_runs = 1'000'000;  // of a collective: times repeats it fits an int

  static std::uint32_t u(int v) { return static_cast<std::uint32_t>(v); }

  template <class Rank>
  static void add(kind& to, const group& all, std::uint32_t n, Rank&& rank) {
    if (!(to.bytes > 0) || to.times < 1 || n < 2) return;
    subgroup s;
    group part;
    part.gpus_per_server = all.gpus_per_server;
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t r = rank(i);
      s.rank.push_back(r);
      part.gpus.push_back(all.gpus[r]);
      part.servers.push_back(all.servers[r]);
      part.leafs.push_back(all.leafs[r]);
      part.slots.push_back(all.slots[r]);
      if (!all.domains.empty()) part.domains.push_back(all.domains[r]);
    }
    s.source = source_of(to.pattern, part, to.bytes);
    to.groups.push_back(std::move(s));
  }

  /// Groups whose phases have the same bytes and repeats go together.
  void list_phases(kind& all) {
    using shape = std::vector<phase>;
    std::vector<shape> shapes;
    const std::size_t first = turns_.size();
    std::vector<flow> flows;
    for (subgroup& g : all.groups) {
      shape s;
      for (std::size_t i = 0; i < g.source.size(); ++i) s.push_back(g.source.write(i, flows));
      const auto at =
          static_cast<std::size_t>(std::find(shapes.begin(), shapes.end(), s) - shapes.begin());
      if (at == shapes.size()) {
        shapes.push_back(std::move(s));
        turns_.emplace_back();
      }
      turns_[first + at].push_back(std::move(g));
    }
    for (std::size_t s = 0; s < shapes.size(); ++s)
      for (std::size_t i = 0; i < shapes[s].size(); ++i)
        items_.push_back({first + s, i, all.times});
  }

  static void check(int ranks, const parallelism& how, const step_traffic& what) {
    const auto at_least = [](const char* field, double value, double least) {
      if (!(value >= least && value < 1e18))
        throw input_error(std::string("training_step.") + field,
                          least > 0 ? "at least 1" : "at least 0", std::to_string(value));
    };
    at_least("tensor", how.tensor, 1);
    at_least("data", how.data, 1);
    at_least("pipeline", how.pipeline, 1);
    at_least("expert", how.expert, 1);
    at_least("micro_batches", what.micro_batches, 1);
    at_least("tensor_times", what.tensor_times, 0);
    at_least("expert_times", what.expert_times, 0);
    at_least("tensor_bytes", what.tensor_bytes, 0);
    at_least("expert_bytes", what.expert_bytes, 0);
    at_least("pipeline_bytes", what.pipeline_bytes, 0);
    at_least("data_bytes", what.data_bytes, 0);
    const auto few = [](const char* field, double runs) {
      if (!(runs <= most_runs))
        throw input_error(std::string("training_step.") + field,
                          "at most " + std::to_string(most_runs) + " in a step",
                          std::to_string(runs));
    };
    few("tensor_times", 1.0 * what.tensor_times * what.micro_batches);
    few("expert_times", 1.0 * what.expert_times * what.micro_batches);
    if (how.data % how.expert != 0)
      throw input_error("training_step.expert", "a divisor of data", std::to_string(how.expert));
    if (1.0 * how.tensor * how.data * how.pipeline != ranks)
      throw input_error("training_step",
                        "tensor · data · pipeline = " + std::to_string(ranks) + " ranks",
                        std::to_string(1.0 * how.tensor * how.data * how.pipeline));
  }

  std::vector<std::vector<subgroup>> turns_;  // of a kind, that go together
  std::vector<item> items_;
};

}  // namespace heddle::traffic
