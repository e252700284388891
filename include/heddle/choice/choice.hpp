// One operating point for each job under shared limits: the multiple-choice knapsack with any number of
// resources, solved near to optimal with a proof of how near.
//
//   member            what                                              when
//   choice::problem   jobs' points with value and use, capacities       the data, no unit implied (problem.hpp)
//   choice::solver    prices, repair, halves, branch and bound          always; keeps its memory
//   choice::solve     the same in one call                              a single problem
//   choice::standing  a choice kept near to optimal while jobs come and go  one job at a time (standing.hpp)
//
// A pass over all points is O(points · resources); the dual takes a few dozen passes, repair works on the
// few thousand points of least reduced cost, branch and bound on those that could still be in a better
// choice. One integer resource of moderate size is solved exactly by a table.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <boost/random/uniform_int_distribution.hpp>

#include <heddle/choice/detail/branch.hpp>
#include <heddle/choice/detail/dual.hpp>
#include <heddle/choice/detail/halves.hpp>
#include <heddle/choice/detail/near.hpp>
#include <heddle/choice/detail/repair.hpp>
#include <heddle/choice/detail/scaled_problem.hpp>
#include <heddle/choice/detail/table.hpp>
#include <heddle/choice/problem.hpp>
#include <heddle/core/error.hpp>
#include <heddle/core/random.hpp>

namespace heddle::choice {

/// What an answer is.
enum class status {
  optimal,     ///< proved: the gap is closed, or every other choice was excluded
  feasible,    ///< a valid choice, no further from optimal than the gap
  infeasible,  ///< proved: no choice of exactly one point a job fits
  unknown,     ///< exactly one a job is asked for, and none that fits was found within the limits
};

/// A choice with its proof.
struct answer {
  choice::status status = status::unknown;
  double objective = 0;             ///< Σ weight·value of `point`
  double bound = 0;                 ///< no choice is worth more
  double gap = 0;                   ///< (bound − objective) / max(|bound|, 1e-12)
  std::vector<std::int64_t> point;  ///< for each job: the index among its own points, or −1
  std::vector<double> use;          ///< of each resource
  std::vector<double> price;        ///< dual value of one unit of each resource
  std::size_t passes = 0;           ///< passes over all points
  std::size_t nodes = 0;            ///< of branch and bound
};

/// When to stop. Without a time limit an answer depends on the input alone.
struct options {
  double gap = 0;  ///< relative gap that is good enough
  std::size_t node_limit =
      200'000;  ///< of branch and bound, and of work: about 5 µs each; 0: neither
                ///< halves nor branch and bound
  double time_limit_s = std::numeric_limits<double>::infinity();  ///< for halves, branch and bound
  std::size_t table_limit = 20'000'000;  ///< points × capacity up to which one integer resource is
                                         ///< solved by a table
};

/// Lagrangian prices, rounding, repair, meeting in the middle, and branch and bound on what is left.
///
/// 1. Points that cannot fit, and with at most one a job those worth nothing, are dropped.
/// 2. Under prices π ≥ 0 every job takes the point with the largest value − π·use; the sum plus the
///    worth of all capacity bounds every choice. Its minimum over π is the linear relaxation's optimum,
///    found through a master program with resources + 1 rows (exact for few prices).
/// 3. The jobs' points at the best prices are repaired until they fit and improved by exchanges of one
///    and two jobs.
/// 4. Where that does not close the gap, all jobs, or some of them at a time, are decided anew from the
///    likely choices of either half of them, of which ever more are listed; where those are all that could
///    be in a better choice, the best one is proved.
/// 5. In between, points whose reduced cost exceeds bound − objective are in no better choice; depth-first
///    search with new prices at each node decides the rest.
///
/// From 4 096 points on, or 65 536 where no gap is good enough, steps 2 and 3 are first tried on the points alone
/// that count near prices that a part of the jobs has (`detail::near_search`); the bound is one of the whole
/// problem all the same.
///
/// Prices of the last call start the next one of the same number of resources. Allocation-free once the
/// sizes have been seen, branch and bound apart from its first use of a depth. One user at a time.
/// Derived; see Kellerer, Pferschy, Pisinger, Knapsack Problems (2004), chapters 9 and 11.
class solver {
 public:
  /// \throws input_error  from `check`
  void operator()(const problem& p, const options& o, answer& out) {
    detail::check_shape(p);
    const std::size_t resources = p.resources();
    out = answer_like(out);
    out.point.assign(p.jobs(), -1);
    out.use.assign(resources, 0);
    out.price.assign(resources, 0);
    if (p.value.size() >= (o.gap > 0 ? large : larger) && solve_near(p, o, out)) return;
    detail::check_points(p, 0, p.value.size());
    if (!root_.build(p.capacity, p.begin, p.value, p.use, p.weight, p.require_one)) {
      out.status = status::infeasible;
      out.objective = out.bound = -std::numeric_limits<double>::infinity();
      return;
    }
    best_.reset(root_.jobs());
    if (price_.size() != resources) price_.assign(resources, 0);
    const double none = -std::numeric_limits<double>::infinity();
    auto found = dual_.solve(root_, price_, {.target = none, .gap = std::max(o.gap * 0.1, 1e-10)});
    out.passes = found.passes;
    price_ = found.infeasible ? price_ : dual_.best_price();
    double bound = root_.rounded(found.bound);
    bool proved_infeasible = found.infeasible;
    bool exact = false;
    if (!proved_infeasible) {
      repair_.run(root_, price_, dual_, best_);
      if (best_.found) bound = std::max(bound, best_.value);
      if (!closed(bound, o.gap) && table_.fits(root_, p.capacity[0], o.table_limit)) {
        exact = true;
        proved_infeasible = !table_.solve(root_, best_);
        if (best_.found) bound = best_.value;
      }
      if (!exact && !closed(bound, o.gap) && o.node_limit > 0) {
        const auto searched = search(o, found.bound, bound, out);
        bound = std::max(std::min(bound, searched.bound), best_.found ? best_.value : none);
        if (searched.complete && !best_.found) proved_infeasible = true;
      }
    }
    if (proved_infeasible) {
      out.status = status::infeasible;
      out.objective = out.bound = none;
      return;
    }
    if (!best_.found) {
      write_prices(p, out);
      out.status = status::unknown;
      out.objective = none;
      out.bound = bound;
      out.gap = std::numeric_limits<double>::infinity();
      return;
    }
    write(p, bound, out);
  }

  [[nodiscard]] answer operator()(const problem& p, const options& o = {}) {
    answer out;
    (*this)(p, o, out);
    return out;
  }

 private:
  // Points; larger where no gap is good enough, and all points are read in the end anyway.
  static constexpr std::size_t large = 4096, larger = 65536;
  static constexpr std::size_t near_candidates[] = {1000, 4000};  // of repair, in turn
  static constexpr std::size_t short_search = 20;                 // nodes
  static constexpr std::size_t first_list = 1000;                 // choices of half the jobs
  static constexpr std::size_t longest_list = 131072;
  static constexpr double free_bits =
      118;  // of choices decided anew at once: 36 jobs of ten points
  static constexpr std::size_t draws_of_free = 20;                  // for each length of the lists
  static constexpr double least_work = 2e6, work_for_a_node = 150;  // about 30 ns each
  static constexpr double part_of_branches = 0.0625;                // of the work of halves

  // Large problems: true if what is found near the prices is good enough.
  bool solve_near(const problem& p, const options& o, answer& out) {
    const bool warm = price_.size() == p.resources();
    if (!warm) price_.assign(p.resources(), 0);
    const auto found = near_.run(p, warm, std::max(o.gap * 0.1, 1e-10), dual_, price_, root_);
    out.passes = found.passes;
    if (!found.usable) return false;
    best_.reset(root_.jobs());
    for (const std::size_t candidates : near_candidates) {
      repair_.run(root_, price_, dual_, best_, {.candidates = candidates});
      if (closed(found.bound, o.gap)) break;
    }
    if (!closed(found.bound, o.gap)) return false;
    write(p, found.bound, out);
    return true;
  }

  void write_prices(const problem& p, answer& out) const {
    for (std::size_t r = 0; r < p.resources(); ++r)
      out.price[r] = p.capacity[r] > 0 ? price_[r] / p.capacity[r] : 0;
  }

  // The best choice, which there is.
  void write(const problem& p, double bound, answer& out) const {
    const std::size_t resources = p.resources();
    write_prices(p, out);
    out.objective = 0;
    for (std::size_t i = 0; i < p.jobs(); ++i) {
      out.point[i] = root_.source(best_.point[i]);
      if (out.point[i] < 0) continue;
      const std::size_t k = p.begin[i] + static_cast<std::size_t>(out.point[i]);
      out.objective += p.weight_of(i) * p.value[k];
      for (std::size_t r = 0; r < resources; ++r) out.use[r] += p.use[k * resources + r];
    }
    out.bound = std::max(bound, out.objective);
    out.gap = (out.bound - out.objective) / std::max(std::abs(out.bound), 1e-12);
    out.status = out.gap <= 1e-9 ? status::optimal : status::feasible;
  }

  // Halves with ever longer lists and, in turn, branch and bound with ever more nodes.
  detail::branch_search::result search(const options& o, double relaxed, double bound,
                                       answer& out) {
    const auto began = std::chrono::steady_clock::now();
    const auto gone_s = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    };
    const auto go_on = [&] { return gone_s() < o.time_limit_s; };
    double work = least_work + work_for_a_node * static_cast<double>(o.node_limit);
    const auto branch = [&](std::size_t nodes, double most_work) {
      auto out_of =
          branch_.run(root_, price_, bound, o.gap,
                      {.nodes = nodes, .work = most_work, .time_s = o.time_limit_s - gone_s()},
                      dual_, repair_, best_);
      out.nodes += out_of.nodes;
      work -= out_of.work;
      return out_of;
    };
    // A short search closes most problems.
    auto searched = branch(std::min(o.node_limit, short_search), work);
    stream draw(0, root_.jobs(), "halves");
    const bool all_at_once = draw_free(draw);
    const bool halve =
        root_.jobs() > 1 && halves_.start(root_, price_, relaxed) && (best_.found || all_at_once);
    const auto open = [&] {
      bound = searched.bound = std::min(bound, searched.bound);
      return !searched.complete && !closed(bound, o.gap) && go_on();
    };
    const std::size_t draws = all_at_once ? 1 : draws_of_free;
    const double worst = relaxed - root_.base;  // what a choice may lose at all
    double loss = worst / 64;                   // what it may lose if none is known
    std::size_t list = first_list;
    while (open() && work > 0) {
      const double before = work, before_s = gone_s();
      for (std::size_t n = 0; halve && n < draws && work > 0 && open(); ++n) {
        const bool all = draw_free(draw);
        const auto met = halves_.run(root_, free_, best_, list, loss, go_on);
        work -= met.work;
        if (met.complete && all && (best_.found || loss >= worst))
          return {.bound = best_.value, .complete = true};
      }
      // Lists of twice the length take a little more than twice as long: if that is not left, as long as now.
      const double took_s = gone_s() - before_s;
      if (2.5 * (before - work) < work && 2.5 * took_s < o.time_limit_s - gone_s())
        list = std::min(2 * list, longest_list);
      loss = std::min(2 * loss, worst);
      if (!open()) break;
      searched =
          branch(o.node_limit - out.nodes, halve ? part_of_branches * (before - work) : work);
      if (!halve) break;
    }
    (void)open();
    return searched;
  }

  // Jobs that are decided anew, in an order of which the first half is one half; true if those are all.
  bool draw_free(stream& draw) {
    free_.resize(root_.jobs());
    std::iota(free_.begin(), free_.end(), 0U);
    double bits = 0;
    std::size_t count = 0;
    for (; count < free_.size() && bits < free_bits; ++count) {
      const auto j = static_cast<std::size_t>(
          boost::random::uniform_int_distribution<std::size_t>(count, free_.size() - 1)(draw));
      std::swap(free_[count], free_[j]);
      bits +=
          std::log2(static_cast<double>(root_.begin[free_[count] + 1] - root_.begin[free_[count]]));
    }
    free_.resize(count);
    return count == root_.jobs();
  }

  static answer answer_like(answer& old) {
    answer fresh;
    fresh.point.swap(old.point);
    fresh.use.swap(old.use);
    fresh.price.swap(old.price);
    return fresh;
  }
  [[nodiscard]] bool closed(double bound, double gap) const {
    return best_.found &&
           bound - best_.value <= std::max(gap, 1e-12) * std::max(std::abs(bound), 1e-12);
  }

  detail::near_search near_;
  detail::scaled_problem root_;
  detail::dual_search dual_;
  detail::repair_search repair_;
  detail::table_search table_;
  detail::halves_search halves_;
  detail::branch_search branch_;
  detail::best_choice best_;
  std::vector<double> price_;
  std::vector<std::uint32_t> free_;
};

/// One call, its own memory.
[[nodiscard]] inline answer solve(const problem& p, const options& o = {}) {
  solver s;
  return s(p, o);
}

}  // namespace heddle::choice
