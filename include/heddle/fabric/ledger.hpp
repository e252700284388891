// Who owns which GPU, which link and which circuit, and what is out of order.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/failures.hpp>
#include <heddle/fabric/leaf_spine.hpp>
#include <heddle/fabric/placement.hpp>

namespace heddle::fabric {

/// The answer to a reservation. Everything but `reserved` left the ledger as it was.
enum class reserve_status : unsigned char {
  reserved,
  job_present,  ///< the job holds a placement already
  gpu_taken,    ///< a GPU of the placement has an owner or is out of order
  link_taken,   ///< so has a link, or on an optical fabric one of the fibres of a circuit
  malformed,    ///< no id, a part that does not exist or is named twice, or links not sorted
};

[[nodiscard]] constexpr std::string_view name(reserve_status s) {
  switch (s) {
  case reserve_status::reserved:
    return "reserved";
  case reserve_status::job_present:
    return "job_present";
  case reserve_status::gpu_taken:
    return "gpu_taken";
  case reserve_status::link_taken:
    return "link_taken";
  case reserve_status::malformed:
    break;
  }
  return "malformed";
}

/// The owners of a network's GPUs and links. Every part has at most one owner; a change happens
/// whole or not at all. What is out of order is not free, and so given to nobody; a job that holds
/// it keeps it until it is released. A value: copies are snapshots, `==` compares what is owned and
/// what has failed.
///
/// On an optical fabric a link is a circuit, which a reservation sets up and a release takes down:
/// it takes an uplink of its leaf and one of the fibres of its spine to that uplink's OCS.
///
/// Counts (free GPUs of a server, a leaf, the cluster) are O(1), sets are rows of bits. GPUs with
/// consecutive ids and links in consecutive lanes are booked by words. Const members may run side by
/// side; a ledger has one writer.
class ledger {
 public:
  explicit ledger(const leaf_spine& dc)
      : fabric_(dc), failed_(dc), gpu_owner_(size(dc.gpus())),
        link_owner_(size(dc.leafs()) * size(dc.uplinks())), free_gpus_(1, size(dc.gpus())),
        free_lanes_(size(dc.leafs()), size(dc.uplinks())), free_in_server_(size(dc.servers())),
        free_in_leaf_(size(dc.leafs())), idle_in_leaf_(size(dc.leafs()), 0),
        fibres_used_(size(dc.spines()) * size(dc.optical().switches), 0),
        ports_used_(size(dc.spines()), 0), free_total_(dc.gpus()) {
    fill_bits(free_gpus_[0], size(dc.gpus()));
    for (server_id s : dc.all_servers()) {
      const int n = static_cast<int>(dc.gpus_of(s).size());
      free_in_server_[s.index()] = n;
      free_in_leaf_[dc.leaf_of(s).index()] += n;
      if (n > 0) {
        ++idle_in_leaf_[dc.leaf_of(s).index()];
        ++idle_total_;
        gpus_of_idle_ += n;
      }
    }
    for (leaf_id l : dc.all_leafs()) {
      if (dc.is_optical()) {
        fill_bits(free_lanes_[l.index()], size(dc.uplinks()));
      } else {
        for (spine_id s : dc.all_spines()) {
          const std::size_t c = column(s);
          set_bits(free_lanes_[l.index()], c, c + size(dc.links(l, s)));
        }
      }
    }
    if (counts_lanes()) free_uplinks_ = free_lanes_;
  }

  [[nodiscard]] const leaf_spine& fabric() const { return fabric_; }

  // --- what is free ----------------------------------------------------------------------------

  /// GPUs without an owner and in order: of the cluster, of a leaf, of a server.
  [[nodiscard]] int free_gpus() const { return free_total_; }
  [[nodiscard]] int free_gpus(leaf_id l) const { return free_in_leaf_[l.index()]; }
  [[nodiscard]] int free_gpus(server_id s) const { return free_in_server_[s.index()]; }
  /// Servers with GPUs all of which are free: of the cluster, of a leaf.
  [[nodiscard]] int idle_servers() const { return idle_total_; }
  [[nodiscard]] int idle_servers(leaf_id l) const { return idle_in_leaf_[l.index()]; }
  /// GPUs of all idle servers.
  [[nodiscard]] int gpus_of_idle_servers() const { return gpus_of_idle_; }

  [[nodiscard]] bool is_free(gpu_id g) const { return test_bit(free_gpus_[0], g.index()); }
  /// Of a circuit: whether it can be set up.
  [[nodiscard]] bool is_free(const link& k) const {
    if (!test_bit(free_lanes_[k.leaf.index()], lane_of(k))) return false;
    return !fabric_.is_optical() || free_spine_fibres(k.spine, fabric_.ocs_of(k.lane)) > 0;
  }
  /// The owner, or an invalid id.
  [[nodiscard]] job_id owner(gpu_id g) const { return gpu_owner_[g.index()]; }
  /// The owner of a link; of a circuit, who owns the uplink that it would use.
  [[nodiscard]] job_id owner(const link& k) const { return link_owner_[index(k)]; }

  /// The set of free GPUs.
  [[nodiscard]] const_bit_row free_gpu_bits() const { return free_gpus_[0]; }

  /// The free links of a leaf as bits over spines × lanes in a thermometer code: of the bits
  /// [s·lanes, (s+1)·lanes) the lowest k are set when k links to spine s are free. So the number of
  /// common bits of several leafs is the number of virtual spines that they can share.
  /// Precondition: the fabric is not optical.
  [[nodiscard]] const_bit_row free_uplinks(leaf_id l) const { return free_uplinks()[l.index()]; }
  /// The free links of all leafs, a row each, as above.
  [[nodiscard]] const bit_matrix& free_uplinks() const {
    assert(!fabric_.is_optical());
    return counts_lanes() ? free_uplinks_ : free_lanes_;
  }
  /// The number of free links from `l` to `s`. O(1) up to 64 lanes. Not for optical fabrics.
  [[nodiscard]] int free_links(leaf_id l, spine_id s) const {
    return count_bits(free_lanes_[l.index()], column(s), column(s) + lanes());
  }
  /// The lowest free lane from `l` to `s` that is at least `from`. Precondition: there is one.
  [[nodiscard]] std::uint32_t free_lane(leaf_id l, spine_id s, std::uint32_t from = 0) const {
    const std::size_t first = column(s);
    while (!test_bit(free_lanes_[l.index()], first + from)) ++from;
    assert(from < lanes());
    return from;
  }

  /// The uplinks of a leaf that no circuit uses. For optical fabrics, as are the next two.
  [[nodiscard]] const_bit_row free_ports(leaf_id l) const { return free_lanes_[l.index()]; }
  /// Fibres of a spine to an OCS that no circuit uses.
  [[nodiscard]] int free_spine_fibres(spine_id s, ocs_id o) const {
    if (!failed_.empty() && !failed_.works(spine_fibre{s, o})) return 0;
    return fabric_.optical().spine_fibres - fibres_used_[fibre(s, o)];
  }
  /// Fibres of a spine to all OCS that no circuit uses. O(1), O(OCS) after failures.
  [[nodiscard]] int free_spine_ports(spine_id s) const {
    if (failed_.empty())
      return fabric_.optical().switches * fabric_.optical().spine_fibres - ports_used_[s.index()];
    int n = 0;
    for (ocs_id o : fabric_.all_switches()) n += free_spine_fibres(s, o);
    return n;
  }

  // --- owning ----------------------------------------------------------------------------------

  /// Gives all that `p` names to `job`. O(size of p), one allocation.
  [[nodiscard]] reserve_status reserve(job_id job, placement p) {
    if (const reserve_status s = check(job, p); s != reserve_status::reserved) return s;
    if (!set_up(p.links, job)) return reserve_status::link_taken;
    for_each_run(p.gpus, [&](std::size_t first, std::size_t last) { take(first, last, job); });
    held_.emplace(job, std::move(p));
    return reserve_status::reserved;
  }

  /// Takes everything back from `job`; false if it holds nothing. O(size of its placement).
  bool release(job_id job) { return extract(job).has_value(); }

  /// Like `release`, and hands out what the job held.
  std::optional<placement> extract(job_id job) {
    const auto it = held_.find(job);
    if (it == held_.end()) return std::nullopt;
    for_each_run(it->second.gpus,
                 [&](std::size_t first, std::size_t last) { give_back(first, last); });
    take_down(it->second.links);
    std::optional<placement> p = std::move(it->second);
    held_.erase(it);
    return p;
  }

  /// Moves circuits of running jobs, all or none. O(moves · links of a job).
  /// \returns  `malformed` if a job does not own the circuit that it is to move, or a move changes
  ///           leaf or spine; `link_taken` if there is no room
  /// Precondition: the fabric is optical.
  [[nodiscard]] reserve_status rewire(std::span<const circuit_move> moves) {
    assert(fabric_.is_optical());
    for (std::size_t i = 0; i < moves.size(); ++i) {
      const circuit_move& m = moves[i];
      const placement* p = find(m.job);
      if (!p || m.from.leaf != m.to.leaf || m.from.spine != m.to.spine || !exists(m.to) ||
          !std::binary_search(p->links.begin(), p->links.end(), m.from))
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
      std::vector<link>& links = held_.find(m.job)->second.links;
      *std::find(links.begin(), links.end(), m.from) = m.to;
    }
    for (const circuit_move& m : moves) {
      std::vector<link>& links = held_.find(m.job)->second.links;
      std::sort(links.begin(), links.end());
    }
    return reserve_status::reserved;
  }

  /// What `job` holds, or null. Valid until the job is released.
  [[nodiscard]] const placement* find(job_id job) const {
    const auto it = held_.find(job);
    return it == held_.end() ? nullptr : &it->second;
  }
  /// All placements by job id.
  [[nodiscard]] const std::map<job_id, placement>& placements() const { return held_; }

  // --- failures --------------------------------------------------------------------------------
  //
  // A part is a gpu_id, server_id, leaf_id (with all under it and its links), spine_id, ocs_id,
  // leaf_fibre, spine_fibre or, on a fixed network, a link. It must exist.

  /// Puts `part` out of order. \returns  the jobs that own a GPU or link that needs it, by id
  /// O(what the part holds or carries); an OCS or spine O(links).
  template <class Part>
  std::vector<job_id> fail(const Part& part) {
    std::vector<job_id> hit;
    const auto add = [&](job_id owner) {
      if (owner.valid()) hit.push_back(owner);
    };
    change(
        part, true, [&](gpu_id g) { add(owner(g)); },
        [&](std::size_t place) { add(link_owner_[place]); });
    if (fabric_.is_optical()) add_owners_of_circuits(part, add);
    std::sort(hit.begin(), hit.end());
    hit.erase(std::unique(hit.begin(), hit.end()), hit.end());
    return hit;
  }
  /// Puts `part` in order again; false if it was.
  template <class Part>
  bool repair(const Part& part) {
    return change(
        part, false, [](gpu_id) {}, [](std::size_t) {});
  }
  /// Whether `part` itself has failed.
  template <class Part>
  [[nodiscard]] bool is_failed(const Part& part) const {
    return failed_.contains(part);
  }
  [[nodiscard]] const failures& failed() const { return failed_; }

  /// Whether owners, counts and bit rows say the same. For tests: O(GPUs + links).
  [[nodiscard]] bool consistent() const {
    ledger fresh{fabric_};
    for (const auto& [job, p] : held_)
      if (fresh.reserve(job, p) != reserve_status::reserved) return false;
    fresh.failed_ = failed_;
    for (gpu_id g : fabric_.all_gpus()) fresh.refresh(g);
    for (std::size_t place = 0; place < link_owner_.size(); ++place) fresh.refresh(place);
    return fresh == *this;
  }

  friend bool operator==(const ledger&, const ledger&) = default;

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  [[nodiscard]] std::size_t lanes() const { return size(fabric_.links_per_pair()); }
  /// Whether the thermometer code differs from the free lanes themselves.
  [[nodiscard]] bool counts_lanes() const {
    return !fabric_.is_optical() && fabric_.links_per_pair() > 1;
  }
  [[nodiscard]] std::size_t column(spine_id s) const { return s.index() * lanes(); }
  /// Which of its leaf's uplinks a link is.
  [[nodiscard]] std::size_t lane_of(const link& k) const {
    return fabric_.is_optical() ? k.lane : column(k.spine) + k.lane;
  }
  [[nodiscard]] std::size_t index(const link& k) const {
    return k.leaf.index() * size(fabric_.uplinks()) + lane_of(k);
  }
  [[nodiscard]] std::size_t fibre(spine_id s, ocs_id o) const {
    return s.index() * size(fabric_.optical().switches) + o.index();
  }
  [[nodiscard]] bool exists(const link& k) const {
    return k.leaf.index() < size(fabric_.leafs()) && k.spine.index() < size(fabric_.spines()) &&
           k.lane < lanes() &&
           (fabric_.is_optical() || k.lane < size(fabric_.links(k.leaf, k.spine)));
  }

  // --- checks ----------------------------------------------------------------------------------

  [[nodiscard]] reserve_status check(job_id job, const placement& p) const {
    if (!job.valid()) return reserve_status::malformed;
    if (held_.contains(job)) return reserve_status::job_present;
    bool exist = true, free = true, ascend = true;
    std::size_t end = 0;
    for_each_run(p.gpus, [&](std::size_t first, std::size_t last) {
      exist &= last <= gpu_owner_.size();
      free &= exist && all_set(free_gpus_[0], first, last);
      ascend &= first >= end;
      end = last;
    });
    if (!exist || (!ascend && names_a_gpu_twice(p.gpus))) return reserve_status::malformed;
    if (!free) return reserve_status::gpu_taken;
    return all_exist(p.links) && is_strictly_sorted(p.links) ? reserve_status::reserved
                                                             : reserve_status::malformed;
  }

  [[nodiscard]] bool all_exist(std::span<const link> links) const {
    const auto leafs = static_cast<std::uint32_t>(fabric_.leafs());
    const auto spines = static_cast<std::uint32_t>(fabric_.spines());
    const auto most = static_cast<std::uint32_t>(fabric_.links_per_pair());
    bool wrong = false;
    for (const link& k : links)
      wrong |= (k.leaf.value >= leafs) | (k.spine.value >= spines) | (k.lane >= most);
    if (wrong || fabric_.is_regular()) return !wrong;
    return std::all_of(links.begin(), links.end(), [&](const link& k) { return exists(k); });
  }
  /// Precondition: they exist. On a fixed network consecutive uplinks ascend by themselves.
  [[nodiscard]] bool is_strictly_sorted(std::span<const link> links) const {
    if (fabric_.is_optical())
      return std::adjacent_find(links.begin(), links.end(), std::greater_equal<>{}) == links.end();
    bool sorted = true;
    leaf_id leaf{0};
    std::size_t end = 0;
    for_each_run(links, [&](leaf_id l, std::size_t first, std::size_t last) {
      sorted &= l > leaf || (l == leaf && first >= end);
      leaf = l;
      end = last;
    });
    return sorted;
  }

  [[nodiscard]] static bool names_a_gpu_twice(std::vector<gpu_id> gpus) {
    std::sort(gpus.begin(), gpus.end());
    return std::adjacent_find(gpus.begin(), gpus.end()) != gpus.end();
  }

  // --- GPUs ------------------------------------------------------------------------------------

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

  void take(std::size_t first, std::size_t last, job_id job) {
    std::fill(gpu_owner_.begin() + offset(first), gpu_owner_.begin() + offset(last), job);
    clear_bits(free_gpus_[0], first, last);
    count(first, last, -1);
  }
  void give_back(std::size_t first, std::size_t last) {
    std::fill(gpu_owner_.begin() + offset(first), gpu_owner_.begin() + offset(last), job_id{});
    if (failed_.empty()) {
      set_bits(free_gpus_[0], first, last);
      count(first, last, +1);
    } else {
      for (std::size_t g = first; g < last; ++g) refresh(gpu_id{g});
    }
  }
  /// Adds sign · the GPUs [first, last) to the numbers of free ones, server by server.
  void count(std::size_t first, std::size_t last, int sign) {
    server_id s = fabric_.server_of(gpu_id{first});
    for (std::size_t g = first; g < last; ++s.value) {
      const auto of_server = fabric_.gpus_of(s);
      if (of_server.empty()) continue;
      const std::size_t end = std::min(last, of_server.front().index() + of_server.size());
      const int n = sign * static_cast<int>(end - g), all = static_cast<int>(of_server.size());
      const leaf_id l = fabric_.leaf_of(s);
      int& free = free_in_server_[s.index()];
      const int idle = (free + n == all) - (free == all);
      free += n;
      free_in_leaf_[l.index()] += n;
      free_total_ += n;
      idle_in_leaf_[l.index()] += idle;
      idle_total_ += idle;
      gpus_of_idle_ += idle * all;
      g = end;
    }
  }
  /// Makes the bit of one GPU say whether it is free.
  void refresh(gpu_id g) {
    const bool free = !owner(g).valid() && failed_.works(fabric_, g);
    if (free == is_free(g)) return;
    if (free)
      set_bit(free_gpus_[0], g.index());
    else
      clear_bit(free_gpus_[0], g.index());
    count(g.index(), g.index() + 1, free ? +1 : -1);
  }
  static std::ptrdiff_t offset(std::size_t i) { return static_cast<std::ptrdiff_t>(i); }

  // --- links and circuits ----------------------------------------------------------------------

  /// Calls `f(leaf, first, last)` for each longest run of consecutive uplinks of a leaf.
  template <class F>
  void for_each_run(std::span<const link> links, F&& f) const {
    const std::uint32_t of_spine =
        fabric_.is_optical() ? 0 : static_cast<std::uint32_t>(fabric_.links_per_pair());
    const auto lane = [&](const link& k) { return k.spine.value * of_spine + k.lane; };
    for (std::size_t i = 0; i < links.size();) {
      const leaf_id leaf = links[i].leaf;
      const std::uint32_t first = lane(links[i]);
      std::uint32_t last = first + 1;
      for (++i; i < links.size() && links[i].leaf == leaf && lane(links[i]) == last; ++i) ++last;
      f(leaf, std::size_t{first}, std::size_t{last});
    }
  }

  /// Gives links to `job` if all are free. Precondition: they exist and are distinct.
  [[nodiscard]] bool set_up(std::span<const link> links, job_id job) {
    if (fabric_.is_optical() && !set_up_at_spines(links)) return false;
    std::size_t done = 0;
    bool free = true;
    for_each_run(links, [&](leaf_id l, std::size_t first, std::size_t last) {
      free = free && (fabric_.is_optical() || all_set(free_lanes_[l.index()], first, last));
      if (!free) return;
      own(l, first, last, job);
      clear_bits(free_lanes_[l.index()], first, last);
      recount(l, first, last);
      done += last - first;
    });
    if (!free) take_down(links.first(done));
    return free;
  }
  void own(leaf_id l, std::size_t first, std::size_t last, job_id job) {
    const auto row = link_owner_.begin() + offset(l.index() * size(fabric_.uplinks()));
    std::fill(row + offset(first), row + offset(last), job);
  }
  /// Claims fibres and uplinks; two circuits of one placement may share an uplink only by mistake.
  [[nodiscard]] bool set_up_at_spines(std::span<const link> links) {
    for (std::size_t i = 0; i < links.size(); ++i) {
      const link& k = links[i];
      if (is_free(k)) {
        clear_bit(free_lanes_[k.leaf.index()], k.lane);
        ++fibres_used_[fibre(k.spine, fabric_.ocs_of(k.lane))];
        ++ports_used_[k.spine.index()];
        continue;
      }
      for (const link& claimed : links.first(i)) {
        set_bit(free_lanes_[claimed.leaf.index()], claimed.lane);
        free_fibre(claimed);
      }
      return false;
    }
    return true;
  }
  void free_fibre(const link& k) {
    --fibres_used_[fibre(k.spine, fabric_.ocs_of(k.lane))];
    --ports_used_[k.spine.index()];
  }

  void take_down(std::span<const link> links) {
    if (fabric_.is_optical())
      for (const link& k : links) free_fibre(k);
    for_each_run(links, [&](leaf_id l, std::size_t first, std::size_t last) {
      own(l, first, last, job_id{});
      if (failed_.empty()) {
        set_bits(free_lanes_[l.index()], first, last);
        recount(l, first, last);
      } else {
        for (std::size_t k = first; k < last; ++k) refresh(l.index() * size(fabric_.uplinks()) + k);
      }
    });
  }
  /// Gives a circuit back to who had it a moment ago, in order or not.
  void put_back(const link& k, job_id job) {
    ++fibres_used_[fibre(k.spine, fabric_.ocs_of(k.lane))];
    ++ports_used_[k.spine.index()];
    link_owner_[index(k)] = job;
    clear_bit(free_lanes_[k.leaf.index()], lane_of(k));
  }

  /// Brings the thermometer code of the spines whose lanes lie in [first, last) up to date.
  void recount(leaf_id l, std::size_t first, std::size_t last) {
    if (!counts_lanes()) return;
    for (std::size_t s = first / lanes(); s * lanes() < last; ++s) {
      const std::size_t begin = s * lanes();
      const auto n = size(count_bits(free_lanes_[l.index()], begin, begin + lanes()));
      set_bits(free_uplinks_[l.index()], begin, begin + n);
      clear_bits(free_uplinks_[l.index()], begin + n, begin + lanes());
    }
  }
  /// Makes the bit of one uplink, by its place among all, say whether it is free.
  void refresh(std::size_t place) {
    const leaf_id l{place / size(fabric_.uplinks())};
    const std::size_t lane = place % size(fabric_.uplinks());
    const bool is_there =
        fabric_.is_optical() || lane % lanes() < size(fabric_.links(l, spine_id{lane / lanes()}));
    const bool free = is_there && !link_owner_[place].valid() &&
                      failed_.works(fabric_, l, static_cast<std::uint32_t>(lane));
    if (free)
      set_bit(free_lanes_[l.index()], lane);
    else
      clear_bit(free_lanes_[l.index()], lane);
    recount(l, lane, lane + 1);
  }

  // --- failures --------------------------------------------------------------------------------

  /// Marks `part` and brings all that it holds or carries up to date; tells `gpu` and `uplink` of
  /// each. \returns whether the mark changed
  template <class Part, class Gpu, class Uplink>
  bool change(const Part& part, bool failed, Gpu&& gpu, Uplink&& uplink) {
    const bool changed = failed_.mark(part, failed);
    for_each_gpu(part, [&](gpu_id g) {
      gpu(g);
      refresh(g);
    });
    for_each_uplink(part, [&](std::size_t place) {
      uplink(place);
      refresh(place);
    });
    return changed;
  }

  template <class F>
  void for_each_gpu(gpu_id g, F&& f) const {
    f(g);
  }
  template <class F>
  void for_each_gpu(server_id s, F&& f) const {
    for (gpu_id g : fabric_.gpus_of(s)) f(g);
  }
  template <class F>
  void for_each_gpu(leaf_id l, F&& f) const {
    for (gpu_id g : fabric_.gpus_of(l)) f(g);
  }
  template <class Part, class F>
  void for_each_gpu(const Part&, F&&) const {}

  template <class F>
  void for_each_uplink(leaf_id l, F&& f) const {
    const std::size_t n = size(fabric_.uplinks());
    for (std::size_t k = 0; k < n; ++k) f(l.index() * n + k);
  }
  template <class F>
  void for_each_uplink(spine_id s, F&& f) const {
    if (fabric_.is_optical()) return;  // its fibres are looked up when they are wanted
    for (leaf_id l : fabric_.all_leafs())
      for (std::size_t k = 0; k < lanes(); ++k)
        f(l.index() * size(fabric_.uplinks()) + column(s) + k);
  }
  template <class F>
  void for_each_uplink(ocs_id o, F&& f) const {
    for (leaf_id l : fabric_.all_leafs()) for_each_uplink(leaf_fibre{l, o}, f);
  }
  template <class F>
  void for_each_uplink(const leaf_fibre& fibres, F&& f) const {
    const std::size_t n = size(fabric_.optical().leaf_fibres);
    for (std::size_t k = 0; k < n; ++k)
      f(fibres.leaf.index() * size(fabric_.uplinks()) + fibres.ocs.index() * n + k);
  }
  template <class F>
  void for_each_uplink(const link& k, F&& f) const {
    assert(!fabric_.is_optical());
    f(index(k));
  }
  template <class Part, class F>
  void for_each_uplink(const Part&, F&&) const {}

  /// Circuits through a spine or its fibres: the uplinks do not say which these are.
  template <class Part, class Add>
  void add_owners_of_circuits(const Part& part, Add&& add) const {
    const auto uses = [&](const link& k) {
      if constexpr (requires {
                      part.spine;
                      part.ocs;
                    })
        return k.spine == part.spine && fabric_.ocs_of(k.lane) == part.ocs;
      else if constexpr (requires { k.spine == part; })
        return k.spine == part;
      else
        return false;
    };
    for (const auto& [job, p] : held_)
      if (std::any_of(p.links.begin(), p.links.end(), uses)) add(job);
  }

  leaf_spine fabric_;
  failures failed_;
  std::vector<job_id> gpu_owner_;
  std::vector<job_id> link_owner_;  // leaf-major, then uplink
  bit_matrix free_gpus_;            // one row
  bit_matrix free_lanes_;           // a row per leaf: its uplinks
  bit_matrix free_uplinks_;         // the same in thermometer code, if that differs
  std::vector<int> free_in_server_, free_in_leaf_, idle_in_leaf_;
  std::vector<int> fibres_used_;  // of each spine to each OCS
  std::vector<int> ports_used_;   // of each spine
  int free_total_ = 0, idle_total_ = 0, gpus_of_idle_ = 0;
  std::map<job_id, placement> held_;
};

}  // namespace heddle::fabric
