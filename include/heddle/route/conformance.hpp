// Checks that a model of contention of one's own keeps the promises that simulations rely on.
//
//   broken_promises(network, fabric, seed)     of a Contention
//
// It returns one sentence for every promise that was seen broken; an empty list is conformance.
// Test-framework free: `CHECK(broken_promises(my_network, dc, 1).empty())`.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/core/job.hpp>
#include <heddle/core/random.hpp>
#include <heddle/fabric/placement.hpp>
#include <heddle/route/contention.hpp>

namespace heddle::route {

namespace detail {

/// Jobs that come and go by chance, at most `most` at a time, on GPUs of their own.
template <Contention Network, class Fabric>
class contention_check {
 public:
  contention_check(Network network, const Fabric& dc, std::uint64_t seed)
      : network_(std::move(network)), dice_(seed, 0, "contention") {
    for (gpu_id g : dc.all_gpus()) free_.push_back(g);
  }

  std::vector<std::string> operator()(int changes) {
    for (int i = 0; i < changes; ++i) {
      if (there_.size() < most && !free_.empty() && (there_.empty() || below(2) == 0))
        come(i);
      else
        leave(std::next(there_.begin(), static_cast<std::ptrdiff_t>(below(there_.size())))->first);
    }
    return std::move(broken_);
  }

 private:
  static constexpr std::size_t most = 12;
  static constexpr double rounding = 1e-9;
  struct one {
    job spec;
    fabric::placement where;
    double slowdown = 1;
  };

  std::size_t below(std::size_t n) { return static_cast<std::size_t>(dice_() % n); }
  void require(bool kept, const char* promise, job_id id) {
    if (!kept) broken_.push_back(std::string(promise) + ": job " + std::to_string(id.value));
  }

  void come(int number) {
    one x = draw(number);
    std::map<job_id, double> before;
    for (const auto& [id, other] : there_) before[id] = other.slowdown;
    const job_id id = x.spec.id;
    network_.add(x.spec, x.where);
    check_changed(id);
    network_.remove(id);
    check_changed(id);
    for (const auto& [other, slowdown] : before)
      require(network_.slowdown(other) == slowdown,
              "a job that comes and goes leaves everybody as they were", other);
    network_.add(x.spec, x.where);
    there_.emplace(id, std::move(x));
    look(id);
  }
  void leave(job_id id) {
    network_.remove(id);
    const auto gpus = there_.at(id).where.gpus;
    free_.insert(free_.end(), gpus.begin(), gpus.end());
    there_.erase(id);
    look(id);
  }

  /// Up to half of the GPUs, from anywhere.
  one draw(int number) {
    constexpr std::array patterns{collective::ring, collective::halving_doubling,
                                  collective::all_to_all};
    one x;
    x.spec.id = job_id{number};
    x.spec.pattern = patterns[below(patterns.size())];
    x.spec.comm_share = static_cast<double>(1 + below(98)) / 100;
    const std::size_t gpus = 1 + below(std::max<std::size_t>(1, free_.size() / 2));
    for (std::size_t k = 0; k < gpus; ++k) {
      std::swap(free_[below(free_.size())], free_.back());
      x.where.gpus.push_back(free_.back());
      free_.pop_back();
    }
    std::sort(x.where.gpus.begin(), x.where.gpus.end());
    x.spec.gpus = static_cast<int>(gpus);
    return x;
  }

  void check_changed(job_id id) {
    const std::span<const job_id> changed = network_.changed();
    require(std::adjacent_find(changed.begin(), changed.end(),
                               [](job_id a, job_id b) { return !(a < b); }) == changed.end(),
            "those who changed are named once, by id, after", id);
    require(std::find(changed.begin(), changed.end(), id) != changed.end(),
            "who comes or goes is among those who changed", id);
    for (job_id other : changed)
      require(other == id || there_.contains(other), "who changed is there", other);
  }
  /// After the job `id` came or went.
  void look(job_id id) {
    check_changed(id);
    const std::span<const job_id> changed = network_.changed();
    for (auto& [other, x] : there_) {
      const double now = network_.slowdown(other);
      require(std::isfinite(now) && now >= 1 - rounding, "a slow-down is at least 1", other);
      require(now == network_.slowdown(other), "asked twice it says the same", other);
      if (std::find(changed.begin(), changed.end(), other) == changed.end())
        require(now == x.slowdown, "who is not named has not changed", other);
      if (x.where.gpus.size() == 1) require(now == 1, "who has one GPU is not slowed down", other);
      x.slowdown = now;
    }
  }

  Network network_;
  stream dice_;
  std::vector<gpu_id> free_;
  std::map<job_id, one> there_;
  std::vector<std::string> broken_;
};

}  // namespace detail

/// The promises of a Contention, over jobs that come and go by chance:
/// 1. a slow-down is finite and at least 1, and 1 for a job of one GPU; asked twice it is the same;
/// 2. after `add` and `remove`, `changed` names by id and once whoever came or went and all whose
///    slow-down is another than before, and nobody who is not there;
/// 3. a job that comes and goes at once leaves everybody as they were, to the last bit.
/// \param network  on `dc`, with nobody on it
template <Contention Network, class Fabric>
[[nodiscard]] std::vector<std::string> broken_promises(Network network, const Fabric& dc,
                                                       std::uint64_t seed, int changes = 200) {
  return detail::contention_check<Network, Fabric>(std::move(network), dc, seed)(changes);
}

}  // namespace heddle::route
