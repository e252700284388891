// Who owns which GPU and which link.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The answer to a reservation. Everything but `reserved` left the ledger as it was.
enum class reserve_status : unsigned char {
  reserved,
  job_present,  ///< the job holds a placement already
  gpu_taken,    ///< a GPU of the placement has an owner
  link_taken,   ///< a link of the placement has an owner
  malformed,    ///< no id, a part that does not exist or is named twice, or links not sorted
};

[[nodiscard]] constexpr std::string_view name(reserve_status s) {
  switch (s) {
    case reserve_status::reserved: return "reserved";
    case reserve_status::job_present: return "job_present";
    case reserve_status::gpu_taken: return "gpu_taken";
    case reserve_status::link_taken: return "link_taken";
    case reserve_status::malformed: break;
  }
  return "malformed";
}

/// The owners of a leaf-spine network's GPUs and links. Every part has at most one owner; a change
/// happens whole or not at all. A value: copies are snapshots, `==` compares what is owned.
///
/// Counts (free GPUs of a server, a leaf, the cluster) are O(1), sets are rows of bits. Const
/// members may run side by side; a ledger has one writer.
class ledger {
 public:
  explicit ledger(const leaf_spine& dc)
      : fabric_(dc),
        gpu_owner_(size(dc.gpus())),
        link_owner_(size(dc.links())),
        free_gpus_(1, size(dc.gpus())),
        free_uplinks_(size(dc.leafs()), size(dc.uplinks())),
        free_in_server_(size(dc.servers()), dc.gpus_per_server()),
        free_in_leaf_(size(dc.leafs()), dc.gpus_per_leaf()),
        idle_in_leaf_(size(dc.leafs()), dc.shape().servers_per_leaf),
        free_total_(dc.gpus()),
        idle_total_(dc.servers()) {
    fill_bits(free_gpus_[0], size(dc.gpus()));
    for (leaf_id l : dc.all_leafs()) fill_bits(free_uplinks_[l.index()], size(dc.uplinks()));
  }

  [[nodiscard]] const leaf_spine& fabric() const { return fabric_; }

  /// GPUs without an owner: of the cluster, of a leaf, of a server.
  [[nodiscard]] int free_gpus() const { return free_total_; }
  [[nodiscard]] int free_gpus(leaf_id l) const { return free_in_leaf_[l.index()]; }
  [[nodiscard]] int free_gpus(server_id s) const { return free_in_server_[s.index()]; }
  /// Servers all of whose GPUs are free: of the cluster, of a leaf.
  [[nodiscard]] int idle_servers() const { return idle_total_; }
  [[nodiscard]] int idle_servers(leaf_id l) const { return idle_in_leaf_[l.index()]; }

  [[nodiscard]] bool is_free(gpu_id g) const { return test_bit(free_gpus_[0], g.index()); }
  [[nodiscard]] bool is_free(const link& k) const { return !link_owner_[index(k)].valid(); }
  /// The owner, or an invalid id.
  [[nodiscard]] job_id owner(gpu_id g) const { return gpu_owner_[g.index()]; }
  [[nodiscard]] job_id owner(const link& k) const { return link_owner_[index(k)]; }

  /// The set of free GPUs.
  [[nodiscard]] const_bit_row free_gpu_bits() const { return free_gpus_[0]; }

  /// The free links of a leaf as bits over spines × lanes in a thermometer code: of the bits
  /// [s·lanes, (s+1)·lanes) the lowest k are set when k links to spine s are free. So the number of
  /// common bits of several leafs is the number of virtual spines that they can share.
  [[nodiscard]] const_bit_row free_uplinks(leaf_id l) const { return free_uplinks_[l.index()]; }
  /// The free links of all leafs, a row each, as above.
  [[nodiscard]] const bit_matrix& free_uplinks() const { return free_uplinks_; }
  /// The number of free links from `l` to `s`. O(lanes).
  [[nodiscard]] int free_links(leaf_id l, spine_id s) const {
    int n = 0;
    for (std::size_t i = column(s), k = 0; k < lanes(); ++k) n += test_bit(free_uplinks(l), i + k);
    return n;
  }
  /// The lowest free lane from `l` to `s` that is at least `from`. Precondition: there is one.
  [[nodiscard]] std::uint32_t free_lane(leaf_id l, spine_id s, std::uint32_t from = 0) const {
    const std::size_t first = link_row(l) + column(s);
    while (link_owner_[first + from].valid()) ++from;
    assert(from < lanes());
    return from;
  }

  /// Gives all that `p` names to `job`. O(size of p), one allocation.
  [[nodiscard]] reserve_status reserve(job_id job, placement p) {
    if (const reserve_status s = check(job, p); s != reserve_status::reserved) return s;
    for (gpu_id g : p.gpus) take(g, job);
    for (const link& k : p.links) take(k, job);
    held_.emplace(job, std::move(p));
    return reserve_status::reserved;
  }

  /// Takes everything back from `job`; false if it holds nothing. O(size of its placement).
  bool release(job_id job) { return extract(job).has_value(); }

  /// Like `release`, and hands out what the job held.
  std::optional<placement> extract(job_id job) {
    const auto it = held_.find(job);
    if (it == held_.end()) return std::nullopt;
    for (gpu_id g : it->second.gpus) give_back(g);
    for (const link& k : it->second.links) give_back(k);
    std::optional<placement> p = std::move(it->second);
    held_.erase(it);
    return p;
  }

  /// What `job` holds, or null. Valid until the job is released.
  [[nodiscard]] const placement* find(job_id job) const {
    const auto it = held_.find(job);
    return it == held_.end() ? nullptr : &it->second;
  }
  /// All placements by job id.
  [[nodiscard]] const std::map<job_id, placement>& placements() const { return held_; }

  /// Whether owners, counts and bit rows say the same. For tests: O(GPUs + links).
  [[nodiscard]] bool consistent() const {
    ledger fresh{fabric_};
    for (const auto& [job, p] : held_)
      if (fresh.reserve(job, p) != reserve_status::reserved) return false;
    return fresh == *this;
  }

  friend bool operator==(const ledger&, const ledger&) = default;

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  [[nodiscard]] std::size_t lanes() const { return size(fabric_.links_per_pair()); }
  [[nodiscard]] std::size_t link_row(leaf_id l) const { return l.index() * size(fabric_.uplinks()); }
  [[nodiscard]] std::size_t column(spine_id s) const { return s.index() * lanes(); }
  [[nodiscard]] std::size_t index(const link& k) const {
    return link_row(k.leaf) + column(k.spine) + k.lane;
  }

  [[nodiscard]] reserve_status check(job_id job, const placement& p) const {
    if (!job.valid()) return reserve_status::malformed;
    if (held_.contains(job)) return reserve_status::job_present;
    for (gpu_id g : p.gpus) {
      if (g.index() >= size(fabric_.gpus())) return reserve_status::malformed;
      if (!is_free(g)) return reserve_status::gpu_taken;
    }
    for (std::size_t i = 0; i < p.links.size(); ++i) {
      const link& k = p.links[i];
      if (k.leaf.index() >= size(fabric_.leafs()) || k.spine.index() >= size(fabric_.spines()) ||
          k.lane >= lanes() || (i > 0 && !(p.links[i - 1] < k)))
        return reserve_status::malformed;
      if (!is_free(k)) return reserve_status::link_taken;
    }
    return names_a_gpu_twice(p) ? reserve_status::malformed : reserve_status::reserved;
  }

  /// Duplicates among the GPUs: ascending order, the common case, needs one pass.
  [[nodiscard]] static bool names_a_gpu_twice(const placement& p) {
    if (std::is_sorted(p.gpus.begin(), p.gpus.end()))
      return std::adjacent_find(p.gpus.begin(), p.gpus.end()) != p.gpus.end();
    std::vector<gpu_id> sorted = p.gpus;
    std::sort(sorted.begin(), sorted.end());
    return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  }

  void take(gpu_id g, job_id job) {
    gpu_owner_[g.index()] = job;
    clear_bit(free_gpus_[0], g.index());
    const server_id s = fabric_.server_of(g);
    const leaf_id l = fabric_.leaf_of(s);
    if (free_in_server_[s.index()]-- == fabric_.gpus_per_server()) {
      --idle_in_leaf_[l.index()];
      --idle_total_;
    }
    --free_in_leaf_[l.index()];
    --free_total_;
  }
  void give_back(gpu_id g) {
    gpu_owner_[g.index()] = job_id{};
    set_bit(free_gpus_[0], g.index());
    const server_id s = fabric_.server_of(g);
    const leaf_id l = fabric_.leaf_of(s);
    if (++free_in_server_[s.index()] == fabric_.gpus_per_server()) {
      ++idle_in_leaf_[l.index()];
      ++idle_total_;
    }
    ++free_in_leaf_[l.index()];
    ++free_total_;
  }

  void take(const link& k, job_id job) {
    const auto n = size(free_links(k.leaf, k.spine));
    clear_bit(free_uplinks_[k.leaf.index()], column(k.spine) + n - 1);
    link_owner_[index(k)] = job;
  }
  void give_back(const link& k) {
    const auto n = size(free_links(k.leaf, k.spine));
    set_bit(free_uplinks_[k.leaf.index()], column(k.spine) + n);
    link_owner_[index(k)] = job_id{};
  }

  leaf_spine fabric_;
  std::vector<job_id> gpu_owner_;
  std::vector<job_id> link_owner_;   // leaf-major, then spine, then lane
  bit_matrix free_gpus_;             // one row
  bit_matrix free_uplinks_;          // a row per leaf
  std::vector<int> free_in_server_, free_in_leaf_, idle_in_leaf_;
  int free_total_, idle_total_;
  std::map<job_id, placement> held_;
};

}  // namespace heddle::fabric
