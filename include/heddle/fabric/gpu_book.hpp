// Who holds which GPUs, and which of them are free.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/gpu_types.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/detail/marks.hpp>
#include <heddle/fabric/detail/room_index.hpp>
#include <heddle/fabric/hosts.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// A part of the hosts that can fail by itself.
template <class T>
concept HostPart = std::same_as<T, gpu_id> || std::same_as<T, server_id>;

/// What a cluster's jobs hold, and the GPUs that are free: all that a policy needs which gives away
/// GPUs alone. A GPU is free if it has no owner, neither it nor its server has failed, and the network
/// has not cut it off. Counts (of a server, a unit, the cluster) are O(1), sets are rows of bits.
///
/// Read only; `ledger` is what books. Const members may run side by side.
class gpu_book {
 public:
  explicit gpu_book(const fabric::hosts& h)
      : hosts_(h), owner_(size(h.gpus())), free_gpus_(1, size(h.gpus())), cut_off_(size(h.gpus())),
        failed_(size(h.gpus()) + size(h.servers())), free_in_server_(size(h.servers())),
        free_in_unit_(size(h.units())), idle_in_unit_(size(h.units()), 0), free_total_(h.gpus()) {
    if (h.gpu_types() > 1)
      for (int t = 0; t < h.gpu_types(); ++t) free_of_type_.push_back(h.gpus_of_type(t));
    fill_bits(free_gpus_[0], size(h.gpus()));
    for (server_id s : h.all_servers()) {
      const int n = static_cast<int>(h.gpus_of(s).size());
      free_in_server_[s.index()] = n;
      free_in_unit_[h.unit_of(s).index()] += n;
      if (n > 0) {
        ++idle_in_unit_[h.unit_of(s).index()];
        ++idle_total_;
        gpus_of_idle_ += n;
      }
    }
    rooms_ = {h, free_in_unit_, free_in_server_};
  }

  [[nodiscard]] const fabric::hosts& hosts() const { return hosts_; }

  /// Free GPUs: of the cluster, of a unit, of a server.
  [[nodiscard]] int free_gpus() const { return free_total_; }
  [[nodiscard]] int free_gpus(unit_id x) const { return free_in_unit_[x.index()]; }
  [[nodiscard]] int free_gpus(server_id s) const { return free_in_server_[s.index()]; }
  /// Of a type; of `any_gpu_type` those of the cluster.
  [[nodiscard]] int free_gpus_of_type(int type) const {
    if (type == any_gpu_type) return free_total_;
    if (free_of_type_.empty()) return type == 0 ? free_total_ : 0;
    return type < hosts_.gpu_types() ? free_of_type_[size(type)] : 0;
  }
  /// Servers with GPUs all of which are free: of the cluster, of a unit.
  [[nodiscard]] int idle_servers() const { return idle_total_; }
  [[nodiscard]] int idle_servers(unit_id x) const { return idle_in_unit_[x.index()]; }
  /// GPUs of all idle servers.
  [[nodiscard]] int gpus_of_idle_servers() const { return gpus_of_idle_; }
  [[nodiscard]] bool is_idle(server_id s) const {
    const auto all = static_cast<int>(hosts_.gpus_of(s).size());
    return all > 0 && free_gpus(s) == all;
  }

  // --- which is best, of units and servers -------------------------------------------------------
  //
  // O(units / 64 · GPUs of a unit) at most, and hardly ever as much, whatever the number of servers; where
  // units are few, or so unlike ones that nothing is kept of them (detail/room_index.hpp), O(servers).

  /// Of units with at least `n` ≥ 1 GPUs free the one with fewest, of equal ones the first; none if there is none.
  [[nodiscard]] unit_id tightest_unit(int n) const {
    if (!rooms_.empty()) {
      const int level = rooms_.next_of_units(n);
      return level < 0 ? unit_id{} : rooms_.first_at(level);
    }
    unit_id best;
    for (unit_id x : hosts_.all_units())
      if (const int here = free_gpus(x); here >= n && (!best.valid() || here < free_gpus(best))) {
        best = x;
        if (here == n) break;
      }
    return best;
  }
  /// Of servers with at least `n` ≥ 1 GPUs free those with fewest, of these the first in the unit with fewest;
  /// none if there is none.
  [[nodiscard]] server_id tightest_server(int n) const {
    if (!rooms_.empty()) {
      const int level = rooms_.next_of_servers(n);
      if (level < 0) return {};
      server_id s = hosts_.servers_of(rooms_.tightest_with(level)).front();
      while (free_gpus(s) != level) ++s.value;
      return s;
    }
    server_id best;
    int best_free = 0, best_unit_free = 0;
    for (unit_id x : hosts_.all_units()) {
      const int unit_free = free_gpus(x);
      // None fits better than exactly, so only fuller units are worth a look then.
      if (unit_free < n || (best_free == n && unit_free >= best_unit_free)) continue;
      for (server_id s : hosts_.servers_of(x)) {
        const int here = free_gpus(s);
        if (here >= n && (!best.valid() || here < best_free ||
                          (here == best_free && unit_free < best_unit_free))) {
          best = s;
          best_free = here;
          best_unit_free = unit_free;
        }
      }
    }
    return best;
  }
  /// What is known of units by their number of free GPUs, if anything.
  [[nodiscard]] const detail::room_index& rooms() const { return rooms_; }

  [[nodiscard]] bool is_free(gpu_id g) const { return test_bit(free_gpus_[0], g.index()); }
  /// The set of free GPUs.
  [[nodiscard]] const_bit_row free_gpu_bits() const { return free_gpus_[0]; }
  /// The owner, or an invalid id.
  [[nodiscard]] job_id owner(gpu_id g) const { return owner_[g.index()]; }

  /// What `job` holds, or null. Valid until the job is released.
  [[nodiscard]] const placement* find(job_id job) const {
    const auto it = held_.find(job);
    return it == held_.end() ? nullptr : &it->second;
  }
  /// All placements by job id.
  [[nodiscard]] const std::map<job_id, placement>& placements() const { return held_; }
  /// The tenant for whom a job was booked; empty if none was named. O(log jobs).
  [[nodiscard]] std::string_view tenant_of(job_id job) const {
    const auto it = tenant_at(job);
    return it == tenants_.end() || it->first != job ? std::string_view{} : it->second;
  }

  /// Whether `part` itself has failed.
  [[nodiscard]] bool is_failed(HostPart auto part) const { return failed_.contains(mark_of(part)); }
  /// Whether nothing of the hosts has failed.
  [[nodiscard]] bool all_work() const { return failed_.empty() && cut_off_.empty(); }

  friend bool operator==(const gpu_book&, const gpu_book&) = default;

 private:
  template <class>
  friend class ledger;

  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  static std::ptrdiff_t offset(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }
  [[nodiscard]] std::size_t mark_of(gpu_id g) const { return g.index(); }
  [[nodiscard]] std::size_t mark_of(server_id s) const { return size(hosts_.gpus()) + s.index(); }

  // --- for the ledger ----------------------------------------------------------------------------

  /// Whether `job` may have these GPUs.
  [[nodiscard]] reserve_status check(job_id job, const std::vector<gpu_id>& gpus) const {
    if (!job.valid()) return reserve_status::malformed;
    if (held_.contains(job)) return reserve_status::job_present;
    bool exist = true, free = true, ascend = true;
    std::size_t end = 0;
    for_each_run(gpus, [&](std::size_t first, std::size_t last) {
      exist &= last <= owner_.size();
      free &= exist && all_set(free_gpus_[0], first, last);
      ascend &= first >= end;
      end = last;
    });
    if (!exist || (!ascend && names_a_gpu_twice(gpus))) return reserve_status::malformed;
    return free ? reserve_status::reserved : reserve_status::gpu_taken;
  }
  /// Precondition: `check` said `reserved`.
  void hold(job_id job, placement&& p, std::string_view tenant) {
    for_each_run(p.gpus, [&](std::size_t first, std::size_t last) { take(first, last, job); });
    held_.emplace(job, std::move(p));
    if (!tenant.empty()) tenants_.emplace(tenant_at(job), job, tenant);
  }
  /// Precondition: the job holds something.
  placement let_go(job_id job) {
    const auto it = held_.find(job);
    for_each_run(it->second.gpus,
                 [&](std::size_t first, std::size_t last) { give_back(first, last); });
    placement p = std::move(it->second);
    held_.erase(it);
    if (const auto t = tenant_at(job); t != tenants_.end() && t->first == job) tenants_.erase(t);
    return p;
  }
  [[nodiscard]] placement& at(job_id job) { return held_.find(job)->second; }
  /// Where the tenant of a job stands, or would.
  [[nodiscard]] std::vector<std::pair<job_id, std::string>>::const_iterator
  tenant_at(job_id job) const {
    return std::lower_bound(tenants_.begin(), tenants_.end(), job,
                            [](const auto& t, job_id j) { return t.first < j; });
  }

  /// Marks a part and brings its GPUs up to date; tells `f` of each of them.
  template <HostPart Part, class F>
  bool mark(Part part, bool failed, F&& f) {
    const bool changed = failed_.set(mark_of(part), failed);
    const auto one = [&](gpu_id g) {
      f(g);
      refresh(g);
    };
    if constexpr (std::same_as<Part, gpu_id>)
      one(part);
    else
      for (gpu_id g : hosts_.gpus_of(part)) one(g);
    return changed;
  }
  /// The network says whether it reaches a GPU.
  void cut_off(gpu_id g, bool is_cut) {
    cut_off_.set(g.index(), is_cut);
    refresh(g);
  }
  /// Takes over what has failed in a book of the same hosts.
  void adopt_failures(const gpu_book& other) {
    failed_ = other.failed_;
    cut_off_ = other.cut_off_;
    for (gpu_id g : hosts_.all_gpus()) refresh(g);
  }

  /// Calls `f(first, last)` for each longest run of consecutive ids.
  template <class F>
  static void for_each_run(const std::vector<gpu_id>& gpus, F&& f) {
    for (std::size_t i = 0; i < gpus.size();) {
      std::size_t k = i + 1;
      while (k < gpus.size() && gpus[k].value == gpus[i].value + (k - i)) ++k;
      f(gpus[i].index(), gpus[i].index() + (k - i));
      i = k;
    }
  }
  [[nodiscard]] static bool names_a_gpu_twice(std::vector<gpu_id> gpus) {
    std::sort(gpus.begin(), gpus.end());
    return std::adjacent_find(gpus.begin(), gpus.end()) != gpus.end();
  }

  void take(std::size_t first, std::size_t last, job_id job) {
    std::fill(owner_.begin() + offset(first), owner_.begin() + offset(last), job);
    clear_bits(free_gpus_[0], first, last);
    count(first, last, -1);
  }
  void give_back(std::size_t first, std::size_t last) {
    std::fill(owner_.begin() + offset(first), owner_.begin() + offset(last), job_id{});
    if (all_work()) {
      set_bits(free_gpus_[0], first, last);
      count(first, last, +1);
    } else {
      for (std::size_t g = first; g < last; ++g) refresh(gpu_id{g});
    }
  }
  /// Adds sign · the GPUs [first, last) to the numbers of free ones, server by server.
  void count(std::size_t first, std::size_t last, int sign) {
    server_id s = hosts_.server_of(gpu_id{first});
    unit_id at = hosts_.unit_of(s);
    int before = free_gpus(at);
    for (std::size_t g = first; g < last; ++s.value) {
      const auto of_server = hosts_.gpus_of(s);
      if (of_server.empty()) continue;
      const std::size_t end = std::min(last, of_server.front().index() + of_server.size());
      const int n = sign * static_cast<int>(end - g), all = static_cast<int>(of_server.size());
      const unit_id x = hosts_.unit_of(s);
      int& free = free_in_server_[s.index()];
      const int idle = (free + n == all) - (free == all);
      if (!rooms_.empty()) {
        rooms_.change_server(x, free, free + n);
        if (x != at) {
          rooms_.change_unit(at, before, free_gpus(at));
          at = x;
          before = free_gpus(x);
        }
      }
      free += n;
      free_in_unit_[x.index()] += n;
      free_total_ += n;
      if (!free_of_type_.empty()) free_of_type_[hosts_.type_of(s)] += n;
      idle_in_unit_[x.index()] += idle;
      idle_total_ += idle;
      gpus_of_idle_ += idle * all;
      g = end;
    }
    if (!rooms_.empty()) rooms_.change_unit(at, before, free_gpus(at));
  }
  /// Makes the bit of one GPU say whether it is free.
  void refresh(gpu_id g) {
    const bool free = !owner(g).valid() && !is_failed(g) && !is_failed(hosts_.server_of(g)) &&
                      !cut_off_.contains(g.index());
    if (free == is_free(g)) return;
    if (free)
      set_bit(free_gpus_[0], g.index());
    else
      clear_bit(free_gpus_[0], g.index());
    count(g.index(), g.index() + 1, free ? +1 : -1);
  }

  fabric::hosts hosts_;
  std::vector<job_id> owner_;
  bit_matrix free_gpus_;  // one row
  detail::marks cut_off_, failed_;
  std::vector<int> free_in_server_, free_in_unit_, idle_in_unit_;
  detail::room_index rooms_;
  std::vector<int> free_of_type_;  // empty: there is one
  int free_total_ = 0, idle_total_ = 0, gpus_of_idle_ = 0;
  std::map<job_id, placement> held_;
  std::vector<std::pair<job_id, std::string>> tenants_;  // of those booked for one, by job
};

}  // namespace heddle::fabric
