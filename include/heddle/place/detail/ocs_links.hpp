// Finds the circuits of a virtual Clos network whose leafs are chosen.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/optical/circuit_search.hpp>
#include <heddle/place/detail/free_fibres.hpp>
#include <heddle/place/detail/idle_circuits.hpp>
#include <heddle/place/detail/moving_circuits.hpp>

namespace heddle::place::detail {

/// A *column* is a virtual spine: a circuit from each of the leafs to one spine, which may carry several
/// columns. Wanted are n columns for the first m leafs, and of these r for one leaf more, the *rest*.
/// Looks at one state of a ledger; keeps its memory between states.
///
///     counts_allow   by free ports alone: exact if circuits may move       O(spines + m)
///     greedy         nothing of others moves; may miss what there is       ~ O(circuits)
///     exact          nothing of others moves; list colouring               nodes
///     moving         circuits of others move, at most so many              O(network + circuits · chain)
class ocs_links {
 public:
  /// Looks at `free`, which must stay as it is until the next start.
  void start(const ocs_ledger& free) {
    free_.start(free);
    moving_.start();
  }

  [[nodiscard]] int free_ports(spine_id s) const { return free_.free_ports(s); }
  [[nodiscard]] int most_ports() const { return free_.most_ports(); }
  [[nodiscard]] std::span<const spine_id> by_ports() const { return free_.by_ports(); }
  [[nodiscard]] bool counts_allow(int m, int n, int r) { return free_.counts_allow(m, n, r); }
  [[nodiscard]] int common(leaf_id l, spine_id s) { return free_.common(l, s); }

  bool greedy(std::span<const leaf_id> leafs, int n, int r) {
    has_moved_ = false;
    return idle_.greedy(free_, leafs, n, r);
  }
  optical::search_result exact(std::span<const leaf_id> leafs, int n, int r, std::int64_t& budget) {
    has_moved_ = false;
    return idle_.exact(free_, leafs, n, r, budget);
  }
  bool moving(std::span<const leaf_id> leafs, int n, int r, int most) {
    has_moved_ = true;
    return moving_.columns(free_, leafs, n, r, most);
  }
  bool crossbar(std::span<const leaf_id> leafs, std::span<int> gpus, int n, spine_id s) {
    has_moved_ = false;
    return idle_.crossbar(free_, leafs, gpus, n, s);
  }
  bool moving_crossbar(std::span<const leaf_id> leafs, std::span<const int> gpus, spine_id s,
                       int most) {
    has_moved_ = true;
    return moving_.crossbar(free_, leafs, gpus, s, most);
  }

  /// After a yes: the circuits of the job, sorted, and what of others has to move.
  [[nodiscard]] const std::vector<fabric::circuit>& circuits() const {
    return has_moved_ ? moving_.circuits() : idle_.circuits();
  }
  [[nodiscard]] std::span<const fabric::circuit_move> moves() const {
    return has_moved_ ? std::span{moving_.moves()} : std::span<const fabric::circuit_move>{};
  }

 private:
  free_fibres free_;
  idle_circuits idle_;
  moving_circuits moving_;
  bool has_moved_ = false;  // where the circuits stand: found by moving, or on idle fibres
};

}  // namespace heddle::place::detail
