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
//
// g is the size of a server. A ring is hierarchical if N is a multiple of g and every server used
// holds the same number q > 1 of consecutive ranks; s = N / q.
//
// Every phase but the two-way ring's is a partial permutation: each rank sends at most one flow and
// receives at most one.
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
  double bytes = 0;    ///< of each flow
  int repeat = 1;      ///< the phase is run this many times, one after the other
  int incast = 1;      ///< P: most flows that one rank sends, or receives
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
      case collective::all_to_all: count_ = n_ - 1; break;
      case collective::none: break;
    }
  }

  /// The number of distinct phases; each stands for `phase::repeat` runs.
  [[nodiscard]] std::size_t size() const { return count_; }

  /// Writes the flows of phase `k` < size() to `out`, which is cleared first. O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < count_);
    out.clear();
    switch (pattern_) {
      case collective::ring: return write_ring(k, out);
      case collective::halving_doubling: return write_halving_doubling(k, out);
      default: return write_shift(k + 1, bytes_, 1, out);
    }
  }

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
    return {.bytes = bytes_ / static_cast<double>(q), .repeat = static_cast<int>(q) - 1, .incast = 1};
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
  std::size_t per_server_ = 1;  // ring: 1 flat, q > 1 hierarchical
  std::size_t steps_ = 0, core_ = 0;
  std::vector<std::uint32_t> partner_;
};

}  // namespace heddle::traffic
