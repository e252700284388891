// Fair shares against linear programs in one process.
//
// Claims: at 2 048 jobs × 3 types max_min, makespan and max_throughput take less than a 50th of the
// fastest LP solver here, finish-time fairness less than a 1 000th of bisection by LP, lexicographic and
// hierarchical less than a 4 000th of repeated LPs (one LP a level; the peer's time is one LP, to be
// multiplied by the counter `levels`); 65 536 × 3 lexicographic takes less than 600 ms.
//
// Instances: `tables` draws jobs from 40 models × 4 GPU counts, as queues are; `distinct` gives every job
// a throughput row of its own. Three types, jobs/4 GPUs of each.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/share/share.hpp>

#ifdef HEDDLE_HAS_GLPK
#include <glpk.h>
#endif
#ifdef HEDDLE_HAS_CBC
#include <ClpSimplex.hpp>
#endif

namespace {

using namespace heddle;

share::problem make(std::size_t jobs, bool distinct) {
  stream bits(2026, jobs, "share bench");
  const auto unit = [&] { return static_cast<double>(bits() >> 11) * 0x1p-53; };
  const std::size_t models = distinct ? jobs : 40;
  std::vector<double> rows;
  for (std::size_t m = 0; m < models; ++m) {
    const double base = std::exp(5 * unit());
    double speed = 1;
    for (int j = 0; j < 3; ++j, speed *= 1.2 + unit()) rows.push_back(base * speed);
  }
  share::problem p;
  p.capacity.assign(3, static_cast<double>(jobs / 4));
  p.entity_weight = {1, 2, 3, 2, 1};
  for (std::size_t i = 0; i < jobs; ++i) {
    const std::size_t m =
        distinct ? i : static_cast<std::size_t>(unit() * static_cast<double>(models));
    const double gpus = std::exp2(std::floor(4 * unit() * unit()));
    double alone = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      p.throughput.push_back(rows[3 * m + j] * std::pow(gpus, 0.9));
      alone += p.throughput.back() / 12;
    }
    p.gpus.push_back(gpus);
    p.weight.push_back(unit() < 0.2 ? 5 : 1);
    p.steps.push_back(p.throughput.back() * 3600 * std::exp(3 * unit()));
    p.elapsed_s.push_back(3600 * 10 * unit());
    p.isolated_s.push_back(p.steps.back() / alone);
    p.entity.push_back(static_cast<std::uint32_t>(5 * unit()));
  }
  return p;
}

std::size_t distinct_levels(std::vector<double> level) {
  std::sort(level.begin(), level.end());
  std::size_t count = 0;
  for (std::size_t i = 0; i < level.size(); ++i)
    count += i == 0 || level[i] > level[i - 1] * (1 + 1e-7);
  return count;
}

template <class Policy>
void ours(benchmark::State& state) {
  const share::problem p = make(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
  share::workspace w;
  share::answer a;
  for (auto _ : state) {
    Policy{}(p, w, a);
    benchmark::ClobberMemory();
  }
  state.counters["objective"] = a.objective;
  state.counters["gap"] = std::abs(a.bound - a.objective) / std::abs(a.bound);
  state.counters["passes"] = static_cast<double>(a.passes);
  if (!a.level.empty()) {
    std::vector<double> filled;
    for (std::size_t i = 0; i < p.jobs(); ++i)
      filled.push_back(a.level[i] * p.gpus_of(i) / p.weight_of(i));
    state.counters["levels"] = static_cast<double>(distinct_levels(filled));
  }
}

#define HEDDLE_SHARE_SIZES \
  ->Args({512, 0})         \
      ->Args({2048, 0})    \
      ->Args({2048, 1})    \
      ->Args({65536, 0})   \
      ->Args({65536, 1})   \
      ->Unit(benchmark::kMicrosecond)
BENCHMARK(ours<share::max_min>) HEDDLE_SHARE_SIZES;
BENCHMARK(ours<share::makespan>) HEDDLE_SHARE_SIZES;
BENCHMARK(ours<share::max_throughput>) HEDDLE_SHARE_SIZES;
BENCHMARK(ours<share::finish_time_fairness>) HEDDLE_SHARE_SIZES;
BENCHMARK(ours<share::max_min_lexicographic>) HEDDLE_SHARE_SIZES;
BENCHMARK(ours<share::max_min_hierarchical>) HEDDLE_SHARE_SIZES;

// The linear program: maximise `value`·x + s under the rows of shares and Σ_j T_ij·x_ij ≥ rate_i·s.
struct program {
  int jobs = 0, types = 0;
  std::vector<int> row, column;  // triplets, from 0
  std::vector<double> element, upper_row, lower_row, value;

  program(const share::problem& p, const std::vector<double>& rate, bool throughput)
      : jobs(static_cast<int>(p.jobs())), types(static_cast<int>(p.types())) {
    const auto put = [&](int r, int c, double v) {
      row.push_back(r);
      column.push_back(c);
      element.push_back(v);
    };
    const int level = jobs * types;
    value.assign(static_cast<std::size_t>(level) + 1, 0);
    upper_row.assign(static_cast<std::size_t>(jobs), 1);
    upper_row.insert(upper_row.end(), p.capacity.begin(), p.capacity.end());
    lower_row.assign(upper_row.size(), -1e30);
    for (int i = 0; i < jobs; ++i)
      for (int j = 0; j < types; ++j) {
        put(i, i * types + j, 1);
        put(jobs + j, i * types + j, p.gpus_of(static_cast<std::size_t>(i)));
        if (throughput)
          value[static_cast<std::size_t>(i * types + j)] = p.row(static_cast<std::size_t>(i))[j];
      }
    if (throughput) return;
    value.back() = 1;
    for (int i = 0; i < jobs; ++i) {
      const int r = static_cast<int>(upper_row.size());
      const double* t = p.row(static_cast<std::size_t>(i));
      const double most = *std::max_element(t, t + types);
      for (int j = 0; j < types; ++j) put(r, i * types + j, t[j] / most);
      put(r, level, -rate[static_cast<std::size_t>(i)] / most);
      upper_row.push_back(1e30);
      lower_row.push_back(0);
    }
  }
};

program policy_program(const share::problem& p, std::int64_t policy) {
  std::vector<double> rate(p.jobs());
  for (std::size_t i = 0; i < p.jobs(); ++i)
    rate[i] = policy == 0 ? p.weight_of(i) * p.fair_throughput(i) / p.gpus_of(i) : p.steps[i] / 1e6;
  return {p, rate, policy == 2};
}

#ifdef HEDDLE_HAS_GLPK
// Arguments: jobs, distinct, policy (0 max_min, 1 makespan, 2 max_throughput), 1: the dual method.
void glpk(benchmark::State& state) {
  const share::problem p = make(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
  const program m = policy_program(p, state.range(2));
  glp_term_out(GLP_OFF);
  double objective = 0;
  for (auto _ : state) {
    glp_prob* lp = glp_create_prob();
    glp_set_obj_dir(lp, GLP_MAX);
    glp_add_rows(lp, static_cast<int>(m.upper_row.size()));
    glp_add_cols(lp, static_cast<int>(m.value.size()));
    for (std::size_t r = 0; r < m.upper_row.size(); ++r) {
      const bool below = m.upper_row[r] < 1e29;
      glp_set_row_bnds(lp, static_cast<int>(r) + 1, below ? GLP_UP : GLP_LO, m.lower_row[r],
                       m.upper_row[r]);
    }
    for (std::size_t c = 0; c < m.value.size(); ++c) {
      glp_set_col_bnds(lp, static_cast<int>(c) + 1, GLP_LO, 0, 0);
      glp_set_obj_coef(lp, static_cast<int>(c) + 1, m.value[c]);
    }
    std::vector<int> r{0}, c{0};
    std::vector<double> v{0};
    for (std::size_t k = 0; k < m.row.size(); ++k) {
      r.push_back(m.row[k] + 1);
      c.push_back(m.column[k] + 1);
      v.push_back(m.element[k]);
    }
    glp_load_matrix(lp, static_cast<int>(m.row.size()), r.data(), c.data(), v.data());
    glp_smcp options;
    glp_init_smcp(&options);
    options.msg_lev = GLP_MSG_OFF;
    if (state.range(3)) options.meth = GLP_DUALP;
    glp_scale_prob(lp, GLP_SF_AUTO);
    glp_adv_basis(lp, 0);
    glp_simplex(lp, &options);
    objective = glp_get_obj_val(lp);
    glp_delete_prob(lp);
  }
  state.counters["objective"] = objective;
}
BENCHMARK(glpk)
    ->ArgsProduct({{2048}, {0, 1}, {0, 1, 2}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kMicrosecond);
#endif

#ifdef HEDDLE_HAS_CBC
// Arguments as glpk; the model is built outside the timed part, which favours the peer.
void clp(benchmark::State& state) {
  const share::problem p = make(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
  const program m = policy_program(p, state.range(2));
  double objective = 0;
  for (auto _ : state) {
    state.PauseTiming();
    ClpSimplex model;
    model.setLogLevel(0);
    const CoinPackedMatrix matrix(true, m.row.data(), m.column.data(), m.element.data(),
                                  static_cast<CoinBigIndex>(m.row.size()));
    std::vector<double> low(m.value.size(), 0), high(m.value.size(), 1e30);
    model.loadProblem(matrix, low.data(), high.data(), m.value.data(), m.lower_row.data(),
                      m.upper_row.data());
    model.setOptimizationDirection(-1);
    state.ResumeTiming();
    if (state.range(3))
      model.dual();
    else
      model.primal();
    objective = model.objectiveValue();
  }
  state.counters["objective"] = objective;
}
BENCHMARK(clp)
    ->ArgsProduct({{2048}, {0, 1}, {0, 1, 2}, {0, 1}})
    ->Iterations(1)
    ->Unit(benchmark::kMicrosecond);

// Finish-time fairness as bisection: can every job have the throughput that ρ asks of it? The level s of a
// program whose rates are those throughputs says so (s ≥ 1). To a relative 1e-6; built outside the timed
// part. Arguments: jobs, distinct.
void clp_bisection(benchmark::State& state) {
  const share::problem p = make(static_cast<std::size_t>(state.range(0)), state.range(1) != 0);
  double rho = 0, solves = 0;
  for (auto _ : state) {
    double low = 0, high = 1;
    const auto reached = [&](double r) {
      std::vector<double> rate(p.jobs());
      for (std::size_t i = 0; i < p.jobs(); ++i) {
        const double left = r * p.isolated_s[i] - p.elapsed_s[i];
        if (!(left > 0)) return false;
        rate[i] = p.steps[i] / left;
      }
      state.PauseTiming();
      const program m{p, rate, false};
      ClpSimplex model;
      model.setLogLevel(0);
      const CoinPackedMatrix matrix(true, m.row.data(), m.column.data(), m.element.data(),
                                    static_cast<CoinBigIndex>(m.row.size()));
      std::vector<double> from(m.value.size(), 0), to(m.value.size(), 1e30);
      model.loadProblem(matrix, from.data(), to.data(), m.value.data(), m.lower_row.data(),
                        m.upper_row.data());
      model.setOptimizationDirection(-1);
      state.ResumeTiming();
      model.primal();
      ++solves;
      return model.objectiveValue() >= 1;
    };
    while (!reached(high)) high *= 2;
    low = high / 2;
    while (high - low > 1e-6 * high) {
      const double middle = (low + high) / 2;
      (reached(middle) ? high : low) = middle;
    }
    rho = high;
  }
  state.counters["objective"] = rho;
  state.counters["solves"] = solves;
}
BENCHMARK(clp_bisection)
    ->Args({2048, 0})
    ->Args({2048, 1})
    ->Iterations(1)
    ->Unit(benchmark::kMicrosecond);
#endif

}  // namespace
