// The work of allocate::powerflow: what it remembers from call to call, and the stages of a call.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <heddle/allocate/allocation_policy.hpp>
#include <heddle/allocate/detail/step_chain.hpp>
#include <heddle/allocate/detail/step_label.hpp>
#include <heddle/allocate/detail/step_lanes.hpp>
#include <heddle/allocate/detail/step_search.hpp>

namespace heddle::allocate::detail {

/// One row a candidate, in their order, kept from the last call where the job is the same. What is kept
/// saves time and changes no answer.
class step_engine {
 public:
  struct options {
    step_rule rule;
    bool stop = false;    ///< at the first step that does not fit
    bool classes = true;  ///< a higher priority class is served before a lower one
    bool hard = false;    ///< running jobs too need energy
  };

  void run(const options& o, std::span<const candidate> jobs, const limits& l, allocation& out) {
    match(o, jobs, l);
    out.assign(jobs.size(), nullptr);
    const step_meter meter{l, jobs.size(), o.hard || l.energy_j == infinite ? 0 : owed_j(jobs)};
    step_need left = meter.limit();
    lanes_.split(jobs, o.classes, mixed_);
    for (lane& each : lanes_.all())
      if (!each.rows.empty()) serve(each, o, jobs, meter, left, out);
  }

 private:
  using point = model::operating_point;
  using lane = step_lanes::lane;

  struct row {
    std::uint32_t chain = 0;
    std::uint32_t count = 0;                  // points of the curve
    std::uint32_t ahead = chain_store::none;  // step ahead, its index in the store
  };

  // --- the rows --------------------------------------------------------------------------------

  void match(const options& o, std::span<const candidate> jobs, const limits& l) {
    if (!(o.rule == rule_) || l.gpu_idle_w != idle_w_ || chains_.size() > 2 * jobs.size() + 1024) {
      rule_ = o.rule;
      idle_w_ = l.gpu_idle_w;
      chains_.clear();
      resize(0);
    }
    // Jobs that came or went between others are few, if rows are to be matched at all.
    std::size_t edits = 0;
    mixed_ = false;
    for (std::size_t i = 0; (i = first_change(jobs, i)) < jobs.size(); ++i) {
      const candidate& c = jobs[i];
      mixed_ = mixed_ || c.priority != jobs[0].priority;
      bool known = i < labels_.size() && labels_[i].is_of(c);
      if (!known && i < labels_.size() && edits < 8) {
        if (i + 1 < labels_.size() && labels_[i + 1].is_of(c)) {
          known = true;
          ++edits;
          each([&](auto& v) { v.erase(v.begin() + static_cast<std::ptrdiff_t>(i)); });
        } else if (i + 1 < jobs.size() && labels_[i].is_of(jobs[i + 1])) {
          ++edits;
          each([&](auto& v) { v.insert(v.begin() + static_cast<std::ptrdiff_t>(i), 1, {}); });
        }
      }
      if (i == labels_.size()) resize(jobs.size());  // rows from here on are not known
      const double work = work_left(c), scale = scale_of(c, work);
      const bool changed = !known || scale != scale_[i] || (work > 0) != (work_[i] > 0);
      if (const point* const points = c.curve->points().data(); points_[i] != points)
        points_[i] = points;
      if (work_[i] != work) work_[i] = work;
      if (scale_[i] != scale) scale_[i] = scale;
      if (!known && i + 8 < jobs.size()) fetch(*jobs[i + 8].curve);
      if (changed) adopt(static_cast<std::uint32_t>(i), c, known);
    }
    resize(jobs.size());
  }

  // The first job from the i-th on whose row is not as it was: most are.
  [[nodiscard]] std::size_t first_change(std::span<const candidate> jobs, std::size_t i) {
    const std::size_t rows = std::min(jobs.size(), labels_.size());
    const step_label* const labels = labels_.data();
    const point* const* const points = points_.data();
    const double *const works = work_.data(), *const scales = scale_.data();
    bool mixed = mixed_;
    for (; i < rows; ++i) {
      const candidate& c = jobs[i];
      const double work = work_left(c);
      if (!labels[i].is_of(c) || points[i] != c.curve->points().data() || works[i] != work ||
          scales[i] != scale_of(c, work))
        break;
      mixed = mixed || c.priority != jobs[0].priority;
    }
    mixed_ = mixed;
    return i;
  }
  [[nodiscard]] double scale_of(const candidate& c, double work) const {
    const double weight = c.weight > 0 ? c.weight : 0;
    return rule_.by_work() ? weight * work : weight;
  }

  // Asks for the points of a curve that will be looked at soon: new curves come from far memory.
  static void fetch(const model::curve& c) {
    const auto points = c.points();
    for (std::size_t k = 0; k < std::min<std::size_t>(points.size(), 16); ++k)
      __builtin_prefetch(points.data() + k);
  }

  void adopt(std::uint32_t r, const candidate& c, bool known) {
    row& mine = rows_[r];
    if (!known) {
      labels_[r] = step_label::of(c);
      mine.chain = chains_.find(*c.curve, c.min_gpus, c.max_gpus);
      mine.count = static_cast<std::uint32_t>(c.curve->points().size());
    }
    clock_base_[r] = top_of_[r] = chain_store::none;
    base_.set(r, {.gpus = out_of_reach});
    if (chains_.start(mine.chain) == chain_store::none || !(work_[r] > 0)) return;
    base_.set(r, level_of(points_[r][chains_.start(mine.chain)]));
    step_source steps{*this};
    steps_.reset(steps, r);
  }
  void resize(std::size_t n) {
    each([&](auto& v) { v.resize(n); });
  }
  template <class F>
  void each(F f) {
    f(labels_), f(points_), f(work_), f(scale_), f(rows_), f(top_), f(top_of_), f(clock_base_);
    base_.each(f);
    steps_.each(f);
    clocks_.each(f);
  }

  [[nodiscard]] step_level level_of(const point& p) const {
    return {p.config.gpus, p.power_w - p.config.gpus * idle_w_, p.energy_per_sample_j()};
  }

  // --- what the searches ask -------------------------------------------------------------------

  struct source {
    step_engine& e;
    [[nodiscard]] job_id id(std::uint32_t r) const { return e.labels_[r].id; }
    [[nodiscard]] double work(std::uint32_t r) const { return e.work_[r]; }
    [[nodiscard]] const std::vector<double>& all_work() const { return e.work_; }
    [[nodiscard]] step_level level(std::uint32_t r, std::uint32_t p) const {
      return e.level_of(e.points_[r][p]);
    }
    // Of a step that leads on even where its rank is next to nothing.
    [[nodiscard]] double key(std::uint32_t r, double rank) const {
      return std::max(rank * e.scale_[r], std::numeric_limits<double>::denorm_min());
    }
  };
  // All steps.
  struct step_source : source {
    explicit step_source(step_engine& engine) : source{engine} {}
    void base(std::uint32_t r, std::uint32_t& p, step_level& at) const {
      p = this->e.chains_.start(this->e.rows_[r].chain);
      at = this->e.base_[r];
      this->e.rows_[r].ahead = chain_store::none;
    }
    chain_store::step step(std::uint32_t r, double, std::uint32_t) const {
      row& mine = this->e.rows_[r];
      if (!(this->e.scale_[r] > 0)) return {};
      chain_store::step s = this->e.chains_.next(mine.chain, mine.ahead, this->e.rule_,
                                                 {this->e.points_[r], mine.count});
      if (s.key > 0) s.key = this->key(r, s.key);
      return s;
    }
  };
  // The faster clocks at the count that a job has got.
  struct clock_source : source {
    explicit clock_source(step_engine& engine) : source{engine} {}
    void base(std::uint32_t r, std::uint32_t& p, step_level& at) const {
      p = this->e.steps_.point[r];
      at = this->e.steps_.now[r];
    }
    chain_store::step step(std::uint32_t r, double last, std::uint32_t p) const {
      const point* const points = this->e.points_[r];
      if (!(this->e.scale_[r] > 0) || p + 1 >= this->e.rows_[r].count ||
          points[p + 1].config.gpus != points[p].config.gpus)
        return {};
      const double rank = this->e.rule_.rank(points[p], points[p + 1]);
      if (!(rank > 0)) return {};
      return {std::min(last, this->key(r, rank)), p + 1};
    }
  };

  // --- a call ----------------------------------------------------------------------------------

  void serve(lane& mine, const options& o, std::span<const candidate> jobs, const step_meter& meter,
             step_need& left, allocation& out) {
    if (!o.stop) mine.clocks.reserve(mine.rows.size());
    const step_rows all{mine.rows.size(), mine.everyone ? nullptr : mine.rows.data()};
    step_need used = base_.sum(all, meter, work_);
    step_rows started = all;
    if (!used.within(left)) started = start_some(mine, o, jobs, meter, left, used);
    step_need limit = left;
    limit.joules = std::max(limit.joules, used.joules);

    step_source steps{*this};
    mine.steps.run(steps_, steps, started, meter, limit, used);
    if (o.stop) {
      started.each([&](std::uint32_t r) { out[r] = points_[r] + steps_.point[r]; });
    } else {
      if (limit.gpus - used.gpus >= 1)
        mine.steps.fill(steps_, steps, started, meter, limit, used, 1);
      if (meter.limits_power() || meter.limits_energy())
        raise_clocks(mine, started, meter, limit, used, out);
      else
        started.each([&](std::uint32_t r) { out[r] = points_[r] + fastest_at_count(r); });
    }
    left = left - used;
  }

  // What running jobs spend at their start.
  [[nodiscard]] double owed_j(std::span<const candidate> jobs) const {
    double sum = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i)
      if (jobs[i].current && base_.gpus[i] != out_of_reach) sum += base_.sample_j[i] * work_[i];
    return sum;
  }

  // Those that fit one after the other, where not all do.
  step_rows start_some(lane& mine, const options& o, std::span<const candidate> jobs,
                       const step_meter& meter, const step_need& left, step_need& used) {
    used = {};
    started_.clear();
    if (started_.capacity() < jobs.size()) started_.reserve(2 * jobs.size());
    for (std::uint32_t r : mine.rows) {
      if (left.gpus - used.gpus < 1) break;
      const step_need then = used + meter.of(base_[r], work_[r]);
      // A running job goes on when the energy is used up, at the least that it can do with.
      const bool goes_on = jobs[r].current && !o.hard;
      const bool fits = then.gpus <= left.gpus && then.watts <= left.watts &&
                        (goes_on || then.joules <= left.joules);
      if (fits) {
        used = then;
        started_.push_back(r);
      } else if (o.stop) {
        break;
      }
    }
    return {started_.size(), started_.data()};
  }

  // All faster clocks fit.
  std::uint32_t fastest_at_count(std::uint32_t r) {
    const std::uint32_t p = steps_.point[r];
    if (top_of_[r] == p) return top_[r];
    std::uint32_t top = p;
    while (scale_[r] > 0 && top + 1 < rows_[r].count &&
           points_[r][top + 1].config.gpus == points_[r][p].config.gpus)
      ++top;
    top_of_[r] = p;
    return top_[r] = top;
  }

  void raise_clocks(lane& mine, const step_rows& started, const step_meter& meter,
                    const step_need& limit, step_need& used, allocation& out) {
    clock_source clocks{*this};
    const std::uint32_t *const base = clock_base_.data(), *const now = steps_.point.data();
    started.each_maybe([=](std::size_t r) { return base[r] != now[r]; },
                       [&](std::uint32_t r) {
                         clock_base_[r] = steps_.point[r];
                         clocks_.reset(clocks, r);
                       });
    mine.clocks.run(clocks_, clocks, started, meter, limit, used);
    mine.clocks.fill(clocks_, clocks, started, meter, limit, used, 0);
    started.each([&](std::uint32_t r) { out[r] = points_[r] + clocks_.point[r]; });
  }

  static constexpr double infinite = std::numeric_limits<double>::infinity();
  static constexpr int out_of_reach =
      std::numeric_limits<int>::max();  // of a job that gets nothing

  step_rule rule_;
  double idle_w_ = 0;
  bool mixed_ = false;  // there are several priorities
  chain_store chains_;
  std::vector<step_label> labels_;
  std::vector<const point*> points_;
  std::vector<double> work_, scale_;  // the latter times a step's rank is its key
  std::vector<row> rows_;
  step_levels base_;                         // at the start
  std::vector<std::uint32_t> top_, top_of_;  // the fastest point at the count of a point
  std::vector<std::uint32_t> clock_base_;    // the point from which a job's clock ladder counts
  step_ladder steps_, clocks_;
  step_lanes lanes_;
  std::vector<std::uint32_t> started_;
};

}  // namespace heddle::allocate::detail
