// Finds the circuits of a virtual Clos network whose leafs are chosen.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/ledger.hpp>
#include <heddle/optical/circuit_search.hpp>
#include <heddle/optical/kempe.hpp>
#include <heddle/optical/ports.hpp>
#include <heddle/optical/wiring.hpp>

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
  void start(const fabric::ledger& free) {
    free_ = &free;
    const fabric::leaf_spine& dc = free.fabric();
    rows_known_ = base_known_ = false;
    spine_ports_.clear();
    for (spine_id s : dc.all_spines()) spine_ports_.push_back(free.free_spine_ports(s));
    // Spines by free ports, fewest first: those that are whole stay whole.
    const auto fibres = static_cast<std::size_t>(dc.optical().switches * dc.optical().spine_fibres);
    at_.assign(fibres + 2, 0);
    for (int p : spine_ports_) ++at_[static_cast<std::size_t>(p) + 1];
    for (std::size_t p = 1; p < at_.size(); ++p) at_[p] += at_[p - 1];
    by_ports_.resize(spine_ports_.size());
    for (spine_id s : dc.all_spines())
      by_ports_[at_[static_cast<std::size_t>(spine_ports_[s.index()])]++] = s;
  }

  [[nodiscard]] int free_ports(spine_id s) const { return spine_ports_[s.index()]; }
  [[nodiscard]] int most_ports() const { return spine_ports_[by_ports_.back().index()]; }
  [[nodiscard]] std::span<const spine_id> by_ports() const { return by_ports_; }

  /// Whether the spines have ports for n columns of m leafs, r of which serve the rest too. A spine
  /// with F ports and k columns can widen min(k, F − m·k) of them: concave in k, so that choosing
  /// columns by what they add is exact.
  [[nodiscard]] bool counts_allow(int m, int n, int r) {
    if (r == 0) {
      int columns = 0;
      for (int p : spine_ports_) columns += p / m;
      return columns >= n;
    }
    int wide = 0;
    loss_.assign(static_cast<std::size_t>(m) + 1,
                 0);  // narrow columns by how many wide ones they cost
    for (int p : spine_ports_) {
      const int w = p / (m + 1), more = p / m - w;
      wide += w;
      if (more == 0) continue;
      ++loss_[static_cast<std::size_t>(m - p % (m + 1))];
      loss_[static_cast<std::size_t>(m)] += more - 1;
    }
    int left = n - wide;
    for (int loss = 0; loss <= m && left > 0; ++loss) {
      const int taken = std::min(left, loss_[static_cast<std::size_t>(loss)]);
      left -= taken;
      wide -= loss * taken;
    }
    return left <= 0 && wide >= r;
  }

  /// Columns that a leaf could have at a spine, by what is free at their OCS now: over all OCS the
  /// smaller number of free fibres, which is the sum over j of where both have more than j.
  [[nodiscard]] int common(leaf_id l, spine_id s) {
    if (!rows_known_) read_rows();
    int n = 0;
    for (std::size_t j = 0; j < planes(); ++j) {
      const const_bit_row up = at_least(l, j), down = switches_of_[s.index() * planes() + j];
      for (std::size_t k = 0; k < up.size(); ++k) n += members(up[k] & down[k]);
    }
    return n;
  }

  /// Column by column, on the spines that could take most of them first, then those with fewest ports;
  /// a circuit that finds no OCS may move others of this job. The columns of the rest come first.
  bool greedy(std::span<const leaf_id> leafs, int n, int r) {
    start_local(leafs);
    insert_.most_pairs = 8;
    bool placed = true;
    if (r > 0) placed = greedy_columns(leafs, r);
    if (placed && n > r) placed = greedy_columns(leafs.first(leafs.size() - (r > 0)), n - r);
    insert_.most_pairs = ~std::size_t{0};
    return placed && take_local(leafs);
  }

  /// All ways to spread the columns over the spines, each with a search for its circuits.
  optical::search_result exact(std::span<const leaf_id> leafs, int n, int r, std::int64_t& budget) {
    const int m = static_cast<int>(leafs.size()) - (r > 0);
    budget -= static_cast<std::int64_t>(leafs.size() * by_ports_.size() / 256);
    shares_.clear();
    for (spine_id s : by_ports_) {
      if (free_ports(s) < m) continue;
      share x{s, free_ports(s) / m, r > 0 ? common(leafs.back(), s) : 0, 0, 0, 0, false};
      for (int i = 0; i < m; ++i) x.most = std::min(x.most, common(leafs[size(i)], s));
      if (x.most > 0) shares_.push_back(x);
    }
    int columns = 0;
    for (std::size_t i = shares_.size(); i-- > 0;) {
      columns += shares_[i].most;
      shares_[i].from_here = columns;
      // Spines with the same free fibres are alike: of two only the first may have more columns.
      shares_[i].is_twin = i > 0 && same_fibres(shares_[i - 1].spine, shares_[i].spine);
    }
    const optical::search_result found = spread(leafs, m, 0, n, r, budget);
    if (found == optical::search_result::found) take_local(leafs);
    return found;
  }

  /// With circuits of other jobs out of the way, at most `most` of them. Where all OCS are alike and
  /// `most` is no limit, a yes whenever counts_allow says so.
  bool moving(std::span<const leaf_id> leafs, int n, int r, int most) {
    start_full();
    most_ = most;
    if (r == 0) {
      // Columns that need nobody to move do not spoil the counts: each takes m ports of one spine.
      int left = n;
      for (bool others : {false, true})
        for (spine_id s : by_ports_)
          while (left > 0 && add_column(leafs, s, others)) --left;
      return left == 0 && take_full();
    }
    const int m = static_cast<int>(leafs.size()) - 1;
    plan_shares(m, n, r);
    for (const share& x : shares_)
      for (int k = 0; k < x.columns; ++k)
        if (!add_column(leafs.first(size(m) + (k < x.wide)), x.spine, true)) return false;
    return take_full();
  }

  /// N ports of one spine, and of each leaf at most as many as it has GPUs: leafs in the order given,
  /// as few as that takes. Nothing of others moves. By augmenting paths, exact.
  /// \param gpus  in: what each leaf can give; out: what it gives
  bool crossbar(std::span<const leaf_id> leafs, std::span<int> gpus, int n, spine_id s) {
    start_local(leafs);
    open_local(s);
    int left = n;
    for (std::size_t i = 0; i < leafs.size(); ++i) {
      int given = 0;
      while (given < gpus[i] && left > 0) {
        seen_.assign(size(local_.ends().switches()), false);
        if (!augment(leaf_id{i}, s)) break;
        ++given;
        --left;
      }
      gpus[i] = given;
    }
    return left == 0 && take_local(leafs);
  }
  /// The same with circuits of others moving. `gpus` sum up to n.
  bool moving_crossbar(std::span<const leaf_id> leafs, std::span<const int> gpus, spine_id s,
                       int most) {
    start_full();
    most_ = most;
    for (std::size_t i = 0; i < leafs.size(); ++i)
      for (int k = 0; k < gpus[i]; ++k)
        if (!insert_full(leafs[i], s, true)) return false;
    return take_full();
  }

  /// After a yes: the circuits of the job, sorted, and what of others has to move.
  [[nodiscard]] const std::vector<fabric::link>& links() const { return links_; }
  [[nodiscard]] const std::vector<fabric::circuit_move>& moves() const { return moves_; }
  /// Whether all OCS were alike when circuits were last to move.
  [[nodiscard]] bool is_uniform() const { return is_uniform_; }

 private:
  static constexpr std::uint32_t own = ~std::uint32_t{0};

  /// What one spine carries, and could.
  struct share {
    spine_id spine;
    int most = 0;       // columns
    int most_wide = 0;  // that the rest could have
    int from_here = 0;  // columns of this and all later spines
    int columns = 0, wide = 0;
    bool is_twin = false;
  };

  static std::size_t size(int n) { return static_cast<std::size_t>(n); }

  [[nodiscard]] std::size_t planes() const { return size(free_->fabric().optical().leaf_fibres); }
  void read_rows() {
    rows_known_ = true;
    const fabric::leaf_spine& dc = free_->fabric();
    switches_of_.reset(size(dc.spines()) * planes(), size(dc.optical().switches));
    for (spine_id s : dc.all_spines())
      for (std::size_t j = 0; j < planes(); ++j) {
        const bit_row row = switches_of_[s.index() * planes() + j];
        for (ocs_id o : dc.all_switches()) {
          const bool has = free_->free_spine_fibres(s, o) > static_cast<int>(j);
          row[o.index() / 64] |= static_cast<word>(has) << (o.index() % 64);
        }
      }
    if (planes() == 1) return;
    leaf_switches_.reset(size(dc.leafs()) * planes(), size(dc.optical().switches));
    leaf_known_.assign(size(dc.leafs()), false);
  }
  /// The OCS to which a leaf has more than j free fibres. Precondition: rows are known.
  [[nodiscard]] const_bit_row at_least(leaf_id l, std::size_t j) {
    if (planes() == 1) return free_->free_ports(l);
    if (!leaf_known_[l.index()]) {
      leaf_known_[l.index()] = true;
      for_each_bit(free_->free_ports(l), [&, at = l.index() * planes()](std::size_t port) {
        std::size_t i = at;
        while (test_bit(leaf_switches_[i], port / planes())) ++i;
        set_bit(leaf_switches_[i], port / planes());
      });
    }
    return leaf_switches_[l.index() * planes() + j];
  }
  [[nodiscard]] bool same_fibres(spine_id a, spine_id b) const {
    for (ocs_id o : free_->fabric().all_switches())
      if (free_->free_spine_fibres(a, o) != free_->free_spine_fibres(b, o)) return false;
    return true;
  }

  // --- local: the chosen leafs alone, and of their ends and the spines' those that are free

  void start_local(std::span<const leaf_id> leafs) {
    const fabric::leaf_spine& dc = free_->fabric();
    ends_.reset(static_cast<int>(leafs.size()), dc.spines(), dc.optical().switches,
                dc.optical().leaf_fibres, dc.optical().spine_fibres);
    for (std::size_t i = 0; i < leafs.size(); ++i)
      ends_.open(leaf_id{i}, free_->free_ports(leafs[i]));
    local_.reset(ends_);
    ports_left_ = spine_ports_;
    is_open_.assign(spine_ports_.size(), false);
  }
  void open_local(spine_id s) {
    if (is_open_[s.index()]) return;
    is_open_[s.index()] = true;
    for (ocs_id o : free_->fabric().all_switches())
      if (const int n = free_->free_spine_fibres(s, o)) local_.open(s, o, n);
  }

  /// `columns` more of the leafs given, the first of those that are local.
  bool greedy_columns(std::span<const leaf_id> leafs, int columns) {
    const int height = static_cast<int>(leafs.size());
    // What free fibres allow at best: most sets of leafs that will not do are found out here.
    bound_columns(leafs);
    int sum = 0;
    for (int most : most_at_) sum += most;
    if (sum < columns) return false;
    // Where most columns may go first: these are often the ports that one job has left behind.
    order_.clear();
    for (std::uint32_t i = 0; i < most_at_.size(); ++i)
      if (most_at_[i] > 0) order_.push_back(i);
    std::sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return most_at_[a] != most_at_[b] ? most_at_[a] > most_at_[b] : a < b;
    });
    for (std::size_t k = 0; k < order_.size() && columns > 0 && sum >= columns; ++k) {
      const spine_id s = by_ports_[order_[k]];
      sum -= most_at_[order_[k]];
      for (int most = most_at_[order_[k]]; columns > 0 && most > 0 && greedy_column(height, s);
           --most) {
        ports_left_[s.index()] -= height;
        --columns;
      }
    }
    return columns == 0;
  }
  /// Into most_at_, for each of by_ports_, the columns that its ports and each leaf by itself allow.
  void bound_columns(std::span<const leaf_id> leafs) {
    const int height = static_cast<int>(leafs.size());
    if (!rows_known_) read_rows();
    most_at_.clear();
    for (spine_id s : by_ports_) most_at_.push_back(ports_left_[s.index()] / height);
    if (switches_of_.words() > 1) {
      for (std::size_t i = 0; i < most_at_.size(); ++i)
        for (std::size_t k = 0; k < leafs.size() && most_at_[i] > 0; ++k)
          most_at_[i] = std::min(most_at_[i], common(leafs[k], by_ports_[i]));
      return;
    }
    row_.clear();
    for (std::size_t j = 0; j < planes(); ++j)
      for (spine_id s : by_ports_) row_.push_back(switches_of_[s.index() * planes() + j][0]);
    const std::size_t n = most_at_.size();
    for (leaf_id l : leafs) {
      const word up = at_least(l, 0)[0];
      if (planes() == 1) {
        for (std::size_t i = 0; i < n; ++i)
          most_at_[i] = std::min(most_at_[i], members(up & row_[i]));
        continue;
      }
      common_at_.resize(n);
      for (std::size_t i = 0; i < n; ++i) common_at_[i] = members(up & row_[i]);
      for (std::size_t j = 1; j < planes(); ++j) {
        const word more = at_least(l, j)[0];
        for (std::size_t i = 0; i < n; ++i) common_at_[i] += members(more & row_[j * n + i]);
      }
      for (std::size_t i = 0; i < n; ++i) most_at_[i] = std::min(most_at_[i], common_at_[i]);
    }
  }
  /// As std::popcount, which is a call where the processor is not named; this is two at a time.
  static int members(word w) {
    w -= w >> 1 & 0x5555555555555555u;
    w = (w & 0x3333333333333333u) + (w >> 2 & 0x3333333333333333u);
    w = (w + (w >> 4)) & 0x0f0f0f0f0f0f0f0fu;
    w += w >> 8;
    w += w >> 16;
    w += w >> 32;
    return static_cast<int>(w & 0x7fu);
  }
  bool greedy_column(int height, spine_id s) {
    open_local(s);
    moved_.clear();
    set_up_.clear();
    const auto free_to_move = [](const fabric::link&) { return 0; };
    for (int i = 0; i < height; ++i) {
      if (insert_.insert(local_, leaf_id{i}, s, free_to_move, 0, moved_)) {
        set_up_.push_back(insert_.set_up());
        continue;
      }
      for (const fabric::link& k : set_up_) take_one_down(k);
      return false;
    }
    return true;
  }
  /// A circuit or, if that has moved, another of the same leaf and spine.
  void take_one_down(fabric::link k) {
    if (!local_.has(k))
      for (k.lane = 0; local_.spine_at(k.leaf, k.lane) != k.spine;) ++k.lane;
    local_.disconnect(k);
  }

  bool take_local(std::span<const leaf_id> leafs) {
    links_.clear();
    moves_.clear();
    local_.list(links_);
    for (fabric::link& k : links_) k.leaf = leafs[k.leaf.index()];
    std::sort(links_.begin(), links_.end());
    return true;
  }

  /// One circuit more from local leaf `l` to the only open spine, where need be by moving others.
  bool augment(leaf_id l, spine_id s) {
    for (ocs_id o : local_.ends().all_switches()) {
      if (seen_[o.index()] || !test_bit(local_.free_switches(l), o.index())) continue;
      seen_[o.index()] = true;
      if (!test_bit(local_.free_switches(s), o.index())) {
        const auto c = static_cast<std::uint32_t>(local_.ends().spine_fibres());
        bool room = false;
        for (std::uint32_t q = o.value * c; q < (o.value + 1) * c && !room; ++q)
          if (const fabric::link k = local_.circuit_at(s, q);
              k.leaf.valid() && augment(k.leaf, s)) {
            local_.disconnect(k);
            room = true;
          }
        if (!room) continue;
      }
      local_.connect(l, s, o);
      return true;
    }
    return false;
  }

  optical::search_result spread(std::span<const leaf_id> leafs, int m, std::size_t at, int n, int r,
                                std::int64_t& budget) {
    if (n == 0) return r == 0 ? wire_spread(leafs, m, at, budget) : optical::search_result::none;
    if (at == shares_.size() || shares_[at].from_here < n || r > n)
      return optical::search_result::none;
    if (budget-- <= 0) return optical::search_result::gave_up;
    share& x = shares_[at];
    const bool is_twin = at > 0 && x.is_twin;
    for (int k = std::min(x.most, n); k >= 0; --k) {
      if (is_twin && k > shares_[at - 1].columns) continue;
      const int ports = free_ports(x.spine) - m * k;
      for (int t = std::min({k, r, x.most_wide, ports}); t >= 0; --t) {
        if (is_twin && k == shares_[at - 1].columns && t > shares_[at - 1].wide) continue;
        x.columns = k;
        x.wide = t;
        const optical::search_result found = spread(leafs, m, at + 1, n - k, r - t, budget);
        if (found != optical::search_result::none) return found;
      }
    }
    return optical::search_result::none;
  }
  optical::search_result wire_spread(std::span<const leaf_id> leafs, int m, std::size_t used,
                                     std::int64_t& budget) {
    budget -= 8;  // of the same weight as nodes
    start_local(leafs);
    wanted_.clear();
    for (const share& x : std::span(shares_).first(used)) {
      if (x.columns == 0) continue;
      open_local(x.spine);
      for (int i = 0; i < m; ++i) wanted_.push_back({leaf_id{i}, x.spine, x.columns});
      if (x.wide > 0) wanted_.push_back({leaf_id{m}, x.spine, x.wide});
    }
    return search_.solve(local_, wanted_, budget);
  }

  // --- full: the whole network with the circuits of all jobs

  void start_full() {
    if (!base_known_) read_base();
    full_ = base_;
    job_at_ = base_job_;
    origin_ = base_origin_;
    ports_left_ = spine_ports_;
    cost_ = 0;
  }
  void read_base() {
    base_known_ = true;
    const fabric::leaf_spine& dc = free_->fabric();
    const auto uplinks = size(dc.uplinks());
    ends_ = optical::ports{dc, free_->failed()};
    const auto is_alive = [&](const fabric::link& k) {
      return free_->failed().empty() ||
             (free_->failed().works(dc, k.leaf, k.lane) &&
              free_->failed().works(fabric::spine_fibre{k.spine, dc.ocs_of(k.lane)}));
    };
    // A circuit over what has failed stays where it is, and so do its ends.
    if (!free_->failed().empty())
      for (const auto& [job, p] : free_->placements())
        for (const fabric::link& k : p.links)
          if (!is_alive(k)) {
            ends_.close(k.leaf, k.lane);
            close_one(k.spine, dc.ocs_of(k.lane));
          }
    is_uniform_ = ends_.is_uniform();
    base_.reset(ends_);
    base_job_.assign(size(dc.leafs()) * uplinks, job_id{});
    base_origin_.assign(base_job_.size(), own);
    for (const auto& [job, p] : free_->placements())
      for (const fabric::link& k : p.links)
        if (is_alive(k)) {
          base_.connect(k);
          base_job_[slot(k)] = job;
          base_origin_[slot(k)] = k.lane;
        }
  }
  void close_one(spine_id s, ocs_id o) {
    const auto c = static_cast<std::uint32_t>(ends_.spine_fibres());
    for (std::uint32_t q = (o.value + 1) * c; q-- > o.value * c;)
      if (test_bit(ends_.open(s), q)) return ends_.close(s, q);
  }
  [[nodiscard]] std::size_t slot(const fabric::link& k) const {
    return k.leaf.index() * size(free_->fabric().uplinks()) + k.lane;
  }

  bool insert_full(leaf_id l, spine_id s, bool others) {
    // Circuits of this job, and those that move anyway, cost nothing.
    const auto cost = [&](const fabric::link& k) {
      if (origin_[slot(k)] == own || origin_[slot(k)] != k.lane) return 0;
      return others ? 1 : optical::kempe::frozen;
    };
    moved_.clear();
    const int most = most_ == optical::kempe::frozen ? most_ : most_ - cost_;
    if (!insert_.insert(full_, l, s, cost, most, moved_)) return false;
    cost_ += insert_.cost();
    carried_.clear();
    for (const optical::rerouted& k : moved_)
      carried_.push_back({job_at_[slot(k.from)], origin_[slot(k.from)]});
    for (std::size_t i = 0; i < moved_.size(); ++i) {
      job_at_[slot(moved_[i].to)] = carried_[i].job;
      origin_[slot(moved_[i].to)] = carried_[i].origin;
    }
    job_at_[slot(insert_.set_up())] = job_id{};
    origin_[slot(insert_.set_up())] = own;
    return true;
  }
  bool add_column(std::span<const leaf_id> leafs, spine_id s, bool others) {
    const int height = static_cast<int>(leafs.size());
    if (ports_left_[s.index()] < height) return false;
    for (std::size_t i = 0; i < leafs.size(); ++i) {
      if (insert_full(leafs[i], s, others)) continue;
      for (std::size_t k = 0; k < i; ++k) take_own_down(leafs[k], s);
      return false;
    }
    ports_left_[s.index()] -= height;
    return true;
  }
  void take_own_down(leaf_id l, spine_id s) {
    for (std::uint32_t p = 0;; ++p)
      if (const fabric::link k{l, s, p}; full_.has(k) && origin_[slot(k)] == own)
        return full_.disconnect(k);
  }
  bool take_full() {
    links_.clear();
    moves_.clear();
    const auto uplinks = static_cast<std::uint32_t>(full_.ends().uplinks());
    for (leaf_id l : full_.ends().all_leafs())
      for (std::uint32_t p = 0; p < uplinks; ++p) {
        const spine_id s = full_.spine_at(l, p);
        if (!s.valid()) continue;
        const fabric::link k{l, s, p};
        const std::uint32_t from = origin_[slot(k)];
        if (from == own)
          links_.push_back(k);
        else if (from != p)
          moves_.push_back({job_at_[slot(k)], {l, s, from}, k});
      }
    std::sort(links_.begin(), links_.end());
    std::sort(moves_.begin(), moves_.end(), [](const auto& a, const auto& b) {
      return a.job != b.job ? a.job < b.job : a.from < b.from;
    });
    return true;
  }

  /// How many columns, and wide ones, each spine is to carry, as `counts_allow` counts them.
  void plan_shares(int m, int n, int r) {
    shares_.clear();
    for (spine_id s : by_ports_) shares_.push_back({.spine = s});
    int left = n;
    for (share& x : shares_) {
      x.columns = std::min(left, free_ports(x.spine) / (m + 1));
      left -= x.columns;
    }
    for (int loss = 0; loss <= m && left > 0; ++loss)
      for (share& x : shares_) {
        const int p = free_ports(x.spine);
        while (left > 0 && x.columns < p / m &&
               (x.columns == p / (m + 1) ? m - p % (m + 1) : m) == loss) {
          ++x.columns;
          --left;
        }
      }
    for (share& x : shares_) {
      x.wide = std::min({x.columns, free_ports(x.spine) - m * x.columns, r});
      r -= x.wide;
    }
  }

  struct carried {
    job_id job;
    std::uint32_t origin = 0;
  };

  const fabric::ledger* free_ = nullptr;
  std::vector<int> spine_ports_,
      ports_left_;  // free ports of each spine; without those in use here
  std::vector<std::size_t> at_;
  std::vector<spine_id> by_ports_;
  std::vector<int> loss_;
  bool rows_known_ = false, base_known_ = false, is_uniform_ = true;
  // Row s · f + j: the OCS where a spine has more than j free fibres, up to the f that a leaf can have
  // there. Of leafs likewise, where f is more than one, once they are asked for.
  bit_matrix switches_of_, leaf_switches_;
  std::vector<char> leaf_known_;

  optical::ports ends_;
  optical::wiring local_, base_, full_;
  optical::kempe insert_;
  optical::circuit_search search_;
  std::vector<char> is_open_, seen_;
  std::vector<share> shares_;
  std::vector<optical::wanted_links> wanted_;
  std::vector<optical::rerouted> moved_;
  std::vector<int> most_at_;          // columns that each spine, by ports, could take
  std::vector<std::uint32_t> order_;  // of by_ports_, the most columns first
  std::vector<word> row_;             // its OCS, likewise, plane by plane
  std::vector<int> common_at_;        // columns that one leaf by itself allows
  std::vector<fabric::link> set_up_;  // of the column in hand

  // By uplink: whose circuit it is, and the uplink that it had at first, `own` for this job's.
  std::vector<job_id> base_job_, job_at_;
  std::vector<std::uint32_t> base_origin_, origin_;
  std::vector<carried> carried_;
  int most_ = 0, cost_ = 0;

  std::vector<fabric::link> links_;
  std::vector<fabric::circuit_move> moves_;
};

}  // namespace heddle::place::detail
