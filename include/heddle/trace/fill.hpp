// What to assume of a job where its trace is silent.
//
//   filler          model                 collective, communication share, what of it is hidden
//   nothing         stays unknown         none: the job never waits for the network
//   vclos_mix       of the share's row    drawn as the vClos evaluation does
//   catalogue_mix   drawn from a list     drawn as vclos_mix does
//
// A filler of one's own is a function (job&, const missing&). `read_jobs` takes one; `fill_in` fills
// jobs that are there already, such as those of a published trace.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>

namespace heddle::trace {

/// Which fields of a job its source left empty.
struct missing {
  bool model = false;
  bool pattern = false;
  bool comm_share = false;
  bool overlap = false;  ///< there is a column for it, with nothing in it here
};

/// Leaves a job as it is.
struct nothing {
  void operator()(job&, const missing&) const {}
};

/// A measured share of communication in a job's run time.
struct share_row {
  std::string_view model;
  double local_batch;
  double comm_share;
};

/// Shares of communication by model and local batch, as the vClos simulators use them.
inline constexpr std::array<share_row, 18> comm_shares{{
    {"vgg16", 4, .25},
    {"vgg16", 8, .23},
    {"vgg16", 16, .16},
    {"vgg16", 32, .10},
    {"vgg16", 64, .07},
    {"vgg16", 96, .04},
    {"resnet50", 16, .04},
    {"resnet50", 32, .05},
    {"resnet50", 64, .04},
    {"resnet50", 96, .03},
    {"resnet50", 128, .02},
    {"resnet101", 16, .05},
    {"resnet101", 32, .05},
    {"resnet101", 64, .04},
    {"resnet101", 96, .02},
    {"bert", 16, .12},
    {"bert", 32, .08},
    {"pangu", 1, .348},
}};

/// Of all communication of a model the part that is hidden behind computing, where it is known.
struct hidden_row {
  std::string_view model;
  double hidden;
};

/// Fitted to published times of iterations with and without contention, whose share of communication was
/// published too (docs/evaluation/iterations.md). Derived.
inline constexpr std::array<hidden_row, 1> hidden_shares{{
    {"pangu", .57},
}};

/// Hides the part of a job's communication that is known to be of its model: from a share that is measured
/// on the network if `of_all`, else beside one that is exposed already.
inline void hide_known(job& j, bool of_all) {
  for (const hidden_row& row : hidden_shares) {
    if (row.model != j.model) continue;
    if (of_all) {
      j.overlap = j.comm_share * row.hidden;
      j.comm_share -= j.overlap;
    } else {
      j.overlap = std::min(1 - j.comm_share, j.comm_share * row.hidden / (1 - row.hidden));
    }
  }
}

/// The mix of the vClos evaluation: collectives by chance (halving-doubling only for powers of two),
/// and of communication either the share of the largest model for all jobs, or a row of
/// `comm_shares` drawn uniformly. The same job gets the same draw in every trace of a seed.
/// Reference: arXiv 2308.05692 and its simulator's published job list.
struct vclos_mix {
  std::uint64_t seed = 0;
  bool heavy = true;  ///< every job communicates 34.8 % of its time; else drawn

  void operator()(job& j, const missing& what) const {
    if (what.pattern) j.pattern = draw_pattern(j);
    if (!what.comm_share && !what.model && !what.overlap) return;
    share_row row = comm_shares.back();
    if (!heavy) {
      stream s{seed, j.id.value, "share"};
      const boost::random::uniform_int_distribution<std::size_t> any(0, comm_shares.size() - 1);
      row = comm_shares[any(s)];
    }
    if (what.comm_share) j.comm_share = row.comm_share;
    if (what.model) {
      j.model = row.model;
      if (j.local_batch == 0) j.local_batch = row.local_batch;
    }
    if (what.overlap) hide_known(j, what.comm_share);
  }

  [[nodiscard]] collective draw_pattern(const job& j) const {
    stream s{seed, j.id.value, "collective"};
    const double u = boost::random::uniform_01<double>()(s);
    const bool power_of_two = std::has_single_bit(static_cast<unsigned>(j.gpus));
    if (u < .5 && power_of_two) return collective::halving_doubling;
    if (u < .7 || !power_of_two) return collective::ring;
    return collective::all_to_all;
  }
};

/// Draws a job's model from a list, uniformly; communication as `vclos_mix` does with its own row
/// drawn for each job.
struct catalogue_mix {
  std::uint64_t seed = 0;
  std::span<const std::string_view> models;  ///< names of a catalogue; not empty, must outlive this

  void operator()(job& j, const missing& what) const {
    if (what.model) {
      stream s{seed, j.id.value, "model"};
      const boost::random::uniform_int_distribution<std::size_t> any(0, models.size() - 1);
      j.model = models[any(s)];
    }
    vclos_mix{seed, false}(j, {.model = false,
                               .pattern = what.pattern,
                               .comm_share = what.comm_share,
                               .overlap = what.overlap});
  }
};

/// Fills in what jobs leave open: an empty model, no collective, no share of communication.
template <class Fill>
void fill_in(std::span<job> jobs, const Fill& fill) {
  for (job& j : jobs)
    fill(j, missing{.model = j.model.empty(),
                    .pattern = j.pattern == collective::none,
                    .comm_share = j.comm_share == 0});
}

}  // namespace heddle::trace
