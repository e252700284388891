// Exchanges of several jobs at once, each solved exactly: local search where a proof is far off.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include <heddle/allocate/detail/choice_data.hpp>
#include <heddle/core/random.hpp>

namespace heddle::allocate::detail {

/// Takes a few jobs out of a choice and puts them back in the best other way, again and again.
///
/// At prices π a choice loses Σρ + π·(left over) against the bound, ρ being the reduced costs of its
/// points. So a way to put the q jobs back that is worth v or more has Σρ ≤ max score + π·room − v: of the
/// many combinations few are left to look at, and with as many jobs as some thousand combinations
/// allow the neighbourhood is far larger than that of pairs. Now and then the best other way is taken
/// although it is worse; after a long time without success the walk starts again from the best choice with some jobs anywhere.
///
/// Draws are a function of the round alone. Allocation-free once warm. Derived.
class choice_exchange {
 public:
  /// Offers what it finds to `best`, which must have been found. `go_on()` is asked every few rounds.
  template <class GoOn>
  void run(const choice_data& d, const std::vector<double>& price, choice_found& best,
           std::size_t rounds, GoOn go_on) {
    if (!best.found || !prepare(d, price)) return;
    restart(d, best);
    std::size_t jobs = std::min<std::size_t>(3, movable_.size()), stale = 0;
    for (std::size_t round = 0; round < rounds; ++round) {
      if (round % 16 == 0 && !go_on()) return;
      stream draw(round, d.jobs(), "exchange");
      for (std::size_t q = 0; q < jobs; ++q)
        std::swap(movable_[q], movable_[q + static_cast<std::size_t>(draw() % (movable_.size() - q))]);
      const double unit = static_cast<double>(draw() >> 11) * 0x1p-53;
      // What the next choice may be worth less: nothing in most rounds.
      const double give = stale < 20 || unit > 0.15 ? 0 : 0.3 * loss_ * unit / 0.15;
      const double gain = put_back(d, jobs, give);
      // As many jobs as a few thousand combinations allow.
      if (nodes_ < 800 && jobs < std::min<std::size_t>(10, movable_.size())) ++jobs;
      if (nodes_ > 6000 && jobs > 2) --jobs;
      ++stale;
      if (gain > 0 && worth_ + d.base > best.value + 1e-12 * std::abs(best.value)) {
        best.offer(d, now_, d.base + worth_);
        stale = 0;
      }
      if (stale > patience) {
        stale = 0;
        restart(d, best);
        // Some jobs go anywhere that fits: another valley, and often a way out of this one.
        const std::size_t kicks = draw() % (1 + movable_.size());
        for (std::size_t m = 0; m < kicks; ++m) kick(d, movable_[draw() % movable_.size()], draw());
        add_up(d);
      }
    }
  }

 private:
  static constexpr std::size_t most_nodes = 20'000;
  static constexpr std::size_t patience = 250;  // rounds

  struct ranked {
    double reduced;
    std::uint32_t point;
  };

  bool prepare(const choice_data& d, const std::vector<double>& price) {
    const std::size_t resources = d.resources();
    price_ = price;
    movable_.clear();
    sorted_.clear();
    top_.resize(d.jobs());
    reduced_.resize(d.points());
    least_.assign(d.jobs() * resources, std::numeric_limits<double>::infinity());
    for (std::uint32_t i = 0; i < d.jobs(); ++i) {
      top_[i] = -std::numeric_limits<double>::infinity();
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
        double score = d.value[k];
        for (std::size_t r = 0; r < resources; ++r) {
          score -= price[r] * d.row(k)[r];
          least_[i * resources + r] = std::min(least_[i * resources + r], d.row(k)[r]);
        }
        reduced_[k] = score;
        top_[i] = std::max(top_[i], score);
      }
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
        reduced_[k] = top_[i] - reduced_[k];
        sorted_.push_back({reduced_[k], k});
      }
      std::sort(sorted_.begin() + d.begin[i], sorted_.end(), [](const ranked& a, const ranked& b) {
        return a.reduced != b.reduced ? a.reduced < b.reduced : a.point < b.point;
      });
      if (d.begin[i + 1] - d.begin[i] > 1) movable_.push_back(i);
    }
    return movable_.size() > 1;
  }

  void restart(const choice_data& d, const choice_found& best) {
    now_.resize(d.jobs());
    for (std::size_t i = 0; i < d.jobs(); ++i)
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
        if (d.origin[k] == best.point[d.job[i]]) now_[i] = k;
    add_up(d);
  }

  void kick(const choice_data& d, std::uint32_t i, std::uint64_t any) {
    const auto k = static_cast<std::uint32_t>(d.begin[i] + any % (d.begin[i + 1] - d.begin[i]));
    for (std::size_t r = 0; r < d.resources(); ++r)
      if (used_[r] - d.row(now_[i])[r] + d.row(k)[r] > d.left[r] + choice_data::slack) return;
    for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(k)[r] - d.row(now_[i])[r];
    now_[i] = k;
  }

  // Sums afresh, as roundings add up.
  void add_up(const choice_data& d) {
    used_.assign(d.resources(), 0);
    worth_ = loss_ = 0;
    for (std::size_t i = 0; i < d.jobs(); ++i) {
      worth_ += d.value[now_[i]];
      loss_ += reduced_[now_[i]];
      for (std::size_t r = 0; r < d.resources(); ++r) used_[r] += d.row(now_[i])[r];
    }
    for (std::size_t r = 0; r < d.resources(); ++r) loss_ += price_[r] * (d.left[r] - used_[r]);
  }

  // The best other points of the first `jobs` movable jobs that are worth at least what they are worth now
  // less `give`. Returns the gain, −∞ if there are none.
  double put_back(const choice_data& d, std::size_t jobs, double give) {
    const std::size_t resources = d.resources();
    room_.resize((jobs + 1) * resources);
    need_.assign((jobs + 1) * resources, 0);
    pick_.resize(jobs);
    found_.resize(jobs);
    double old = 0;
    most_ = 0;
    for (std::size_t r = 0; r < resources; ++r) room_[r] = d.left[r] + choice_data::slack - used_[r];
    for (std::size_t q = 0; q < jobs; ++q) {
      const std::uint32_t i = movable_[q];
      old += d.value[now_[i]];
      most_ += top_[i];
      for (std::size_t r = 0; r < resources; ++r) room_[r] += d.row(now_[i])[r];
    }
    for (std::size_t q = jobs; q-- > 0;)
      for (std::size_t r = 0; r < resources; ++r)
        need_[q * resources + r] = need_[(q + 1) * resources + r] + least_[movable_[q] * resources + r];
    for (std::size_t r = 0; r < resources; ++r) most_ += price_[r] * std::max(room_[r], 0.0);
    nodes_ = 0;
    wanted_ = old - give;
    some_ = false;
    walk(d, jobs, 0, 0, 0, false);
    if (!some_) return -std::numeric_limits<double>::infinity();
    for (std::size_t q = 0; q < jobs; ++q) now_[movable_[q]] = found_[q];
    add_up(d);
    return wanted_ - old;
  }

  void walk(const choice_data& d, std::size_t jobs, std::size_t q, double reduced, double value,
            bool other) {
    if (q == jobs) {
      if (!other || (some_ ? value <= wanted_ : value < wanted_)) return;
      some_ = true;
      wanted_ = value;
      found_ = pick_;
      return;
    }
    const std::size_t resources = d.resources();
    const std::uint32_t i = movable_[q];
    const double* room = room_.data() + q * resources;
    double* next = room_.data() + (q + 1) * resources;
    const double* need = need_.data() + (q + 1) * resources;
    const double tiny = 1e-12 * std::abs(most_);
    for (std::uint32_t b = d.begin[i]; b < d.begin[i + 1]; ++b) {
      const ranked& s = sorted_[b];
      if (most_ - reduced - s.reduced < wanted_ - tiny || ++nodes_ > most_nodes) return;
      const double* row = d.row(s.point);
      bool fits = true;
      for (std::size_t r = 0; r < resources && fits; ++r) {
        next[r] = room[r] - row[r];
        fits = next[r] >= need[r];
      }
      if (!fits) continue;
      pick_[q] = s.point;
      walk(d, jobs, q + 1, reduced + s.reduced, value + d.value[s.point],
           other || s.point != now_[i]);
    }
  }

  std::vector<double> price_, top_, reduced_, least_, used_, room_, need_;
  std::vector<ranked> sorted_;
  std::vector<std::uint32_t> movable_, now_, pick_, found_;
  double worth_ = 0, loss_ = 0, most_ = 0, wanted_ = 0;
  std::size_t nodes_ = 0;
  bool some_ = false;
};

}  // namespace heddle::allocate::detail
