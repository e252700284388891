// Branch and bound on the points that could still be in a better choice.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

#include <heddle/choice/detail/dual.hpp>
#include <heddle/choice/detail/node.hpp>
#include <heddle/choice/detail/repair.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>

namespace heddle::choice::detail {

/// Depth first. At each node: new prices from the parent's, a repaired choice, removal of the points
/// whose reduced cost exceeds bound − best; then a child for each point of the job that the relaxation
/// would divide. Once the choices whose reduced costs add up to no more than that room are a few million
/// at most, they are enumerated.
class branch_search {
 public:
  struct result {
    double bound = 0;  ///< of the whole tree
    std::size_t nodes = 0;
    double work = 0;        ///< about 30 ns each
    bool complete = false;  ///< nothing was left out because of a limit
  };

  /// When to stop.
  struct limits {
    std::size_t nodes = 0;
    double work = 0;
    double time_s = std::numeric_limits<double>::infinity();
  };

  result run(const scaled_problem& root, const std::vector<double>& price, double bound, double gap,
             const limits& most, dual_search& dual, repair_search& repair, best_choice& best) {
    dual_ = &dual;
    repair_ = &repair;
    best_ = &best;
    gap_ = gap;
    nodes_ = 0;
    work_ = 0;
    most_ = most;
    stop_ = false;
    open_ = -std::numeric_limits<double>::infinity();
    timed_ = most.time_s < std::numeric_limits<double>::infinity();
    if (timed_)
      until_ = std::chrono::steady_clock::now() +
               std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                   std::chrono::duration<double>(std::min(most.time_s, 1e8)));
    at(0).data = root;
    at(0).price = price;
    at(0).upper = bound;
    visit(0);
    result out;
    out.nodes = nodes_;
    out.work = work_;
    out.complete = !stop_;
    out.bound = std::min(bound, best.found ? std::max(best.value, open_) : stop_ ? bound : open_);
    return out;
  }

 private:
  struct branch {
    double reduced;
    std::uint32_t point;
  };
  struct level {
    scaled_problem data, spare;
    std::vector<double> price;
    std::vector<branch> branches;
    double upper = 0;  // no choice below this node is worth more
    double bound = 0;  // the same by the node's prices alone, from which reduced costs count
  };

  static constexpr std::size_t depth_limit = 600;
  static constexpr double enumerated = 3e6;  // choices
  static constexpr std::size_t bins = 256;
  static constexpr double work_of_repair = 1000, work_of_entry = 0.05, work_of_step = 0.5;

  level& at(std::size_t depth) {
    while (levels_.size() <= depth) levels_.emplace_back();
    return levels_[depth];
  }

  // What a node must promise to be worth a visit.
  [[nodiscard]] double target() const {
    if (!best_->found) return -std::numeric_limits<double>::infinity();
    return best_->value + std::max(gap_, 1e-12) * std::max(std::abs(best_->value), 1e-12);
  }
  void leave_open(double upper) { open_ = std::max(open_, upper); }

  bool out_of_budget() {
    if (!stop_)
      stop_ = nodes_ >= most_.nodes || work_ >= most_.work ||
              (timed_ && std::chrono::steady_clock::now() >= until_);
    return stop_;
  }

  void visit(std::size_t depth) {
    level& here = at(depth);
    if (out_of_budget()) return leave_open(here.upper);
    ++nodes_;
    for (int turn = 0; turn < 3; ++turn) {
      scaled_problem& d = here.data;
      if (d.jobs() == 0) {
        none_.clear();
        best_->offer(d, none_, d.base);
        return;
      }
      const std::size_t passes = depth == 0 ? 400 : 10 + 3 * d.resources();
      const auto found =
          dual_->solve(d, here.price, {.target = target(), .gap = 1e-9, .pass_limit = passes});
      work_ += work_of_repair +
               work_of_entry * static_cast<double>(found.passes * d.points() * d.resources());
      if (found.infeasible) return;
      here.upper = std::min(here.upper, d.rounded(found.bound));
      here.bound = found.bound;
      if (here.upper <= target()) {
        if (best_->found && here.upper > best_->value) leave_open(here.upper);
        return;
      }
      here.price = dual_->best_price();
      repair_->run(d, here.price, *dual_, *best_,
                   {.candidates = 4000, .partners = depth < 3 ? 192u : 24u, .moves = 100});
      if (here.upper <= target()) {
        if (here.upper > best_->value) leave_open(here.upper);
        return;
      }
      const double room = best_->found ? here.bound - best_->value - (d.whole ? 1 - 1e-6 : 0)
                                       : std::numeric_limits<double>::infinity();
      const std::size_t before = d.points();
      if (!reduce(d, repair_->reduced(), room, here.spare, *best_)) return;
      std::swap(here.data, here.spare);
      if (here.data.points() * 5 > before * 4) break;
    }
    const scaled_problem& d = here.data;
    if (d.jobs() == 0) {
      none_.clear();
      best_->offer(d, none_, d.base);
      return;
    }
    if (depth >= depth_limit) {
      stop_ = true;
      return leave_open(here.upper);
    }
    const std::size_t job = branching_job(d, here.price, cost_);
    if (best_->found && promising(d, here.bound) <= enumerated) return enumerate(d, here.bound);
    here.branches.clear();
    for (std::uint32_t k = d.begin[job]; k < d.begin[job + 1]; ++k)
      here.branches.push_back({cost_[k], k});
    std::sort(here.branches.begin(), here.branches.end(), [](const branch& a, const branch& b) {
      return a.reduced != b.reduced ? a.reduced < b.reduced : a.point < b.point;
    });
    for (std::size_t b = 0; b < here.branches.size(); ++b) {
      // References into levels_ stay valid: a deque grows at its end.
      const branch next = here.branches[b];
      const double promise = d.rounded(here.bound - next.reduced);
      if (promise <= target()) {
        if (best_->found && promise > best_->value) leave_open(promise);
        continue;
      }
      if (stop_) {
        leave_open(promise);
        continue;
      }
      if (!d.fits(d.row(next.point))) continue;
      level& child = at(depth + 1);
      descend(d, job, next.point, child.data, *best_);
      child.price = here.price;
      child.upper = promise;
      visit(depth + 1);
    }
  }

  // An upper bound on the number of choices whose promise at the node's prices is better than what is
  // known: reduced costs are counted in bins, rounded down. Expects them in cost_.
  double promising(const scaled_problem& d, double bound) {
    const double room = bound - best_->value;
    if (!(room > 0)) return 0;
    count_.assign(bins, 0);
    count_[0] = 1;
    for (std::size_t i = 0; i < d.jobs(); ++i) {
      next_count_.assign(bins, 0);
      double all = 0;
      for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k) {
        const double at = cost_[k] / room * static_cast<double>(bins - 1);
        if (!(at < static_cast<double>(bins))) continue;
        const auto shift = static_cast<std::size_t>(at);
        for (std::size_t b = shift; b < bins; ++b) next_count_[b] += count_[b - shift];
      }
      count_.swap(next_count_);
      for (double c : count_) all += c;
      if (all > 1e3 * enumerated) return all;  // those of the first jobs grow with every other
    }
    double all = 0;
    for (double c : count_) all += c;
    return all;
  }

  // All choices that are left, at the node's prices: faster than new prices where they are few. Expects
  // the reduced costs in cost_.
  void enumerate(const scaled_problem& d, double bound) {
    const std::size_t jobs = d.jobs(), resources = d.resources();
    sorted_.clear();
    for (std::size_t i = 0; i < jobs; ++i) {
      for (std::uint32_t k = d.begin[i]; k < d.begin[i + 1]; ++k) sorted_.push_back({cost_[k], k});
      std::sort(sorted_.begin() + d.begin[i], sorted_.end(), [](const branch& a, const branch& b) {
        return a.reduced != b.reduced ? a.reduced < b.reduced : a.point < b.point;
      });
    }
    // What the jobs from i on use at least.
    rest_.assign((jobs + 1) * resources, 0);
    for (std::size_t i = jobs; i-- > 0;)
      for (std::size_t r = 0; r < resources; ++r) {
        double least = std::numeric_limits<double>::infinity();
        for (std::size_t k = d.begin[i]; k < d.begin[i + 1]; ++k)
          least = std::min(least, d.row(k)[r]);
        rest_[i * resources + r] = rest_[(i + 1) * resources + r] + least;
      }
    used_.assign((jobs + 1) * resources, 0);
    picked_.resize(jobs);
    step(d, 0, bound, d.base);
  }

  void step(const scaled_problem& d, std::size_t i, double bound, double value) {
    if (i == d.jobs()) {
      best_->offer(d, picked_, value);
      return;
    }
    const std::size_t resources = d.resources();
    const double* used = used_.data() + i * resources;
    double* next = used_.data() + (i + 1) * resources;
    const double* rest = rest_.data() + (i + 1) * resources;
    for (std::size_t b = d.begin[i]; b < d.begin[i + 1]; ++b) {
      const double promise = d.rounded(bound - sorted_[b].reduced);
      if (promise <= target()) {
        if (best_->found && promise > best_->value) leave_open(promise);
        return;  // the later ones promise less
      }
      if (++steps_ % 4096 == 0) {
        work_ += 4096 * work_of_step;
        (void)out_of_budget();
      }
      if (stop_) return leave_open(promise);
      const std::uint32_t k = sorted_[b].point;
      const double* row = d.row(k);
      bool fits = true;
      for (std::size_t r = 0; r < resources && fits; ++r) {
        next[r] = used[r] + row[r];
        fits = next[r] + rest[r] <= d.left[r] + scaled_problem::slack;
      }
      if (!fits) continue;
      picked_[i] = k;
      step(d, i + 1, bound - sorted_[b].reduced, value + d.value[k]);
    }
  }

  dual_search* dual_ = nullptr;
  repair_search* repair_ = nullptr;
  best_choice* best_ = nullptr;
  double gap_ = 0, open_ = 0;
  std::size_t nodes_ = 0, steps_ = 0;
  double work_ = 0;
  limits most_;
  bool stop_ = false, timed_ = false;
  std::chrono::steady_clock::time_point until_;
  std::deque<level> levels_;
  std::vector<branch> sorted_;
  std::vector<double> cost_, rest_, used_, count_, next_count_;
  std::vector<std::uint32_t> none_, picked_;
};

}  // namespace heddle::choice::detail
