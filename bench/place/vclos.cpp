// Claims: an exact answer, a placement or the proof that there is none, takes microseconds on a full
// cluster of the size on which the original gives an integer program 10 s; with that program solved by
// CBC in the same process. Every counter in µs is of single decisions.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <heddle/core/random.hpp>
#include <heddle/core/statistics.hpp>
#include <heddle/place/combinators.hpp>
#include <heddle/place/shared_network.hpp>
#include <heddle/place/vclos.hpp>
#include <heddle/trace/synthetic.hpp>

#ifdef HEDDLE_HAS_CBC
#include <CbcModel.hpp>
#include <OsiClpSolverInterface.hpp>
#endif

using namespace heddle;

namespace {

/// 512 and 2 048 GPUs in leafs of 32, more in leafs of 64; as many uplinks as GPUs.
fabric::leaf_spine cluster(int gpus) {
  const int width = gpus <= 2048 ? 32 : 64;
  return fabric::leaf_spine{{.leafs = gpus / width,
                             .spines = width,
                             .servers_per_leaf = width / 8,
                             .gpus_per_server = 8}};
}

/// Sizes of the vClos workload: those for 512 GPUs there, the others on larger clusters.
std::vector<int> sizes_for(int gpus) {
  trace::vclos_workload mix{.jobs = 20'000};
  if (gpus > 512) mix.sizes = trace::vclos_sizes;
  std::vector<int> sizes;
  for (const job& j : mix()) sizes.push_back(j.gpus);
  return sizes;
}

using chain = place::first_of<place::one_server, place::one_leaf, place::vclos>;

/// Jobs come, and go at random as soon as more than a share `most_used` of the GPUs is in use; with
/// 1, as soon as one is refused.
class churn {
 public:
  churn(const fabric::leaf_spine& dc, double most_used)
      : ledger_(dc), sizes_(sizes_for(dc.gpus())),
        most_used_(static_cast<int>(most_used * dc.gpus())) {}

  [[nodiscard]] const fabric::ledger<fabric::leaf_spine>& ledger() const { return ledger_; }
  [[nodiscard]] place::request next() const {
    return {job_id{asked_}, sizes_[asked_ % sizes_.size()]};
  }
  void book(place::answer a) {
    if (a) {
      (void)ledger_.reserve(job_id{asked_}, *std::move(a.where));
      running_.push_back(job_id{asked_});
    } else if (most_used_ == ledger_.fabric().gpus()) {
      leave();
    }
    ++asked_;
    while (used() > most_used_) leave();
  }
  void leave() {
    const std::size_t k = chance_() % running_.size();
    ledger_.release(running_[k]);
    running_[k] = running_.back();
    running_.pop_back();
  }
  [[nodiscard]] int used() const { return ledger_.fabric().gpus() - ledger_.free_gpus(); }
  [[nodiscard]] double share_used() const { return 1.0 * used() / ledger_.fabric().gpus(); }

 private:
  fabric::ledger<fabric::leaf_spine> ledger_;
  std::vector<int> sizes_;
  int most_used_;
  stream chance_{1, 0, "departures"};
  std::vector<job_id> running_;
  std::uint32_t asked_ = 0;
};

double us_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
      .count();
}

/// One item is one decision. The job placed last stands above the use given. `shapes`: 0 even ones, 1 two leafs
/// and those with a remainder too, 2 leafs of any sizes.
void decide(benchmark::State& state) {
  const fabric::leaf_spine dc = cluster(static_cast<int>(state.range(0)));
  const bool any_size = state.range(1) != 0, unequal = state.range(1) == 2;
  churn c{dc, static_cast<double>(state.range(2)) / 100};
  place::first_of policy{place::one_server{}, place::one_leaf{},
                         place::vclos{.any_size = any_size, .unequal = unequal}};
  for (int i = 0; i < 5000; ++i) c.book(place::ask(policy, c.ledger(), c.next()));
  std::vector<double> us;
  double used = 0;
  std::size_t placed = 0, gave_up = 0;
  for (auto _ : state) {
    const place::request r = c.next();
    used += c.share_used();
    const auto start = std::chrono::steady_clock::now();
    place::answer a = place::ask(policy, c.ledger(), r);
    us.push_back(us_since(start));
    benchmark::DoNotOptimize(a);
    state.SetIterationTime(us.back() / 1e6);
    placed += static_cast<bool>(a);
    gave_up += a.why == place::wait_reason::search_limit;
    c.book(std::move(a));
  }
  const auto n = static_cast<double>(state.iterations());
  state.counters["p50_us"] = quantile(us, .5);
  state.counters["p99_us"] = quantile(us, .99);
  state.counters["max_us"] = quantile(us, 1);
  state.counters["limit_share"] = static_cast<double>(gave_up) / n;
  state.counters["placed"] = static_cast<double>(placed) / n;
  state.counters["use"] = used / n;
}
BENCHMARK(decide)
    ->ArgNames({"gpus", "shapes", "use"})
    ->ArgsProduct({{512, 2048, 8192, 32768, 131072}, {0, 1, 2}, {90, 100}})
    ->Iterations(20'000)
    ->UseManualTime();

#ifdef HEDDLE_HAS_CBC
/// m leafs of n GPUs and n spines: the integer program of the original.
bool cbc_places(const fabric::ledger<fabric::leaf_spine>& free, int m, int n) {
  const fabric::leaf_spine& dc = free.fabric();
  const int leafs = dc.leafs(), spines = dc.uplinks();
  const auto link = [&](int a, int b) { return leafs + spines + a * spines + b; };
  std::vector<int> row, column;
  std::vector<double> element, least, most;
  const auto add_row = [&](double low, double high,
                           std::initializer_list<std::pair<double, int>> terms) {
    for (const auto& [value, at] : terms) {
      row.push_back(static_cast<int>(least.size()));
      column.push_back(at);
      element.push_back(value);
    }
    least.push_back(low);
    most.push_back(high);
  };
  const int variables = leafs + spines + leafs * spines;
  std::vector<double> low(static_cast<std::size_t>(variables), 0),
      high(static_cast<std::size_t>(variables), 1), cost(static_cast<std::size_t>(variables), 0);
  for (int a = 0; a < leafs; ++a) {
    cost[static_cast<std::size_t>(a)] = free.free_gpus(unit_id{a});
    add_row(-1e30, free.free_gpus(unit_id{a}), {{n, a}});
  }
  const auto add_sum = [&](int first, int last, double sum) {
    for (int k = first; k < last; ++k) {
      row.push_back(static_cast<int>(least.size()));
      column.push_back(k);
      element.push_back(1);
    }
    least.push_back(sum);
    most.push_back(sum);
  };
  add_sum(0, leafs, m);
  add_sum(leafs, leafs + spines, n);
  for (int a = 0; a < leafs; ++a)
    for (int b = 0; b < spines; ++b) {
      const double taken =
          test_bit(free.network().free_uplinks(leaf_id{a}), static_cast<std::size_t>(b)) ? 0 : 1;
      low[static_cast<std::size_t>(link(a, b))] = taken;
      add_row(-1e30, taken, {{1, link(a, b)}, {-1, a}});
      add_row(-1e30, taken, {{1, link(a, b)}, {-1, leafs + b}});
      add_row(taken - 1, 1e30, {{1, link(a, b)}, {-1, a}, {-1, leafs + b}});
    }
  OsiClpSolverInterface lp;
  lp.setLogLevel(0);
  lp.messageHandler()->setLogLevel(0);
  lp.loadProblem(CoinPackedMatrix(false, row.data(), column.data(), element.data(),
                                  static_cast<CoinBigIndex>(row.size())),
                 low.data(), high.data(), cost.data(), least.data(), most.data());
  for (int k = 0; k < variables; ++k) lp.setInteger(k);
  CbcModel model(lp);
  model.setLogLevel(0);
  CbcMain0(model);
  const char* arguments[] = {"cbc", "-log", "0", "-sec", "10", "-solve", "-quit"};
  CbcMain1(7, arguments, model);
  return model.bestSolution() != nullptr;
}

/// As the original asks: widest leafs first, at most 10 s each.
bool cbc_places(const fabric::ledger<fabric::leaf_spine>& free, int gpus) {
  const fabric::leaf_spine& dc = free.fabric();
  const int widest = std::min(dc.gpus_per_leaf(), dc.uplinks());
  for (int m = std::max(2, (gpus + widest - 1) / widest); m <= std::min(dc.leafs(), gpus); ++m) {
    int room = 0;
    for (unit_id l : dc.all_units()) room += free.free_gpus(l) >= gpus / m;
    if (gpus % m == 0 && room >= m && cbc_places(free, m, gpus / m)) return true;
  }
  return false;
}

/// Decisions that no single leaf can take, by both. `ratio` is that of the medians; `differ` counts the
/// answers that are not the same (10 s were not enough).
void against_cbc(benchmark::State& state) {
  const fabric::leaf_spine dc = cluster(static_cast<int>(state.range(0)));
  const auto wanted = static_cast<std::size_t>(state.range(1));
  for (auto _ : state) {
    churn c{dc, .9};
    chain policy;
    for (int i = 0; i < 5000; ++i) c.book(place::ask(policy, c.ledger(), c.next()));
    place::vclos even{.any_size = false};
    std::vector<double> ours, theirs;
    std::size_t differ = 0;
    while (ours.size() < wanted) {
      const place::request r = c.next();
      int most = 0, room = 0;
      for (unit_id l : dc.all_units()) most = std::max(most, c.ledger().free_gpus(l));
      const int widest_part = std::max(1, r.gpus / std::max(2, r.gpus / dc.gpus_per_leaf()));
      for (unit_id l : dc.all_units()) room += c.ledger().free_gpus(l) >= widest_part;
      // Only questions that come to the links: enough leafs have the GPUs.
      if (r.gpus > most && room * widest_part >= r.gpus) {
        const auto start = std::chrono::steady_clock::now();
        const bool yes = static_cast<bool>(even(c.ledger(), r));
        ours.push_back(us_since(start));
        const auto again = std::chrono::steady_clock::now();
        differ += cbc_places(c.ledger(), r.gpus) != yes;
        theirs.push_back(us_since(again));
      }
      c.book(place::ask(policy, c.ledger(), r));
    }
    state.counters["vclos_us"] = quantile(ours, .5);
    state.counters["cbc_us"] = quantile(theirs, .5);
    state.counters["ratio"] = quantile(theirs, .5) / quantile(ours, .5);
    state.counters["differ"] = static_cast<double>(differ);
  }
}
BENCHMARK(against_cbc)
    ->ArgNames({"gpus", "decisions"})
    ->Args({512, 21})
    ->Args({8192, 7})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);
#endif

}  // namespace
