// Virtual Clos networks over optical circuit switches: links where a job needs them.
#pragma once

#include <algorithm>
#include <cassert>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/place/detail/ocs_links.hpp>
#include <heddle/place/pick.hpp>
#include <heddle/place/placement_policy.hpp>
#include <heddle/place/shared_network.hpp>

namespace heddle::place {

/// Which circuits of running jobs may move so that another job can start. A move costs the job that
/// owns the circuit a switching time.
enum class rewiring : unsigned char {
  never,    ///< idle fibres only
  bounded,  ///< at most `most_moved` circuits for one start
  free,     ///< as many as it takes
};

namespace detail {
struct ocs_vclos_work {
  struct part {
    leaf_id leaf;
    int gpus = 0;
  };
  ocs_links links;
  std::int64_t budget = 0;
  bool gpus_would_do = false, gave_up = false, unproved = false;
  std::vector<int> ports;         // free uplinks of each leaf
  std::vector<std::size_t> from;  // where those with so many free GPUs begin
  std::vector<leaf_id> by_free;   // leafs with free GPUs, fewest first
  std::vector<leaf_id> able;      // of these, those that can be one of the m
  std::vector<std::size_t> by_row;
  std::vector<std::size_t> twin;  // of each able leaf: the one before it with the same free uplinks
  std::vector<leaf_id> chosen;
  std::vector<int> most;  // level-major: columns of each spine that the chosen leafs allow
  std::vector<int> gpus;  // of a crossbar
  std::vector<part> parts;
};
}  // namespace detail

/// Gives N GPUs of an optical fabric a virtual Clos of circuits of their own. The shapes are those of
/// `vclos`, and one more that several fibres of one spine make possible:
///
///     one leaf       N GPUs                                              no circuits
///     even           m leafs of n GPUs, N = m·n, n virtual spines,       N
///                    widest leafs first
///     two leafs      a ≥ b GPUs, b virtual spines                        2·b
///     with a rest    q leafs of n GPUs with n virtual spines, one leaf   N
///                    of r < n GPUs with r of these, N = q·n + r
///     crossbar       any GPUs under any leafs, each with a port of       N
///                    one and the same spine, few leafs first
///     in parts       m virtual leafs of n GPUs, several of them under    N
///                    one leaf, n virtual spines, N = m·n
///
/// A *virtual spine* is a circuit from each leaf to one spine; a spine with ports enough may be several.
/// A *virtual leaf* is n GPUs of a leaf with a circuit to each of n virtual spines. In parts a job needs
/// no equal leafs, which on a busy cluster are what is wanting. `any_size = false` keeps to the first
/// two shapes, `parts = false` leaves out the last.
///
/// GPUs are chosen first, then links: where every circuit may move and all OCS are alike, free ports
/// alone decide (docs/optical/ocs_vclos.md), so no job waits for want of the right ones. What is
/// tried, in order: virtual spines one by one on idle fibres; the same with circuits of running jobs
/// making way by Kempe chains, as `may_move` allows; exact search on idle fibres, over all leafs and
/// spines, within `search_nodes`.
///
/// Says why not: `gpu_fragmentation` if no shape has its leafs by GPUs alone, `network_fragmentation`
/// if only links are missing, `search_limit` if the search gave up. `answer::proved` is true under
/// `never` unless it gave up; under `free` while all OCS are alike; under `bounded` only for want of
/// ports. Parts are not searched for: where their ports would do and circuits could not be found, a no is
/// not proved. `answer::moved` are the circuits to move before the reservation, by `ledger::rewire`.
///
/// Once it is warm, a no on ports or idle fibres allocates nothing. One writer.
/// Reference: Han et al., arXiv 2308.05692 (2023), for the idea and the stages; shapes beyond equal
/// leafs, the counting, the chains and the search are derived.
struct ocs_vclos {
  rewiring may_move = rewiring::never;
  int most_moved = 8;                ///< circuits of running jobs, under `bounded`; ≥ 0
  bool any_size = true;              ///< also unequal leafs
  bool parts = true;                 ///< also several virtual leafs under one leaf
  std::int64_t search_nodes = 500;   ///< of one request, before it gives up; ≥ 1
  detail::ocs_vclos_work work = {};  ///< scratch, nothing to set

  /// Precondition: the fabric is optical.
  answer operator()(const fabric::ledger& free, const request& job) {
    assert(free.fabric().is_optical());
    if (auto p = one_leaf{}(free, job)) return *std::move(p);
    start(free);
    if (even(free, job.gpus)) return build(free);
    if (any_size &&
        (two_leafs(free, job.gpus) || with_rest(free, job.gpus) || crossbar(free, job.gpus)))
      return build(free);
    if (any_size && parts && in_parts(free, job.gpus)) return build(free);
    if (work.gave_up) return {wait_reason::search_limit, false};
    return {work.gpus_would_do ? wait_reason::network_fragmentation
                               : wait_reason::gpu_fragmentation,
            !work.unproved};
  }

  void limit(std::int64_t nodes) { search_nodes = nodes; }
  [[nodiscard]] std::int64_t visited() const { return search_nodes - work.budget; }

 private:
  using result = optical::search_result;

  static std::size_t size(int n) { return static_cast<std::size_t>(n); }
  [[nodiscard]] int most() const {
    return may_move == rewiring::free ? optical::kempe::frozen : most_moved;
  }
  /// GPUs of a leaf that can have a circuit each.
  [[nodiscard]] int width(const fabric::ledger& free, leaf_id l) const {
    return std::min(free.free_gpus(l), work.ports[l.index()]);
  }

  void start(const fabric::ledger& free) {
    work.budget = search_nodes;
    work.gpus_would_do = work.gave_up = work.unproved = false;
    work.links.start(free);
    const fabric::leaf_spine& dc = free.fabric();
    work.ports.clear();
    work.from.assign(size(dc.gpus_per_leaf()) + 2, 0);
    for (leaf_id l : dc.all_leafs()) {
      work.ports.push_back(count_bits(free.free_ports(l)));
      ++work.from[size(free.free_gpus(l)) + 1];
    }
    work.from[1] = 0;  // those without
    for (std::size_t n = 1; n < work.from.size(); ++n) work.from[n] += work.from[n - 1];
    work.by_free.resize(work.from.back());
    for (leaf_id l : dc.all_leafs())
      if (const int n = free.free_gpus(l); n > 0) work.by_free[work.from[size(n)]++] = l;
  }
  /// The leafs with at least `n` free GPUs, fewest first.
  [[nodiscard]] std::span<const leaf_id> leafs_with(const fabric::ledger& free, int n) const {
    const auto first = std::partition_point(work.by_free.begin(), work.by_free.end(),
                                            [&](leaf_id l) { return free.free_gpus(l) < n; });
    return {first, work.by_free.end()};
  }
  [[nodiscard]] static int widest(const fabric::ledger& free) {
    return std::min(free.fabric().gpus_per_leaf(), free.fabric().uplinks());
  }

  bool even(const fabric::ledger& free, int gpus) {
    const int leafs = std::min(free.fabric().leafs(), gpus);
    for (int m = std::max(2, (gpus + widest(free) - 1) / widest(free)); m <= leafs; ++m)
      if (gpus % m == 0 && try_shape(free, m, gpus / m, 0)) return true;
    return false;
  }
  bool with_rest(const fabric::ledger& free, int gpus) {
    for (int n = std::min(widest(free), gpus / 2); n > 1; --n) {
      const int m = gpus / n, r = gpus % n;
      if (m >= free.fabric().leafs()) break;  // the rest needs a leaf too, and m only grows
      if (r > 0 && try_shape(free, m, n, r)) return true;
    }
    return false;
  }

  /// m leafs of n GPUs and columns and, if r > 0, one more of r.
  bool try_shape(const fabric::ledger& free, int m, int n, int r) {
    const auto candidates = leafs_with(free, n);
    if (candidates.size() < size(m) || (r > 0 && leafs_with(free, r).size() <= size(m)))
      return false;
    work.gpus_would_do = true;
    work.able.clear();
    for (leaf_id l : candidates)
      if (work.ports[l.index()] >= n) work.able.push_back(l);
    if (work.able.size() < size(m) || !work.links.counts_allow(m, n, r)) return false;

    work.chosen.assign(work.able.begin(), work.able.begin() + m);
    if (r > 0 && !add_rest(free, r))
      return false;  // whichever m are chosen: more would do as the rest
    if (wire(n, r) || try_windows(free, size(m), n, r)) return keep(n, r);
    work.chosen.clear();
    find_twins(free);
    switch (choose_leafs(free, size(m), 0, n, r)) {
    case result::found:
      return keep(n, r);
    case result::gave_up:
      work.gave_up = true;
      break;
    case result::none:
      work.unproved |= may_move != rewiring::never;
      break;
    }
    return false;
  }
  /// Adds the leaf that fits the rest best to those chosen.
  bool add_rest(const fabric::ledger& free, int r) {
    for (leaf_id l : leafs_with(free, r)) {
      if (work.ports[l.index()] < r || is_chosen(l)) continue;
      work.chosen.push_back(l);
      return true;
    }
    return false;
  }
  [[nodiscard]] bool is_chosen(leaf_id l) const {
    return std::find(work.chosen.begin(), work.chosen.end(), l) != work.chosen.end();
  }
  /// Circuits for the leafs chosen, without a search.
  bool wire(int n, int r) {
    return work.links.greedy(work.chosen, n, r) ||
           (may_move != rewiring::never && work.links.moving(work.chosen, n, r, most()));
  }
  /// Other leafs than those that fit best, without a search: as many in a row of the able.
  bool try_windows(const fabric::ledger& free, std::size_t m, int n, int r) {
    const std::size_t step = std::max<std::size_t>(1, m / 2);
    for (std::size_t i = step; i + m <= work.able.size() && work.budget > search_nodes / 2;
         i += step) {
      work.budget -= 4 + static_cast<std::int64_t>(m) * n / 16;
      const auto first = work.able.begin() + static_cast<std::ptrdiff_t>(i);
      work.chosen.assign(first, first + static_cast<std::ptrdiff_t>(m));
      if ((r == 0 || add_rest(free, r)) && work.links.greedy(work.chosen, n, r)) return true;
    }
    return false;
  }
  bool keep(int n, int r) {
    work.parts.clear();
    for (leaf_id l : work.chosen) work.parts.push_back({l, n});
    if (r > 0) work.parts.back().gpus = r;
    return true;
  }

  static constexpr std::size_t nobody = ~std::size_t{0};

  /// Notes for each able leaf the last one before it with the same free uplinks.
  void find_twins(const fabric::ledger& free) {
    const auto row = [&](std::size_t i) { return free.free_ports(work.able[i]); };
    const auto compare = [&](std::size_t a, std::size_t b) {
      const const_bit_row x = row(a), y = row(b);
      return std::lexicographical_compare_three_way(x.begin(), x.end(), y.begin(), y.end());
    };
    work.by_row.resize(work.able.size());
    for (std::size_t i = 0; i < work.able.size(); ++i) work.by_row[i] = i;
    std::sort(work.by_row.begin(), work.by_row.end(), [&](std::size_t a, std::size_t b) {
      const auto order = compare(a, b);
      return order != 0 ? order < 0 : a < b;
    });
    work.twin.assign(work.able.size(), nobody);
    for (std::size_t i = 1; i < work.by_row.size(); ++i)
      if (compare(work.by_row[i - 1], work.by_row[i]) == 0)
        work.twin[work.by_row[i]] = work.by_row[i - 1];
  }

  /// Exact search on idle fibres: chooses the leafs that are still wanted out of `able` from `from` on.
  /// Of leafs with the same free uplinks only the first is tried: if that failed, so will its twins.
  result choose_leafs(const fabric::ledger& free, std::size_t wanted, std::size_t from, int n,
                      int r) {
    if (wanted == 0) return try_chosen(free, n, r);
    const std::size_t spines = size(free.fabric().spines()), depth = work.chosen.size();
    const int m = static_cast<int>(depth + wanted);
    for (std::size_t i = from; i + wanted <= work.able.size(); ++i) {
      if (work.twin[i] != nobody && work.twin[i] >= from) continue;
      if (work.budget-- <= 0) return result::gave_up;
      const leaf_id l = work.able[i];
      work.most.resize((depth + 1) * spines);
      int columns = 0;
      for (std::size_t s = 0; s < spines; ++s) {
        const spine_id spine{s};
        int& most = work.most[depth * spines + s];
        most = depth > 0 ? work.most[(depth - 1) * spines + s] : work.links.free_ports(spine) / m;
        if (most > 0) most = std::min(most, work.links.common(l, spine));
        columns += most;
      }
      if (columns < n) continue;
      work.chosen.push_back(l);
      const result found = choose_leafs(free, wanted - 1, i + 1, n, r);
      if (found != result::none) return found;
      work.chosen.pop_back();
    }
    return result::none;
  }
  result try_chosen(const fabric::ledger& free, int n, int r) {
    if (r == 0) return work.links.exact(work.chosen, n, 0, work.budget);
    for (leaf_id l : leafs_with(free, r)) {
      if (work.ports[l.index()] < r || is_chosen(l)) continue;
      work.chosen.push_back(l);
      const result found = work.links.exact(work.chosen, n, r, work.budget);
      if (found != result::none) return found;
      work.chosen.pop_back();
    }
    return result::none;
  }
  /// The pair that leaves fewest GPUs free under both, then the one that needs fewest columns, then the
  /// lowest ids. All free GPUs of the wider leaf are taken, so that few columns are needed.
  bool two_leafs(const fabric::ledger& free, int gpus) {
    if (work.by_free.empty()) return false;
    const int widest_leaf = std::min(free.free_gpus(work.by_free.back()), gpus - 1);
    for (int left = 0; left <= 2 * widest_leaf - gpus; ++left)
      for (int a = widest_leaf; 2 * a >= gpus + left; --a) {
        const auto wide = leafs_with_just(free, a), narrow = leafs_with_just(free, gpus - a + left);
        if (wide.empty() || narrow.empty() || (wide.size() == 1 && wide.data() == narrow.data()))
          continue;
        work.gpus_would_do = true;
        const int b = gpus - a;
        if (!work.links.counts_allow(2, b, 0)) continue;
        for (leaf_id i : wide)
          for (leaf_id k : narrow) {
            if (i == k || work.ports[i.index()] < b || work.ports[k.index()] < b) continue;
            if (try_pair(i, a, k, b)) return true;
            if (work.gave_up && may_move == rewiring::never) return false;
          }
      }
    return false;
  }
  [[nodiscard]] std::span<const leaf_id> leafs_with_just(const fabric::ledger& free, int n) const {
    const auto from = leafs_with(free, n), beyond = leafs_with(free, n + 1);
    return from.first(from.size() - beyond.size());
  }
  bool try_pair(leaf_id wide, int a, leaf_id narrow, int b) {
    work.chosen = {wide, narrow};
    int columns = 0;
    for (spine_id s : work.links.by_ports())
      columns += std::min(
          {work.links.common(wide, s), work.links.common(narrow, s), work.links.free_ports(s) / 2});
    bool found = columns >= b && work.links.greedy(work.chosen, b, 0);
    if (!found && may_move != rewiring::never) {
      found = work.links.moving(work.chosen, b, 0, most());
      work.unproved |= !found;
    }
    if (!found && columns >= b) {
      if (--work.budget <= 0)
        work.gave_up = true;
      else
        switch (work.links.exact(work.chosen, b, 0, work.budget)) {
        case result::found:
          found = true;
          break;
        case result::gave_up:
          work.gave_up = true;
          break;
        case result::none:
          break;
        }
    }
    if (!found) return false;
    work.parts = {{wide, a}, {narrow, b}};
    return true;
  }

  /// N ports of one spine, of those with enough the one with fewest.
  bool crossbar(const fabric::ledger& free, int gpus) {
    const fabric::optical_layer& layer = free.fabric().optical();
    if (gpus > layer.switches * layer.spine_fibres) return false;
    work.gpus_would_do = true;
    if (work.links.most_ports() < gpus) return false;
    // Leafs that can give most first.
    work.chosen.assign(work.by_free.begin(), work.by_free.end());
    std::sort(work.chosen.begin(), work.chosen.end(), [&](leaf_id a, leaf_id b) {
      return std::pair{-width(free, a), a} < std::pair{-width(free, b), b};
    });
    int sum = 0;
    for (leaf_id l : work.chosen) sum += width(free, l);
    if (sum < gpus) return false;
    for (spine_id s : work.links.by_ports()) {
      if (work.links.free_ports(s) < gpus) continue;
      if (--work.budget <= 0) {
        work.gave_up = true;
        break;
      }
      work.gpus.clear();
      for (leaf_id l : work.chosen) work.gpus.push_back(width(free, l));
      if (work.links.crossbar(work.chosen, work.gpus, gpus, s)) return keep_crossbar();
    }
    if (may_move == rewiring::never) return false;
    work.gpus.clear();
    int left = gpus;
    for (leaf_id l : work.chosen) {
      work.gpus.push_back(std::min(left, width(free, l)));
      left -= work.gpus.back();
    }
    for (spine_id s : work.links.by_ports())
      if (work.links.free_ports(s) >= gpus) {
        if (work.links.moving_crossbar(work.chosen, work.gpus, s, most())) return keep_crossbar();
        work.unproved = true;
        break;
      }
    return false;
  }
  bool keep_crossbar() {
    work.parts.clear();
    for (std::size_t i = 0; i < work.gpus.size(); ++i)
      if (work.gpus[i] > 0) work.parts.push_back({work.chosen[i], work.gpus[i]});
    return true;
  }

  /// N = m·n in m parts of n GPUs, several under a leaf; the widest first, on the leafs with most.
  bool in_parts(const fabric::ledger& free, int gpus) {
    for (int n = std::min(widest(free), gpus / 2); n > 1; --n) {
      if (gpus % n || !gather_parts(free, gpus / n, n)) continue;
      work.gpus_would_do = true;
      if (!work.links.counts_allow(gpus / n, n, 0)) continue;
      if (--work.budget <= 0) {
        work.gave_up = true;
        return false;
      }
      if (!work.links.moving(work.chosen, n, 0, may_move == rewiring::never ? 0 : most())) {
        work.unproved = true;
        continue;
      }
      work.parts.clear();
      for (leaf_id l : work.chosen) {
        if (work.parts.empty() || work.parts.back().leaf != l) work.parts.push_back({l, 0});
        work.parts.back().gpus += n;
      }
      return true;
    }
    return false;
  }
  /// Into `chosen` m leafs, one as often as it has n GPUs with ports. False if there are not so many.
  bool gather_parts(const fabric::ledger& free, int m, int n) {
    work.chosen.clear();
    for (std::size_t i = work.by_free.size(); i-- > 0 && m > 0;)
      for (int c = std::min(width(free, work.by_free[i]) / n, m); c > 0; --c, --m)
        work.chosen.push_back(work.by_free[i]);
    return m == 0;
  }

  answer build(const fabric::ledger& free) {
    std::sort(work.parts.begin(), work.parts.end(),
              [](const auto& a, const auto& b) { return a.leaf < b.leaf; });
    placement p;
    for (const auto& [leaf, gpus] : work.parts) pick(free, leaf, gpus, p.gpus);
    p.links = work.links.links();
    answer a{std::move(p)};
    a.moved = work.links.moves();
    return a;
  }
};

}  // namespace heddle::place
