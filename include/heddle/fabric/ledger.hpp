// Who owns which GPU, which link and which circuit, and what is out of order.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/gpu_book.hpp>
#include <heddle/fabric/islands.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The owners of a fabric's GPUs and links: two books that change together. Every part has at most
/// one owner; a change happens whole or not at all. What is out of order is not free, and so given to
/// nobody; a job that holds it keeps it until it is released. A value: copies are snapshots, `==`
/// compares what is owned and what has failed.
///
/// Counts (free GPUs of a server, a unit, the cluster) are O(1), sets are rows of bits. A policy that
/// gives away GPUs alone takes a `gpu_book`, which a ledger converts to; one that needs fixed links
/// takes a `ledger<leaf_spine>`, and one that needs circuits a `ledger<leaf_spine_ocs>`.
///
/// Const members may run side by side; a ledger has one writer.
template <class F>
class ledger {
  static_assert(Fabric<F>, "a ledger is of a fabric: hosts(), equipment() and a type `book` that "
                           "keeps the owners of its links (fabric/fabric.hpp)");

 public:
  using fabric_type = F;

  explicit ledger(const F& dc) : fabric_(dc), gpus_(dc.hosts()), network_(dc) { find_islands(); }

  [[nodiscard]] const F& fabric() const { return fabric_; }
  [[nodiscard]] const fabric::hosts& hosts() const { return gpus_.hosts(); }
  /// The book of GPUs.
  [[nodiscard]] const gpu_book& gpus() const { return gpus_; }
  operator const gpu_book&() const { return gpus_; }
  /// The book of links or circuits.
  [[nodiscard]] const typename F::book& network() const { return network_; }

  // --- what is free ----------------------------------------------------------------------------

  [[nodiscard]] int free_gpus() const { return gpus_.free_gpus(); }
  [[nodiscard]] int free_gpus(unit_id x) const { return gpus_.free_gpus(x); }
  [[nodiscard]] int free_gpus(server_id s) const { return gpus_.free_gpus(s); }
  [[nodiscard]] int free_gpus_of_type(int type) const { return gpus_.free_gpus_of_type(type); }
  [[nodiscard]] int idle_servers() const { return gpus_.idle_servers(); }
  [[nodiscard]] int idle_servers(unit_id x) const { return gpus_.idle_servers(x); }
  [[nodiscard]] int gpus_of_idle_servers() const { return gpus_.gpus_of_idle_servers(); }
  [[nodiscard]] bool is_idle(server_id s) const { return gpus_.is_idle(s); }
  [[nodiscard]] bool is_free(gpu_id g) const { return gpus_.is_free(g); }
  [[nodiscard]] const_bit_row free_gpu_bits() const { return gpus_.free_gpu_bits(); }
  [[nodiscard]] job_id owner(gpu_id g) const { return gpus_.owner(g); }
  /// Of a link or a circuit.
  template <class Part>
    requires requires(const typename F::book& b, const Part& p) { b.is_free(p); }
  [[nodiscard]] bool is_free(const Part& part) const { return network_.is_free(part); }
  template <class Part>
    requires requires(const typename F::book& b, const Part& p) { b.owner(p); }
  [[nodiscard]] job_id owner(const Part& part) const { return network_.owner(part); }

  /// Which units the network joins as it works now: GPUs of two islands are never one job's.
  [[nodiscard]] const fabric::islands& islands() const { return islands_; }
  /// A copy in which the GPUs of all other units are out of reach. O(cluster).
  [[nodiscard]] ledger within(std::span<const unit_id> units) const {
    ledger part = *this;
    auto next = units.begin();
    for (unit_id x : hosts().all_units()) {
      if (next != units.end() && *next == x) {
        ++next;
        continue;
      }
      if (free_gpus(x) > 0)
        for (gpu_id g : hosts().gpus_of(x)) part.gpus_.cut_off(g, true);
    }
    part.islands_ = {};
    return part;
  }

  /// A copy in which the GPUs of all other types are out of reach. O(cluster).
  [[nodiscard]] ledger of_type(int type) const {
    ledger part = *this;
    for (server_id s : hosts().all_servers())
      if (hosts().type_of(s) != type && free_gpus(s) > 0)
        for (gpu_id g : hosts().gpus_of(s)) part.gpus_.cut_off(g, true);
    return part;
  }

  // --- owning ----------------------------------------------------------------------------------

  /// Gives all that `p` names to `job`. O(size of p), one allocation, and one for a tenant.
  /// \param tenant  for whom; `gpu_book::tenant_of` tells
  [[nodiscard]] reserve_status reserve(job_id job, placement p, std::string_view tenant = {}) {
    if (const reserve_status s = gpus_.check(job, p.gpus); s != reserve_status::reserved) return s;
    if (!network_.knows_all(p)) return reserve_status::malformed;
    if (!network_.take(p, job)) return reserve_status::link_taken;
    gpus_.hold(job, std::move(p), tenant);
    return reserve_status::reserved;
  }

  /// Takes everything back from `job`; false if it holds nothing. O(size of its placement).
  bool release(job_id job) { return extract(job).has_value(); }

  /// Like `release`, and hands out what the job held.
  std::optional<placement> extract(job_id job) {
    if (!find(job)) return std::nullopt;
    std::optional<placement> p = gpus_.let_go(job);
    network_.give_back(*p);
    return p;
  }

  /// Moves circuits of running jobs, all or none. O(moves · circuits of a job).
  /// \returns  `malformed` if a job does not own the circuit that it is to move, or a move changes
  ///           leaf or spine; `link_taken` if there is no room
  [[nodiscard]] reserve_status
  rewire(std::span<const circuit_move> moves) requires RewirableBook<typename F::book> {
    return network_.rewire(moves, [&](job_id job) { return find(job) ? &gpus_.at(job) : nullptr; });
  }

  /// What `job` holds, or null. Valid until the job is released.
  [[nodiscard]] const placement* find(job_id job) const { return gpus_.find(job); }
  /// All placements by job id.
  [[nodiscard]] const std::map<job_id, placement>& placements() const { return gpus_.placements(); }
  [[nodiscard]] std::string_view tenant_of(job_id job) const { return gpus_.tenant_of(job); }

  // --- failures --------------------------------------------------------------------------------
  //
  // A part is a gpu_id, a server_id, or one that the network's book knows: a leaf_id (with the cards on
  // it), a spine_id, a link; an ocs_id, a leaf_fibre, a spine_fibre; a unit_id where units are cubes, a
  // chip_link. It must exist.

  /// Whether parts of this kind can fail.
  template <class Part>
  static constexpr bool knows = HostPart<Part> || F::book::template knows<Part>;

  /// Puts `part` out of order. \returns  the jobs that own a GPU or link that needs it, by id
  /// O(what the part holds or carries); an OCS or spine O(links).
  template <class Part>
    requires(knows<Part>)
  std::vector<job_id> fail(const Part& part) {
    std::vector<job_id> hit;
    const auto add = [&](job_id owner) {
      if (owner.valid()) hit.push_back(owner);
    };
    change(part, true, add);
    // The uplinks do not say which circuits go through a spine.
    if constexpr (RewirableBook<typename F::book> &&
                  (std::same_as<Part, spine_id> || std::same_as<Part, spine_fibre>))
      network_.for_each_owner_at_spines(part, gpus_, add);
    std::sort(hit.begin(), hit.end());
    hit.erase(std::unique(hit.begin(), hit.end()), hit.end());
    return hit;
  }
  /// Puts `part` in order again; false if it was.
  template <class Part>
    requires(knows<Part>)
  bool repair(const Part& part) {
    return change(part, false, [](job_id) {});
  }
  /// Whether `part` itself has failed.
  template <class Part>
    requires(knows<Part>)
  [[nodiscard]] bool is_failed(const Part& part) const {
    if constexpr (HostPart<Part>)
      return gpus_.is_failed(part);
    else
      return network_.is_failed(part);
  }
  /// Whether nothing has failed.
  [[nodiscard]] bool all_work() const { return gpus_.all_work() && network_.all_work(); }

  /// Whether owners, counts and bit rows say the same. For tests: O(GPUs + links).
  [[nodiscard]] bool consistent() const {
    ledger fresh{fabric_};
    for (const auto& [job, p] : placements())
      if (fresh.reserve(job, p, tenant_of(job)) != reserve_status::reserved) return false;
    fresh.gpus_.adopt_failures(gpus_);
    fresh.network_.adopt_failures(network_);
    fresh.find_islands();
    return fresh == *this;
  }

  friend bool operator==(const ledger&, const ledger&) = default;

 private:
  template <class Part, class Hit>
  bool change(const Part& part, bool failed, Hit&& hit) {
    if constexpr (HostPart<Part>) {
      return gpus_.mark(part, failed, [&](gpu_id g) { hit(owner(g)); });
    } else {
      // Where links are their chips', who owns both ends needs what is between them.
      if constexpr (requires { fabric_.end_of(part); })
        if (const gpu_id end = fabric_.end_of(part);
            failed && end.valid() && owner(end) == owner(part.from))
          hit(owner(end));
      const bool changed = network_.mark(
          fabric_, part, failed,
          [&](gpu_id g, bool is_cut) {
            if (is_cut) hit(owner(g));
            gpus_.cut_off(g, is_cut);
          },
          hit);
      find_islands();
      return changed;
    }
  }

  void find_islands() {
    if constexpr (HasFixedLinks<F>) islands_ = fabric::islands{fabric_, network_};
  }

  F fabric_;
  gpu_book gpus_;
  typename F::book network_;
  fabric::islands islands_;
};

template <class F>
ledger(const F&) -> ledger<F>;

/// L is a ledger whose circuits can move while jobs own them.
template <class L>
concept RewirableLedger = RewirableBook<typename L::fabric_type::book>;

}  // namespace heddle::fabric
