// Checks that a fabric of one's own keeps the promises that ledgers and policies rely on.
//
//   broken_promises(dc, seed)             random jobs, failures and repairs on a ledger of it
//   broken_promises(dc, seed, propose)    the same, with placements drawn by propose(dc, draws)
//
// Returns a sentence for the first promise that was seen broken, or nothing: that is conformance.
// Test-framework free: `CHECK(!broken_promises(my_fabric, 1))`.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/random_parts.hpp>
#include <heddle/fabric/fabric.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

namespace detail {

/// A ledger beside owners and failures in plain sets.
template <Fabric F, class Propose>
class fabric_suite {
 public:
  fabric_suite(const F& dc, std::uint64_t seed, Propose& propose)
      : dc_(dc), propose_(propose), draws_(seed, "fabric conformance"), ledger_(dc) {}

  /// The first promise broken, empty for none.
  std::string run(int steps) {
    check_value();
    check_numbers();
    for (int i = 0; i < steps && broken_.empty(); ++i) {
      const double what = draws_.below(100) / 100.0;
      const job_id job{draws_.below(16u)};
      if (what < .5)
        reserve(job);
      else if (what < .7)
        release(job);
      else
        break_or_mend();
      compare();
      if (i % 16 == 0) require(ledger_.consistent(), "a ledger's books say the same");
      if (!broken_.empty()) broken_ += ", in step " + std::to_string(i);
    }
    if (broken_.empty()) clear();
    return broken_;
  }

 private:
  void require(bool kept, const char* promise) {
    if (!kept && broken_.empty()) broken_ = promise;
  }

  void check_value() {
    const F copy = dc_;
    require(copy == dc_, "a copy of a fabric equals it");
    require(copy.hosts() == dc_.hosts(), "a copy of a fabric has the same hosts");
    require(dc_.equipment() == copy.equipment(), "a copy of a fabric has the same equipment");
    const fabric::equipment e = dc_.equipment();
    require(e.switches >= 0 && e.circuit_switches >= 0 && e.switching_s >= 0,
            "no number of an equipment is negative");
    require(ledger_ == ledger<F>{copy}, "ledgers of equal fabrics are equal");
    require(ledger_.all_work(), "in a new ledger nothing has failed");
    require(ledger_.free_gpus() == dc_.hosts().gpus(), "in a new ledger all GPUs are free");
  }

  /// Of fabrics with leafs: cards and leafs name one another.
  void check_numbers() {
    if constexpr (HasCards<F>)
      for (gpu_id g : dc_.hosts().all_gpus())
        for (int plane = 0; plane < dc_.planes(); ++plane) {
          const leaf_id l = dc_.leaf_of(g, plane);
          require(l.index() < dc_.all_leafs().size(), "every card hangs on a leaf that there is");
          if constexpr (requires { dc_.for_each_gpu(l, [](gpu_id) {}); }) {
            if (!broken_.empty()) return;
            int found = 0;
            dc_.for_each_gpu(l, [&](gpu_id other) { found += other == g; });
            require(found == 1, "a leaf names each GPU with a card on it once");
          }
        }
    if constexpr (HasCards<F> && requires(leaf_id l) { dc_.for_each_gpu(l, [](gpu_id) {}); })
      for (leaf_id l : dc_.all_leafs())
        dc_.for_each_gpu(l, [&](gpu_id g) {
          bool is_its = false;
          for (int plane = 0; plane < dc_.planes(); ++plane)
            is_its = is_its || dc_.leaf_of(g, plane) == l;
          require(is_its, "a leaf names those GPUs alone that have a card on it");
        });
  }

  void reserve(job_id job) {
    placement p = propose_(dc_, draws_);
    if (draws_.chance(.1) && !p.gpus.empty()) p.gpus.push_back(p.gpus.front());
    bool gpus_free = true, twice = false;
    std::set<gpu_id> seen;
    for (gpu_id g : p.gpus) {
      gpus_free = gpus_free && is_free(g);
      twice = twice || !seen.insert(g).second;
    }
    const std::string tenant(draws_.below(3u), 't');
    const ledger<F> before = ledger_;
    const reserve_status got = ledger_.reserve(job, p, tenant);
    if (got != reserve_status::reserved) {
      require(ledger_ == before, "a refused reservation changes nothing");
      require(p.owns_network() || twice || !gpus_free || held_.contains(job),
              "GPUs that are free can be had without links");
      return;
    }
    require(!held_.contains(job), "a job holds one placement at most");
    require(!twice, "no placement names a GPU twice");
    require(gpus_free, "nobody gets a GPU that is taken or out of order");
    require(ledger_ != before, "a reservation shows");
    for (gpu_id g : p.gpus) owner_[g] = job;
    held_[job] = {std::move(p), tenant};
    // What was given is the job's alone: none but it is answered twice.
    if (held_[job].first.owns_network()) {
      placement again = held_[job].first;
      again.gpus.clear();
      const ledger<F> given = ledger_;
      require(ledger_.reserve(job_id{stranger}, again) != reserve_status::reserved,
              "links and circuits have one owner at most");
      require(ledger_ == given, "a refused reservation changes nothing");
    }
  }

  void release(job_id job) {
    const auto it = held_.find(job);
    std::optional<placement> p = ledger_.extract(job);
    require(p.has_value() == (it != held_.end()), "who holds something can let go of it");
    if (it == held_.end() || !p) return;
    require(*p == it->second.first, "a job lets go of what it was given");
    std::erase_if(owner_, [&](const auto& e) { return e.second == job; });
    held_.erase(it);
  }

  void break_or_mend() {
    with_random_part(dc_, draws_, [&](const auto& part) {
      const bool fail = draws_.chance(.3), was = ledger_.is_failed(part);
      const ledger<F> before = ledger_;
      if (fail) {
        const std::vector<job_id> hit = ledger_.fail(part);
        require(std::is_sorted(hit.begin(), hit.end()) &&
                    std::adjacent_find(hit.begin(), hit.end()) == hit.end(),
                "the jobs that a failure hits are named by id, once each");
        for (const auto& [job, held] : held_)
          if (needs(held.first, part))
            require(std::binary_search(hit.begin(), hit.end(), job),
                    "a failure names the jobs that hold the part");
        for (job_id job : hit) require(held_.contains(job), "a failure names jobs that there are");
      } else {
        require(ledger_.repair(part) == was, "a repair says whether something was out of order");
      }
      require(ledger_.is_failed(part) == fail, "a part has failed until it is repaired");
      if (was == fail) require(ledger_ == before, "what has failed cannot fail once more");
      mark(part, fail);
    });
  }
  void mark(gpu_id g, bool fail) { set(gpus_, g, fail); }
  void mark(server_id s, bool fail) { set(servers_, s, fail); }
  void mark(leaf_id l, bool fail) { set(leafs_, l, fail); }
  void mark(unit_id x, bool fail) { set(units_, x, fail); }
  template <class Part>
  void mark(const Part& part, bool fail) {
    const auto same = [&](const repairer& r) { return r.first == name_of(part); };
    std::erase_if(others_, same);
    if (fail) others_.push_back({name_of(part), [part](ledger<F>& l) { l.repair(part); }});
  }
  template <class Id>
  static void set(std::set<Id>& all, Id one, bool in) {
    if (in)
      all.insert(one);
    else
      all.erase(one);
  }

  [[nodiscard]] bool needs(const placement& p, gpu_id g) const {
    return std::find(p.gpus.begin(), p.gpus.end(), g) != p.gpus.end();
  }
  [[nodiscard]] bool needs(const placement& p, server_id s) const {
    return std::any_of(p.gpus.begin(), p.gpus.end(),
                       [&](gpu_id g) { return dc_.hosts().server_of(g) == s; });
  }
  [[nodiscard]] bool needs(const placement& p, unit_id x) const {
    return std::any_of(p.gpus.begin(), p.gpus.end(),
                       [&](gpu_id g) { return dc_.hosts().unit_of(g) == x; });
  }
  [[nodiscard]] bool needs(const placement& p, const chip_link& k) const {
    if constexpr (requires { dc_.end_of(k); })
      return dc_.end_of(k).valid() && needs(p, k.from) && needs(p, dc_.end_of(k));
    return false;
  }
  template <class Part>
  [[nodiscard]] bool needs(const placement& p, const Part& part) const {
    if constexpr (std::same_as<Part, ocs_id> && HasFaces<F>)
      return std::any_of(p.faces.begin(), p.faces.end(),
                         [&](const face_circuit& k) { return dc_.ocs_of(k) == part; });
    const auto names = [&](const auto& k) {
      using held = std::remove_cvref_t<decltype(k)>;
      if constexpr (std::same_as<Part, held>) return k == part;
      if constexpr (std::same_as<Part, core_id>) return k.core == part;
      if constexpr (std::same_as<Part, leaf_id> && requires { k.leaf; }) return k.leaf == part;
      if constexpr (std::same_as<Part, spine_id>) return k.spine == part;
      return false;
    };
    if constexpr (std::same_as<Part, core_link> || std::same_as<Part, core_id>)
      return std::any_of(p.core_links.begin(), p.core_links.end(), names);
    else
      return std::any_of(p.links.begin(), p.links.end(), names) ||
             std::any_of(p.core_links.begin(), p.core_links.end(), names) ||
             std::any_of(p.circuits.begin(), p.circuits.end(), names);
  }

  [[nodiscard]] bool works(gpu_id g) const {
    if (gpus_.contains(g) || servers_.contains(dc_.hosts().server_of(g)) ||
        units_.contains(dc_.hosts().unit_of(g)))
      return false;
    if constexpr (HasCards<F>) {
      for (int plane = 0; plane < dc_.planes(); ++plane)
        if (!leafs_.contains(dc_.leaf_of(g, plane))) return true;
      return dc_.planes() == 0;
    } else {
      return true;
    }
  }
  [[nodiscard]] bool is_free(gpu_id g) const { return !owner_.contains(g) && works(g); }

  void compare() {
    const hosts& h = dc_.hosts();
    int all = 0, idle = 0;
    for (unit_id x : h.all_units()) {
      int in_unit = 0;
      for (server_id s : h.servers_of(x)) {
        int here = 0;
        for (gpu_id g : h.gpus_of(s)) {
          const auto it = owner_.find(g);
          require(ledger_.owner(g) == (it == owner_.end() ? job_id{} : it->second),
                  "a GPU is owned by the job that it was given to");
          require(
              ledger_.is_free(g) == is_free(g),
              "a GPU is free if it is nobody's and it, its server and a leaf or cube of it work");
          here += is_free(g);
        }
        require(ledger_.free_gpus(s) == here, "the free GPUs of a server are counted");
        idle += here > 0 && here == static_cast<int>(h.gpus_of(s).size());
        in_unit += here;
      }
      require(ledger_.free_gpus(x) == in_unit, "the free GPUs of a unit are counted");
      all += in_unit;
    }
    require(ledger_.free_gpus() == all, "the free GPUs of the cluster are counted");
    require(ledger_.idle_servers() == idle, "the idle servers are counted");
    require(ledger_.placements().size() == held_.size(), "a ledger holds what it has given");
    for (const auto& [job, held] : held_)
      require(ledger_.find(job) && *ledger_.find(job) == held.first &&
                  ledger_.tenant_of(job) == held.second,
              "a ledger holds what it has given");
    require(ledger_.all_work() == (gpus_.empty() && servers_.empty() && leafs_.empty() &&
                                   units_.empty() && others_.empty()),
            "all works if and only if nothing has failed");
  }

  void clear() {
    while (!held_.empty()) release(held_.begin()->first);
    for (gpu_id g : gpus_) ledger_.repair(g);
    for (server_id s : servers_) ledger_.repair(s);
    if constexpr (ledger<F>::template knows<leaf_id>)
      for (leaf_id l : leafs_) ledger_.repair(l);
    if constexpr (ledger<F>::template knows<unit_id>)
      for (unit_id x : units_) ledger_.repair(x);
    for (const repairer& r : others_) r.second(ledger_);
    require(ledger_ == ledger<F>{dc_}, "when all has left and is repaired a ledger is as new");
  }

  using part_name = std::vector<std::uint32_t>;
  using repairer = std::pair<part_name, std::function<void(ledger<F>&)>>;

  static part_name name_of(const chip_link& k) { return {5, k.from.value, k.dimension}; }
  static part_name name_of(spine_id s) { return {0, s.value}; }
  static part_name name_of(ocs_id o) { return {1, o.value}; }
  static part_name name_of(const link& k) { return {2, k.leaf.value, k.spine.value, k.lane}; }
  static part_name name_of(core_id c) { return {5, c.value}; }
  static part_name name_of(const core_link& k) { return {6, k.spine.value, k.core.value, k.lane}; }
  static part_name name_of(const leaf_fibre& f) { return {3, f.leaf.value, f.ocs.value}; }
  static part_name name_of(const spine_fibre& f) { return {4, f.spine.value, f.ocs.value}; }

  static constexpr std::uint32_t stranger = 1000;  // a job that never holds anything

  const F& dc_;
  Propose& propose_;
  draws draws_;
  ledger<F> ledger_;
  std::map<gpu_id, job_id> owner_;
  std::map<job_id, std::pair<placement, std::string>> held_;
  std::set<gpu_id> gpus_;  // that have failed, by kind
  std::set<server_id> servers_;
  std::set<leaf_id> leafs_;
  std::set<unit_id> units_;
  std::vector<repairer> others_;
  std::string broken_;
};

}  // namespace detail

/// The promises of a Fabric and its book, over random reservations, releases, failures and repairs:
/// 1. copies are equal, in their hosts and equipment too;
/// 2. where it has leafs, cards and leafs name one another;
/// 3. every GPU has one owner at most, is free if it is nobody's and works, and is counted once;
/// 4. free GPUs can be had without links; of the network no part has two owners;
/// 5. a refused reservation changes nothing, a release gives back all that was given;
/// 6. a failure names the jobs that hold the part; a repair undoes it;
/// 7. when all has left and is repaired, the ledger is as new.
///
/// \param propose  callable: (dc, draws) → a placement to try, whether free or not. By default GPUs
///                 near one another, with links or circuits where `dc` has them; a fabric whose book
///                 keeps other parts brings its own
/// O(steps · GPUs).
template <Fabric F, class Propose>
[[nodiscard]] std::optional<std::string> broken_promises(const F& dc, std::uint64_t seed,
                                                         Propose propose, int steps = 400) {
  std::string broken = detail::fabric_suite<F, Propose>{dc, seed, propose}.run(steps);
  if (broken.empty()) return std::nullopt;
  return broken;
}
template <Fabric F>
[[nodiscard]] std::optional<std::string> broken_promises(const F& dc, std::uint64_t seed) {
  return broken_promises(
      dc, seed, [](const F& f, detail::draws& d) { return detail::random_placement(f, d); });
}

}  // namespace heddle::fabric
