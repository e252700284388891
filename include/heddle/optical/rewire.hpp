// The wiring with the wanted circuits that keeps as many of the current ones as can be found, and a
// bound on how many any wiring can keep.
//
//   rewire_problem   current and wanted circuits, frozen ones            the data (rewire_problem.hpp)
//   rewirer          answers problems, keeping its memory                many problems
//   rewire           the same in one call                                a single one
//   check            of a problem; of an answer, from outside            before and after
//   make_plan        from the current wiring to the answer, in steps     what drivers carry out (plan.hpp)
//
// A circuit takes a fibre of a leaf and a fibre of a spine to one optical circuit switch (OCS).
// Which OCS a wanted circuit uses is free; one that is where the current wiring has it need not be
// touched. To find the wiring that sets up the fewest is NP-hard (a three-index transport problem).
// Here: annealing over partial wirings (detail/rewire_anneal.hpp), trees of moves and alternating
// paths for what is left (detail/rewire_insert.hpp, detail/rewire_chain.hpp), and a bound from the
// dual of the linear relaxation (detail/rewire_bound.hpp).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/optical/detail/rewire_anneal.hpp>
#include <heddle/optical/detail/rewire_board.hpp>
#include <heddle/optical/detail/rewire_bound.hpp>
#include <heddle/optical/detail/rewire_chain.hpp>
#include <heddle/optical/detail/rewire_insert.hpp>
#include <heddle/optical/detail/rewire_search.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/realizability.hpp>
#include <heddle/optical/rewire_problem.hpp>
#include <heddle/optical/wiring.hpp>

namespace heddle::optical {

/// Rewires with the fewest circuits set up that it finds. The same problem and options give the
/// same bytes, with every compiler. Keeps its memory between calls; not for two threads at once.
class rewirer {
 public:
  /// Time: O(steps), some tens of nanoseconds each up to 64 OCS, and O(sweeps · pairs · OCS); about
  /// 10 ms up to 64 × 64 ports and OCS, 0.4 s at 256 × 64.
  /// Without frozen circuits and closed ends it is never `gave_up`: port counting decides (Kőnig).
  /// \throws input_error  if the problem is malformed
  [[nodiscard]] rewire_result operator()(const rewire_problem& p,
                                         const rewire_options& options = {}) {
    check(p);
    rewire_result r;
    if ((r.witness = find_shortage(p))) {
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
        r.witness = o == outcome::none ? rewire_witness{} : prove_shortage(p);
        r.status = r.witness ? rewire_status::unrealizable : rewire_status::gave_up;
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

  /// Leafs, spines and pairs that no wiring can give their circuits, by counting.
  [[nodiscard]] static std::optional<rewire_witness> find_shortage(const rewire_problem& p) {
    using kind = rewire_witness::kind;
    if (const auto found = count_shortage(p.current.ends(), p.want))
      return rewire_witness{found->leaf.valid() ? kind::leaf : kind::spine, found->leaf,
                            found->spine, found->wanted, found->possible};
    link_matrix frozen{p.want.leafs(), p.want.spines()};
    for (const circuit& k : p.frozen) ++frozen(k.leaf, k.spine);
    for (leaf_id l : p.current.ends().all_leafs())
      for (spine_id s : p.current.ends().all_spines())
        if (frozen(l, s) > p.want(l, s))
          return rewire_witness{kind::frozen, l, s, p.want(l, s), frozen(l, s)};
    return std::nullopt;
  }
  /// A leaf or spine that is short of circuits beside the frozen ones, by flow.
  [[nodiscard]] static std::optional<rewire_witness> prove_shortage(const rewire_problem& p) {
    ports rest = p.current.ends();
    link_matrix left = p.want;
    for (const circuit& k : p.frozen) {
      rest.close(k.leaf, k.uplink);
      rest.close(k.spine, p.current.fibre_of(k));
      --left(k.leaf, k.spine);
    }
    const realizability r = check_realizable(rest, left);
    if (!r.witness) return std::nullopt;
    return rewire_witness{rewire_witness::kind::ends, r.witness->leaf,     r.witness->spine,
                          r.witness->wanted,          r.witness->possible, r.witness->others};
  }

  /// Takes the frozen circuits out. \returns the first pair with more circuits than room, or their
  /// number
  std::size_t prepare(const rewire_problem& p) {
    const ports& ends = p.current.ends();
    const std::size_t k = n(ends.switches());
    core_.switches = k;
    core_.leafs = n(ends.leafs());
    core_.spines = n(ends.spines());
    core_.leaf_fibres = n(ends.leaf_fibres());
    core_.spine_fibres = n(ends.spine_fibres());
    core_.leaf_open.clear();
    core_.spine_open.clear();
    for (leaf_id l : ends.all_leafs())
      for (ocs_id o : ends.all_switches())
        core_.leaf_open.push_back(static_cast<std::uint8_t>(ends.open(l, o)));
    for (spine_id s : ends.all_spines())
      for (ocs_id o : ends.all_switches())
        core_.spine_open.push_back(static_cast<std::uint8_t>(ends.open(s, o)));
    link_matrix left = p.want;
    for (const circuit& c : p.frozen) {
      const ocs_id o = ends.ocs_of_uplink(c.uplink);
      --left(c.leaf, c.spine);
      --core_.leaf_open[c.leaf.index() * k + o.index()];
      --core_.spine_open[c.spine.index() * k + o.index()];
    }
    core_.pair_begin.assign(1, 0);
    core_.pair_leaf.clear();
    core_.pair_spine.clear();
    pair_at_.assign(core_.leafs * core_.spines, no_pair);
    for (leaf_id l : ends.all_leafs())
      for (spine_id s : ends.all_spines()) {
        if (left(l, s) == 0) continue;
        pair_at_[place(l, s)] = static_cast<std::uint32_t>(core_.pairs());
        core_.pair_leaf.push_back(l.value);
        core_.pair_spine.push_back(s.value);
        core_.pair_begin.push_back(core_.pair_begin.back() +
                                   static_cast<std::uint32_t>(left(l, s)));
      }
    core_.home.assign(core_.pairs() * k, 0);
    now_.clear();
    p.current.list(now_);
    for (const circuit& c : now_)
      if (const auto at = seat(ends, c); at != nowhere) ++core_.home[at];
    for (const circuit& c : p.frozen)
      if (const auto at = seat(ends, c); at != nowhere) --core_.home[at];
    std::size_t stuck = 0;
    while (stuck < core_.pairs() &&
           room(stuck) >= core_.pair_begin[stuck + 1] - core_.pair_begin[stuck])
      ++stuck;
    return stuck;
  }
  [[nodiscard]] std::size_t place(leaf_id l, spine_id s) const {
    return l.index() * core_.spines + s.index();
  }
  /// Where the circuits of a pair at an OCS are counted; `nowhere` if of the pair nothing is wanted
  /// beside what is frozen.
  [[nodiscard]] std::size_t seat(const ports& ends, const circuit& c) const {
    const std::uint32_t q = pair_at_[place(c.leaf, c.spine)];
    return q == no_pair ? nowhere : q * core_.switches + ends.ocs_of_uplink(c.uplink).index();
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

  /// The current wiring with the circuits of the board: what stays keeps its fibres.
  void tell(const rewire_problem& p, rewire_result& r) {
    const ports& ends = p.current.ends();
    wanted_.assign(core_.home.size(), 0);
    for (std::uint32_t e = 0; e < board_.circuits(); ++e)
      ++wanted_[board_.pair(e) * core_.switches + static_cast<std::size_t>(board_.switch_of(e))];
    r.target = p.current;
    std::vector<circuit> frozen = p.frozen;
    std::sort(frozen.begin(), frozen.end());
    const auto is_frozen = [&](const circuit& c) {
      return std::binary_search(frozen.begin(), frozen.end(), c);
    };
    for (const circuit& c : now_) {
      if (is_frozen(c)) continue;  // not on the board
      const std::size_t at = seat(ends, c);
      if (at != nowhere && wanted_[at] > 0)
        --wanted_[at];
      else
        r.target.disconnect(c);
    }
    for (std::size_t q = 0; q < core_.pairs(); ++q)
      for (std::size_t o = 0; o < core_.switches; ++o)
        for (; wanted_[q * core_.switches + o] > 0; --wanted_[q * core_.switches + o])
          r.target.connect(leaf_id{core_.pair_leaf[q]}, spine_id{core_.pair_spine[q]}, ocs_id{o});
    r.set_up = board_.moved();
    r.kept = board_.circuits() + p.frozen.size() - r.set_up;
    r.torn_down = now_.size() - r.kept;
  }

  static constexpr std::uint32_t no_pair = std::numeric_limits<std::uint32_t>::max();
  static constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();

  detail::rewire_core core_;
  detail::rewire_board board_;
  detail::rewire_bound bound_;
  detail::rewire_anneal run_;
  detail::rewire_insert insert_;
  detail::rewire_chain chain_;
  std::vector<circuit> now_;
  std::vector<std::uint32_t> pair_at_;  // of each leaf and spine
  std::vector<std::uint8_t> wanted_;    // as rewire_core::home
  std::vector<std::int32_t> best_;
  std::size_t best_moved_ = 0;
};

/// Rewires once; see `rewirer`.
[[nodiscard]] inline rewire_result rewire(const rewire_problem& p,
                                          const rewire_options& options = {}) {
  return rewirer{}(p, options);
}

}  // namespace heddle::optical
