// The least that a type must be to model each concept of rounds. Algorithms are compiled against
// these, so that a concept asks for all that is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/share/elastic_round.hpp>
#include <heddle/share/round.hpp>

namespace heddle::share::archetype {

/// A RoundPolicy and nothing more: copyable, without a default, not const. The first job runs, everybody else
/// waits.
class round_policy {
 public:
  explicit round_policy(int) {}
  void operator()(const round_view& view, std::vector<std::uint32_t>& type) {
    type.assign(view.jobs.jobs(), no_type);
    for (std::size_t j = 0; j < view.jobs.types() && !type.empty(); ++j)
      if (view.jobs.row(0)[j] > 0 && view.jobs.gpus_of(0) <= view.jobs.capacity[j])
        type[0] = static_cast<std::uint32_t>(j);
  }
};

static_assert(RoundPolicy<round_policy>);

/// An ElasticRoundPolicy and nothing more: the first job has the first grant on which it runs.
class elastic_round_policy {
 public:
  explicit elastic_round_policy(int) {}
  void operator()(const elastic_view& view, std::vector<grant>& given) {
    given.assign(view.jobs(), {});
    for (std::size_t j = 0; j < view.types() && !given.empty(); ++j)
      for (const double gpus : view.counts) {
        const grant g{static_cast<std::uint32_t>(j), gpus};
        if (given[0].waits() && view.rate_of(0, g) > 0 && gpus <= view.round.jobs.capacity[j])
          given[0] = g;
      }
  }
};

static_assert(ElasticRoundPolicy<elastic_round_policy>);

}  // namespace heddle::share::archetype
