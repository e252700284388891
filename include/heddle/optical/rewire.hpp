// The wiring with the wanted circuits that keeps as many of the current ones as can be found, and a
// bound on how many any wiring can keep.
//
//   rewire_problem   current and wanted circuits, frozen ones, fibres     the data
//   rewirer          answers problems, keeping its memory                 many problems
//   rewire           the same in one call                                 a single one
//   check            of a problem; of an answer, from outside             before and after
//
// A circuit takes a fibre of a leaf and a fibre of a spine to one optical circuit switch (OCS).
// Which OCS a wanted circuit uses is free; one that is where the current wiring has it need not be
// touched. To find the wiring that sets up the fewest is NP-hard (a three-index transport problem).
// Here: annealing over partial wirings (detail/rewire_anneal.hpp), trees of moves and alternating
// paths for what is left (detail/rewire_insert.hpp, detail/rewire_chain.hpp), and a bound from the
// dual of the linear relaxation (detail/rewire_bound.hpp).
#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <heddle/core/error.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/optical/detail/rewire_anneal.hpp>
#include <heddle/optical/detail/rewire_board.hpp>
#include <heddle/optical/detail/rewire_bound.hpp>
#include <heddle/optical/detail/rewire_chain.hpp>
#include <heddle/optical/detail/rewire_insert.hpp>
#include <heddle/optical/detail/rewire_search.hpp>

namespace heddle::optical {

/// A leaf joined to a spine at an OCS. Two alike are two circuits, over different fibres.
struct cross_connect {
  ocs_id ocs;
  leaf_id leaf;
  spine_id spine;

  friend constexpr auto operator<=>(const cross_connect&, const cross_connect&) = default;
};

/// What is wired now and what is wanted.
struct rewire_problem {
  int switches = 0;  ///< OCS, at least 0
  int leafs = 0, spines = 0;
  int leaf_fibres = 1;    ///< of each leaf to each OCS, 1 to 255
  int spine_fibres = 1;   ///< of each spine to each OCS, 1 to 255
  std::vector<int> want;  ///< leafs × spines, row by row: circuits wanted of each pair, at least 0
  std::vector<cross_connect> current;  ///< a wiring: no end has more circuits at an OCS than fibres
  std::vector<cross_connect> frozen;   ///< of the current ones those that must stay

  /// Precondition: leaf and spine exist, and `want` has its size.
  [[nodiscard]] int& wanted(leaf_id l, spine_id s) { return want[place(l, s)]; }
  [[nodiscard]] int wanted(leaf_id l, spine_id s) const { return want[place(l, s)]; }

 private:
  [[nodiscard]] std::size_t place(leaf_id l, spine_id s) const {
    return l.index() * static_cast<std::size_t>(spines) + s.index();
  }
};

struct rewire_options {
  std::uint64_t seed = 1;
  double effort = 1;  ///< times the steps taken by default, at least 0
  std::size_t bound_sweeps =
      0;  ///< more: a higher lower bound and better prices; 0: by size, 16 to 96
  std::size_t search_nodes =
      100'000;  ///< of the search where fibres are frozen and chance found nothing
};

enum class rewire_status : unsigned char {
  ok,            ///< a wiring with the wanted circuits and all frozen ones
  unrealizable,  ///< proved that there is none: see the witness
  gave_up,       ///< frozen circuits stand in the way, and no wiring was found nor excluded
};

/// Why there is no wiring.
struct rewire_witness {
  enum class kind : unsigned char {
    leaf,    ///< more circuits wanted at the leaf than it has fibres
    spine,   ///< the same at a spine
    frozen,  ///< more circuits of the pair are frozen than wanted
    pair,    ///< beside the frozen circuits fewer OCS are left to the pair than circuits wanted
    search,  ///< all ways to place the circuits beside the frozen ones were tried
  };
  kind what = kind::search;
  leaf_id leaf;  ///< invalid where it does not say
  spine_id spine;
  long wanted = 0, possible = 0;

  [[nodiscard]] std::string message() const {
    const auto end = [this] {
      return leaf.valid() && spine.valid() ? "leaf " + std::to_string(leaf.value) + " and spine " +
                                                 std::to_string(spine.value)
             : leaf.valid() ? "leaf " + std::to_string(leaf.value)
                            : "spine " + std::to_string(spine.value);
    };
    const auto n = [](long v) { return std::to_string(v) + (v == 1 ? " circuit" : " circuits"); };
    switch (what) {
    case kind::leaf:
    case kind::spine:
      return n(wanted) + " wanted at " + end() + ", which has " + std::to_string(possible) +
             " fibres";
    case kind::frozen:
      return n(possible) + " frozen between " + end() + ", where " + std::to_string(wanted) +
             " wanted";
    case kind::pair:
      return n(wanted) + " wanted between " + end() +
             " beside the frozen ones, which leave room for " + std::to_string(possible);
    case kind::search:
      break;
    }
    return "no wiring keeps all frozen circuits";
  }

  friend bool operator==(const rewire_witness&, const rewire_witness&) = default;
};

struct rewire_result {
  rewire_status status = rewire_status::ok;
  std::optional<rewire_witness> witness;  ///< where unrealizable
  std::vector<cross_connect> circuits;    ///< sorted by OCS, leaf, spine; empty unless ok
  std::size_t kept = 0;                   ///< circuits that are also in the current wiring
  std::size_t set_up = 0;                 ///< circuits that are not
  std::size_t torn_down = 0;              ///< current circuits that are gone
  std::size_t lower_bound = 0;            ///< no wiring sets up fewer
  std::size_t steps = 0;                  ///< of the annealing

  [[nodiscard]] explicit operator bool() const { return status == rewire_status::ok; }
  [[nodiscard]] bool is_optimal() const { return *this && set_up == lower_bound; }
};

/// Checks sizes, ranges, that `current` is a wiring and that `frozen` is a part of it.
/// O(leafs · spines + circuits · log circuits).
/// \throws input_error  that names the field and the index of the first bad entry
inline void check(const rewire_problem& p) {
  const auto at_least = [](const char* field, int got, int least, int most) {
    if (got < least || got > most)
      throw input_error(std::string{"rewire."} + field,
                        most < std::numeric_limits<int>::max()
                            ? std::to_string(least) + " to " + std::to_string(most)
                            : "at least " + std::to_string(least),
                        std::to_string(got));
  };
  constexpr int any = std::numeric_limits<int>::max();
  at_least("switches", p.switches, 0, any);
  at_least("leafs", p.leafs, 0, any);
  at_least("spines", p.spines, 0, any);
  at_least("leaf_fibres", p.leaf_fibres, 1, 255);
  at_least("spine_fibres", p.spine_fibres, 1, 255);
  const std::size_t cells = static_cast<std::size_t>(p.leafs) * static_cast<std::size_t>(p.spines);
  if (p.want.size() != cells)
    throw input_error("rewire.want", std::to_string(cells) + " entries",
                      std::to_string(p.want.size()));
  for (std::size_t i = 0; i < cells; ++i)
    if (p.want[i] < 0)
      throw input_error("rewire.want[" + std::to_string(i) + "]", "at least 0 circuits",
                        std::to_string(p.want[i]));
  const auto where = [](const char* field, std::size_t i) {
    return std::string{"rewire."} + field + "[" + std::to_string(i) + "]";
  };
  const auto name = [](const cross_connect& c) {
    return "OCS " + std::to_string(c.ocs.value) + ", leaf " + std::to_string(c.leaf.value) +
           ", spine " + std::to_string(c.spine.value);
  };
  const auto exist = [&](const char* field, const std::vector<cross_connect>& all) {
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].ocs.index() >= static_cast<std::size_t>(p.switches) ||
          all[i].leaf.index() >= static_cast<std::size_t>(p.leafs) ||
          all[i].spine.index() >= static_cast<std::size_t>(p.spines))
        throw input_error(where(field, i), "an OCS, a leaf and a spine that exist", name(all[i]));
  };
  exist("current", p.current);
  exist("frozen", p.frozen);
  const std::size_t k = static_cast<std::size_t>(p.switches);
  std::vector<int> leaf_use(static_cast<std::size_t>(p.leafs) * k, 0);
  std::vector<int> spine_use(static_cast<std::size_t>(p.spines) * k, 0);
  for (std::size_t i = 0; i < p.current.size(); ++i) {
    const cross_connect& c = p.current[i];
    if (++leaf_use[c.leaf.index() * k + c.ocs.index()] > p.leaf_fibres)
      throw input_error(where("current", i), "a free fibre of the leaf to the OCS", name(c));
    if (++spine_use[c.spine.index() * k + c.ocs.index()] > p.spine_fibres)
      throw input_error(where("current", i), "a free fibre of the spine to the OCS", name(c));
  }
  if (p.frozen.empty()) return;
  std::vector<cross_connect> rest = p.current;
  std::sort(rest.begin(), rest.end());
  std::vector<std::pair<cross_connect, std::size_t>> frozen;
  for (std::size_t i = 0; i < p.frozen.size(); ++i) frozen.emplace_back(p.frozen[i], i);
  std::sort(frozen.begin(), frozen.end());
  auto at = rest.begin();
  for (const auto& [c, i] : frozen) {
    at = std::lower_bound(at, rest.end(), c);
    if (at == rest.end() || *at != c)
      throw input_error(where("frozen", i), "a circuit of the current wiring", name(c));
    ++at;
  }
}

/// Judges an answer from outside: the wanted counts, the fibres, the frozen circuits and the
/// numbers told. \returns what is wrong, or nothing
[[nodiscard]] inline std::optional<std::string> check(const rewire_problem& p,
                                                      const rewire_result& r) {
  if (!r)
    return r.circuits.empty() ? std::nullopt
                              : std::optional<std::string>{"circuits without a wiring"};
  const std::size_t k = static_cast<std::size_t>(p.switches);
  std::vector<int> leaf_use(static_cast<std::size_t>(p.leafs) * k, 0);
  std::vector<int> spine_use(static_cast<std::size_t>(p.spines) * k, 0);
  std::vector<int> have(p.want.size(), 0);
  for (const cross_connect& c : r.circuits) {
    if (c.ocs.index() >= k || c.leaf.index() >= static_cast<std::size_t>(p.leafs) ||
        c.spine.index() >= static_cast<std::size_t>(p.spines))
      return "a circuit to nowhere";
    if (++leaf_use[c.leaf.index() * k + c.ocs.index()] > p.leaf_fibres)
      return "two circuits on a leaf's fibre";
    if (++spine_use[c.spine.index() * k + c.ocs.index()] > p.spine_fibres)
      return "two circuits on a spine's fibre";
    ++have[c.leaf.index() * static_cast<std::size_t>(p.spines) + c.spine.index()];
  }
  if (have != p.want) return "other circuits than wanted";
  if (!std::is_sorted(r.circuits.begin(), r.circuits.end())) return "circuits out of order";
  std::vector<cross_connect> current = p.current, frozen = p.frozen;
  std::sort(current.begin(), current.end());
  std::sort(frozen.begin(), frozen.end());
  if (!std::includes(r.circuits.begin(), r.circuits.end(), frozen.begin(), frozen.end()))
    return "a frozen circuit is gone";
  std::vector<cross_connect> both;
  std::set_intersection(r.circuits.begin(), r.circuits.end(), current.begin(), current.end(),
                        std::back_inserter(both));
  if (r.kept != both.size()) return "another number of circuits kept";
  if (r.set_up != r.circuits.size() - both.size()) return "another number of circuits set up";
  if (r.torn_down != current.size() - both.size()) return "another number of circuits torn down";
  if (r.lower_bound > r.set_up) return "fewer circuits set up than the bound";
  return std::nullopt;
}

/// Rewires with the fewest circuits set up that it finds. The same problem and options give the
/// same bytes, with every compiler. Keeps its memory between calls; not for two threads at once.
class rewirer {
 public:
  /// Time: O(steps), some tens of nanoseconds each up to 64 OCS, and O(sweeps · pairs · OCS); about
  /// 10 ms up to 64 × 64 ports and OCS, 0.4 s at 256 × 64.
  /// Without frozen circuits it is never `gave_up`: port counting decides (Kőnig).
  /// \throws input_error  if the problem is malformed
  [[nodiscard]] rewire_result operator()(const rewire_problem& p,
                                         const rewire_options& options = {}) {
    check(p);
    rewire_result r;
    if ((r.witness = shortage(p))) {
      r.status = rewire_status::unrealizable;
      return r;
    }
    const std::size_t stuck = prepare(p);
    if (stuck < core_.pairs()) {
      r.witness = pair_witness(stuck);
      r.status = rewire_status::unrealizable;
      return r;
    }
    board_.reset(core_);
    const std::size_t missing = board_.unplaced().size();
    r.lower_bound = missing == 0 ? 0 : bound_(core_, sweeps(options, missing));
    r.steps = anneal(options, missing, r.lower_bound);
    if (!board_.unplaced().empty()) {
      using outcome = detail::rewire_search::outcome;
      const outcome o = detail::rewire_search{}(board_, options.search_nodes);
      if (o != outcome::found) {
        r.lower_bound = 0;
        r.status = o == outcome::none ? rewire_status::unrealizable : rewire_status::gave_up;
        if (o == outcome::none) r.witness = rewire_witness{};
        return r;
      }
      save();
      r.steps += improve(missing, r.lower_bound, default_steps(missing, options));
    }
    tell(p, r);
    return r;
  }

 private:
  static std::size_t n(int v) { return static_cast<std::size_t>(v); }

  /// Rows, columns and pairs that no wiring can give their circuits, by counting.
  [[nodiscard]] std::optional<rewire_witness> shortage(const rewire_problem& p) const {
    using kind = rewire_witness::kind;
    const long leaf_ports = static_cast<long>(p.switches) * p.leaf_fibres;
    const long spine_ports = static_cast<long>(p.switches) * p.spine_fibres;
    std::vector<long> column(n(p.spines), 0);
    for (std::size_t l = 0; l < n(p.leafs); ++l) {
      long row = 0;
      for (std::size_t s = 0; s < n(p.spines); ++s) {
        row += p.want[l * n(p.spines) + s];
        column[s] += p.want[l * n(p.spines) + s];
      }
      if (row > leaf_ports) return rewire_witness{kind::leaf, leaf_id{l}, {}, row, leaf_ports};
    }
    for (std::size_t s = 0; s < n(p.spines); ++s)
      if (column[s] > spine_ports)
        return rewire_witness{kind::spine, {}, spine_id{s}, column[s], spine_ports};
    std::vector<int> frozen(p.want.size(), 0);
    for (const cross_connect& c : p.frozen)
      ++frozen[c.leaf.index() * n(p.spines) + c.spine.index()];
    for (std::size_t i = 0; i < p.want.size(); ++i)
      if (frozen[i] > p.want[i])
        return rewire_witness{kind::frozen, leaf_id{i / n(p.spines)}, spine_id{i % n(p.spines)},
                              p.want[i], frozen[i]};
    return std::nullopt;
  }

  /// Takes the frozen circuits out. \returns the first pair with more circuits than room, or their
  /// number
  std::size_t prepare(const rewire_problem& p) {
    const std::size_t k = n(p.switches), spines = n(p.spines);
    core_.switches = k;
    core_.leafs = n(p.leafs);
    core_.spines = spines;
    core_.leaf_fibres = n(p.leaf_fibres);
    core_.spine_fibres = n(p.spine_fibres);
    core_.leaf_open.assign(core_.leafs * k, static_cast<std::uint8_t>(p.leaf_fibres));
    core_.spine_open.assign(spines * k, static_cast<std::uint8_t>(p.spine_fibres));
    left_ = p.want;
    for (const cross_connect& c : p.frozen) {
      --left_[c.leaf.index() * spines + c.spine.index()];
      --core_.leaf_open[c.leaf.index() * k + c.ocs.index()];
      --core_.spine_open[c.spine.index() * k + c.ocs.index()];
    }
    core_.pair_begin.assign(1, 0);
    core_.pair_leaf.clear();
    core_.pair_spine.clear();
    pair_at_.assign(left_.size(), no_pair);
    for (std::size_t i = 0; i < left_.size(); ++i) {
      if (left_[i] == 0) continue;
      pair_at_[i] = static_cast<std::uint32_t>(core_.pairs());
      core_.pair_leaf.push_back(static_cast<std::uint32_t>(i / spines));
      core_.pair_spine.push_back(static_cast<std::uint32_t>(i % spines));
      core_.pair_begin.push_back(core_.pair_begin.back() + static_cast<std::uint32_t>(left_[i]));
    }
    core_.home.assign(core_.pairs() * k, 0);
    const auto count = [&](const std::vector<cross_connect>& all, int by) {
      for (const cross_connect& c : all)
        if (const std::uint32_t q = pair_at_[c.leaf.index() * spines + c.spine.index()];
            q != no_pair) {
          std::uint8_t& at = core_.home[q * k + c.ocs.index()];
          at = static_cast<std::uint8_t>(at + by);
        }
    };
    count(p.current, 1);
    count(p.frozen, -1);
    std::size_t stuck = 0;
    while (stuck < core_.pairs() &&
           room(stuck) >= core_.pair_begin[stuck + 1] - core_.pair_begin[stuck])
      ++stuck;
    return stuck;
  }

  [[nodiscard]] std::size_t room(std::size_t q) const {
    const std::size_t k = core_.switches;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < k; ++i)
      sum += std::min(core_.leaf_open[core_.pair_leaf[q] * k + i],
                      core_.spine_open[core_.pair_spine[q] * k + i]);
    return sum;
  }
  [[nodiscard]] rewire_witness pair_witness(std::size_t q) const {
    return {rewire_witness::kind::pair, leaf_id{core_.pair_leaf[q]}, spine_id{core_.pair_spine[q]},
            static_cast<long>(core_.pair_begin[q + 1] - core_.pair_begin[q]),
            static_cast<long>(room(q))};
  }

  /// Few steps where little is missing, then about as many as 10 ms allow; beyond some 300 missing
  /// circuits the steps a circuit grow up to 2500, since large fabrics settle late.
  [[nodiscard]] std::size_t default_steps(std::size_t missing,
                                          const rewire_options& options) const {
    const std::size_t few = 13'000'000 / (core_.switches + 76);
    const std::size_t each = std::min<std::size_t>(missing * missing / 1000, 2500);
    const std::size_t steps = std::min(4000 * missing, std::max(few, each * missing));
    return static_cast<std::size_t>(static_cast<double>(steps) * options.effort);
  }
  /// Where many steps follow, about a tenth of their time.
  [[nodiscard]] std::size_t sweeps(const rewire_options& options, std::size_t missing) const {
    if (options.bound_sweeps > 0) return options.bound_sweeps;
    const std::size_t entries =
        std::max<std::size_t>(2'700'000, 10 * default_steps(missing, options));
    return std::clamp<std::size_t>(entries / (core_.pairs() * core_.switches + 1), 16, 96);
  }

  /// Leaves the best wiring found on the board, complete unless frozen circuits stood in the way.
  std::size_t anneal(const rewire_options& options, std::size_t missing, std::size_t bound) {
    if (missing == 0) return 0;
    const std::size_t budget = default_steps(missing, options);
    const std::size_t squeezed = budget >= 400'000 ? budget * 3 / 10 : 0;
    const std::size_t rounds = missing <= 250 ? std::min<std::size_t>(budget * 3 / 10, 30'000) : 0;
    run_.start(board_, bound_, options.seed);
    std::size_t steps = run_({.steps = budget - squeezed - rounds,
                              .heat_first = 1.15,
                              .heat_last = squeezed > 0 ? 1 : 0.83,
                              .reluctance_first = 1,
                              .reluctance_last = 2});
    steps += squeeze(squeezed);
    if (!finish()) return steps;
    save();
    steps += 10 * insert_.nodes();
    return steps + improve(missing, bound, budget - std::min(budget, steps));
  }

  /// Has fewer and fewer wait: reluctance rises, and since at high reluctance circuits no longer
  /// push out two at a time, trees of moves as cheap as it allows bring some in now and then, and
  /// what they moved settles.
  std::size_t squeeze(std::size_t budget) {
    constexpr double first = 2, last = 7;
    const std::size_t phases = std::min<std::size_t>(budget / 10'000, 20);
    std::size_t steps = 0;
    for (std::size_t i = 0; i < phases && !board_.unplaced().empty(); ++i) {
      const double reluctance =
          first + (last - first) * (static_cast<double>(i) + 0.5) / static_cast<double>(phases);
      steps += run_({.steps = budget / phases,
                     .heat_first = 1,
                     .heat_last = 1,
                     .reluctance_first = reluctance,
                     .reluctance_last = reluctance});
      insert_(board_, 0, static_cast<int>(reluctance - 0.5), 1000);
    }
    return steps;
  }

  /// Disturbs the best wiring and lets it settle again, for so many steps or until it meets the
  /// bound.
  std::size_t improve(std::size_t missing, std::size_t bound, std::size_t budget) {
    // A round's other work counted in steps, and that of a node of the search for places.
    const std::size_t overhead =
        1 + ((core_.leafs + core_.spines) * core_.switches + core_.circuits()) / 16;
    constexpr std::size_t node = 10, few = 30;
    std::size_t steps = 0;
    for (std::size_t round = 1; best_moved_ > bound && steps < budget; ++round) {
      if (missing <= few && round % 4 == 0)
        board_.reset(core_);  // all anew
      else
        run_.disturb(std::min<std::size_t>(2 + best_moved_ / 10, 24));
      steps += overhead + run_({.steps = std::min<std::size_t>(budget - steps, 1000),
                                .heat_first = 1.1,
                                .heat_last = 0.83,
                                .reluctance_first = 2,
                                .reluctance_last = 2});
      if (board_.cost() <= best_moved_) {  // what waits may cost the difference
        insert_(board_, 0, static_cast<int>(std::min<std::size_t>(best_moved_ - board_.cost(), 8)),
                1000);
        steps += node * insert_.nodes();
      }
      if (board_.unplaced().empty() && board_.moved() <= best_moved_)
        save();
      else
        board_.restore(best_);
    }
    return steps;
  }

  /// Places what still waits by alternating paths. \returns whether all is placed
  bool finish() {
    insert_(board_, 0, 8, 1000);
    if (!board_.unplaced().empty()) insert_(board_, 9, 16, 2000);
    while (!board_.unplaced().empty())
      if (!chain_(board_, board_.unplaced().front())) return false;
    return true;
  }

  void save() {
    board_.save(best_);
    best_moved_ = board_.moved();
  }

  void tell(const rewire_problem& p, rewire_result& r) const {
    // Circuits of the board follow each other by leaf and spine: they need to be parted by OCS.
    std::vector<std::size_t> next(core_.switches + 1, 0);
    for (std::uint32_t e = 0; e < board_.circuits(); ++e)
      ++next[static_cast<std::size_t>(board_.switch_of(e)) + 1];
    for (std::size_t k = 1; k < next.size(); ++k) next[k] += next[k - 1];
    r.circuits.resize(board_.circuits());
    for (std::uint32_t e = 0; e < board_.circuits(); ++e) {
      const auto k = static_cast<std::size_t>(board_.switch_of(e));
      r.circuits[next[k]++] = {ocs_id{k}, leaf_id{board_.leaf(e)}, spine_id{board_.spine(e)}};
    }
    if (!p.frozen.empty()) {
      r.circuits.insert(r.circuits.end(), p.frozen.begin(), p.frozen.end());
      std::sort(r.circuits.begin(), r.circuits.end());
    }
    r.set_up = board_.moved();
    r.kept = r.circuits.size() - r.set_up;
    r.torn_down = p.current.size() - r.kept;
  }

  static constexpr std::uint32_t no_pair = std::numeric_limits<std::uint32_t>::max();

  detail::rewire_core core_;
  detail::rewire_board board_;
  detail::rewire_bound bound_;
  detail::rewire_anneal run_;
  detail::rewire_insert insert_;
  detail::rewire_chain chain_;
  std::vector<int> left_;
  std::vector<std::uint32_t> pair_at_;
  std::vector<std::int32_t> best_;
  std::size_t best_moved_ = 0;
};

/// Rewires once; see `rewirer`.
[[nodiscard]] inline rewire_result rewire(const rewire_problem& p,
                                          const rewire_options& options = {}) {
  return rewirer{}(p, options);
}

}  // namespace heddle::optical
