// The loop of sim::run_rounds: the jobs that are there, and the clock.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/share/elastic_round.hpp>
#include <heddle/share/problem.hpp>
#include <heddle/share/round.hpp>
#include <heddle/sim/typed_jobs.hpp>

namespace heddle::sim::detail {

/// \throws input_error  for jobs that no run can end
inline void check(const typed_jobs& all, const round_options& rules) {
  const share::problem& p = all.jobs;
  share::check(p, {.steps = true});
  if (all.submit_s.size() != p.jobs())
    throw input_error("rounds.submit_s", std::to_string(p.jobs()) + " times",
                      std::to_string(all.submit_s.size()));
  if (!(rules.round_s > 0))
    throw input_error("rounds.round_s", "a positive time", std::to_string(rules.round_s));
  if (!(rules.switch_s >= 0 && rules.switch_s < rules.round_s))
    throw input_error("rounds.switch_s", "a time from 0, shorter than a round",
                      std::to_string(rules.switch_s));
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    const std::string job = "rounds.jobs[" + std::to_string(i) + "]";
    if (!std::isfinite(all.submit_s[i]) || (i > 0 && all.submit_s[i] < all.submit_s[i - 1]))
      throw input_error(job + ".submit_s", "a time, no earlier than that of the job before",
                        std::to_string(all.submit_s[i]));
    if (!(p.steps[i] > 0)) throw input_error(job + ".steps", "at least a part of a step", "none");
    bool runs = false;
    for (std::size_t j = 0; j < p.types(); ++j) {
      const double rate = p.row(i)[j];
      if (!(rate > 0)) continue;
      runs = runs || p.gpus_of(i) <= p.capacity[j];
      if (std::isfinite(rules.round_s) && rules.whole_steps &&
          rate * (rules.round_s - rules.switch_s) < 1)
        throw input_error(job + ".throughput[" + std::to_string(j) + "]",
                          "at least one step in a round", std::to_string(rate) + " steps/s");
    }
    if (!runs) throw input_error(job, "a type with its GPUs, on which it runs", "none");
  }
}

/// \throws input_error  for a table of rates that does not fit the jobs
inline void check(const elastic_jobs& all, const round_options& rules) {
  check(all.asked, rules);
  const share::problem& p = all.asked.jobs;
  const std::size_t counts = all.counts.size(), row = p.types() * counts;
  for (std::size_t c = 0; c < counts; ++c)
    if (!std::isfinite(all.counts[c]) || !(all.counts[c] > (c > 0 ? all.counts[c - 1] : 0)))
      throw input_error("rounds.counts[" + std::to_string(c) + "]", "numbers above 0 that rise",
                        std::to_string(all.counts[c]));
  if (all.rate.size() != p.jobs() * row)
    throw input_error("rounds.rate", std::to_string(p.jobs() * row) + " entries",
                      std::to_string(all.rate.size()));
  for (std::size_t i = 0; i < p.jobs(); ++i) {
    const auto asked = std::find(all.counts.begin(), all.counts.end(), p.gpus_of(i));
    const std::string job = "rounds.jobs[" + std::to_string(i) + "]";
    if (asked == all.counts.end())
      throw input_error(job + ".gpus", "one of the numbers of GPUs", std::to_string(p.gpus_of(i)));
    for (std::size_t j = 0; j < p.types(); ++j) {
      const double* const rate = all.rate.data() + i * row + j * counts;
      for (std::size_t c = 0; c < counts; ++c) {
        const std::string at = job + ".rate[" + std::to_string(j * counts + c) + "]";
        if (!(rate[c] >= 0 && std::isfinite(rate[c])))
          throw input_error(at, "a finite number of at least 0", std::to_string(rate[c]));
        if (rate[c] > 0 && std::isfinite(rules.round_s) && rules.whole_steps &&
            rate[c] * (rules.round_s - rules.switch_s) < 1)
          throw input_error(at, "at least one step in a round",
                            std::to_string(rate[c]) + " steps/s");
      }
      if (rate[asked - all.counts.begin()] != p.row(i)[j])
        throw input_error(job + ".throughput[" + std::to_string(j) + "]",
                          "the rate with the GPUs asked for", std::to_string(p.row(i)[j]));
    }
  }
}

/// The jobs that are there, and the clock.
class round_run {
 public:
  round_run(const elastic_jobs& all, const round_options& rules)
      : round_run(all.asked, rules, &all) {
    check(all, rules);
  }
  round_run(const typed_jobs& all, const round_options& rules) : round_run(all, rules, nullptr) {
    check(all, rules);
  }

  template <class Policy, class Watch>
  round_report run(Policy& policy, Watch& watch) {
    std::size_t idle = 0;
    while (admit()) {
      const share::round_view view{
          now_, id_, before_, held_s_, type_held_s_, t_, rules_.round_s, rules_.switch_s, changed_};
      decide(policy, watch, view);
      changed_ = false;
      if (std::all_of(given_.begin(), given_.end(), [](auto& g) { return g.waits(); })) {
        if (++idle > most_idle || (!coming() && std::isinf(rules_.round_s)))
          throw input_error("a round at " + std::to_string(t_) + " s", "a job that runs", "none");
        std::fill(held_s_.begin(), held_s_.end(), 0.0);
        std::fill(type_held_s_.begin(), type_held_s_.end(), 0.0);
        before_.assign(id_.size(), share::no_type);
        had_.assign(id_.size(), {});
        t_ = coming() ? all_.submit_s[next_] : t_ + rules_.round_s;
        continue;
      }
      idle = 0;
      ++report_.rounds;
      carry_out();
    }
    return sum_up();
  }

 private:
  static constexpr std::size_t most_idle = 1'000;

  round_run(const typed_jobs& all, const round_options& rules, const elastic_jobs* elastic)
      : all_(all), elastic_(elastic), rules_(rules) {
    now_.capacity = all.jobs.capacity;
    report_.jobs.resize(all.jobs.jobs());
    report_.busy.assign(types(), 0);
    type_held_s_.assign(types(), 0);
    if (!all.submit_s.empty()) t_ = all.submit_s.front();
  }

  /// Asks the policy and fills `given_`.
  template <class Policy, class Watch>
  void decide(Policy& policy, Watch& watch, const share::round_view& view) {
    const auto kept = [&](const std::string& broken, const char* promise) {
      if (!broken.empty())
        throw input_error("a round at " + std::to_string(t_) + " s", promise, broken);
    };
    if constexpr (share::ElasticRoundPolicy<Policy>) {
      starts_.clear();
      for (const std::uint32_t id : id_) starts_.push_back(report_.jobs[id].switches);
      const share::elastic_view elastic{view, elastic_->counts, rate_, had_, starts_};
      policy(elastic, given_);
      kept(share::broken_promise(elastic, given_), "grants as an ElasticRoundPolicy promises");
      watch(elastic, given_);
    } else {
      policy(view, type_);
      kept(share::broken_promise(view, type_), "types as a RoundPolicy promises");
      watch(view, type_);
      given_.assign(type_.size(), {});
      for (std::size_t i = 0; i < type_.size(); ++i)
        if (type_[i] != share::no_type) given_[i] = {type_[i], now_.gpus[i]};
    }
  }

  /// Entries of a job in the table of rates.
  [[nodiscard]] std::size_t rates() const {
    return elastic_ ? types() * elastic_->counts.size() : 0;
  }
  [[nodiscard]] double rate_of(std::size_t i) const {
    const share::grant& g = given_[i];
    if (!elastic_) return now_.row(i)[g.type];
    const auto& counts = elastic_->counts;
    const auto at = std::lower_bound(counts.begin(), counts.end(), g.gpus) - counts.begin();
    return rate_[i * rates() + g.type * counts.size() + static_cast<std::size_t>(at)];
  }

  [[nodiscard]] std::size_t types() const { return all_.jobs.types(); }
  [[nodiscard]] bool coming() const { return next_ < all_.jobs.jobs(); }

  /// Lets in who has been submitted; false when all have ended.
  bool admit() {
    if (id_.empty() && coming()) t_ = std::max(t_, all_.submit_s[next_]);
    for (; coming() && all_.submit_s[next_] <= t_; ++next_) {
      id_.push_back(static_cast<std::uint32_t>(next_));
      before_.push_back(share::no_type);
      had_.push_back({});
      held_s_.push_back(0);
      lost_s_.push_back(0);
      now_.throughput.insert(now_.throughput.end(), all_.jobs.row(next_),
                             all_.jobs.row(next_) + types());
      now_.gpus.push_back(all_.jobs.gpus_of(next_));
      now_.weight.push_back(all_.jobs.weight_of(next_));
      now_.steps.push_back(all_.jobs.steps[next_]);
      if (elastic_) {
        const double* const row = elastic_->rate.data() + next_ * rates();
        rate_.insert(rate_.end(), row, row + rates());
      }
      changed_ = true;
    }
    now_.elapsed_s.resize(id_.size());
    for (std::size_t i = 0; i < id_.size(); ++i) now_.elapsed_s[i] = t_ - all_.submit_s[id_[i]];
    return !id_.empty();
  }

  /// Runs one round, or up to the next event, and takes out who ended.
  void carry_out() {
    const std::size_t jobs = id_.size();
    const bool by_rounds = std::isfinite(rules_.round_s);
    done_.assign(jobs, 0);
    end_s_.assign(jobs, infinity);
    double until = by_rounds ? t_ : coming() ? all_.submit_s[next_] : infinity;
    for (std::size_t i = 0; i < jobs; ++i) {
      if (given_[i].waits()) continue;
      if (given_[i] != had_[i]) start(i);
      const double rate = rate_of(i);
      double steps = now_.steps[i];
      if (by_rounds) {
        const double most = rate * (rules_.round_s - lost_s_[i]);
        steps = std::min(steps, rules_.whole_steps ? std::floor(most) : most);
      }
      done_[i] = steps;
      end_s_[i] = t_ + lost_s_[i] + steps / rate;
      until = by_rounds ? std::max(until, end_s_[i]) : std::min(until, end_s_[i]);
    }
    std::fill(type_held_s_.begin(), type_held_s_.end(), 0.0);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < jobs; ++i) {
      bool ends = false;
      held_s_[i] = 0;
      if (!given_[i].waits()) {
        const share::grant& g = given_[i];
        if (end_s_[i] > until) {  // an event came before
          const double rate = rate_of(i);
          done_[i] = std::min(done_[i], rate * std::max(until - t_ - lost_s_[i], 0.0));
          end_s_[i] = until;
          lost_s_[i] = std::max(lost_s_[i] - (until - t_), 0.0);
        } else {
          lost_s_[i] = 0;
          ends = done_[i] >= now_.steps[i];
        }
        held_s_[i] = end_s_[i] - t_;
        type_held_s_[g.type] += held_s_[i];
        report_.busy[g.type] += held_s_[i] * g.gpus;
      }
      now_.steps[i] -= done_[i];
      before_[i] = given_[i].type;
      had_[i] = given_[i];
      if (ends) {
        report_.jobs[id_[i]].finish_s = end_s_[i];
        changed_ = true;
      } else {
        keep(i, kept++);
      }
    }
    shrink(kept);
    t_ = until;
  }

  void start(std::size_t i) {
    round_outcome& out = report_.jobs[id_[i]];
    if (out.switches++ == 0) out.start_s = t_;
    ++report_.switches;
    lost_s_[i] = rules_.switch_s;
  }
  void keep(std::size_t from, std::size_t to) {
    if (from == to) return;
    for (auto* column : {&held_s_, &lost_s_, &now_.gpus, &now_.weight, &now_.steps})
      (*column)[to] = (*column)[from];
    id_[to] = id_[from];
    before_[to] = before_[from];
    had_[to] = had_[from];
    std::copy_n(rate_.begin() + static_cast<std::ptrdiff_t>(from * rates()), rates(),
                rate_.begin() + static_cast<std::ptrdiff_t>(to * rates()));
    std::copy_n(now_.throughput.begin() + static_cast<std::ptrdiff_t>(from * types()), types(),
                now_.throughput.begin() + static_cast<std::ptrdiff_t>(to * types()));
  }
  void shrink(std::size_t jobs) {
    for (auto* column : {&held_s_, &lost_s_, &now_.gpus, &now_.weight, &now_.steps})
      column->resize(jobs);
    id_.resize(jobs);
    before_.resize(jobs);
    had_.resize(jobs);
    rate_.resize(jobs * rates());
    now_.throughput.resize(jobs * types());
  }

  round_report sum_up() {
    const std::size_t jobs = report_.jobs.size();
    for (std::size_t i = 0; i < jobs; ++i) {
      report_.mean_jct_s +=
          (report_.jobs[i].finish_s - all_.submit_s[i]) / static_cast<double>(jobs);
      report_.makespan_s =
          std::max(report_.makespan_s, report_.jobs[i].finish_s - all_.submit_s[0]);
    }
    for (std::size_t j = 0; j < types(); ++j)
      report_.busy[j] = report_.makespan_s > 0 && now_.capacity[j] > 0
                            ? report_.busy[j] / (report_.makespan_s * now_.capacity[j])
                            : 0;
    return std::move(report_);
  }

  static constexpr double infinity = std::numeric_limits<double>::infinity();

  const typed_jobs& all_;
  const elastic_jobs* elastic_;  // null: every job has the GPUs that it asks for
  round_options rules_;
  share::problem now_;  // the jobs that are there
  std::vector<std::uint32_t> id_, before_, type_, starts_;
  std::vector<share::grant> had_, given_;
  std::vector<double> rate_;  // of who is there, as elastic_jobs::rate
  std::vector<double> held_s_, type_held_s_;
  std::vector<double> lost_s_;  // of a switch, still to pass
  std::vector<double> done_, end_s_;
  std::size_t next_ = 0;
  double t_ = 0;
  bool changed_ = false;
  round_report report_;
};

}  // namespace heddle::sim::detail
