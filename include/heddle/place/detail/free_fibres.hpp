// The spines and OCS of a ledger by what is free there, as the search for circuits asks for them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include <heddle/core/bits.hpp>
#include <heddle/core/ids.hpp>
#include <heddle/fabric/leaf_spine_ocs.hpp>
#include <heddle/fabric/ledger.hpp>

namespace heddle::place::detail {

using ocs_ledger = fabric::ledger<fabric::leaf_spine_ocs>;

/// Free ports of the spines, and the OCS where leafs and spines have free fibres, of one state of a
/// ledger. A *column* is a circuit from each of some leafs to one spine (see `ocs_links`). The rows of OCS are read when they are first asked for. Keeps its memory between states.
class free_fibres {
 public:
  /// Looks at `free`, which must stay as it is until the next start.
  void start(const ocs_ledger& free) {
    free_ = &free;
    const fabric::leaf_spine_ocs& dc = free.fabric();
    rows_known_ = false;
    spine_ports_.clear();
    for (spine_id s : dc.all_spines()) spine_ports_.push_back(free.network().free_spine_ports(s));
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
  /// Free ports of each spine.
  [[nodiscard]] const std::vector<int>& ports() const { return spine_ports_; }
  [[nodiscard]] const ocs_ledger& state() const { return *free_; }

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
    // Narrow columns by how many wide ones they cost.
    loss_.assign(static_cast<std::size_t>(m) + 1, 0);
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

  /// Into `most`, for each of `by_ports`, the columns that `ports` of it and each leaf by itself allow.
  void bound_columns(std::span<const leaf_id> leafs, std::span<const int> ports,
                     std::vector<int>& most) {
    if (!rows_known_) read_rows();
    const int height = static_cast<int>(leafs.size());
    most.clear();
    for (spine_id s : by_ports_) most.push_back(ports[s.index()] / height);
    if (switches_of_.words() > 1) {
      for (std::size_t i = 0; i < most.size(); ++i)
        for (std::size_t k = 0; k < leafs.size() && most[i] > 0; ++k)
          most[i] = std::min(most[i], common(leafs[k], by_ports_[i]));
      return;
    }
    row_.clear();
    for (std::size_t j = 0; j < planes(); ++j)
      for (spine_id s : by_ports_) row_.push_back(switches_of_[s.index() * planes() + j][0]);
    const std::size_t n = most.size();
    for (leaf_id l : leafs) {
      const word up = at_least(l, 0)[0];
      if (planes() == 1) {
        for (std::size_t i = 0; i < n; ++i) most[i] = std::min(most[i], members(up & row_[i]));
        continue;
      }
      common_at_.resize(n);
      for (std::size_t i = 0; i < n; ++i) common_at_[i] = members(up & row_[i]);
      for (std::size_t j = 1; j < planes(); ++j) {
        const word more = at_least(l, j)[0];
        for (std::size_t i = 0; i < n; ++i) common_at_[i] += members(more & row_[j * n + i]);
      }
      for (std::size_t i = 0; i < n; ++i) most[i] = std::min(most[i], common_at_[i]);
    }
  }

  /// Whether two spines have as many free fibres as each other at every OCS.
  [[nodiscard]] bool same_fibres(spine_id a, spine_id b) const {
    for (ocs_id o : free_->fabric().all_switches())
      if (free_->network().free_spine_fibres(a, o) != free_->network().free_spine_fibres(b, o))
        return false;
    return true;
  }

 private:
  static std::size_t size(int n) { return static_cast<std::size_t>(n); }

  [[nodiscard]] std::size_t planes() const { return size(free_->fabric().optical().leaf_fibres); }
  void read_rows() {
    rows_known_ = true;
    const fabric::leaf_spine_ocs& dc = free_->fabric();
    switches_of_.reset(size(dc.spines()) * planes(), size(dc.optical().switches));
    for (spine_id s : dc.all_spines())
      for (std::size_t j = 0; j < planes(); ++j) {
        const bit_row row = switches_of_[s.index() * planes() + j];
        for (ocs_id o : dc.all_switches()) {
          const bool has = free_->network().free_spine_fibres(s, o) > static_cast<int>(j);
          row[o.index() / 64] |= static_cast<word>(has) << (o.index() % 64);
        }
      }
    if (planes() == 1) return;
    leaf_switches_.reset(size(dc.leafs()) * planes(), size(dc.optical().switches));
    leaf_known_.assign(size(dc.leafs()), false);
  }
  /// The OCS to which a leaf has more than j free fibres. Precondition: rows are known.
  [[nodiscard]] const_bit_row at_least(leaf_id l, std::size_t j) {
    if (planes() == 1) return free_->network().free_ports(l);
    if (!leaf_known_[l.index()]) {
      leaf_known_[l.index()] = true;
      for_each_bit(free_->network().free_ports(l),
                   [&, at = l.index() * planes()](std::size_t port) {
                     std::size_t i = at;
                     while (test_bit(leaf_switches_[i], port / planes())) ++i;
                     set_bit(leaf_switches_[i], port / planes());
                   });
    }
    return leaf_switches_[l.index() * planes() + j];
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

  const ocs_ledger* free_ = nullptr;
  std::vector<int> spine_ports_;  // free ports of each spine
  std::vector<std::size_t> at_;
  std::vector<spine_id> by_ports_;
  std::vector<int> loss_;
  bool rows_known_ = false;
  // Row s · f + j: the OCS where a spine has more than j free fibres, up to the f that a leaf can have
  // there. Of leafs likewise, where f is more than one, once they are asked for.
  bit_matrix switches_of_, leaf_switches_;
  std::vector<char> leaf_known_;
  std::vector<word> row_;       // the OCS of each of by_ports_, plane by plane
  std::vector<int> common_at_;  // columns that one leaf by itself allows
};

}  // namespace heddle::place::detail
