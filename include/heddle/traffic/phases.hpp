// Collectives as phases: sets of simultaneous flows, the next starting when all have finished.
//
//   collective         phases (N ranks, D bytes a rank)                         bytes of a flow
//   ring, N ≤ g        2(N−1): i → i±1, both directions at once                 D / 2N
//   ring, hierarchical (q−1) inside, 2(s−1) across, (q−1) inside the servers    D/q, D/(q·s), D/q
//   ring, flat         2(N−1): i → i+1                                          D / N
//   halving_doubling   i ↔ i xor 2^t, t = 0…k−1 and back, N = 2^k               D / 2^(t+1)
//                      other N: the ranks beyond 2^k hand theirs to a partner
//                      before and get the result after                          D
//   all_to_all         N−1: i → (i+k) mod N, D bytes for each pair              D
//   hierarchical_      q−1 inside servers, (k, j) → (k, j+t), all that is for   s·D
//     all_to_all       column j+t; s−1 across, (k, j) → (k+t, j)                q·D
//   tree               two binary trees, D/2 each, in 32 chunks: up, then down, D / 64
//                      a chunk behind the other
//   all_gather         N−1: i → i+1; D is what each rank has in the end         D / N
//   reduce_scatter     N−1: i → i+1; D is what each rank has before             D / N
//   broadcast          ⌈log2 N⌉: i → i + 2^t for i < 2^t, D from rank 0         D
//   pipeline           i → i+1, then i+1 → i: D over each stage boundary        D
//
// g is the size of a server. A ring is hierarchical if N is a multiple of g and every server used
// holds the same number q > 1 of consecutive ranks; s = N / q. Where that is not so, or N = q, a
// hierarchical all-to-all is pairwise.
//
// Every phase but those of the two-way ring and of the trees is a partial permutation: each rank sends
// at most one flow and receives at most one.
//
// The two trees are after Sanders, Speck, Träff, Parallel Computing 35 (2009): who has children in one
// is a leaf of the other (but rank 0, for odd N), so that all cards are loaded alike.
#pragma once

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/core/collective.hpp>
#include <heddle/traffic/group.hpp>

namespace heddle::traffic {

/// From one rank of a group to another.
struct flow {
  std::uint32_t source = 0;
  std::uint32_t target = 0;

  friend bool operator==(const flow&, const flow&) = default;
};

/// What is said of a phase besides its flows.
struct phase {
  double bytes = 0;  ///< of each flow
  int repeat = 1;    ///< the phase is run this many times, one after the other
  int incast = 1;    ///< P: most flows that one rank sends, or receives
};

/// The phases of one collective on one group, made one at a time. The group must outlive it.
class phases {
 public:
  /// \param bytes  D as in the table above, > 0
  phases(collective pattern, const group& ranks, double bytes)
      : ranks_(&ranks), pattern_(pattern), bytes_(bytes), n_(ranks.gpus.size()) {
    if (n_ < 2 || pattern == collective::none) return;
    switch (pattern) {
    case collective::ring:
      two_way_ = n_ <= static_cast<std::size_t>(ranks.gpus_per_server);
      per_server_ = two_way_ ? 1 : equal_share_of_servers();
      count_ = per_server_ > 1 ? 3 : 1;
      break;
    case collective::halving_doubling:
      steps_ = static_cast<std::size_t>(std::bit_width(n_)) - 1;
      core_ = std::size_t{1} << steps_;
      if (core_ < n_) pair_extras();
      count_ = 2 * steps_ + (core_ < n_ ? 2 : 0);
      break;
    case collective::hierarchical_all_to_all:
      per_server_ = equal_share_of_servers();
      if (per_server_ == n_) per_server_ = 1;
      count_ = per_server_ > 1 ? per_server_ - 1 + n_ / per_server_ - 1 : n_ - 1;
      break;
    case collective::all_to_all:
      count_ = n_ - 1;
      break;
    case collective::tree:
      grow_trees();
      break;
    case collective::all_gather:
    case collective::reduce_scatter:
      count_ = 1;
      break;
    case collective::broadcast:
      count_ = static_cast<std::size_t>(std::bit_width(n_ - 1));
      break;
    case collective::pipeline:
      count_ = 2;
      break;
    case collective::none:
      break;
    }
  }

  /// The number of distinct phases; each stands for `phase::repeat` runs.
  [[nodiscard]] std::size_t size() const { return count_; }

  /// Writes the flows of phase `k` < size() to `out`, which is cleared first. O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < count_);
    out.clear();
    switch (pattern_) {
    case collective::ring:
      return write_ring(k, out);
    case collective::halving_doubling:
      return write_halving_doubling(k, out);
    case collective::hierarchical_all_to_all:
      return write_hierarchical(k, out);
    case collective::tree:
      return write_trees(k, out);
    case collective::all_gather:
    case collective::reduce_scatter:
      return write_shift(1, bytes_ / static_cast<double>(n_), static_cast<int>(n_) - 1, out);
    case collective::broadcast:
      return write_broadcast(k, out);
    case collective::pipeline:
      return write_pipeline(k, out);
    default:
      return write_shift(k + 1, bytes_, 1, out);
    }
  }

  /// In how many chunks a tree all-reduce is cut.
  static constexpr std::size_t tree_chunks = 32;

 private:
  static std::uint32_t u(std::size_t v) { return static_cast<std::uint32_t>(v); }

  /// q if N is a multiple of the servers' size and every server holds exactly q consecutive ranks,
  /// else 1.
  [[nodiscard]] std::size_t equal_share_of_servers() const {
    const auto& s = ranks_->servers;
    if (n_ % static_cast<std::size_t>(ranks_->gpus_per_server)) return 1;
    std::size_t q = 1;
    while (q < n_ && s[q] == s[0]) ++q;
    if (q == 1 || n_ % q) return 1;
    std::vector<server_id> used;
    for (std::size_t i = 0; i < n_; i += q) {
      for (std::size_t j = 1; j < q; ++j)
        if (s[i + j] != s[i]) return 1;
      used.push_back(s[i]);
    }
    std::sort(used.begin(), used.end());
    return std::adjacent_find(used.begin(), used.end()) == used.end() ? q : 1;
  }

  phase write_shift(std::size_t by, double bytes, int repeat, std::vector<flow>& out) const {
    for (std::size_t i = 0; i < n_; ++i) out.push_back({u(i), u((i + by) % n_)});
    return {.bytes = bytes, .repeat = repeat, .incast = 1};
  }

  phase write_ring(std::size_t k, std::vector<flow>& out) const {
    const int around = 2 * (static_cast<int>(n_) - 1);
    const double d = bytes_ / static_cast<double>(n_);
    if (two_way_) {
      for (std::size_t i = 0; i < n_; ++i) {
        out.push_back({u(i), u((i + 1) % n_)});
        out.push_back({u(i), u((i + n_ - 1) % n_)});
      }
      return {.bytes = d / 2, .repeat = around, .incast = 2};
    }
    if (count_ == 1) return write_shift(1, d, around, out);

    const std::size_t q = per_server_, s = n_ / q;
    if (k == 1) return write_shift(q, d, 2 * (static_cast<int>(s) - 1), out);
    for (std::size_t i = 0; i < n_; ++i) out.push_back({u(i), u(i - i % q + (i + 1) % q)});
    return {
        .bytes = bytes_ / static_cast<double>(q), .repeat = static_cast<int>(q) - 1, .incast = 1};
  }

  phase write_halving_doubling(std::size_t k, std::vector<flow>& out) const {
    if (core_ < n_) {
      if (k == 0 || k + 1 == count_) {
        for (std::size_t e = core_; e < n_; ++e) {
          const std::uint32_t p = partner_[e - core_];
          out.push_back(k == 0 ? flow{u(e), p} : flow{p, u(e)});
        }
        return {.bytes = bytes_, .repeat = 1, .incast = 1};
      }
      --k;
    }
    const std::size_t t = k < steps_ ? k : 2 * steps_ - 1 - k;
    for (std::size_t i = 0; i < core_; ++i) out.push_back({u(i), u(i ^ (std::size_t{1} << t))});
    return {.bytes = bytes_ / static_cast<double>(std::size_t{2} << t), .repeat = 1, .incast = 1};
  }

  phase write_hierarchical(std::size_t k, std::vector<flow>& out) const {
    const std::size_t q = per_server_, s = n_ / q;
    if (q == 1) return write_shift(k + 1, bytes_, 1, out);
    if (k >= q - 1)
      return write_shift((k - (q - 1) + 1) * q, bytes_ * static_cast<double>(q), 1, out);
    for (std::size_t i = 0; i < n_; ++i) out.push_back({u(i), u(i - i % q + (i + k + 1) % q)});
    return {.bytes = bytes_ * static_cast<double>(s), .repeat = 1, .incast = 1};
  }

  phase write_broadcast(std::size_t k, std::vector<flow>& out) const {
    const std::size_t have = std::size_t{1} << k;
    for (std::size_t i = 0; i < have && i + have < n_; ++i) out.push_back({u(i), u(i + have)});
    return {.bytes = bytes_, .repeat = 1, .incast = 1};
  }

  phase write_pipeline(std::size_t k, std::vector<flow>& out) const {
    for (std::size_t i = 0; i + 1 < n_; ++i)
      out.push_back(k == 0 ? flow{u(i), u(i + 1)} : flow{u(i + 1), u(i)});
    return {.bytes = bytes_, .repeat = 1, .incast = 1};
  }

  /// The flows of each level of the two trees, from the deepest up to the roots.
  void grow_trees() {
    // In-order binary tree over 0…N−1 with root 0: whoever has b as lowest bit set is above the two
    // at distance b/2; odd ranks are leafs.
    const auto parent = [this](std::size_t r) {
      const std::size_t low = r & (~r + 1), up = (r ^ low) | (low << 1);
      return up < n_ ? up : r ^ low;
    };
    std::vector<std::size_t> depth(n_, 0);
    std::size_t deepest = 0;
    for (std::size_t r = 1; r < n_; ++r) {
      for (std::size_t a = r; a != 0; a = parent(a)) ++depth[r];
      deepest = std::max(deepest, depth[r]);
    }
    // The second tree: mirrored for even N, shifted by one for odd N, so that odd and even change.
    const auto other = [this](std::size_t r) { return n_ % 2 ? (r + 1) % n_ : n_ - 1 - r; };
    levels_.assign(deepest, {});
    for (std::size_t r = 1; r < n_; ++r) {
      auto& level = levels_[deepest - depth[r]];
      level.push_back({u(r), u(parent(r))});
      level.push_back({u(other(r)), u(other(parent(r)))});
    }
    // Chunk c is at level s − c in step s, of 2·deepest levels. All steps with every level at work are
    // one phase.
    const std::size_t levels = 2 * deepest;
    count_ = levels <= tree_chunks ? 2 * levels - 1 : tree_chunks + levels - 1;
  }

  phase write_trees(std::size_t k, std::vector<flow>& out) const {
    const std::size_t levels = 2 * levels_.size();
    int repeat = 1;
    std::size_t step = k;
    if (levels <= tree_chunks) {
      if (k == levels - 1) repeat = static_cast<int>(tree_chunks - levels) + 1;
      if (k >= levels) step += tree_chunks - levels;
    }
    std::vector<int> sent(n_, 0), received(n_, 0);
    int most = 1;
    for (std::size_t e = 0; e < levels; ++e) {
      if (step < e || step - e >= tree_chunks) continue;
      for (const flow f : levels_[e < levels_.size() ? e : levels - 1 - e]) {
        out.push_back(e < levels_.size() ? f : flow{f.target, f.source});
        most = std::max({most, ++sent[out.back().source], ++received[out.back().target]});
      }
    }
    return {
        .bytes = bytes_ / (2 * static_cast<double>(tree_chunks)), .repeat = repeat, .incast = most};
  }

  /// Gives every rank beyond the power of two a partner of its own below it: under the same leaf
  /// where one is left, else the rank 2^k lower, else the lowest one left.
  void pair_extras() {
    constexpr std::uint32_t nobody = ~std::uint32_t{0};
    partner_.assign(n_ - core_, nobody);
    std::vector<bool> taken(core_, false);
    const auto give = [&](std::size_t e, std::size_t p) {
      partner_[e - core_] = u(p);
      taken[p] = true;
    };
    const auto first_left = [&](auto&& wanted) {
      std::size_t p = 0;
      while (p < core_ && (taken[p] || !wanted(p))) ++p;
      return p;
    };
    for (std::size_t e = core_; e < n_; ++e) {
      const std::size_t p =
          first_left([&](std::size_t r) { return ranks_->leafs[r] == ranks_->leafs[e]; });
      if (p < core_) give(e, p);
    }
    for (std::size_t e = core_; e < n_; ++e)
      if (partner_[e - core_] == nobody && !taken[e - core_]) give(e, e - core_);
    for (std::size_t e = core_; e < n_; ++e)
      if (partner_[e - core_] == nobody) give(e, first_left([](std::size_t) { return true; }));
  }

  const group* ranks_;
  collective pattern_;
  double bytes_;
  std::size_t n_ = 0, count_ = 0;
  bool two_way_ = false;        // ring
  std::size_t per_server_ = 1;  // 1 flat, q > 1 hierarchical
  std::size_t steps_ = 0, core_ = 0;
  std::vector<std::uint32_t> partner_;
  std::vector<std::vector<flow>> levels_;  // tree
};

}  // namespace heddle::traffic
