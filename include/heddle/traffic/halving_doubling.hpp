// All-reduce by recursive halving and doubling.
#pragma once

#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <heddle/traffic/detail/servers.hpp>
#include <heddle/traffic/group.hpp>
#include <heddle/traffic/phase_source.hpp>

namespace heddle::traffic {

/// N = 2^k ranks of D bytes each: i ↔ i xor 2^t for t = 0…k−1 with D/2^(t+1) bytes a flow, halving what
/// each is in charge of, then back. For other N the ranks beyond 2^k hand theirs, D bytes, to a
/// partner before and get the result after. Every phase is a partial permutation.
class halving_doubling {
 public:
  /// \param bytes  D, > 0
  halving_doubling(const group& ranks, double bytes) : n_(ranks.gpus.size()), bytes_(bytes) {
    if (n_ < 2) return;
    steps_ = static_cast<std::size_t>(std::bit_width(n_)) - 1;
    core_ = std::size_t{1} << steps_;
    if (core_ < n_) pair_extras(ranks);
  }

  [[nodiscard]] std::size_t size() const { return 2 * steps_ + (core_ < n_ && n_ > 1 ? 2 : 0); }

  /// O(ranks).
  phase write(std::size_t k, std::vector<flow>& out) const {
    assert(k < size());
    out.clear();
    if (core_ < n_) {
      if (k == 0 || k + 1 == size()) {
        for (std::size_t e = core_; e < n_; ++e) {
          const std::uint32_t p = partner_[e - core_], extra = detail::u32(e);
          out.push_back(k == 0 ? flow{extra, p} : flow{p, extra});
        }
        return {.bytes = bytes_};
      }
      --k;
    }
    const std::size_t t = k < steps_ ? k : 2 * steps_ - 1 - k;
    for (std::size_t i = 0; i < core_; ++i)
      out.push_back({detail::u32(i), detail::u32(i ^ (std::size_t{1} << t))});
    return {.bytes = bytes_ / static_cast<double>(std::size_t{2} << t)};
  }

 private:
  /// Gives every rank beyond the power of two a partner of its own below it: under the same leaf where one is
  /// left, with rails one of its own number, else the rank 2^k lower, else the lowest one left. With rails of these
  /// one with which no card has two of the flows, there and back, where one is left.
  void pair_extras(const group& ranks) {
    constexpr std::uint32_t nobody = ~std::uint32_t{0};
    partner_.assign(n_ - core_, nobody);
    std::vector<bool> taken(core_, false), sends(n_, false), returns(n_, false);  // cards
    const auto has_cards = [&](std::size_t e, std::size_t p) {
      return ranks.share_domain(detail::u32(e), detail::u32(p)) ||
             (!sends[ranks.entry(detail::u32(e), detail::u32(p))] &&
              !returns[ranks.entry(detail::u32(p), detail::u32(e))]);
    };
    // Gives those without a partner the first that is left of those wanted.
    const auto pair = [&](auto&& wanted) {
      for (std::size_t e = core_; e < n_; ++e) {
        if (partner_[e - core_] != nobody) continue;
        std::size_t p = 0;
        while (p < core_ && (taken[p] || !wanted(e, p))) ++p;
        if (p == core_) continue;
        partner_[e - core_] = detail::u32(p);
        taken[p] = true;
        if (ranks.share_domain(detail::u32(e), detail::u32(p))) continue;
        sends[ranks.entry(detail::u32(e), detail::u32(p))] = true;
        returns[ranks.entry(detail::u32(p), detail::u32(e))] = true;
      }
    };
    pair([&](std::size_t e, std::size_t p) {
      return ranks.leafs[p] == ranks.leafs[e] && has_cards(e, p);
    });
    if (!ranks.numbers.empty())
      pair([&](std::size_t e, std::size_t p) {
        return ranks.numbers[p] == ranks.numbers[e] && has_cards(e, p);
      });
    pair([&](std::size_t e, std::size_t p) { return p == e - core_ && has_cards(e, p); });
    pair(has_cards);
    pair([](std::size_t, std::size_t) { return true; });
  }

  std::size_t n_;
  double bytes_;
  std::size_t steps_ = 0, core_ = 0;    // 2^steps_ = core_ ≤ n_
  std::vector<std::uint32_t> partner_;  // of each rank beyond core_
};

}  // namespace heddle::traffic
