// Which circuits are up, whose they are, and which fibres are free.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/circuits.hpp>
#include <heddle/fabric/detail/marks.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The circuits of a cluster's jobs. A reservation sets its circuits up and a release takes them down:
/// each takes an uplink of its leaf and one of the fibres of its spine to that uplink's OCS. What has
/// failed is not free; fibres of a spine are looked up when they are wanted.
///
/// Read only; `ledger` is what books. Const members may run side by side.
class circuit_book {
 public:
  /// A part of the network that can fail by itself; a leaf takes with it the cards that hang on it.
  template <class T>
  static constexpr bool knows =
      std::same_as<T, leaf_id> || std::same_as<T, spine_id> || std::same_as<T, ocs_id> ||
      std::same_as<T, leaf_fibre> || std::same_as<T, spine_fibre>;

  /// Of a fabric with `leafs()`, `spines()` and `optical()`.
  template <class Fabric>
  explicit circuit_book(const Fabric& dc)
      : layer_(dc.optical()), leafs_(size(dc.leafs())), spines_(size(dc.spines())),
        owner_(leafs_ * uplinks()), free_ports_(leafs_, uplinks()),
        fibres_used_(spines_ * switches(), 0), ports_used_(spines_, 0),
        failed_(leafs_ + spines_ + switches() + (leafs_ + spines_) * switches()) {
    for (std::size_t l = 0; l < leafs_; ++l) fill_bits(free_ports_[l], uplinks());
  }

  /// Whether it can be set up.
  [[nodiscard]] bool is_free(const circuit& k) const {
    return test_bit(free_ports_[k.leaf.index()], k.uplink) &&
           free_spine_fibres(k.spine, layer_.ocs_of(k.uplink)) > 0;
  }
  /// Who owns the uplink that a circuit would use, or an invalid id.
  [[nodiscard]] job_id owner(const circuit& k) const { return owner_[index(k)]; }

  /// The uplinks of a leaf that no circuit uses.
  [[nodiscard]] const_bit_row free_ports(leaf_id l) const { return free_ports_[l.index()]; }
  /// Fibres of a spine to an OCS that no circuit uses.
  [[nodiscard]] int free_spine_fibres(spine_id s, ocs_id o) const {
    if (!failed_.empty() && !works(spine_fibre{s, o})) return 0;
    return layer_.spine_fibres - fibres_used_[fibre(s, o)];
  }
  /// Fibres of a spine to all OCS that no circuit uses. O(1), O(OCS) after failures.
  [[nodiscard]] int free_spine_ports(spine_id s) const {
    if (failed_.empty()) return layer_.spine_ports() - ports_used_[s.index()];
    int n = 0;
    for (std::size_t o = 0; o < switches(); ++o) n += free_spine_fibres(s, ocs_id{o});
    return n;
  }

  /// Whether `part` itself has failed.
  template <class Part>
    requires(knows<Part>)
  [[nodiscard]] bool is_failed(const Part& part) const { return failed_.contains(mark_of(part)); }
  /// Whether nothing of the network has failed.
  [[nodiscard]] bool all_work() const { return failed_.empty(); }
  /// Whether an uplink, its leaf and its OCS work.
  [[nodiscard]] bool works(leaf_id l, std::uint32_t uplink) const {
    const ocs_id o = layer_.ocs_of(uplink);
    return !is_failed(l) && !is_failed(o) && !is_failed(leaf_fibre{l, o});
  }
  /// Whether the fibres between a spine and an OCS and both their ends work.
  [[nodiscard]] bool works(const spine_fibre& f) const {
    return !is_failed(f.spine) && !is_failed(f.ocs) && !is_failed(f);
  }

  friend bool operator==(const circuit_book&, const circuit_book&) = default;

  // --- for the ledger ----------------------------------------------------------------------------

  /// Whether the circuits of `p` could exist, sorted and each once, and `p` names no fixed links.
  [[nodiscard]] bool knows_all(const placement& p) const {
    return p.links.empty() && p.core_links.empty() && p.faces.empty() &&
           std::all_of(p.circuits.begin(), p.circuits.end(),
                       [&](const circuit& k) { return exists(k); }) &&
           std::adjacent_find(p.circuits.begin(), p.circuits.end(),
                              [](const circuit& a, const circuit& b) { return a >= b; }) ==
               p.circuits.end();
  }
  /// Sets the circuits of `p` up for `job` if all can be. Precondition: `knows_all`.
  [[nodiscard]] bool take(const placement& p, job_id job) { return set_up(p.circuits, job); }
  void give_back(const placement& p) { take_down(p.circuits); }

  /// Marks `part` and brings all that it carries up to date. Tells `cut(gpu, is_cut)` of the GPUs of a
  /// leaf and `hit(job)` of the owners of its uplinks.
  template <class Fabric, class Part, class Cut, class Hit>
  bool mark(const Fabric& dc, const Part& part, bool failed, Cut&& cut, Hit&& hit) {
    const bool changed = failed_.set(mark_of(part), failed);
    if constexpr (std::same_as<Part, leaf_id>)
      dc.for_each_gpu(part, [&](gpu_id g) { cut(g, is_failed(dc.leaf_of(g))); });
    for_each_uplink(part, [&](std::size_t i) {
      if (owner_[i].valid()) hit(owner_[i]);
      refresh(i);
    });
    return changed;
  }
  /// Calls `hit` for the owners of circuits through a spine or its fibres: the uplinks do not say
  /// which these are.
  template <class Part, class Hit>
  void for_each_owner_at_spines(const Part& part, const gpu_book& held, Hit&& hit) const {
    const auto uses = [&](const circuit& k) {
      if constexpr (std::same_as<Part, spine_fibre>)
        return k.spine == part.spine && layer_.ocs_of(k.uplink) == part.ocs;
      else if constexpr (std::same_as<Part, spine_id>)
        return k.spine == part;
      else
        return false;
    };
    for (const auto& [job, p] : held.placements())
      if (std::any_of(p.circuits.begin(), p.circuits.end(), uses)) hit(job);
  }
  /// Takes over what has failed in a book of the same network.
  void adopt_failures(const circuit_book& other) {
    failed_ = other.failed_;
    for (std::size_t i = 0; i < owner_.size(); ++i) refresh(i);
  }

  /// Moves circuits of running jobs, all or none.
  /// \param held_by  callable: job → its placement, or null
  /// \returns  see `ledger::rewire`
  template <class HeldBy>
  [[nodiscard]] reserve_status rewire(std::span<const circuit_move> moves, HeldBy&& held_by) {
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const circuit_move& m = moves[i];
      const placement* p = held_by(m.job);
      if (!p || m.from.leaf != m.to.leaf || m.from.spine != m.to.spine || !exists(m.to) ||
          !std::binary_search(p->circuits.begin(), p->circuits.end(), m.from))
        return reserve_status::malformed;
      for (std::size_t k = 0; k < i; ++k)
        if (moves[k].from == m.from) return reserve_status::malformed;
    }
    for (const circuit_move& m : moves) take_down({&m.from, 1});
    for (std::size_t i = 0; i < moves.size(); ++i) {
      if (set_up({&moves[i].to, 1}, moves[i].job)) continue;
      for (std::size_t k = 0; k < i; ++k) take_down({&moves[k].to, 1});
      for (const circuit_move& m : moves) put_back(m.from, m.job);
      return reserve_status::link_taken;
    }
    for (const circuit_move& m : moves) {
      std::vector<circuit>& mine = held_by(m.job)->circuits;
      *std::find(mine.begin(), mine.end(), m.from) = m.to;
    }
    for (const circuit_move& m : moves) {
      std::vector<circuit>& mine = held_by(m.job)->circuits;
      std::sort(mine.begin(), mine.end());
    }
    return reserve_status::reserved;
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  static std::ptrdiff_t offset(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

  [[nodiscard]] std::size_t uplinks() const { return size(layer_.uplinks()); }
  [[nodiscard]] std::size_t switches() const { return size(layer_.switches); }
  [[nodiscard]] std::size_t index(const circuit& k) const {
    return k.leaf.index() * uplinks() + k.uplink;
  }
  [[nodiscard]] std::size_t fibre(spine_id s, ocs_id o) const {
    return s.index() * switches() + o.index();
  }
  [[nodiscard]] bool exists(const circuit& k) const {
    return k.leaf.index() < leafs_ && k.spine.index() < spines_ && k.uplink < uplinks();
  }
  [[nodiscard]] std::size_t mark_of(leaf_id l) const { return l.index(); }
  [[nodiscard]] std::size_t mark_of(spine_id s) const { return leafs_ + s.index(); }
  [[nodiscard]] std::size_t mark_of(ocs_id o) const { return leafs_ + spines_ + o.index(); }
  [[nodiscard]] std::size_t mark_of(const leaf_fibre& f) const {
    return leafs_ + spines_ + switches() + f.leaf.index() * switches() + f.ocs.index();
  }
  [[nodiscard]] std::size_t mark_of(const spine_fibre& f) const {
    return leafs_ + spines_ + (1 + leafs_) * switches() + f.spine.index() * switches() +
           f.ocs.index();
  }

  /// Claims fibres and uplinks; two circuits of one placement may share an uplink only by mistake.
  [[nodiscard]] bool set_up(std::span<const circuit> circuits, job_id job) {
    for (std::size_t i = 0; i < circuits.size(); ++i) {
      const circuit& k = circuits[i];
      if (is_free(k)) {
        clear_bit(free_ports_[k.leaf.index()], k.uplink);
        use_fibre(k, +1);
        continue;
      }
      for (const circuit& claimed : circuits.first(i)) {
        set_bit(free_ports_[claimed.leaf.index()], claimed.uplink);
        use_fibre(claimed, -1);
      }
      return false;
    }
    for (const circuit& k : circuits) owner_[index(k)] = job;
    return true;
  }
  void take_down(std::span<const circuit> circuits) {
    for (const circuit& k : circuits) {
      use_fibre(k, -1);
      owner_[index(k)] = job_id{};
      if (failed_.empty())
        set_bit(free_ports_[k.leaf.index()], k.uplink);
      else
        refresh(index(k));
    }
  }
  /// Gives a circuit back to who had it a moment ago, in order or not.
  void put_back(const circuit& k, job_id job) {
    use_fibre(k, +1);
    owner_[index(k)] = job;
    clear_bit(free_ports_[k.leaf.index()], k.uplink);
  }
  void use_fibre(const circuit& k, int sign) {
    fibres_used_[fibre(k.spine, layer_.ocs_of(k.uplink))] += sign;
    ports_used_[k.spine.index()] += sign;
  }
  /// Makes the bit of one uplink, by its index among all, say whether it is free.
  void refresh(std::size_t i) {
    const leaf_id l{i / uplinks()};
    const auto uplink = static_cast<std::uint32_t>(i % uplinks());
    if (!owner_[i].valid() && works(l, uplink))
      set_bit(free_ports_[l.index()], uplink);
    else
      clear_bit(free_ports_[l.index()], uplink);
  }

  template <class F>
  void for_each_uplink(leaf_id l, F&& f) const {
    for (std::size_t k = 0; k < uplinks(); ++k) f(l.index() * uplinks() + k);
  }
  template <class F>
  void for_each_uplink(ocs_id o, F&& f) const {
    for (std::size_t l = 0; l < leafs_; ++l) for_each_uplink(leaf_fibre{leaf_id{l}, o}, f);
  }
  template <class F>
  void for_each_uplink(const leaf_fibre& fibres, F&& f) const {
    const std::size_t n = size(layer_.leaf_fibres);
    for (std::size_t k = 0; k < n; ++k)
      f(fibres.leaf.index() * uplinks() + fibres.ocs.index() * n + k);
  }
  template <class Part, class F>
  void for_each_uplink(const Part&, F&&) const {}  // a spine's are looked up

  optical_layer layer_;
  std::size_t leafs_, spines_;
  std::vector<job_id> owner_;     // leaf-major, then uplink
  bit_matrix free_ports_;         // a row per leaf: its uplinks
  std::vector<int> fibres_used_;  // of each spine to each OCS
  std::vector<int> ports_used_;   // of each spine
  detail::marks failed_;
};

}  // namespace heddle::fabric
